/**
 * The lines of an order live and die together (docs/decisions/0044-lines-live-together.md), also where
 * only one of them was put away: what a resolution takes from one line, it takes from all.
 */
import { textArray } from '../../platform/postgres/arrays.ts';
import type { Query } from '../../platform/postgres/db.ts';
import type { Millis, OrderId } from '../domain/types.ts';
import { postRefund, tellRefund } from './refund.ts';

/** Each of these orders with all the lines of its whole order, its home first. */
export async function wholesOf(
  q: Query,
  orders: readonly OrderId[],
): Promise<ReadonlyMap<OrderId, readonly OrderId[]>> {
  const rows = await q.query<{ named: OrderId; order: OrderId }>(
    `SELECT n.order_id AS named, l.order_id AS order
       FROM sale.order_lines n JOIN sale.order_lines l USING (home)
      WHERE n.order_id = ANY($1::text[]) ORDER BY n.order_id, l.line`,
    [textArray(orders)],
  );
  const wholes = new Map<OrderId, OrderId[]>();
  for (const { named, order } of rows) {
    const whole = wholes.get(named) ?? [];
    wholes.set(named, whole);
    whole.push(order);
  }
  for (const order of orders) if (!wholes.has(order)) wholes.set(order, [order]);
  return wholes;
}

interface Line {
  readonly id: OrderId;
  readonly state: string;
  readonly ended_at: Millis | null;
}

/**
 * Ends the other lines of orders of which one was voided or refunded: as refunded, if the order was
 * paid, else as its hold ended. Tells of each refund once. Answers the orders that have several lines.
 */
export async function endAlike(
  q: Query,
  judged: ReadonlySet<OrderId>,
  now: Millis,
): Promise<ReadonlySet<OrderId>> {
  const several = new Set<OrderId>();
  const seen = new Set<OrderId>();
  for (const [order, whole] of await wholesOf(q, [...judged])) {
    if (whole.length > 1) several.add(order);
    const home = whole[0] ?? order;
    if (seen.has(home)) continue;
    seen.add(home);
    if (whole.length > 1) await endWhole(q, whole, judged, now);
    await tellRefund(q, home, now);
  }
  return several;
}

const wasPaid = ({ state }: Line): boolean => state === 'paid' || state === 'refunded';

async function endWhole(
  q: Query,
  whole: readonly OrderId[],
  judged: ReadonlySet<OrderId>,
  now: Millis,
): Promise<void> {
  const lines = await q.query<Line>(
    `SELECT id, state, ended_at FROM sale.orders
      WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE`,
    [textArray(whole)],
  );
  const paid = lines.find(wasPaid);
  if (paid !== undefined) await refundAll(q, lines, paid.ended_at ?? now, now);
  else await endHolds(q, lines, judged, now);
  // Found by their own key: units have no index by order.
  await q.run(
    `UPDATE sale.units u SET order_id = NULL
       FROM sale.orders o CROSS JOIN unnest(o.units) AS n(number)
      WHERE o.id = ANY($1::text[]) AND u.sale_id = 'sal_' || substr(o.id, 5, 16)
        AND u.item = o.item AND u.number = n.number AND u.order_id = o.id`,
    [textArray(lines.map(({ id }) => id))],
  );
}

/** One payment paid them all. */
async function refundAll(
  q: Query,
  lines: readonly Line[],
  paidAt: Millis,
  now: Millis,
): Promise<void> {
  const others = lines.filter(({ state }) => state !== 'refunded').map(({ id }) => id);
  await q.run(
    `UPDATE sale.orders SET state = 'refunded', version = version + 1,
            ended_at = coalesce(ended_at, greatest($2::bigint, held_at))
      WHERE id = ANY($1::text[])`,
    [textArray(others), paidAt],
  );
  for (const id of others) await postRefund(q, id, paidAt, now);
}

/** What was voided for want of an end expired, if another line had: they had one deadline. */
async function endHolds(
  q: Query,
  lines: readonly Line[],
  judged: ReadonlySet<OrderId>,
  now: Millis,
): Promise<void> {
  const state = lines.some((line) => line.state === 'expired') ? 'expired' : 'released';
  const ended = lines.filter((line) => {
    return line.state === 'held' || (judged.has(line.id) && line.state !== state);
  });
  await q.run(
    `UPDATE sale.orders SET state = $2, version = version + (state = 'held')::int,
            ended_at = greatest(coalesce(ended_at, $3::bigint), held_at,
                                CASE WHEN $2 = 'expired' THEN hold_expires_at END)
      WHERE id = ANY($1::text[])`,
    [textArray(ended.map(({ id }) => id)), state, now],
  );
}
