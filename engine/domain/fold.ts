/**
 * Folds the order events of a settlement: per order its last state, what it must clear and what it
 * must claim. "Last event per unit" would lose an end, "all ends, then all
 * claims" would leave a dead claim: so units are cleared where an order ended that had them, and
 * claimed only for orders whose last state owns them. Pure.
 */
import type { OrderId, SaleId, ShopperId } from './types.ts';

export interface OrderEvent {
  readonly type: 'held' | 'paid' | 'released' | 'expired';
  readonly sale: SaleId;
  readonly order: OrderId;
  readonly shopper: ShopperId;
  readonly item: number;
  readonly units: readonly number[];
  /** Lane time, ms. */
  readonly at: number;
  /** Of `held`. */
  readonly price: number;
  readonly expiresAt: number;
  /** In the hold clock, ms. */
  readonly deadline: number;
  readonly fingerprint: number;
  /** Of an end. */
  readonly endKey: string;
  readonly endFingerprint: number;
  /** Generation of its details; 0 = none. */
  readonly details: number;
  /** Where it stands in the log (`epoch-sequence`, index in the entry), for quarantine. */
  readonly position: string;
  readonly index: number;
}

export interface FoldedOrder {
  /** The event that made the order, if it is in this settlement. */
  readonly held: OrderEvent | null;
  /** The event that ended its hold, if it is in this settlement. */
  readonly end: OrderEvent | null;
  /** In the order they came. */
  readonly events: readonly OrderEvent[];
}

interface Folding {
  held: OrderEvent | null;
  end: OrderEvent | null;
  events: OrderEvent[];
}

/** Orders in the order of their first event. A second hold or end of one order is `illegal`. */
export function foldOrders(events: readonly OrderEvent[]): {
  orders: FoldedOrder[];
  illegal: OrderEvent[];
} {
  const orders = new Map<OrderId, Folding>();
  const illegal: OrderEvent[] = [];
  for (const event of events) {
    let folding = orders.get(event.order);
    if (folding === undefined) {
      folding = { held: null, end: null, events: [] };
      orders.set(event.order, folding);
    }
    if (event.type === 'held') {
      if (folding.events.length > 0) {
        illegal.push(event);
        continue;
      }
      folding.held = event;
    } else {
      if (folding.end !== null) {
        illegal.push(event);
        continue;
      }
      folding.end = event;
    }
    folding.events.push(event);
  }
  return { orders: [...orders.values()], illegal };
}

/** True when the order's last state owns its units. */
export const owns = (order: FoldedOrder): boolean =>
  order.end === null || order.end.type === 'paid';
