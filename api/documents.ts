/** Orders and sales as JSON: from what the engine tells to what the contract says. Pure. */
import type {
  InDoubt,
  LaneItemCounts,
  LaneOrder,
  LaneSale,
  LineFigures,
  Millis,
  OrderDocument,
  SaleItemTerms,
  SaleTerms,
} from '../engine/index.ts';
import { timeText, timeTextOrNull } from './clock-text.ts';
import { refusedAsTold } from './refusals.ts';
import { isOver, nextOrderStates, nextSaleStates, stateOf } from './states.ts';
import type { ShownSaleState } from './states.ts';
import { lineJson } from './ticket-json.ts';

interface Money {
  readonly amount: number;
  readonly currency: string;
}

const moneyOf = (amount: number, currency: string): Money => ({ amount, currency });

/** The order as its owner sees it. */
export function orderJson(order: OrderDocument, currency: string): Record<string, unknown> {
  return {
    id: order.id,
    sale_id: order.sale,
    state: order.state,
    payment: order.payment,
    parcel: order.parcel,
    lines: order.lines.map(({ product, sale, units, price }) => ({
      product_id: product,
      sale_id: sale,
      units,
      price: moneyOf(price, currency),
    })),
    units: order.lines.flatMap(({ units }) => units),
    amount: moneyOf(order.amount, currency),
    held_at: timeText(order.heldAt),
    hold_expires_at: timeText(order.holdExpiresAt),
    timeline: order.timeline.map(({ at, type }) => ({ at: timeText(at), type })),
    next_states: nextOrderStates(order.state),
    email: order.details?.email ?? null,
    address: order.details?.address ?? null,
  };
}

/**
 * An order as told by its lane alone: what waits for no other store. Without e-mail and address,
 * which only Postgres has. `endedAt` = null while it is held.
 */
export function laneOrderJson(
  order: Omit<LaneOrder, 'item' | 'shopper' | 'details' | 'endedAt'>,
  endedAt: Millis | null,
  now: Millis,
  currency: string,
): Record<string, unknown> {
  const { id, sale, state } = order;
  const held = { at: timeText(order.heldAt), type: 'held' };
  return {
    id,
    sale_id: sale,
    state,
    payment: state === 'paid' ? 'paid' : 'none',
    parcel: 'none',
    ...laneLinesJson(order, currency),
    held_at: held.at,
    hold_expires_at: timeText(order.holdExpiresAt),
    timeline: endedAt === null ? [held] : [held, { at: timeText(endedAt), type: state }],
    next_states: nextOrderStates(state),
    server_time: timeText(now),
  };
}

type LaneLines = Pick<LaneOrder, 'sale' | 'product' | 'units' | 'price' | 'parts'>;

/** Lines, units and amount of an order and its parts. */
export function laneLinesJson(order: LaneLines, currency: string) {
  const lines = [order, ...(order.parts ?? [])];
  return {
    lines: lines.map(({ product, sale, units, price }) => ({
      product_id: product,
      sale_id: sale,
      units,
      price: moneyOf(price, currency),
    })),
    units: lines.flatMap(({ units }) => units),
    amount: moneyOf(
      lines.reduce((sum, { price, units }) => sum + price * units.length, 0),
      currency,
    ),
  };
}

/** The order right after the command that ended its hold at `endedAt`. */
export const endedOrderJson = (
  order: LaneOrder,
  endedAt: Millis,
  currency: string,
): Record<string, unknown> => laneOrderJson(order, endedAt, endedAt, currency);

const offeredBy = ({ offered, allotted }: SaleItemTerms): number => offered ?? allotted;

/** Sold out = nothing is free; once a sale is over, that nothing was returned unsold. */
function isSoldOut(state: ShownSaleState, terms: SaleTerms, lane: LaneSale): boolean {
  if (state === 'scheduled' || state === 'cancelled') return false;
  if (!isOver(state)) return lane.items.every(({ available }) => available === 0);
  return terms.items.every((item) => {
    const counted = lane.items.find(({ product }) => product === item.product);
    return counted !== undefined && counted.held + counted.sold >= offeredBy(item);
  });
}

/** Down to a hundredth, so that 1 is said of the last unit only. */
function shareOf(claimed: number, allotted: number): number {
  return allotted === 0 ? 0 : Math.floor((Math.min(claimed, allotted) * 100) / allotted) / 100;
}

const discountOf = ({ price, listPrice }: SaleItemTerms): number =>
  listPrice <= price ? 0 : Math.round((1 - price / listPrice) * 100);

/** Closed sales give unsold units back, so what they once offered stands in their terms. */
function allottedOf(terms: SaleItemTerms, counted: LaneItemCounts | undefined, over: boolean) {
  if (counted === undefined || over) return Math.max(offeredBy(terms), counted?.allotted ?? 0);
  return counted.allotted === 0 ? offeredBy(terms) : counted.allotted;
}

/** A sale as anybody sees it. `lane` is null while the lane cannot say, or no longer keeps it. */
export function saleJson(
  terms: SaleTerms,
  lane: LaneSale | null,
  now: Millis,
  currency: string,
): Record<string, unknown> {
  const state = stateOf(terms, lane, now);
  const over = isOver(state);
  const soldOut = lane === null ? null : isSoldOut(state, terms, lane);
  let claimed = 0;
  let offered = 0;
  const items = terms.items.map((item) => {
    const counted = lane?.items.find(({ product }) => product === item.product);
    const allotted = allottedOf(item, counted, over);
    const taken = counted === undefined ? 0 : counted.held + counted.sold;
    claimed += taken;
    offered += allotted;
    return {
      product_id: item.product,
      allotted,
      price: moneyOf(item.price, currency),
      list_price: moneyOf(item.listPrice, currency),
      discount_percent: discountOf(item),
      claimed_share: counted === undefined ? null : shareOf(taken, allotted),
    };
  });
  return {
    id: terms.id,
    kind: terms.kind,
    state,
    sold_out: soldOut,
    // Only beside `sold_out`: else every hold would be news. Units of a sale that is over go elsewhere.
    may_return: lane === null ? null : soldOut === true && !over && sumOf(lane, 'held') > 0,
    claimed_share: lane === null ? null : shareOf(claimed, offered),
    items,
    starts_at: timeText(terms.startsAt),
    ends_at: timeTextOrNull(terms.endsAt),
    limit_per_shopper: terms.limitPerShopper,
    hold_seconds: terms.holdSeconds,
    who: terms.who,
    admission: terms.admission,
    seed_commitment: terms.seedCommitment === '' ? null : terms.seedCommitment,
    created_at: timeText(terms.createdAt),
    server_time: timeText(now),
    // A standing sale goes with its product.
    next_states: terms.kind === 'standing' ? [] : nextSaleStates(state),
    schedule: scheduleOf(terms),
  };
}

/** The zone and the local time that a sale was scheduled by. */
function scheduleOf({ schedule }: SaleTerms): Record<string, unknown> | null {
  if (schedule === undefined) return null;
  const { id, localDate, localTime, timeZone } = schedule;
  return { id, local_date: localDate, local_time: localTime, time_zone: timeZone };
}

/** A sale as its vendor sees it. */
export function vendorSaleJson(
  terms: SaleTerms,
  lane: LaneSale | null,
  now: Millis,
  currency: string,
): Record<string, unknown> {
  const { notice } = terms;
  return { ...saleJson(terms, lane, now, currency), ...(notice === undefined ? {} : { notice }) };
}

type Counted = 'allotted' | 'available' | 'held' | 'sold';

const sumOf = (lane: LaneSale, what: Counted): number =>
  lane.items.reduce((sum, item) => sum + item[what], 0);

/** What a sale's vendor sees: the lane's exact counts, in all and for each item. */
export function statsJson(
  terms: SaleTerms,
  lane: LaneSale & { readonly inDoubt: InDoubt },
  now: Millis,
  currency: string,
  line: LineFigures | null = null,
): Record<string, unknown> {
  const state = stateOf(terms, lane, now);
  const offered = (counted: LaneItemCounts): number => {
    const item = terms.items.find(({ product }) => product === counted.product);
    return item === undefined ? counted.allotted : allottedOf(item, counted, isOver(state));
  };
  return {
    id: terms.id,
    state,
    offered: lane.items.reduce((sum, counted) => sum + offered(counted), 0),
    allotted: sumOf(lane, 'allotted'),
    available: sumOf(lane, 'available'),
    held: sumOf(lane, 'held'),
    sold: sumOf(lane, 'sold'),
    expired: lane.expired,
    released: lane.released,
    attempts: lane.attempts,
    refused: refusedAsTold(lane.refused),
    line: line === null ? {} : lineJson(line),
    in_doubt: { count: lane.inDoubt.count, age_ms: lane.inDoubt.ageMs },
    items: lane.items.map((counted) => ({
      product_id: counted.product,
      price: moneyOf(counted.price, currency),
      offered: offered(counted),
      allotted: counted.allotted,
      available: counted.available,
      held: counted.held,
      sold: counted.sold,
    })),
    server_time: timeText(now),
  };
}
