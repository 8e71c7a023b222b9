/** The states of orders and sales as the api shows them. What may follow in an order, the engine says. */
import { nextStates } from '../engine/index.ts';

export const orderStates = [
  'held',
  'payment_pending',
  'action_required',
  'paid',
  'packed',
  'shipped',
  'delivered',
  'released',
  'expired',
  'payment_failed',
  'cancelled',
  'refund_pending',
  'refunded',
] as const;

/** Those that an order gets to in this version: nobody waits for a parcel that nothing can pack. */
const reached: ReadonlySet<string> = new Set(['held', 'paid', 'released', 'expired']);

/** States of an order that may follow, of those that it can get to. */
export const nextOrderStates = (state: string): readonly string[] =>
  nextStates(state).filter((next) => reached.has(next));

export type ShownSaleState = 'scheduled' | 'live' | 'paused' | 'closing' | 'closed' | 'cancelled';

const afterSale: Readonly<Record<ShownSaleState, readonly ShownSaleState[]>> = {
  scheduled: ['live', 'cancelled'],
  live: ['paused', 'closing'],
  paused: ['live', 'closing'],
  closing: ['closed'],
  closed: [],
  cancelled: [],
};

/** States that may follow; none for a state that this version does not know. */
export function nextSaleStates(state: string): readonly string[] {
  return Object.hasOwn(afterSale, state) ? afterSale[state as ShownSaleState] : [];
}
