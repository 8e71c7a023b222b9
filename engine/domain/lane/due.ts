/**
 * Overdue holds and the index that finds them: one member for each batch and sale, naming its
 * holds. Work is bounded by holds ended and names looked at; a member half done stays for the next. Pure.
 */
import type { ShopperId } from '../types.ts';
import { holdClock } from './clock.ts';
import { findOrder, headMax, recordOf } from './record.ts';
import type { DueHolds, DueName, Order, Sale, ShopperRecord } from './state.ts';
import { happen, isOverdue, type SaleWork } from './work.ts';

/** Ends a hold by its deadline. Its units are free again. */
export function expire(work: SaleWork, shopper: ShopperId, order: Order): void {
  const { key, item, units, details } = order;
  happen(work, ['expired', key, shopper, '', 0, item, units, details]);
}

/** Ends what is overdue among a record's first orders; answers how many. */
export function expireHead(work: SaleWork, shopper: ShopperId, record: ShopperRecord): number {
  const overdue = record.orders.slice(0, headMax).filter((order) => isOverdue(order, work.clock));
  for (const order of overdue) expire(work, shopper, order);
  return overdue.length;
}

/** How the index names a new order. */
export const dueName = (shopper: ShopperId, record: ShopperRecord, order: Order): DueName => ({
  shopper,
  key: record.orders.indexOf(order) < headMax ? '' : order.key,
});

/** Ends what is overdue under a name. */
function expireNamed(work: SaleWork, { shopper, key }: DueName): number {
  const record = recordOf(work.sale, shopper);
  if (key === '') return expireHead(work, shopper, record);
  const order = findOrder(record, key);
  if (order === undefined || !isOverdue(order, work.clock)) return 0;
  expire(work, shopper, order);
  return 1;
}

/**
 * Names that a batch looks at, at most, in one sale: holds that were paid or let go stay in the
 * index until their deadline.
 */
export const looksMax = 1024;

/**
 * Ends overdue holds, earliest first, until `most` have ended (all that a name stands for end
 * together), none is left (`work.drained`) or the batch has no looks left; answers how many.
 */
export function reap(work: SaleWork, most: number): number {
  const { sale } = work;
  let ended = 0;
  while (ended < most && work.looked < looksMax) {
    const first = sale.due[0];
    if (first === undefined || first.deadline > holdClock(work.clock)) {
      work.drained = true;
      break;
    }
    work.begun.add(first);
    const name = first.names.shift();
    if (first.names.length === 0) sale.due.shift();
    work.looked += 1;
    if (name !== undefined) ended += expireNamed(work, name);
  }
  return ended;
}

/**
 * Members for holds with an earlier deadline than their sale's count their generations from a place of
 * their own: so no two members are ever the same, whoever they name.
 */
const earlierGeneration = 2 ** 20;

/**
 * Brings the index up to date at the end of a batch: what it took, at its position; what it left
 * half done, under a new generation.
 */
export function indexDue(work: SaleWork, epoch: number, seq: number): void {
  const { sale, begun, newlyDue, clock } = work;
  for (const member of sale.due) if (begun.has(member)) member.generation += 1;
  if (newlyDue.length > 0) {
    const deadline = holdClock(clock) + sale.holdMs;
    sale.due.push({ deadline, epoch, seq, generation: 0, names: [...newlyDue] });
  }
  let nth = 0;
  for (const [holdMs, names] of work.earlier) {
    nth += 1;
    const deadline = holdClock(clock) + holdMs;
    sale.due.push({ deadline, epoch, seq, generation: nth * earlierGeneration, names: [...names] });
  }
  sortDue(sale);
}

/** By deadline; among equal ones as Redis orders the packed members: the shortest first. */
function sortDue(sale: Sale): void {
  const rank = (m: DueHolds): number[] => [m.deadline, m.names.length, m.epoch, m.seq];
  sale.due.sort((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    const at = left.findIndex((value, i) => value !== right[i]);
    return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
  });
}
