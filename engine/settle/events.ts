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

/** By index and in one literal: this runs for every order that is sold. */
function orderEvent(
  e: readonly unknown[],
  sale: SaleId,
  entry: Entry,
  place: { readonly position: string; readonly index: number },
): OrderEvent {
  const isHold = e[0] === 'held';
  const expiresAt = isHold ? (e[5] as number) : 0;
  return {
    type: e[0] as OrderEvent['type'],
    sale,
    order: orderIdOf(sale, e[1] as string),
    shopper: e[2] as string,
    item: (isHold ? e[3] : e[5]) as number,
    units: (isHold ? e[7] : e[6]) as number[],
    at: entry.at,
    price: isHold ? (e[4] as number) : 0,
    expiresAt,
    deadline: isHold ? expiresAt - entry.outage : 0,
    fingerprint: isHold ? (e[6] as number) : 0,
    endKey: isHold ? '' : (e[3] as string),
    endFingerprint: isHold ? 0 : (e[4] as number),
    details: isHold ? 0 : (e[7] as number),
    position: place.position,
    index: place.index,
  };
}

/** Splits an entry into what moves orders and what moves sales. */
export function readEvents(entry: Entry): { orders: OrderEvent[]; sales: SaleEvent[] } {
  const orders: OrderEvent[] = [];
  const sales: SaleEvent[] = [];
  const position = `${entry.epoch}-${entry.seq}`;
  let index = 0;
  for (const [sale, events] of entry.groups) {
    for (const e of events) {
      if (orderTypes.has(e[0])) {
        orders.push(orderEvent(e, sale, entry, { position, index }));
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
