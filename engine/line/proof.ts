/**
 * What a sale publishes of its draw, so that anybody can check it: read in pages, because a line may
 * have a million entrants. All of it is fixed once it is readable, so pages need no snapshot.
 */
import { createHash } from 'node:crypto';
import type { Db } from '../../platform/postgres/db.ts';
import type { Admission } from '../documents.ts';
import { saleTag } from '../domain/ids.ts';
import type { Millis, ProductId, SaleId } from '../domain/types.ts';
import { publicText, type ReceiptKeys } from '../lanes/receipt.ts';
import { limitsOf } from './limits.ts';
import { publicBeforeMs } from './quicknet.ts';
import { SignedPages } from './unit-list.ts';

export interface ProofEntry {
  /** `epoch-sequence` in the lane's outbox. */
  readonly position: string;
  readonly count: number;
}

export interface ProofUnit {
  readonly product: ProductId;
  readonly unit: number;
  readonly end: 'sold' | 'unsold';
  /** Hex of SHA-256 of the order's id as text; null = unsold. */
  readonly order: string | null;
}

/** Pages of units. */
export interface ProofUnits extends AsyncIterable<readonly ProofUnit[]> {
  /** Of the list (engine/line/unit-list.ts), base64url; there once the last page was read. */
  signature(): string;
}

export interface Proof {
  /** What all this shows, and what it does not: the first thing to read. */
  readonly limits: string;
  readonly sale: SaleId;
  readonly mode: Admission['mode'];
  /** `sha256:` + hex of SHA-256 of the seed, public since the sale was created. */
  readonly seedCommitment: string;
  /** Hex; null = the root is public and the seed not yet, because the beacon is waited for. */
  readonly seed: string | null;
  /** Hex, '' = none; null while the seed is. */
  readonly beacon: string | null;
  readonly beaconSource: string | null;
  /** The source had not answered ten minutes after the bell: the draw was made without. */
  readonly beaconSkipped: boolean;
  /** Hex of the last link; '' when nobody joined. */
  readonly root: string;
  readonly entrantCount: number;
  /** Lane time. */
  readonly bellAt: Millis;
  /** Public half of the key that signs receipts and the list of units: base64url of its 32 bytes. */
  readonly receiptKey: string;
  /** Every number has been given. */
  readonly numbered: boolean;
  /** The sale is over: its units are listed. */
  readonly ended: boolean;
  entries(): AsyncIterable<readonly ProofEntry[]>;
  /** Hex of SHA-256 of each ticket's id, in the order of joining. */
  entrants(): AsyncIterable<readonly string[]>;
  /** Numbers in the order of joining; none before all are given. */
  numbers(): AsyncIterable<readonly number[]>;
  /** Every unit that was offered, those never taken up to 100,000; none before the sale is over. */
  units(): ProofUnits;
}

export type ProofOutcome =
  | { readonly kind: 'done'; readonly value: Proof }
  /** No such sale, or one without a seed: a standing sale. */
  | { readonly kind: 'not_found' }
  /** It ended before its bell. */
  | { readonly kind: 'cancelled' }
  /** Its bell has not rung, or not settled yet. */
  | { readonly kind: 'not_started'; readonly startsAt: Millis };

interface Row {
  readonly mode: Admission['mode'];
  readonly state: string;
  readonly starts_at: Date;
  readonly opened_at: Date | null;
  readonly seed: Buffer;
  readonly shown: boolean;
  readonly beacon: Buffer | null;
  readonly beacon_source: string | null;
  readonly root: Buffer | null;
  readonly bell_n: number | null;
  readonly bell_at: number | null;
  readonly numbered: boolean;
}

const rowsPerPage = 10_000;
/** Numbers of an item above this are listed up to the last that was taken: nobody reads ten million more. */
const neverTakenMax = 100_000;

export async function readProof(db: Db, sale: SaleId, keys: ReceiptKeys): Promise<ProofOutcome> {
  const [found] = await db.query<Row>(
    `SELECT coalesce(l.mode, 'open') AS mode, s.state, s.starts_at, s.opened_at, s.seed,
            l.seed_shown_at IS NOT NULL AS shown, l.beacon, l.beacon_source, l.root, l.bell_n, l.bell_at,
            l.numbered_at IS NOT NULL AS numbered
       FROM sale.sales s LEFT JOIN sale.lines l ON l.sale_id = s.id
      WHERE s.id = $1 AND s.seed IS NOT NULL`,
    [sale],
    'proof_read',
  );
  if (found === undefined) return { kind: 'not_found' };
  const row = found.mode === 'open' ? withoutLine(found) : found;
  const { root, bell_n: count, bell_at: bellAt } = row;
  const ended = row.state === 'closed' || row.state === 'cancelled';
  if (root === null || count === null || bellAt === null) {
    if (ended) return { kind: 'cancelled' };
    return { kind: 'not_started', startsAt: row.starts_at.getTime() };
  }
  const skipped =
    row.shown && row.beacon_source !== null && (row.beacon === null || row.beacon.length === 0);
  const value: Proof = {
    limits: limitsOf(
      row.mode,
      row.beacon_source,
      skipped,
      publicBeforeMs(row.beacon_source, bellAt) > 0,
    ),
    sale,
    mode: row.mode,
    seedCommitment: `sha256:${createHash('sha256').update(row.seed).digest('hex')}`,
    seed: row.shown ? row.seed.toString('hex') : null,
    beacon: row.shown ? (row.beacon?.toString('hex') ?? '') : null,
    beaconSource: row.beacon_source,
    beaconSkipped: skipped,
    root: root.toString('hex'),
    entrantCount: count,
    bellAt,
    receiptKey: publicText(keys),
    numbered: row.numbered,
    ended,
    entries: () => readEntries(db, sale, count),
    entrants: () => readEntrants(db, sale, count),
    numbers: () => readNumbers(db, sale, row.numbered ? count : 0),
    units: () => new SignedPages(keys, sale, readUnits(db, sale, ended)),
  };
  return { kind: 'done', value };
}

/** An open sale's bell is its opening, and its seed waits for no draw. */
function withoutLine(row: Row): Row {
  if (row.opened_at === null) return row;
  const bell = { bell_n: 0, bell_at: row.opened_at.getTime(), root: Buffer.alloc(0) };
  return { ...row, ...bell, shown: true, numbered: true };
}

async function* readEntries(
  db: Db,
  sale: SaleId,
  count: number,
): AsyncGenerator<readonly ProofEntry[]> {
  for (let next = 0; next < count;) {
    const rows = await db.query<ProofEntry & { first_index: number }>(
      `SELECT position, count, first_index FROM sale.line_entries
        WHERE sale_id = $1 AND first_index >= $2 AND first_index < $3
        ORDER BY first_index LIMIT ${rowsPerPage}`,
      [sale, next, count],
      'proof_entries',
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows.map((row) => ({ position: row.position, count: row.count }));
    next = last.first_index + last.count;
  }
}

async function* readEntrants(
  db: Db,
  sale: SaleId,
  count: number,
): AsyncGenerator<readonly string[]> {
  const prefix = `tkt_${saleTag(sale)}`;
  for (let next = 0; next < count; next += rowsPerPage) {
    const rows = await db.query<{ entrant: string }>(
      `SELECT encode(sha256(convert_to($4 || key, 'UTF8')), 'hex') AS entrant FROM sale.tickets
        WHERE sale_id = $1 AND index >= $2 AND index < $3 ORDER BY index`,
      [sale, next, Math.min(count, next + rowsPerPage), prefix],
      'proof_entrants',
    );
    yield rows.map((row) => row.entrant);
  }
}

/** The draw is kept by number and told by place: four bytes a ticket are turned around in memory. */
async function* readNumbers(
  db: Db,
  sale: SaleId,
  count: number,
): AsyncGenerator<readonly number[]> {
  const numbers = new Uint32Array(count);
  for (let first = 1; first <= count;) {
    const [row] = await db.query<{ indexes: number[] }>(
      'SELECT indexes FROM sale.line_numbers WHERE sale_id = $1 AND first = $2',
      [sale, first],
      'proof_numbers',
    );
    const indexes = row?.indexes ?? [];
    if (indexes.length === 0) throw new Error(`${sale}: number ${first} is nowhere`);
    indexes.forEach((index, i) => (numbers[index] = first + i));
    first += indexes.length;
  }
  for (let next = 0; next < count; next += rowsPerPage) {
    yield Array.from(numbers.subarray(next, next + rowsPerPage));
  }
}

/** Every unit that was offered, in the order of items and numbers, with the order that has it now. */
async function* readUnits(
  db: Db,
  sale: SaleId,
  ended: boolean,
): AsyncGenerator<readonly ProofUnit[]> {
  if (!ended) return;
  const items = await db.query<{ item: number; product: ProductId; offered: number }>(
    `SELECT i.item, i.product_id AS product,
            greatest(i.last_number, least($2, i.asked + (
              SELECT coalesce(sum(m.units), 0)::bigint FROM sale.moves m
               WHERE m.product_id = i.product_id AND m.to_sale = i.sale_id AND m.to_item = i.item
                 AND m.kind IN ('grant', 'fence') AND m.group_id <> i.sale_id
                 AND m.state = 'done'))) AS offered
       FROM sale.sale_items i WHERE i.sale_id = $1 ORDER BY i.item`,
    [sale, neverTakenMax],
    'proof_items',
  );
  for (const { item, product, offered } of items) {
    for (let first = 1; first <= offered; first += rowsPerPage) {
      const last = Math.min(offered, first + rowsPerPage - 1);
      const rows = await db.query<{ number: number; order: string | null }>(
        `SELECT n AS number, encode(sha256(convert_to(u.order_id, 'UTF8')), 'hex') AS order
           FROM generate_series($3::bigint, $4::bigint) AS n
           LEFT JOIN sale.units u
             ON u.sale_id = $1 AND u.item = $2 AND u.number = n AND u.number BETWEEN $3 AND $4
          ORDER BY n`,
        [sale, item, first, last],
        'proof_units',
      );
      yield rows.map(({ number: unit, order }) => ({
        product,
        unit,
        end: order === null ? 'unsold' : 'sold',
        order,
      }));
    }
  }
}
