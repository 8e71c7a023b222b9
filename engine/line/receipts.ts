/**
 * Receipts of joins that have settled, made again: the entry that joined a ticket and its digest are in
 * Postgres, and the same key signs the same. One look for each entry, remembered, because a crowd polls.
 */
import { clock, sleep } from '../../platform/clock.ts';
import type { Db } from '../../platform/postgres/db.ts';
import { saleTag } from '../domain/ids.ts';
import type { Receipt } from '../domain/line/types.ts';
import type { SaleId } from '../domain/types.ts';
import { signReceipt, type ReceiptKeys } from '../lanes/receipt.ts';

/** Entries of all sales that are remembered: 300 bytes each. */
const entriesMax = 50_000;
const salesMax = 1000;
/** What is not there yet, or cannot be read, is asked for again after so long. */
const againMs = 500;
/** Whoever asks waits so long: a ticket is told without a receipt rather than late. */
const patienceMs = 250;

interface Made {
  readonly first: number;
  readonly count: number;
  readonly receipt: Omit<Receipt, 'index'>;
}

interface Line {
  /** By the first index, ascending. */
  readonly entries: Made[];
  /** Joins from here on have no receipt; infinity before the bell has settled. */
  bellN: number;
  /** Until then nobody asks of indexes that are not there. */
  notBefore: number;
  reading: Promise<void> | null;
}

interface Row {
  readonly bell_n: number | null;
  readonly position: string | null;
  readonly first_index: number;
  readonly count: number;
  readonly there: number;
  readonly digest: string;
}

export class Receipts {
  readonly #db: Db;
  readonly #keys: ReceiptKeys;
  readonly #lines = new Map<SaleId, Line>();
  #entries = 0;

  constructor(db: Db, keys: ReceiptKeys) {
    this.#db = db;
    this.#keys = keys;
  }

  /** Of the ticket at `index`; null = it has none (it joined after the bell), or none yet. */
  async of(sale: SaleId, index: number): Promise<Receipt | null> {
    const line = this.#lineOf(sale);
    const until = clock.now() + patienceMs;
    for (;;) {
      if (index >= line.bellN) return null;
      const known = entryOf(line.entries, index);
      if (known !== null) return { ...known.receipt, index };
      const now = clock.now();
      if (now >= until || (line.reading === null && now < line.notBefore)) return null;
      // What another one reads may be what is wanted here.
      line.reading ??= this.#read(sale, line, index).finally(() => (line.reading = null));
      await Promise.race([line.reading, sleep(until - now)]);
    }
  }

  #lineOf(sale: SaleId): Line {
    const known = this.#lines.get(sale);
    if (known !== undefined) return known;
    if (this.#lines.size >= salesMax || this.#entries >= entriesMax) {
      this.#lines.clear();
      this.#entries = 0;
    }
    const line: Line = {
      entries: [],
      bellN: Number.POSITIVE_INFINITY,
      notBefore: Number.NEGATIVE_INFINITY,
      reading: null,
    };
    this.#lines.set(sale, line);
    return line;
  }

  /** Reads the entry of an index, and those that follow it. Never rejects. */
  async #read(sale: SaleId, line: Line, index: number): Promise<void> {
    try {
      const rows = await this.#db.query<Row>(readSql, [sale, index, `tkt_${saleTag(sale)}`]);
      for (const row of rows) this.#take(sale, line, row);
      if (entryOf(line.entries, index) === null) line.notBefore = clock.now() + againMs;
    } catch {
      line.notBefore = clock.now() + againMs;
    }
  }

  #take(sale: SaleId, line: Line, row: Row): void {
    const { position, first_index: first, count, digest } = row;
    if (row.bell_n !== null) line.bellN = row.bell_n;
    // Of an entry in quarantine not every ticket is there.
    if (position === null || row.there !== count || entryOf(line.entries, first) !== null) return;
    const signature = signReceipt(this.#keys, sale, position, digest);
    const made = { first, count, receipt: { position, digest, signature } };
    const at = placeOf(line.entries, first);
    line.entries.splice(at, 0, made);
    this.#entries += 1;
  }
}

const entriesPerReadMax = 50;

/** A row for the line itself when it has no such entry, so that its bell is known. */
const readSql = `
  SELECT l.bell_n, e.position, e.first_index, e.count, e.there, e.digest
    FROM sale.lines l
    LEFT JOIN LATERAL (
      SELECT n.position, n.first_index, n.count, t.there, t.digest
        FROM sale.line_entries n
       CROSS JOIN LATERAL (
         SELECT count(*)::int AS there, encode(sha256(string_agg(
                  sha256(convert_to($3 || k.key, 'UTF8')), ''::bytea ORDER BY k.index)), 'hex') AS digest
           FROM sale.tickets k
          WHERE k.sale_id = n.sale_id AND k.index >= n.first_index
            AND k.index < n.first_index + n.count) t
       WHERE n.sale_id = l.sale_id AND n.first_index >= coalesce((
               SELECT max(b.first_index) FROM sale.line_entries b
                WHERE b.sale_id = l.sale_id AND b.first_index <= $2), 0)
       ORDER BY n.first_index LIMIT ${entriesPerReadMax}) e ON true
   WHERE l.sale_id = $1`;

/** How many entries begin before `index` or with it. */
function placeOf(entries: readonly Made[], index: number): number {
  let [from, to] = [0, entries.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((entries[middle]?.first ?? 0) <= index) from = middle + 1;
    else to = middle;
  }
  return from;
}

function entryOf(entries: readonly Made[], index: number): Made | null {
  const entry = entries[placeOf(entries, index) - 1];
  return entry !== undefined && index < entry.first + entry.count ? entry : null;
}
