/** The states of orders and sales as the api shows them. What may follow in an order, the engine says. */
import { nextStates } from '../engine/index.ts';
import type { LaneSale, Millis, SaleTerms } from '../engine/index.ts';

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

const shownState = (state: SaleTerms['state']): ShownSaleState =>
  state === 'creating' ? 'scheduled' : state;

/** Whether nobody holds of it any more. */
export const isOver = (state: SaleTerms['state']): boolean =>
  state === 'closing' || state === 'closed' || state === 'cancelled';

/**
 * The lane knows best; only Postgres knows of a creation that was cancelled. To its lane a cancelled
 * sale is a closed one: no other closes before its bell, and what has settled says so after it.
 */
export function stateOf(
  terms: Pick<SaleTerms, 'state'>,
  lane: Pick<LaneSale, 'state' | 'startsAt'> | null,
  now: Millis,
): ShownSaleState {
  if (lane === null || terms.state === 'cancelled' || terms.state === 'closed') {
    return shownState(terms.state);
  }
  return isOver(lane.state) && now < lane.startsAt ? 'cancelled' : shownState(lane.state);
}

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
