/**
 * A sale as a recovery makes it (engine/recover/): its orders as they are, and unit numbers recounted
 * from them. Pure.
 */
import type { Sale } from '../domain/lane/state.ts';
import type { LaneEvent } from '../domain/lane/words.ts';

/** Returned numbers that debits and closes took for good, by item. */
export type Gone = Set<number>[];

/** Remembers what an event took for good. */
export function takeAway(gone: Gone, event: LaneEvent): void {
  const add = (item: number, numbers: readonly number[]): void => {
    const own = (gone[item] ??= new Set());
    for (const number of numbers) own.add(number);
  };
  const [type, , ok] = event as readonly unknown[];
  if (ok !== 1) return;
  if (type === 'moved' && event[5] === 'debit') add(event[6] as number, event[11] as number[]);
  if (type !== 'closed' && type !== 'closing') return;
  for (const [item, numbers] of ((event[7] ?? []) as number[][]).entries()) add(item, numbers);
}

export function asRebuilt(sale: Sale, gone: Gone): void {
  const orders = [...sale.records.values()].flatMap((record) => record.orders);
  for (const [index, item] of sale.items.entries()) {
    const own = orders.filter((order) => order.item === index);
    const live = own.filter(({ state }) => state === 'held' || state === 'paid');
    const away = new Set([...(gone[index] ?? []), ...live.flatMap((order) => order.units)]);
    item.next = 1;
    for (const n of away) item.next = Math.max(item.next, n + 1);
    for (const { units } of own) for (const n of units) item.next = Math.max(item.next, n + 1);
    item.returned = [];
    for (let n = 1; n < item.next; n++) if (!away.has(n)) item.returned.push(n);
  }
}
