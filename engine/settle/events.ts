/** Reads the events of an outbox entry into words. The scripts' headers say their shapes. */
import { orderIdOf } from '../domain/ids.ts';
import type { OrderEvent } from '../domain/fold.ts';
import type { SaleId } from '../domain/types.ts';
import type { Entry } from '../lanes/codec.ts';

/** An outcome of a lane command, or a latch of a sale (number 0). */
export interface SaleEvent {
  readonly type: string;
  readonly sale: SaleId;
  readonly number: number;
  readonly ok: boolean;
  readonly reason: string;
  /** What follows number, outcome and reason. */
  readonly rest: readonly unknown[];
  readonly at: number;
  /** Of the event in its entry. */
  readonly index: number;
}

const orderTypes = new Set<unknown>(['held', 'paid', 'released', 'expired']);

function orderEvent(e: readonly unknown[], sale: SaleId, entry: Entry, index: number): OrderEvent {
  const base = {
    sale,
    order: orderIdOf(sale, e[1] as string),
    shopper: e[2] as string,
    at: entry.at,
    position: `${entry.epoch}-${entry.seq}`,
    index,
  };
  if (e[0] === 'held') {
    const [, , , item, price, expiresAt, fingerprint, units] = e as [
      string,
      string,
      string,
      number,
      number,
      number,
      number,
      number[],
    ];
    return {
      ...base,
      type: 'held',
      item,
      price,
      expiresAt,
      deadline: expiresAt - entry.outage,
      fingerprint,
      units,
      endKey: '',
      endFingerprint: 0,
    };
  }
  const [type, , , endKey, endFingerprint, item, units] = e as [
    'paid' | 'released' | 'expired',
    string,
    string,
    string,
    number,
    number,
    number[],
  ];
  return {
    ...base,
    type,
    item,
    units,
    endKey,
    endFingerprint,
    price: 0,
    expiresAt: 0,
    deadline: 0,
    fingerprint: 0,
  };
}

/** Splits an entry into what moves orders and what moves sales. */
export function readEvents(entry: Entry): { orders: OrderEvent[]; sales: SaleEvent[] } {
  const orders: OrderEvent[] = [];
  const sales: SaleEvent[] = [];
  let index = 0;
  for (const [sale, events] of entry.groups) {
    for (const e of events) {
      if (orderTypes.has(e[0])) {
        orders.push(orderEvent(e, sale, entry, index));
      } else {
        sales.push({
          type: String(e[0]),
          sale,
          number: Number(e[1]),
          ok: e[2] !== 0,
          reason: typeof e[3] === 'string' ? e[3] : '',
          rest: e.slice(4),
          at: entry.at,
          index,
        });
      }
      index += 1;
    }
  }
  return { orders, sales };
}
