/** A shopper's record in a sale: finding an order, counting units, and the cool-down. Pure. */
import type { Millis, ShopperId } from '../types.ts';
import type { Order, Sale, ShopperRecord } from './state.ts';

/**
 * So many orders are read and written with their shopper's record; each later one stands for
 * itself, because a shopper with a thousand orders must not cost every batch a thousand.
 */
export const headMax = 8;

/** Holds let go without a wait: those who keep stock out of others' hands wait from the third. */
const freeLetGoMax = 2;
const coolDownMs = 15_000;
const coolDownMaxMs = 600_000;

/** The record, or an empty one that is not stored until its first hold. */
export const recordOf = (sale: Sale, shopper: ShopperId): ShopperRecord =>
  sale.records.get(shopper) ?? { letGo: 0, coolUntil: 0, ticket: null, orders: [] };

export const findOrder = (record: ShopperRecord, key: string): Order | undefined =>
  record.orders.find((order) => order.key === key);

/** Units that count against the limit: held and sold, over all of the shopper's orders. */
export function owned(record: ShopperRecord): number {
  let units = 0;
  for (const order of record.orders) {
    if (order.state === 'held' || order.state === 'paid') units += order.units.length;
  }
  return units;
}

/** A hold was released or has expired: from the third on 15 s, doubling to ten minutes. */
export function letGo(record: ShopperRecord, now: Millis): void {
  record.letGo += 1;
  if (record.letGo <= freeLetGoMax) return;
  const doublings = record.letGo - freeLetGoMax - 1;
  record.coolUntil = now + Math.min(coolDownMs * 2 ** doublings, coolDownMaxMs);
}
