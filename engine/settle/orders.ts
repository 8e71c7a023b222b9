/**
 * Writes a fold of orders: units cleared, units claimed by compare-and-set, orders inserted or
 * moved on, the ledger posted. Answers what could not be settled; the caller puts that away.
 */
import { numberArray, textArray } from '../../platform/postgres/arrays.ts';
import type { Query } from '../../platform/postgres/db.ts';
import { owns, type FoldedOrder, type OrderEvent } from '../domain/fold.ts';
import type { SaleId } from '../domain/types.ts';

export interface Unsettled {
  readonly order: FoldedOrder;
  readonly reason: string;
}

interface ClaimedRow {
  readonly sale_id: string;
  readonly item: number;
  readonly number: number;
  readonly order_id: string;
}

interface UnitRows {
  sales: string[];
  items: number[];
  numbers: number[];
  orders: string[];
}

function unitRows(events: readonly OrderEvent[]): UnitRows {
  const rows: UnitRows = { sales: [], items: [], numbers: [], orders: [] };
  for (const event of events) {
    for (const number of event.units) {
      rows.sales.push(event.sale);
      rows.items.push(event.item);
      rows.numbers.push(number);
      rows.orders.push(event.order);
    }
  }
  return rows;
}

const valuesOf = (rows: UnitRows): string[] => [
  textArray(rows.sales),
  numberArray(rows.items),
  numberArray(rows.numbers),
  textArray(rows.orders),
];

/** Frees units whose hold ended, where that very order has them. */
const clear = (q: Query, ended: readonly OrderEvent[]): Promise<void> =>
  clearRows(q, unitRows(ended));

async function clearRows(q: Query, rows: UnitRows): Promise<void> {
  if (rows.sales.length === 0) return;
  await q.run(
    `UPDATE sale.units u SET order_id = NULL
       FROM unnest($1::text[], $2::int[], $3::bigint[], $4::text[]) AS e(sale_id, item, number, order_id)
      WHERE u.sale_id = e.sale_id AND u.item = e.item AND u.number = e.number
        AND u.order_id = e.order_id`,
    valuesOf(rows),
    'settle_clear',
  );
}

/**
 * Claims units that are free or were never claimed and are within the item's numbers. Answers the
 * orders that did not get every unit. Given back is only what this statement took: the same order
 * may own units that it was given before.
 */
async function claim(q: Query, claims: readonly OrderEvent[]): Promise<Set<string>> {
  if (claims.length === 0) return new Set();
  const rows = unitRows(claims);
  const claimed = await q.query<ClaimedRow>(
    `INSERT INTO sale.units AS u (sale_id, item, number, order_id)
     SELECT c.sale_id, c.item, c.number, c.order_id
       FROM unnest($1::text[], $2::int[], $3::bigint[], $4::text[]) AS c(sale_id, item, number, order_id)
       JOIN sale.sale_items i ON i.sale_id = c.sale_id AND i.item = c.item
        AND c.number BETWEEN 1 AND i.last_number
     ON CONFLICT (sale_id, item, number) DO UPDATE SET order_id = excluded.order_id
      WHERE u.order_id IS NULL
     RETURNING sale_id, item, number, order_id`,
    valuesOf(rows),
    'settle_claim',
  );
  if (claimed.length === rows.orders.length) return new Set();
  const got = new Map<string, number>();
  for (const { order_id } of claimed) got.set(order_id, (got.get(order_id) ?? 0) + 1);
  const failed = new Set(
    claims.filter((e) => got.get(e.order) !== e.units.length).map((e) => e.order),
  );
  const back = claimed.filter((row) => failed.has(row.order_id));
  await clearRows(q, {
    sales: back.map((row) => row.sale_id),
    items: back.map((row) => row.item),
    numbers: back.map((row) => row.number),
    orders: back.map((row) => row.order_id),
  });
  return failed;
}

/** More than an item can have units. */
const itemSpan = 2 ** 40;

/**
 * Orders that claim a unit which an earlier one of the same settlement claims. A statement that
 * meets a row twice fails as a whole, and every other order of the settlement with it.
 */
function claimedBefore(claims: readonly OrderEvent[]): Set<string> {
  const doubled = new Set<string>();
  const taken = new Map<SaleId, Set<number>>();
  for (const { sale, item, units, order } of claims) {
    let numbers = taken.get(sale);
    if (numbers === undefined) taken.set(sale, (numbers = new Set()));
    const keys = units.map((number) => item * itemSpan + number);
    if (keys.some((key) => numbers.has(key))) doubled.add(order);
    else for (const key of keys) numbers.add(key);
  }
  return doubled;
}

async function insert(q: Query, orders: readonly FoldedOrder[]): Promise<Set<string>> {
  const held = orders.map((o) => o.held).filter((e) => e !== null);
  if (held.length === 0) return new Set();
  const ends = orders.map((o) => o.end);
  const rows = await q.query<{ id: string }>(
    `INSERT INTO sale.orders (id, shopper, state, version, item, units, price, held_at,
                              hold_expires_at, ended_at, fingerprint, end_key, end_fingerprint,
                              deadline, details)
     SELECT id, shopper, state, CASE WHEN state = 'held' THEN 1 ELSE 2 END, item, units::bigint[],
            price, held_at, hold_expires_at, ended_at, fingerprint, end_key, end_fingerprint,
            deadline, details
       FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::bigint[],
                   $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[],
                   $12::bigint[], $13::bigint[], $14::int[])
            AS o(id, shopper, state, item, units, price, held_at, hold_expires_at, ended_at,
                 fingerprint, end_key, end_fingerprint, deadline, details)
     ON CONFLICT (id) DO NOTHING RETURNING id`,
    [
      textArray(held.map((e) => e.order)),
      textArray(held.map((e) => e.shopper)),
      textArray(ends.map((e) => e?.type ?? 'held')),
      numberArray(held.map((e) => e.item)),
      textArray(held.map((e) => numberArray(e.units))),
      numberArray(held.map((e) => e.price)),
      numberArray(held.map((e) => e.at)),
      numberArray(held.map((e) => e.expiresAt)),
      numberArray(ends.map((e) => e?.at ?? null)),
      numberArray(held.map((e) => e.fingerprint)),
      textArray(ends.map((e) => e?.endKey ?? '')),
      numberArray(ends.map((e) => e?.endFingerprint ?? 0)),
      numberArray(held.map((e) => e.deadline)),
      numberArray(ends.map((e) => e?.details ?? 0)),
    ],
    'settle_insert',
  );
  if (rows.length === held.length) return new Set();
  const done = new Set(rows.map((r) => r.id));
  return new Set(held.filter((e) => !done.has(e.order)).map((e) => e.order));
}

/** Moves held orders to their end. Answers those that were not there or not held. */
async function end(q: Query, ends: readonly OrderEvent[]): Promise<Set<string>> {
  if (ends.length === 0) return new Set();
  const rows = await q.query<{ id: string }>(
    `UPDATE sale.orders o
        SET state = e.state, version = o.version + 1, ended_at = e.at, end_key = e.end_key,
            end_fingerprint = e.end_fingerprint, details = e.details
       FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::int[])
            AS e(id, state, at, end_key, end_fingerprint, details)
      WHERE o.id = e.id AND o.state = 'held'
     RETURNING o.id`,
    [
      textArray(ends.map((e) => e.order)),
      textArray(ends.map((e) => e.type)),
      numberArray(ends.map((e) => e.at)),
      textArray(ends.map((e) => e.endKey)),
      numberArray(ends.map((e) => e.endFingerprint)),
      numberArray(ends.map((e) => e.details)),
    ],
    'settle_end',
  );
  if (rows.length === ends.length) return new Set();
  const done = new Set(rows.map((r) => r.id));
  return new Set(ends.filter((e) => !done.has(e.order)).map((e) => e.order));
}

/** A payment is owed to the vendor: two rows that add up to zero. */
async function post(q: Query, paid: readonly OrderEvent[]): Promise<void> {
  if (paid.length === 0) return;
  await q.run(
    `INSERT INTO sale.ledger (posting, account, amount, currency, at)
     SELECT o.id || ':paid', a.account, a.sign * o.price * cardinality(o.units), s.currency, e.at
       FROM unnest($1::text[], $2::text[], $3::bigint[]) AS e(id, sale_id, at)
       JOIN sale.orders o ON o.id = e.id
       JOIN sale.sales s ON s.id = e.sale_id
      CROSS JOIN LATERAL (VALUES ('receivable', 1), ('vendor:' || s.vendor_id, -1))
            AS a(account, sign)`,
    [
      textArray(paid.map((e) => e.order)),
      textArray(paid.map((e) => e.sale)),
      numberArray(paid.map((e) => e.at)),
    ],
    'settle_post',
  );
}

/** How rows of new orders and of their units are written; answers the orders that could not be. */
export interface RowWriter {
  claim(q: Query, claims: readonly OrderEvent[]): Promise<Set<string>>;
  insert(q: Query, orders: readonly FoldedOrder[]): Promise<Set<string>>;
}

/** Row by row as far as rules go: what cannot be written is answered, all else is written. */
export const careful: RowWriter = { claim, insert };

/** Settles a fold. Must run inside the watermark's transaction. */
export async function settleOrders(
  q: Query,
  orders: readonly FoldedOrder[],
  rows = careful,
): Promise<readonly Unsettled[]> {
  const unsettled: Unsettled[] = [];
  const refuse = (failed: ReadonlySet<string>, from: FoldedOrder[], reason: string) => {
    if (failed.size === 0) return from;
    return from.filter((order) => {
      const id = order.events[0]?.order ?? '';
      if (failed.has(id)) unsettled.push({ order, reason });
      return !failed.has(id);
    });
  };
  let fresh = orders.filter((o) => o.held !== null);
  let moved = orders.filter((o) => o.held === null);
  const endsOf = (list: FoldedOrder[]) => list.map((o) => o.end).filter((e) => e !== null);
  // Credits before claims: a unit may go from one order to another within one settlement.
  moved = refuse(await end(q, endsOf(moved)), moved, 'its order is not held');
  await clear(q, endsOf(moved.filter((o) => !owns(o))));
  const claims = fresh
    .filter(owns)
    .map((o) => o.held)
    .filter((e) => e !== null);
  const doubled = claimedBefore(claims);
  const failed = await rows.claim(
    q,
    claims.filter((e) => !doubled.has(e.order)),
  );
  fresh = refuse(
    new Set([...doubled, ...failed]),
    fresh,
    'a unit belongs to another order or does not exist',
  );
  const known = await rows.insert(q, fresh);
  await clear(
    q,
    claims.filter((e) => known.has(e.order)),
  );
  fresh = refuse(known, fresh, 'an order with this id exists');
  const all = [...moved, ...fresh];
  await post(
    q,
    endsOf(all).filter((e) => e.type === 'paid'),
  );
  return unsettled;
}
