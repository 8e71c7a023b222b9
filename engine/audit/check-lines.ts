/**
 * Recounts every line in Postgres: places without a gap, each ticket and each live shopper once, the
 * hash chain from the tickets' ids, and the whole draw from seed, root and beacon.
 */
import { createHash } from 'node:crypto';
import type { Db, Query } from '../../platform/postgres/db.ts';
import type { Check, Findings } from './findings.ts';
import { tagOf } from './names.ts';

interface LineRow {
  readonly sale_id: string;
  readonly joined: number;
  readonly chain: Buffer;
  readonly bell_n: number | null;
  readonly root: Buffer | null;
  readonly seed: Buffer;
  readonly beacon: Buffer | null;
  readonly shown: boolean;
  readonly drawn: boolean;
  readonly numbered: boolean;
}

interface EntryRow {
  readonly first_index: number;
  readonly count: number;
  readonly position: string;
}

interface TicketRow {
  readonly index: number;
  readonly key: string;
  readonly state: string;
  readonly admitted: boolean;
  readonly ended: boolean;
}

const rowsPerPage = 10_000;
const hashBytes = 32;

const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** Each line in a snapshot of its own: none waits for the others. */
export async function checkLines(db: Db, only: string | null, findings: Findings): Promise<void> {
  const check = findings.of('pg.lines');
  const lines = await db.query<{ id: string }>(
    `SELECT sale_id AS id FROM sale.lines WHERE $1::text IS NULL OR sale_id = $1 ORDER BY sale_id`,
    [only],
  );
  for (const { id } of lines) {
    await db.tx((q) => checkLine(q, id, check), { isolation: 'repeatable read', readOnly: true });
  }
}

async function checkLine(q: Query, sale: string, check: Check): Promise<void> {
  const [line] = await q.query<LineRow>(
    `SELECT l.sale_id, l.joined, l.chain, l.bell_n, l.root, s.seed, l.beacon,
            l.seed_shown_at IS NOT NULL AS shown, l.drawn_at IS NOT NULL AS drawn,
            l.numbered_at IS NOT NULL AS numbered
       FROM sale.lines l JOIN sale.sales s ON s.id = l.sale_id WHERE l.sale_id = $1`,
    [sale],
  );
  if (line === undefined) return;
  const entrants = await readEntrants(q, line, check);
  await checkDoubles(q, sale, check);
  await checkChain(q, line, entrants, check);
  await checkDraw(q, line, entrants, check);
}

/** Entrants in the order of joining, 32 bytes each; a place without a ticket is all zeros. */
async function readEntrants(q: Query, line: LineRow, check: Check): Promise<Buffer> {
  const { sale_id: sale, joined } = line;
  const prefix = `tkt_${tagOf(sale)}`;
  const entrants = Buffer.alloc(joined * hashBytes);
  let next = 0;
  for (;;) {
    const rows = await q.query<TicketRow>(
      `SELECT index, key, state, admitted_at IS NOT NULL AS admitted, ended_at IS NOT NULL AS ended
         FROM sale.tickets WHERE sale_id = $1 AND index >= $2 ORDER BY index LIMIT ${rowsPerPage}`,
      [sale, next],
    );
    for (const row of rows) {
      check.checked += 1;
      if (row.index > next) check.violate(sale, `ticket ${next} is missing`);
      next = row.index + 1;
      if (row.index >= joined) check.violate(sale, `ticket ${row.index}, and ${joined} joined`);
      else sha256(prefix + row.key).copy(entrants, row.index * hashBytes);
      if (!isPossible(row)) check.violate(`${prefix}${row.key}`, `${row.state}, by its times not`);
    }
    if (rows.length < rowsPerPage) break;
  }
  if (next < joined) check.violate(sale, `ticket ${next} is missing`);
  return entrants;
}

/** Times that a ticket has in each state: of its turn, of its end. */
function isPossible({ state, admitted, ended }: TicketRow): boolean {
  const isLive = state === 'waiting' || state === 'admitted';
  if (isLive === ended) return false;
  if (state === 'waiting') return !admitted;
  return state === 'left' || admitted;
}

async function checkDoubles(q: Query, sale: string, check: Check): Promise<void> {
  const keys = await q.query<{ key: string; n: number }>(
    `SELECT key, count(*) AS n FROM sale.tickets WHERE sale_id = $1 GROUP BY key HAVING count(*) > 1
      ORDER BY key LIMIT 20`,
    [sale],
  );
  for (const { key, n } of keys) check.violate(`tkt_${tagOf(sale)}${key}`, `is there ${n} times`);
  const live = await q.query<{ shopper: string; n: number }>(
    `SELECT shopper, count(*) AS n FROM sale.tickets
      WHERE sale_id = $1 AND state IN ('waiting', 'admitted')
      GROUP BY shopper HAVING count(*) > 1 ORDER BY shopper LIMIT 20`,
    [sale],
  );
  for (const { shopper, n } of live) check.violate(sale, `${shopper} has ${n} live tickets`);
}

async function checkChain(q: Query, line: LineRow, entrants: Buffer, check: Check): Promise<void> {
  const { sale_id: sale, joined, chain, bell_n: bell, root } = line;
  const entries = await q.query<EntryRow>(
    `SELECT first_index, count, position FROM sale.line_entries
      WHERE sale_id = $1 ORDER BY first_index`,
    [sale],
  );
  let link: Buffer = Buffer.alloc(0);
  let next = 0;
  let atBell = bell === 0 ? link : null;
  for (const { first_index: first, count, position } of entries) {
    if (first !== next) check.violate(sale, `entry ${position} begins at ${first}, not at ${next}`);
    next = first + count;
    link = sha256(link, entrants.subarray(first * hashBytes, next * hashBytes));
    if (next === bell) atBell = link;
  }
  if (next !== joined) check.violate(sale, `its entries have ${next} tickets, ${joined} joined`);
  if (!link.equals(chain)) check.violate(sale, 'its chain is not that of its tickets');
  if (bell === null) return;
  if (root === null || atBell?.equals(root) !== true) {
    check.violate(sale, `its root is not the link of the ${bell} who joined before the bell`);
  }
}

async function checkDraw(q: Query, line: LineRow, entrants: Buffer, check: Check): Promise<void> {
  const { sale_id: sale, bell_n: count, root, seed, beacon, shown, drawn, numbered } = line;
  if (drawn && !shown) check.violate(sale, 'it was drawn before its seed was shown');
  if (shown && count === null) check.violate(sale, 'its seed was shown before the bell');
  const rows = await q.query<{ first: number; indexes: number[]; given: boolean }>(
    'SELECT first, indexes, given FROM sale.line_numbers WHERE sale_id = $1 ORDER BY first',
    [sale],
  );
  if (!drawn || count === null || root === null) {
    if (rows.length > 0) check.violate(sale, 'it has numbers, and was not drawn');
    return;
  }
  if (numbered && rows.some(({ given }) => !given)) {
    check.violate(sale, 'its lane does not have every number');
  }
  const result = sha256(seed, root, beacon ?? '');
  const order = orderOf(result, entrants.subarray(0, count * hashBytes));
  let next = 1;
  let wrong = 0;
  for (const { first, indexes } of rows) {
    if (first !== next) check.violate(sale, `numbers from ${first} follow ${next - 1}`);
    for (const [i, index] of indexes.entries()) if (order[first - 1 + i] !== index) wrong += 1;
    next = first + indexes.length;
  }
  if (next !== count + 1) check.violate(sale, `${next - 1} numbers for ${count} tickets`);
  if (wrong > 0) check.violate(sale, `${wrong} numbers do not follow from seed, root and beacon`);
}

/** Places in the order of their draw values. */
function orderOf(result: Buffer, entrants: Buffer): Uint32Array {
  const at = (i: number): Buffer => entrants.subarray(i * hashBytes, (i + 1) * hashBytes);
  const count = entrants.length / hashBytes;
  const values = Buffer.concat(Array.from({ length: count }, (_, i) => sha256(result, at(i))));
  return Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) =>
    values.compare(values, b * hashBytes, (b + 1) * hashBytes, a * hashBytes, (a + 1) * hashBytes),
  );
}
