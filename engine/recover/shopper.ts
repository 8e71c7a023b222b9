/**
 * A shopper's orders in a sale as Postgres has them, made into the fields of the lane's records
 * (lua/include/record.lua): the same orders, limits and cool-down as before the lane was lost.
 */
import { headMax, letGo, owned } from '../domain/lane/record.ts';
import type { Order, ShopperRecord, Ticket } from '../domain/lane/state.ts';
import type { LaneOrderState, Millis } from '../domain/types.ts';
import { pack } from '../lanes/codec.ts';
import { orderStates, ticketStates } from '../lanes/codes.ts';

/** An order as `sale.orders` and `sale.order_details` have it. */
export interface OrderRow {
  readonly shopper: string;
  readonly key: string;
  readonly state: string;
  /** Counted from 0. */
  readonly item: number;
  readonly units: readonly number[];
  /** Lane time. */
  readonly held_at: Millis;
  /** In the hold clock. */
  readonly deadline: Millis;
  /** The lane's total when it was held, ms. */
  readonly outage: number;
  /** Lane time; null = held. */
  readonly ended_at: Millis | null;
  readonly fingerprint: number;
  readonly end_key: string;
  readonly end_fingerprint: number;
  /** Of a held one the latest that is stored. */
  readonly details: number;
  /** In a state that no lane knows, it still has its units. */
  readonly keeps: boolean;
  /** Made by the resolution of a quarantine: no lane that there is has held it. */
  readonly voided: boolean;
}

const laneStates: readonly string[] = orderStates;

/** What came after its hold is Postgres's: while it has its units, the lane's record says paid. */
function stateOf({ state, keeps }: OrderRow): LaneOrderState {
  if (laneStates.includes(state)) return state as LaneOrderState;
  return keeps ? 'paid' : 'released';
}

/** A shopper's record, from its orders in the order in which they were held, and its ticket. */
export function recordOf(rows: readonly OrderRow[], ticket: Ticket | null): ShopperRecord {
  const record: ShopperRecord = {
    letGo: 0,
    coolUntil: 0,
    ticket,
    orders: rows.map(orderOf),
  };
  const ends = rows
    .filter(({ state, voided }) => !voided && (state === 'released' || state === 'expired'))
    .map((row) => row.ended_at ?? 0);
  for (const at of ends.sort((a, b) => a - b)) letGo(record, at);
  return record;
}

const orderOf = (row: OrderRow): Order => ({
  key: row.key,
  fingerprint: row.fingerprint,
  item: row.item,
  units: row.units,
  deadline: row.deadline,
  holdMs: row.deadline + row.outage - row.held_at,
  outage: row.outage,
  state: stateOf(row),
  details: row.details,
  endKey: row.end_key,
  endFingerprint: row.end_fingerprint,
  endedAt: row.ended_at ?? 0,
});

/** The fields of a record: the shopper's own, then one for each order beyond the first ones. */
export function fieldsOf(
  shopper: string,
  record: ShopperRecord,
  holdMs: number,
): (string | Buffer)[] {
  const { orders } = record;
  const packed = (order: Order): readonly unknown[] => packedOrder(order, holdMs);
  const head = orders.slice(0, headMax).map(packed);
  const apart = orders.slice(headMax);
  const { letGo: times, coolUntil, ticket } = record;
  const place = ticket === null ? 0 : packedTicket(ticket);
  const whole = [times, coolUntil, owned(record), apart.length, place, ...head];
  const fields: (string | Buffer)[] = [shopper, pack(whole)];
  for (const order of apart) fields.push(`${shopper}|${order.key}`, pack(packed(order)));
  return fields;
}

/** As lua/include/ticket.lua reads it. */
const packedTicket = (ticket: Ticket): readonly unknown[] => [
  ticket.key,
  ticket.index,
  ticket.number,
  ticketStates.indexOf(ticket.state) + 1,
  ticket.turnEnds,
  ticket.claim,
  ticket.past,
  ...(ticket.leaves.length === 0 ? [] : [ticket.leaves]),
];

/** As lua/include/record.lua reads it. `holdMs` = the sale's own, which is not said again. */
const packedOrder = (order: Order, holdMs: number): readonly unknown[] => [
  order.key,
  order.fingerprint,
  orderStates.indexOf(order.state) + 1,
  order.item + 1,
  order.deadline,
  order.details,
  order.endKey,
  order.endFingerprint,
  order.units,
  order.outage,
  order.endedAt,
  ...(order.holdMs === holdMs ? [] : [order.holdMs]),
];
