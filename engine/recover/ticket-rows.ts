/**
 * The line of a sale as Postgres has it, read inside one snapshot: its counts, and the tickets of each
 * shopper. What the lane keeps of a shopper's earlier tickets are their keys.
 */
import type { Query } from '../../platform/postgres/db.ts';
import type { Ticket } from '../domain/lane/state.ts';
import type { TicketState } from '../domain/line/types.ts';
import type { Millis, SaleId } from '../domain/types.ts';
import type { OrderRow } from './shopper.ts';

export interface LineRow {
  readonly joined: number;
  /** Tickets at the bell; null = it has not settled. */
  readonly bell: number | null;
  /** Numbers whose command has settled, from 1 on. */
  readonly given: number;
  /** What the last resume said: all pauses until then, ms. */
  readonly paused: Millis;
  /** What the last pause said: the hold clock; it counts while the sale is paused. */
  readonly pausedAt: Millis;
}

/** Null = the sale has no line. */
export async function readLine(q: Query, sale: SaleId): Promise<LineRow | null> {
  const [row] = await q.query<LineRow>(
    `SELECT l.joined, l.bell_n AS bell,
            (SELECT coalesce(sum(cardinality(indexes)), 0)::bigint FROM sale.line_numbers n
              WHERE n.sale_id = l.sale_id AND n.given) AS given,
            coalesce((${lastOutcome('resume')}), 0) AS paused,
            coalesce((${lastOutcome('pause')}), 0) AS "pausedAt"
       FROM sale.lines l WHERE l.sale_id = $1`,
    [sale],
  );
  return row ?? null;
}

const lastOutcome = (kind: 'pause' | 'resume'): string => `
  SELECT (outcome->'rest'->>0)::bigint FROM sale.lane_commands c
   WHERE c.sale_id = l.sale_id AND c.kind = '${kind}' AND (outcome->>'ok')::boolean
   ORDER BY number DESC LIMIT 1`;

export interface TicketRow {
  readonly shopper: string;
  readonly key: string;
  readonly index: number;
  /** 0 = none yet. */
  readonly number: number;
  /** Lane time at which the draw's number reached the lane; null = it did not, or was none. */
  readonly given_at: Millis | null;
  readonly state: TicketState;
  readonly admitted_at: Millis | null;
  readonly turn_ends: Millis | null;
  readonly claim: number | null;
  readonly ended_at: Millis | null;
  /** '' = without a key, or not left. */
  readonly left_key: string;
}

const rowsPerFetch = 2000;

/** Each shopper's together, in the order of joining; shoppers as `readOrders` has them. */
export async function* readTickets(q: Query, sale: SaleId): AsyncGenerator<TicketRow> {
  // How many a list of places has, Postgres cannot tell: it would join a million row by row.
  await q.run('SET LOCAL enable_nestloop = off');
  await q.run(
    `DECLARE tickets NO SCROLL CURSOR FOR
     WITH drawn AS (
       SELECT u.index, n.first + u.place - 1 AS number,
              (SELECT max((c.outcome->>'at')::bigint) FROM sale.lane_commands c
                WHERE c.sale_id = n.sale_id AND c.kind = 'numbers'
                  AND (c.body->>0)::bigint = n.first AND (c.outcome->>'ok')::boolean) AS given_at
         FROM sale.line_numbers n
        CROSS JOIN LATERAL unnest(n.indexes) WITH ORDINALITY AS u(index, place)
        WHERE n.sale_id = '${sale}' AND n.given)
     SELECT t.shopper, t.key, t.index, d.given_at, t.state, t.admitted_at, t.turn_ends, t.claim,
            t.ended_at, t.left_key,
            coalesce(d.number, CASE WHEN t.index >= l.bell_n THEN t.index + 1 END, 0) AS number
       FROM sale.tickets t JOIN sale.lines l ON l.sale_id = t.sale_id
       LEFT JOIN drawn d ON d.index = t.index
      WHERE t.sale_id = '${sale}'
      ORDER BY t.shopper COLLATE "C", t.index`,
  );
  await q.run('SET LOCAL enable_nestloop = on');
  for (;;) {
    const rows = await q.query<TicketRow>(`FETCH ${rowsPerFetch} FROM tickets`);
    yield* rows;
    if (rows.length < rowsPerFetch) break;
  }
  await q.run('CLOSE tickets');
}

type HeldRow = Pick<OrderRow, 'held_at' | 'units' | 'voided'>;

/** The lane's record of a shopper's tickets: the latest, the keys of those before it, all leaves. */
export function ticketOf(rows: readonly TicketRow[], orders: readonly HeldRow[]): Ticket | null {
  const row = rows.at(-1);
  if (row === undefined) return null;
  return {
    key: row.key,
    index: row.index,
    number: isTooLate(row) ? 0 : row.number,
    state: row.state,
    turnEnds: row.turn_ends ?? 0,
    claim: row.state === 'admitted' ? claimLeft(row, orders) : 0,
    past: rows.slice(0, -1).map(({ key }) => key),
    leaves: rows.map((one) => one.left_key).filter((key) => key !== ''),
  };
}

export interface TurnsHad {
  readonly begun: number;
  /** The highest number among them; 0 = none. */
  readonly highest: number;
}

export function turnsOf(rows: readonly TicketRow[]): TurnsHad {
  const numbers = rows.flatMap((row) => (row.admitted_at === null ? [] : [row.number]));
  return { begun: numbers.length, highest: Math.max(0, ...numbers) };
}

/** Indexes of those that were left before they had a number: the draw's must not come to them. */
export function goneOf(rows: readonly TicketRow[]): readonly number[] {
  const gone = rows.filter((row) => isTooLate(row) || (row.ended_at !== null && row.number === 0));
  return gone.map(({ index }) => index);
}

/** It had been left before its number came: nobody was given that. */
const isTooLate = ({ given_at: given, ended_at: ended, admitted_at: admitted }: TicketRow) =>
  given !== null && ended !== null && admitted === null && ended <= given;

/**
 * Every unit that was held in the turn has left its claim, whatever became of the hold; one that was
 * voided got none, and the turn may still be open that it had finished.
 */
function claimLeft(row: TicketRow, orders: readonly HeldRow[]): number {
  let claim = row.claim ?? 0;
  for (const { held_at: heldAt, units, voided } of orders) {
    if (!voided && heldAt >= (row.admitted_at ?? Infinity)) claim -= units.length;
  }
  return Math.max(0, claim);
}

export interface ShopperRows {
  readonly shopper: string;
  readonly orders: readonly OrderRow[];
  readonly tickets: readonly TicketRow[];
}

/** Puts a shopper's orders and tickets together: both come in the byte order of their shoppers. */
export async function* byShopper(
  orders: AsyncIterable<OrderRow>,
  tickets: AsyncIterable<TicketRow>,
): AsyncGenerator<ShopperRows> {
  const [left, right] = [groups(orders), groups(tickets)];
  let [a, b] = [await left.next(), await right.next()];
  while (a.done !== true || b.done !== true) {
    const [own, place] = [a.done === true ? null : a.value, b.done === true ? null : b.value];
    const order = own === null ? 1 : place === null ? -1 : compare(own.shopper, place.shopper);
    const shopper = (order <= 0 ? own?.shopper : place?.shopper) ?? '';
    yield {
      shopper,
      orders: order <= 0 ? (own?.rows ?? []) : [],
      tickets: order >= 0 ? (place?.rows ?? []) : [],
    };
    if (order <= 0) a = await left.next();
    if (order >= 0) b = await right.next();
  }
}

const compare = (a: string, b: string): number =>
  a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Rows that follow each other and are of one shopper. */
async function* groups<T extends { readonly shopper: string }>(
  rows: AsyncIterable<T>,
): AsyncGenerator<{ readonly shopper: string; readonly rows: readonly T[] }> {
  let group: T[] = [];
  for await (const row of rows) {
    const [first] = group;
    if (first !== undefined && first.shopper !== row.shopper) {
      yield { shopper: first.shopper, rows: group };
      group = [];
    }
    group.push(row);
  }
  const [first] = group;
  if (first !== undefined) yield { shopper: first.shopper, rows: group };
}
