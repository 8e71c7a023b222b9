/**
 * Compares the state that the log has led to with what the lane's records and Postgres's rows say. A
 * difference here is a decision that the log does not have, or an effect that no decision had.
 */
import {
  recordStates,
  saleStates,
  type RecordedOrder,
  type SaleReading,
} from '../audit/records.ts';
import { textOfUnits, type OrderRow, type SaleRow } from '../audit/tables.ts';
import type { Order, Sale } from '../domain/lane/state.ts';
import { orderIdOf } from '../domain/ids.ts';
import type { OrderId } from '../domain/types.ts';
import type { Difference } from './judge.ts';

export type Found = Omit<Difference, 'position'>;

/** An order as the log has led to it. */
export type ModelOrder = Order & { readonly shopper: string };

/** The orders of a sale by the key under which its lane keeps them. */
export function ordersOf(sale: Sale): Map<string, ModelOrder> {
  const orders = new Map<string, ModelOrder>();
  for (const [shopper, record] of sale.records) {
    for (const order of record.orders) orders.set(order.key, { ...order, shopper });
  }
  return orders;
}

type Pair = readonly [name: string, has: string | number, wanted: string | number];

const unequal = (pairs: readonly Pair[]): string[] =>
  pairs.filter(([, a, b]) => a !== b).map(([name, a, b]) => `${name} ${a}, by the log ${b}`);

/** What a record says otherwise; '' = nothing. */
export function recordWrong(order: ModelOrder, record: RecordedOrder): string {
  return unequal([
    ['state', recordStates[record.state] ?? '?', order.state],
    ['shopper', record.shopper, order.shopper],
    ['item', record.item, order.item],
    ['units', textOfUnits(record.units), textOfUnits(order.units)],
    ['fingerprint', record.fingerprint, order.fingerprint],
    ['deadline', record.deadline, order.deadline],
    ['end key', record.endKey, order.endKey],
    ['end fingerprint', record.endFingerprint, order.endFingerprint],
    ['ended at', record.endedAt, order.endedAt],
  ]).join('; ');
}

/** States of Postgres that come after the lane's. */
const later: Readonly<Record<string, readonly string[]>> = {
  held: ['payment_pending', 'action_required', 'payment_unknown'],
  paid: ['packed', 'shipped', 'delivered', 'cancelled', 'refund_pending', 'refunded'],
  released: ['payment_failed'],
  expired: ['payment_failed'],
};

/** What a row says otherwise; '' = nothing. */
export function rowWrong(order: ModelOrder, price: number, row: OrderRow): string {
  const follows = (later[order.state] ?? []).includes(row.state);
  return unequal([
    ['state', follows ? order.state : row.state, order.state],
    ['shopper', row.shopper, order.shopper],
    ['item', row.item, order.item],
    ['units', row.units, textOfUnits(order.units)],
    ['price', row.price, price],
    ['fingerprint', row.fingerprint, order.fingerprint],
    ['deadline', row.deadline, order.deadline],
    ['end key', row.endKey, order.endKey],
    ['ended at', row.endedAt ?? 0, order.endedAt],
  ]).join('; ');
}

/** Counters, units and state of a sale in its lane. */
export function laneSaleWrong(sale: Sale, reading: SaleReading): string {
  const { terms } = reading;
  const pairs: Pair[] = [
    ['state', saleStates[terms.state] ?? '?', sale.state],
    ['credits', terms.creditsIn, sale.creditsIn],
  ];
  for (const [i, own] of sale.items.entries()) {
    const item = terms.items[i];
    if (item === undefined) continue;
    for (const name of ['allotted', 'next', 'last', 'held', 'sold'] as const) {
      pairs.push([`${name} of item ${i}`, item[name], own[name]]);
    }
    const back = textOfUnits(reading.returned[i] ?? []);
    pairs.push([`free numbers of item ${i}`, back, textOfUnits(own.returned)]);
  }
  return unequal(pairs).join('; ');
}

const creating = new Set(['creating', 'cancelled']);

/** State and allotment of a sale in Postgres. */
export function saleRowWrong(sale: Sale, row: SaleRow): string {
  const state = creating.has(row.state) ? 'scheduled' : row.state;
  const pairs: Pair[] = [['state', state, sale.state]];
  for (const [i, own] of sale.items.entries()) {
    const item = row.items[i];
    pairs.push([`allotted of item ${i}`, item?.allotted ?? 'none', own.allotted]);
    pairs.push([`last number of item ${i}`, item?.last_number ?? 'none', own.last]);
  }
  return unequal(pairs).join('; ');
}

export const foundIn = (sale: Sale, rule: string, says: string, order: OrderId | null): Found => ({
  sale: sale.id,
  order,
  rule,
  says,
});

export const idIn = (sale: Sale, key: string): OrderId => orderIdOf(sale.id, key);
