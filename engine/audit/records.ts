/**
 * A sale as its lane keeps it: terms, packed counters, and every order of every shopper. Read from
 * raw keys; lua/include/record.lua and sale.lua say the shapes.
 */
import { messageOf } from '../../platform/fault.ts';
import type { LineCounts, LinePlaces } from './line-scan.ts';
import { decode } from './msgpack.ts';
import type { Position } from './positions.ts';
import { listOf, Malformed, textOf, unitsOf, wholeOf } from './shapes.ts';

/** States of an order in a record, by their number; 0 = not there at the cut. */
export const recordStates = ['none', 'held', 'paid', 'released', 'expired'] as const;
export const saleStates = ['scheduled', 'live', 'paused', 'closing', 'closed'] as const;

/** States of a ticket in a record, by their number. */
export const ticketStates = ['none', 'waiting', 'admitted', 'finished', 'lapsed', 'left'] as const;

/** States in which an order's units are not free. */
export const isLive = (state: number): boolean => state === 1 || state === 2;

export interface RecordedOrder {
  readonly key: string;
  readonly shopper: string;
  readonly fingerprint: number;
  state: number;
  /** Counted from 0. */
  readonly item: number;
  /** In the hold clock, ms. */
  readonly deadline: number;
  /** Generation; 0 = none. */
  details: number;
  endKey: string;
  endFingerprint: number;
  readonly units: readonly number[];
  /** The lane's total when it was held, ms. */
  readonly outage: number;
  /** Lane time; 0 = held. */
  endedAt: number;
  /** It has a field of its own: its shopper's record was full. */
  readonly spilled: boolean;
  readonly nextOfShopper: RecordedOrder | null;
  /** The deadline index names it at its deadline. */
  due: boolean;
  /** It is a row of Postgres, or its events are still in doubt. */
  settled: boolean;
  /** Lane time, ms, as Postgres says; 0 = not there. */
  heldAt: number;
  /** Something of it was put into quarantine, now or once. */
  wasAway: boolean;
  /** The log has its `held`, and ends as this state (0 = no end). */
  logHeld: boolean;
  logEnd: number;
}

/** A shopper's latest ticket; 0 = none ever stands as no ticket at all. */
export interface RecordedTicket {
  readonly key: string;
  /** In joining order, from 0. */
  readonly index: number;
  /** 0 = none yet; in a record also one of the draw that stands with its place only. */
  number: number;
  readonly state: number;
  /** In the turn clock, ms. */
  readonly turnEnds: number;
  /** Units that an open turn may still take. */
  readonly claim: number;
  /** Keys of the shopper's earlier tickets, oldest first. */
  readonly past: readonly string[];
  /** Keys by which the shopper left this ticket and the earlier ones, oldest first. */
  readonly leaves: readonly string[];
}

export interface ItemCounts {
  readonly product: string;
  readonly price: number;
  readonly allotted: number;
  readonly next: number;
  readonly last: number;
  readonly held: number;
  readonly sold: number;
  readonly returned: number;
}

/** Fields of key `s`, unpacked. */
export interface SaleTerms {
  readonly id: string;
  readonly state: number;
  readonly start: number;
  readonly end: number;
  readonly limit: number;
  readonly holdMs: number;
  readonly who: number;
  readonly creditsWanted: number;
  readonly creditsIn: number;
  readonly frozen: string;
  readonly expired: number;
  readonly released: number;
  readonly items: readonly ItemCounts[];
  /** Null = no line. */
  readonly line: LineCounts | null;
}

export interface SaleReading {
  readonly lane: number;
  readonly tag: string;
  readonly terms: SaleTerms;
  /** The lane's head when terms and returned numbers were read. */
  readonly cut: Position;
  /** Lane time at the cut, ms. */
  readonly now: number;
  /** Members of key `n` that name an item, by item; the rest are wrong. */
  readonly returned: readonly (readonly number[])[];
  readonly strayReturned: readonly string[];
  /** Score of the first member of key `d`, and of the sale in the lane's dues; null = none. */
  readonly firstDue: number | null;
  readonly dueAt: number | null;
  readonly orders: Map<string, RecordedOrder>;
  readonly shoppers: Map<string, RecordedOrder>;
  readonly tickets: Map<string, RecordedTicket>;
  /** Read after the cut; null = no line. */
  places: LinePlaces | null;
  /** Heads of shoppers whose orders spilled: units owned and orders spilled, as they say. */
  readonly spilling: Map<string, { readonly owned: number; readonly spilled: number }>;
  /** Records whose own counts are wrong, and what cannot be read at all. */
  readonly wrongHeads: { readonly shopper: string; readonly says: string }[];
  readonly malformed: { readonly id: string; readonly says: string }[];
}

const headFields = 5;
/** And one more, where it was held for less than its sale's own time. */
const orderFields = 11;
/** And one more, where its shopper has left with a key. */
const ticketFields = 7;

/** Adds one field of key `r` to a sale: a shopper's record, or `shopper|key`, a spilled order. */
export function addRecord(sale: SaleReading, field: string, bytes: Buffer): void {
  try {
    readRecord(sale, field, bytes);
  } catch (error) {
    sale.malformed.push({ id: `${sale.terms.id} ${field}`, says: messageOf(error) });
  }
}

function readRecord(sale: SaleReading, field: string, bytes: Buffer): void {
  const value = listOf(decode(bytes), `record ${field}`);
  const cut = field.lastIndexOf('|');
  if (cut >= 0) {
    addOrder(sale, field.slice(0, cut), value, true);
    return;
  }
  const owned = wholeOf(value[2], `units owned of ${field}`);
  const spilled = wholeOf(value[3], `orders spilled of ${field}`);
  addTicket(sale, field, value[4]);
  let live = 0;
  for (const raw of value.slice(headFields)) {
    const order = addOrder(sale, field, listOf(raw, `order of ${field}`), false);
    if (isLive(order.state)) live += order.units.length;
  }
  if (spilled > 0) sale.spilling.set(field, { owned, spilled });
  else if (owned !== live) {
    sale.wrongHeads.push({ shopper: field, says: `says it owns ${owned} units, has ${live}` });
  }
}

function addTicket(sale: SaleReading, shopper: string, raw: unknown): void {
  if (raw === 0) return;
  const value = listOf(raw, `ticket of ${shopper}`, ticketFields);
  const number = (at: number, what: string): number => wholeOf(value[at], `${what} of ${shopper}`);
  const keys = (list: unknown, what: string): string[] =>
    listOf(list, `${what} of ${shopper}`).map((key) => textOf(key, what));
  const state = number(3, 'ticket state');
  if (state < 1 || state >= ticketStates.length) {
    throw new Malformed(`ticket of ${shopper}: state ${state}`);
  }
  sale.tickets.set(shopper, {
    key: textOf(value[0], 'ticket key'),
    index: number(1, 'index'),
    number: number(2, 'number'),
    state,
    turnEnds: number(4, 'end of the turn'),
    claim: number(5, 'claim'),
    past: keys(value[6], 'earlier tickets'),
    leaves: keys(value[7] ?? [], 'leaves'),
  });
}

function addOrder(
  sale: SaleReading,
  shopper: string,
  value: readonly unknown[],
  spilled: boolean,
): RecordedOrder {
  if (value.length !== orderFields && value.length !== orderFields + 1) {
    throw new Malformed(`an order of ${shopper} is malformed`);
  }
  const key = textOf(value[0], 'key');
  const state = wholeOf(value[2], 'state');
  if (state < 1 || state >= recordStates.length) {
    throw new Malformed(`order ${key}: state ${state}`);
  }
  const known = sale.orders.get(key);
  if (known?.shopper === shopper) {
    // A scan may give a field twice; the later reading is as good as the first.
    known.state = state;
    known.details = wholeOf(value[5], 'details');
    known.endKey = textOf(value[6], 'end key');
    known.endFingerprint = wholeOf(value[7], 'end fingerprint');
    known.endedAt = wholeOf(value[10], 'ended at');
    return known;
  }
  const order: RecordedOrder = {
    key,
    shopper,
    fingerprint: wholeOf(value[1], 'fingerprint'),
    state,
    item: wholeOf(value[3], 'item') - 1,
    deadline: wholeOf(value[4], 'deadline'),
    details: wholeOf(value[5], 'details'),
    endKey: textOf(value[6], 'end key'),
    endFingerprint: wholeOf(value[7], 'end fingerprint'),
    units: unitsOf(value[8], 'units'),
    outage: wholeOf(value[9], 'outage'),
    endedAt: wholeOf(value[10], 'ended at'),
    spilled,
    nextOfShopper: sale.shoppers.get(shopper) ?? null,
    due: false,
    settled: false,
    heldAt: 0,
    wasAway: false,
    logHeld: false,
    logEnd: 0,
  };
  // One key in two records is told apart, so that its units are found to be live twice.
  sale.orders.set(known === undefined ? key : `${key} of ${shopper}`, order);
  sale.shoppers.set(shopper, order);
  return order;
}

/** Orders of a shopper, latest read first. */
export function* ordersOf(sale: SaleReading, shopper: string): Generator<RecordedOrder> {
  for (let o = sale.shoppers.get(shopper) ?? null; o !== null; o = o.nextOfShopper) yield o;
}
