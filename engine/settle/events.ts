/** Reads the events of an outbox entry into words. The scripts' headers say their shapes. */
import { orderIdOf } from '../domain/ids.ts';
import type { OrderEvent } from '../domain/fold.ts';
import type { TicketEvent } from '../domain/line/tickets.ts';
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
const ticketTypes = new Set<unknown>(['joined', 'admitted', 'finished', 'lapsed', 'left']);

interface Place {
  readonly position: string;
  readonly index: number;
}

/** By index and in one literal: this runs for every order that is sold. */
function orderEvent(e: readonly unknown[], sale: SaleId, entry: Entry, place: Place): OrderEvent {
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

function ticketEvent(
  e: readonly unknown[],
  sale: SaleId,
  at: number,
  { position, index }: Place,
): TicketEvent {
  const type = e[0] as TicketEvent['type'];
  const isJoin = type === 'joined';
  const isLeave = type === 'left';
  const [first, second] = isLeave ? [0, 0] : [Number(e[3] ?? 0), Number(e[4] ?? 0)];
  return {
    type,
    sale,
    key: String(e[1]),
    shopper: String(e[2]),
    at,
    ticket: isJoin ? first : 0,
    number: isJoin ? second : 0,
    turnEnds: isJoin ? 0 : first,
    claim: isJoin ? 0 : second,
    leaveKey: isLeave && typeof e[3] === 'string' ? e[3] : '',
    position,
    index,
  };
}

function saleEvent(e: readonly unknown[], sale: SaleId, at: number, index: number): SaleEvent {
  const type = String(e[0]);
  // The bell has no outcome: what it says is how many had joined.
  const isBell = type === 'bell';
  return {
    type,
    sale,
    number: Number(e[1]),
    ok: isBell || e[2] !== 0,
    reason: typeof e[3] === 'string' ? e[3] : '',
    rest: e.slice(isBell ? 2 : 4),
    at,
    index,
  };
}

export interface Events {
  readonly orders: OrderEvent[];
  readonly sales: SaleEvent[];
  readonly tickets: TicketEvent[];
}

/** Splits an entry into what moves orders, what moves sales and what moves tickets. */
export function readEvents(entry: Entry): Events {
  const events: Events = { orders: [], sales: [], tickets: [] };
  const position = `${entry.epoch}-${entry.seq}`;
  let index = 0;
  for (const [sale, own] of entry.groups) {
    for (const e of own) {
      const place = { position, index };
      if (orderTypes.has(e[0])) events.orders.push(orderEvent(e, sale, entry, place));
      else if (ticketTypes.has(e[0])) events.tickets.push(ticketEvent(e, sale, entry.at, place));
      else events.sales.push(saleEvent(e, sale, entry.at, index));
      index += 1;
    }
  }
  return events;
}
