/**
 * Decisions on an order that is there: pay, release, details, read. A hold ends once; the command
 * that ended it is known by its key, so asking again gets the first answer. Pure.
 */
import type { LaneOrderState } from '../types.ts';
import { expire } from './due.ts';
import { itemAt } from './evolve.ts';
import { findOrder, recordOf } from './record.ts';
import type { Order } from './state.ts';
import { happen, isOverdue, type SaleWork } from './work.ts';
import type { DetailsCommand, EndHold, OrderReply, ReadOrder, Refusal, Reply } from './words.ts';

/**
 * An order in `state`: the present one, or that of the first answer, which a replay is to the last
 * byte. When it was held does not change; its deadline does while it is held, by every outage since.
 */
export function orderReply(
  code: 'done' | 'replayed',
  work: SaleWork,
  order: Order,
  state: LaneOrderState,
): OrderReply {
  const { sale, clock } = work;
  const { product, price } = itemAt(sale, order.item);
  const { item, units, details } = order;
  const heldAt = order.deadline + order.outage - order.holdMs;
  const grows = code === 'done' && order.state === 'held';
  const deadline = order.deadline + (grows ? clock.outage : order.outage);
  const endedAt = state === 'held' ? 0 : order.endedAt;
  return [code, state, item, product, price, heldAt, deadline, details, units, endedAt];
}

export function decideOrder(work: SaleWork, c: EndHold | DetailsCommand | ReadOrder): Reply {
  const order = findOrder(recordOf(work.sale, c.shopper), c.key);
  if (order === undefined) return ['not_found'];
  if (c.kind === 'pay') return decidePay(work, c, order);
  if (c.kind === 'release') return decideRelease(work, c, order);
  expireIfOverdue(work, c.shopper, order);
  if (c.kind === 'details') {
    if (order.state === 'expired') return ['hold_expired'];
    if (order.state !== 'held') return ['illegal_transition', order.state];
    order.details = Math.max(order.details, c.generation);
  }
  return orderReply('done', work, order, order.state);
}

function decidePay(work: SaleWork, c: EndHold, order: Order): Reply {
  return (
    endedBefore(work, c, order) ?? endProblem(work, c, order, order.details) ?? end(work, c, order)
  );
}

function decideRelease(work: SaleWork, c: EndHold, order: Order): Reply {
  return endedBefore(work, c, order) ?? endProblem(work, c, order, 0) ?? end(work, c, order);
}

/** What is in the way of ending a hold. `details` = generation of its order's; 0 = none. */
export function endProblem(
  work: SaleWork,
  c: EndHold,
  order: Order,
  details: number,
): Refusal | null {
  expireIfOverdue(work, c.shopper, order);
  const isOver = order.state === 'expired' || order.state === 'released';
  if (c.kind === 'pay' && isOver) return ['hold_expired'];
  if (order.state !== 'held') return ['illegal_transition', order.state];
  return c.kind === 'pay' && details === 0 ? ['details_required'] : null;
}

/** Ends a hold that nothing is in the way of. */
export function end(work: SaleWork, c: EndHold, order: Order): OrderReply {
  const state = c.kind === 'pay' ? 'paid' : 'released';
  const { item, units, details } = order;
  happen(work, [state, c.key, c.shopper, c.endKey, c.endFingerprint, item, units, details]);
  return orderReply('done', work, order, state);
}

export function expireIfOverdue(work: SaleWork, shopper: string, order: Order): void {
  if (isOverdue(order, work.clock)) expire(work, shopper, order);
}

/** The first answer again, when this very command ended the hold; null = it did not. */
export function endedBefore(
  work: SaleWork,
  c: EndHold,
  order: Order,
): OrderReply | readonly ['idempotency_key_reused'] | null {
  const state = c.kind === 'pay' ? 'paid' : 'released';
  if (order.state !== state || order.endKey !== c.endKey || c.endKey === '') return null;
  if (order.endFingerprint !== c.endFingerprint) return ['idempotency_key_reused'];
  return orderReply('replayed', work, order, state);
}
