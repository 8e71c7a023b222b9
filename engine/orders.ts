/**
 * Orders as their owner sees them. Exact by id: the lane first, then the Postgres primary; the
 * lane owns an order until its hold ends, Postgres after. Lists come from Postgres and say as of when.
 */
import { clock } from '../platform/clock.ts';
import { crashPoint } from '../platform/crash.ts';
import { Fault } from '../platform/fault.ts';
import { textArray } from '../platform/postgres/arrays.ts';
import type { Db, Query } from '../platform/postgres/db.ts';
import { isOrderId, laneOfId, mayHaveParts, saleOfOrder } from './domain/ids.ts';
import type { LaneOrder, Millis, OrderId, Outcome, ShopperId } from './domain/types.ts';
import type { Address, Details, LineDocument, OrderDocument, Page } from './engine.ts';
import { readPartsOf } from './order-lines.ts';
import { readCursor, writeCursor } from './sales/read.ts';
import type { Shop } from './shop.ts';
import { isPartOf, type WholeOrders } from './whole-orders.ts';

interface Row {
  readonly id: OrderId;
  readonly state: string;
  readonly product_id: string;
  readonly units: readonly number[];
  readonly price: number;
  readonly held_at: number;
  readonly hold_expires_at: number;
  readonly ended_at: number | null;
  /** Of a refunded one, as they are posted. */
  readonly paid_at: number | null;
  readonly refunded_at: number | null;
  readonly email: string | null;
  readonly address: Address | null;
}

/** One look at an index, for the few that are refunded. */
const postedAt = (what: string): string =>
  `CASE WHEN o.state = 'refunded' THEN
     (SELECT min(at) FROM sale.ledger WHERE posting = o.id || ':${what}') END`;

const select = `
  SELECT o.id, o.state, i.product_id, o.units, o.price, o.held_at, o.hold_expires_at, o.ended_at,
         d.email, d.address, ${postedAt('paid')} AS paid_at, ${postedAt('refunded')} AS refunded_at
    FROM sale.orders o
    JOIN sale.sale_items i ON i.sale_id = 'sal_' || substr(o.id, 5, 16) AND i.item = o.item
    LEFT JOIN LATERAL (
      SELECT email, address FROM sale.order_details
       WHERE order_id = o.id AND (o.state = 'held' OR generation = o.details)
       ORDER BY generation DESC LIMIT 1) d ON true`;

const paymentOf: Readonly<Record<string, string>> = {
  held: 'none',
  paid: 'paid',
  refunded: 'refunded',
};
const endStates = new Set(['paid', 'released', 'expired']);

const lineOf = ({ id, product_id: product, units, price }: Row): LineDocument => ({
  product,
  sale: saleOfOrder(id),
  units,
  price,
});

const amountOf = ({ price, units }: LineDocument): number => price * units.length;

/** Of an order and its other lines, which have its state. */
function documentOf(row: Row, parts: readonly Row[] = []): OrderDocument {
  const lines = [row, ...parts].map(lineOf);
  const timeline = [{ at: row.held_at, type: 'held' }];
  const tell = (type: string, at: number | null): void => {
    if (at !== null) timeline.push({ at, type });
  };
  if (endStates.has(row.state)) tell(row.state, row.ended_at);
  tell('paid', row.paid_at);
  tell('refunded', row.refunded_at);
  return {
    id: row.id,
    sale: saleOfOrder(row.id),
    state: row.state,
    payment: paymentOf[row.state] ?? 'none',
    parcel: 'none',
    lines,
    amount: lines.reduce((sum, line) => sum + amountOf(line), 0),
    heldAt: row.held_at,
    holdExpiresAt: row.hold_expires_at,
    timeline,
    details:
      row.email === null || row.address === null
        ? null
        : { email: row.email, address: row.address },
  };
}

/** What a lane's record says, as Postgres will have it. */
const rowOfLane = (order: LaneOrder, details: Details | null): Row => ({
  id: order.id,
  state: order.state,
  product_id: order.product,
  units: order.units,
  price: order.price,
  held_at: order.heldAt,
  hold_expires_at: order.holdExpiresAt,
  ended_at: order.endedAt,
  paid_at: null,
  refunded_at: null,
  email: details?.email ?? null,
  address: details?.address ?? null,
});

/** What a lane's records say, with the details that Postgres keeps. */
function documentOfLane(order: LaneOrder, details: Details | null): OrderDocument {
  const parts = (order.parts ?? []).map((part) => rowOfLane(part, null));
  return documentOf(rowOfLane(order, details), parts);
}

/** Its own row and those of its other lines; null = none of this shopper. */
async function readDocument(
  q: Query,
  id: OrderId,
  shopper: ShopperId,
): Promise<OrderDocument | null> {
  const parts = mayHaveParts(id) ? ((await readPartsOf(q, [id])).get(id) ?? []) : [];
  const rows = await readRows(q, [id, ...parts], shopper);
  const row = rows.get(id);
  return row === undefined ? null : documentOf(row, found(parts, rows));
}

const found = (ids: readonly OrderId[], rows: ReadonlyMap<OrderId, Row>): Row[] =>
  ids.flatMap((id) => rows.get(id) ?? []);

async function readRows(
  q: Query,
  ids: readonly OrderId[],
  shopper: ShopperId,
): Promise<ReadonlyMap<OrderId, Row>> {
  const rows = await q.query<Row>(`${select} WHERE o.id = ANY($1::text[]) AND o.shopper = $2`, [
    textArray(ids),
    shopper,
  ]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** What the lane's record names; later ones may have come since, and then what they replaced is gone. */
async function readDetails(q: Query, order: LaneOrder): Promise<Details | null> {
  if (order.details === 0) return null;
  const [row] = await q.query<Details>(
    `SELECT email, address FROM sale.order_details
      WHERE order_id = $1 AND generation >= $2 ORDER BY generation LIMIT 1`,
    [order.id, order.details],
  );
  return row ?? null;
}

/**
 * Exact. With Postgres down an order that the lane still owns is answered from the lane, without
 * its details; with the lane down, nothing that the lane may still own is answered.
 */
export async function readOrder(
  db: Db,
  orders: Pick<WholeOrders, 'read'>,
  id: OrderId,
  shopper: ShopperId,
): Promise<Outcome<OrderDocument | null>> {
  if (await isPartOf(db, id)) return { ...nothing, now: clock.wall() };
  const read = await orders.read(id, shopper);
  if (read.kind === 'done') {
    const held = read.value.state === 'held';
    try {
      const document = endStates.has(read.value.state) ? await readDocument(db, id, shopper) : null;
      if (document !== null && document.state !== 'held') return { ...read, value: document };
      const details = await readDetails(db, read.value);
      return { ...read, value: documentOfLane(read.value, details) };
    } catch (error) {
      if (held) return { ...read, value: documentOfLane(read.value, null) };
      throw error;
    }
  }
  if (read.kind === 'rejected' && read.rejection.code === 'not_found') {
    return { ...nothing, value: await readDocument(db, id, shopper), now: read.now };
  }
  if (read.kind === 'rejected') return read;
  const document = await readDocument(db, id, shopper);
  // Postgres owns only what has ended.
  if (document === null || document.state === 'held') return read;
  return { ...nothing, value: document, now: clock.wall() };
}

const nothing = { kind: 'done', value: null, replayed: false } as const;

export async function listOrders(
  db: Db,
  shopper: ShopperId,
  query: { readonly active: boolean; readonly limit: number; readonly cursor: string | null },
): Promise<Page<OrderDocument> & { asOf: Millis }> {
  const [at, after] =
    query.cursor === null ? [Number.MAX_SAFE_INTEGER, ''] : readCursor(query.cursor, isOrderId);
  return db.tx(
    async (q) => {
      const rows = await q.query<Row>(
        `${select}
          WHERE o.shopper = $1 AND (NOT $2 OR o.state NOT IN ('released', 'expired', 'cancelled', 'refunded'))
            AND (o.held_at < $3 OR (o.held_at = $3 AND o.id > $4))
            AND NOT (o.id LIKE '%part' AND EXISTS (
              SELECT 1 FROM sale.order_lines l WHERE l.order_id = o.id AND l.line > 0))
          ORDER BY o.held_at DESC, o.id LIMIT $5`,
        [shopper, query.active, at, after, query.limit + 1],
        'orders_list',
      );
      const asOf = await settledTime(q);
      const page = rows.slice(0, query.limit);
      const parts = await readPartsOf(q, page.map(({ id }) => id).filter(mayHaveParts));
      const own = await readRows(q, [...parts.values()].flat(), shopper);
      const items = page.map((row) => documentOf(row, found(parts.get(row.id) ?? [], own)));
      const last = items.at(-1);
      const more = rows.length > query.limit && last !== undefined;
      return { items, nextCursor: more ? writeCursor(last.heldAt, last.id) : null, asOf };
    },
    { isolation: 'repeatable read', readOnly: true },
  );
}

/** Lane time up to which every lane has settled, or now for lanes with nothing in doubt. */
async function settledTime(q: Query): Promise<Millis> {
  const [row] = await q.query<{ at: number | null }>(
    'SELECT min(nullif(lane_time, 0)) AS at FROM sale.watermarks',
  );
  return row?.at ?? clock.wall();
}

/** What came with an Idempotency-Key; `print` tells its body from another. */
export interface DetailsRequest {
  readonly request: string;
  readonly print: string;
}

/**
 * Null = this key has stored nothing for the order. Else what it stored is the order's, or was until
 * something newer came; where its writer died before the lane was told, the lane is told now.
 */
export async function detailsAsked(
  db: Db,
  shop: Pick<Shop, 'read' | 'markDetails'>,
  id: OrderId,
  shopper: ShopperId,
  { request, print }: DetailsRequest,
): Promise<Outcome<LaneOrder> | null> {
  const [known] = await db.query<{ print: string; generation: number }>(
    'SELECT print, generation FROM sale.details_requests WHERE order_id = $1 AND request = $2',
    [id, request],
  );
  if (known === undefined) return null;
  if (known.print !== print) {
    return { kind: 'rejected', rejection: { code: 'idempotency_key_reused' }, now: clock.wall() };
  }
  const order = await shop.read(id, shopper);
  if (order.kind !== 'done') return order;
  if (order.value.details >= known.generation) return { ...order, replayed: true };
  return shop.markDetails(id, shopper, known.generation);
}

/**
 * Stores e-mail and address under a generation of their own, then has the lane take it for the
 * order: until then they are nobody's, so whoever dies between the two has changed nothing. What is
 * missing keeps what was stored; both are needed the first time. Stores once what was `asked` by a key.
 */
export async function storeDetails(
  db: Db,
  shop: Pick<Shop, 'read' | 'markDetails'>,
  id: OrderId,
  shopper: ShopperId,
  details: Partial<Details>,
  asked: DetailsRequest | null = null,
): Promise<Outcome<LaneOrder>> {
  const before = asked === null ? null : await detailsAsked(db, shop, id, shopper, asked);
  if (before !== null) return before;
  const order = await shop.read(id, shopper);
  if (order.kind !== 'done') return order;
  if (order.value.state !== 'held') {
    const { state } = order.value;
    const rejection =
      state === 'paid'
        ? ({ code: 'illegal_transition', state } as const)
        : ({ code: 'hold_expired' } as const);
    return { kind: 'rejected', rejection, now: order.now };
  }
  const generation = await writeDetails(db, id, shopper, details, asked);
  // Whoever came beside us with the same key was faster.
  if (generation === 'asked') return storeDetails(db, shop, id, shopper, details, asked);
  if (generation === null) {
    return { kind: 'rejected', rejection: { code: 'details_required' }, now: order.now };
  }
  crashPoint('details.written');
  const marked = await shop.markDetails(id, shopper, generation);
  await tidyDetails(db, shop, order.value, generation, marked).catch(() => undefined);
  return marked;
}

/**
 * A generation for one writer: of several at once all but one find their generation taken, and look
 * again, so that none builds on what it did not see. One statement, because a payment waits for it.
 */
const writeText = `
WITH written AS (
  INSERT INTO sale.order_details (order_id, generation, shopper, email, address)
  SELECT $1, coalesce(b.generation, 0) + 1, $2, coalesce($3, b.email), coalesce($4::jsonb, b.address)
    FROM (VALUES (1)) AS one
    LEFT JOIN LATERAL (
      SELECT generation, email, address FROM sale.order_details
       WHERE order_id = $1 AND shopper = $2 ORDER BY generation DESC LIMIT 1) b ON true
   WHERE coalesce($3, b.email) IS NOT NULL AND coalesce($4::jsonb, b.address) IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM sale.details_requests WHERE order_id = $1 AND request = $5)
  ON CONFLICT (order_id, generation) DO NOTHING
  RETURNING generation
), asked AS (
  INSERT INTO sale.details_requests (order_id, request, print, generation)
  SELECT $1, $5, $6, generation FROM written WHERE $5::text IS NOT NULL
)
SELECT generation FROM written`;

const askedText = 'SELECT 1 FROM sale.details_requests WHERE order_id = $1 AND request = $2';

/** Of writers at once for one order. */
const writeTriesMax = 50;

/** The generation written; null = something is missing that was never stored; `asked` = by this key already. */
async function writeDetails(
  q: Query,
  id: OrderId,
  shopper: ShopperId,
  { email, address }: Partial<Details>,
  asked: DetailsRequest | null,
): Promise<number | null | 'asked'> {
  const values = [
    id,
    shopper,
    email ?? null,
    address === undefined ? null : JSON.stringify(address),
    asked?.request ?? null,
    asked?.print ?? null,
  ];
  for (let tries = 0; tries < writeTriesMax; tries++) {
    const [row] = await q.query<{ generation: number }>(writeText, values, 'details_write');
    if (row !== undefined) return row.generation;
    if (asked !== null && (await q.run(askedText, [id, asked.request])) > 0) return 'asked';
    if (email === undefined || address === undefined) {
      const [known] = await q.query(
        'SELECT 1 FROM sale.order_details WHERE order_id = $1 AND shopper = $2 LIMIT 1',
        [id, shopper],
      );
      if (known === undefined) return null;
    }
  }
  throw new Fault('postgres', `details of ${id}: others are always faster`, { retryable: true });
}

/**
 * Takes away what is nobody's any more: what the lane refused, or what came before it took this.
 * Nothing depends on it. A lane that could not be asked may have been made anew since the details were
 * stored: its record names them then, as it may also where the answer is unknown.
 */
async function tidyDetails(
  db: Db,
  shop: Pick<Shop, 'read'>,
  { id, shopper }: LaneOrder,
  generation: number,
  marked: Outcome<unknown>,
): Promise<void> {
  if (marked.kind === 'done') {
    if (generation > 1) await db.run(deleteOlderText, [id, generation]);
  } else if (marked.kind === 'rejected') {
    const order = await shop.read(id, shopper);
    const isNamed =
      order.kind === 'done' ? order.value.details >= generation : order.kind !== 'rejected';
    if (!isNamed) await db.run(deleteRefusedText, [id, generation]);
  }
}

const deleteOlderText = 'DELETE FROM sale.order_details WHERE order_id = $1 AND generation < $2';

/** A refusal keeps no key. */
const deleteRefusedText = `
WITH unasked AS (
  DELETE FROM sale.details_requests WHERE order_id = $1 AND generation = $2
)
DELETE FROM sale.order_details WHERE order_id = $1 AND generation = $2`;

/** True for an id that could be an order of a lane of ours. */
export const couldBeOrder = (id: string, lanes: number): boolean =>
  isOrderId(id) && laneOfId(id) < lanes;
