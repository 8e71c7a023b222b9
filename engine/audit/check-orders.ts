/** Compares every order of a lane with Postgres at its sale's cut, both ways. */
import type { Query } from '../../platform/postgres/db.ts';
import { expectedOrder, upTo, type ExpectedOrder } from './cut.ts';
import type { OrderFact } from './entries.ts';
import type { Findings } from './findings.ts';
import type { LaneLog } from './lane-log.ts';
import { keyOf, orderOf, tagOf } from './names.ts';
import { isLive, recordStates, type RecordedOrder, type SaleReading } from './records.ts';
import { readDetailsOf, readOrders, textOfUnits, type OrderRow } from './tables.ts';

/** For so long a lane keeps the record of an order that has ended. */
export const recordKeptMs = 24 * 3600 * 1000;

export interface OrderContext {
  /** The snapshot, and Postgres as it is now. */
  readonly q: Query;
  readonly now: Query;
  readonly findings: Findings;
  readonly lane: number;
  /** Restricts to one sale. */
  readonly only: string | null;
  readonly sales: ReadonlyMap<string, SaleReading>;
  readonly log: LaneLog;
  /** Orders that have something in quarantine: while it is open they are named there only. */
  readonly away: ReadonlyMap<string, boolean>;
  /** Told of every page of rows. */
  readonly onRows: (rows: number) => void;
}

/** States that Postgres may have moved an order on to, by the state of its record. */
const laterStates: Readonly<Record<string, readonly string[]>> = {
  held: ['held', 'payment_pending', 'action_required', 'payment_unknown'],
  paid: ['paid', 'packed', 'shipped', 'delivered', 'cancelled', 'refund_pending', 'refunded'],
  released: ['released', 'payment_failed'],
  expired: ['expired', 'payment_failed'],
};

export interface OrderTotals {
  orders: number;
  /** Units that are held or sold. */
  units: number;
}

export async function checkOrders(context: OrderContext): Promise<OrderTotals> {
  const { q, lane, only, sales, log } = context;
  const totals = { orders: 0, units: 0 };
  const missing = new Map<string, number>();
  for await (const row of readOrders(q, lane, only)) {
    totals.orders += 1;
    context.onRows(totals.orders);
    const sale = sales.get(tagOf(row.id));
    if (sale === undefined) continue;
    const order = compareRow(context, sale, row, upTo(log.tail.get(row.id), sale.cut));
    if (order !== undefined && order.details > 0) {
      context.findings.of('match.details').checked += 1;
      if (row.storedDetails < order.details) missing.set(row.id, order.details);
    }
  }
  await checkDetails(context, missing);
  for (const [id, facts] of log.tail) {
    const sale = sales.get(tagOf(id));
    const order = sale?.orders.get(keyOf(id));
    if (sale === undefined || order?.settled === true) continue;
    const expected = expectedOrder(null, upTo(facts, sale.cut));
    if (expected === null) continue;
    totals.orders += 1;
    compareOrder(context, id, order, expected);
  }
  for (const sale of sales.values()) {
    for (const order of sale.orders.values()) {
      if (isLive(order.state)) totals.units += order.units.length;
      checkOrphan(context, sale, order);
    }
  }
  return totals;
}

/** Details are no decision: those that are not in the snapshot may have been stored since. */
async function checkDetails(
  { now, findings }: OrderContext,
  missing: ReadonlyMap<string, number>,
): Promise<void> {
  if (missing.size === 0) return;
  const stored = await readDetailsOf(now, [...missing.keys()]);
  for (const [id, details] of missing) {
    if ((stored.get(id) ?? 0) >= details) continue;
    const says = `its record says that they are stored, Postgres has none of ${details}`;
    findings.of('match.details').violate(id, says);
  }
}

/** Answers the row's record. */
function compareRow(
  context: OrderContext,
  sale: SaleReading,
  row: OrderRow,
  facts: readonly OrderFact[],
): RecordedOrder | undefined {
  const order = sale.orders.get(keyOf(row.id));
  const ended = row.endedAt ?? row.heldAt;
  const dropped = row.state !== 'held' && ended < sale.now - recordKeptMs;
  const expected = expectedOrder(row, facts);
  if (expected === null || (order === undefined && dropped)) return undefined;
  compareOrder(context, row.id, order, expected);
  if (order !== undefined) order.heldAt = row.heldAt;
  return order;
}

/** Compares an order's record with what Postgres has, or will have, at the cut. */
function compareOrder(
  { findings, away }: OrderContext,
  id: string,
  order: RecordedOrder | undefined,
  expected: ExpectedOrder,
): void {
  const check = findings.of('match.orders');
  check.checked += 1;
  if (order === undefined || order.state === 0) {
    if (away.get(id) === true) return;
    check.violate(id, `${expected.state} in Postgres, not in the record of ${expected.shopper}`);
    return;
  }
  order.settled = true;
  if (away.get(id) === true) return;
  const wrong = differences(order, expected);
  if (wrong.length > 0) check.violate(id, `lane ≠ Postgres: ${wrong.join(', ')}`);
}

function differences(order: RecordedOrder, expected: ExpectedOrder): string[] {
  const state = recordStates[order.state] ?? '?';
  const wrong: string[] = [];
  // Resolved: its shopper was told that it is paid, and it got no units.
  const gaveBack = order.wasAway && state === 'released' && expected.state === 'refunded';
  if (!gaveBack && !(laterStates[state] ?? []).includes(expected.state)) {
    wrong.push(`state ${state} ≠ ${expected.state}`);
  }
  const ended = state !== 'held' && expected.state === state;
  for (const [name, has, wanted] of [
    ['shopper', order.shopper, expected.shopper],
    ['item', order.item, expected.item],
    ['units', textOfUnits(order.units), expected.units],
    ['fingerprint', order.fingerprint, expected.fingerprint],
    ['deadline', order.deadline, expected.deadline],
    ['outage', order.outage, expected.outage],
    ['end key', ended ? order.endKey : '', ended ? expected.endKey : ''],
    ['end fingerprint', ended ? order.endFingerprint : 0, ended ? expected.endFingerprint : 0],
    ['details', ended ? order.details : 0, ended ? expected.details : 0],
    ['ended at', ended ? order.endedAt : 0, ended ? (expected.endedAt ?? 0) : 0],
  ] as const) {
    if (has !== wanted) wrong.push(`${name} ${has} ≠ ${wanted}`);
  }
  return wrong;
}

/** An order of the lane that nobody else knows was lost on its way, or was never decided. */
function checkOrphan(
  { findings, away }: OrderContext,
  sale: SaleReading,
  order: RecordedOrder,
): void {
  const id = orderOf(sale.tag, order.key);
  if (order.state === 0 || order.settled || away.get(id) === true) return;
  const check = findings.of('match.orders');
  check.checked += 1;
  const says = `${recordStates[order.state] ?? '?'} for ${order.shopper} in its lane`;
  check.violate(id, `${says}, neither in Postgres nor in doubt`);
}
