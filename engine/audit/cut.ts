/**
 * Brings both stores to one position, the cut at which a sale's counters were read, so that a
 * running sale is judged like a resting one: records read after the cut are taken back by what the
 * log decided since, and Postgres's rows, which are older, are taken on by what is still in doubt.
 */
import type { OrderFact, SaleFact } from './entries.ts';
import type { LaneLog } from './lane-log.ts';
import { keyOf, tagOf } from './names.ts';
import { compare, type Position } from './positions.ts';
import type { SaleReading } from './records.ts';
import { listOf, wholeOf } from './shapes.ts';
import { textOfUnits, type OrderRow, type SaleRow } from './tables.ts';

/** What of these facts was decided up to the cut. */
export function upTo<T extends Position>(facts: readonly T[] | undefined, cut: Position): T[] {
  return facts?.filter((fact) => compare(fact, cut) <= 0) ?? [];
}

/** Takes back what was decided after each sale's cut. */
export function rewind(sales: ReadonlyMap<string, SaleReading>, log: LaneLog): void {
  for (const [id, facts] of log.tail) {
    const sale = sales.get(tagOf(id));
    const first = sale && facts.find((fact) => compare(fact, sale.cut) > 0);
    if (sale === undefined || first === undefined) continue;
    // The shopper's counts and the deadline index were read at another moment than the order.
    sale.spilling.delete(first.shopper);
    const order = sale.orders.get(keyOf(id));
    if (order === undefined) continue;
    order.due = true;
    order.state = first.kind === 'held' ? 0 : 1;
    order.endKey = '';
    order.endFingerprint = 0;
    order.endedAt = 0;
  }
}

/** An order as Postgres will have it at the cut. */
export type ExpectedOrder = Pick<
  OrderRow,
  | 'state'
  | 'shopper'
  | 'item'
  | 'units'
  | 'fingerprint'
  | 'deadline'
  | 'outage'
  | 'endKey'
  | 'endFingerprint'
  | 'endedAt'
  | 'details'
>;

/** Null = there is no row, and what is in doubt does not begin with a hold. */
export function expectedOrder(
  row: OrderRow | null,
  facts: readonly OrderFact[],
): ExpectedOrder | null {
  const [held] = facts;
  const begun =
    row ??
    (held?.kind === 'held'
      ? { ...held, state: held.kind, units: textOfUnits(held.units), endedAt: null }
      : null);
  const end = facts.findLast((fact) => fact.kind !== 'held');
  if (begun === null || end === undefined) return begun;
  const { kind: state, endKey, endFingerprint, at: endedAt, details } = end;
  return { ...begun, state, endKey, endFingerprint, endedAt, details };
}

export interface ExpectedItem {
  /** Units of moves in less those of moves out. */
  moved: number;
  allotted: number;
  last: number;
}

export interface ExpectedSale {
  state: string;
  credits: number;
  installed: boolean;
  /** Its terms were changed after the snapshot: Postgres does not have them yet. */
  changed: boolean;
  readonly items: ExpectedItem[];
}

/** A sale as Postgres will have it at the cut. */
export function expectedSale(row: SaleRow, facts: readonly SaleFact[]): ExpectedSale {
  const sale: ExpectedSale = {
    state: row.state,
    credits: row.credits,
    installed: row.installed,
    changed: false,
    items: row.items.map(({ moved, allotted, last_number: last }) => ({ moved, allotted, last })),
  };
  for (const fact of facts) if (fact.ok || fact.number === 0) apply(sale, fact);
  return sale;
}

function apply(sale: ExpectedSale, fact: SaleFact): void {
  switch (fact.kind) {
    case 'installed':
      sale.installed = true;
      return;
    case 'changed':
      sale.changed = true;
      return;
    case 'opened':
    case 'resumed':
      sale.state = 'live';
      return;
    case 'paused':
      sale.state = 'paused';
      return;
    case 'closing':
    case 'closed':
      if (sale.state !== 'closed') sale.state = fact.kind;
      if (fact.number > 0) applyClose(sale, fact);
      return;
    case 'moved':
      applyMove(sale, fact);
  }
}

function applyClose(sale: ExpectedSale, { rest }: SaleFact): void {
  const [units, allotted, last] = rest.map((list) => listOf(list, 'items of a close'));
  for (const [i, item] of sale.items.entries()) {
    item.moved -= wholeOf(units?.[i], 'units');
    item.allotted = wholeOf(allotted?.[i], 'allotted');
    item.last = wholeOf(last?.[i], 'last number');
  }
}

function applyMove(sale: ExpectedSale, { rest }: SaleFact): void {
  const [, direction, index, units, allotted, last] = rest;
  const item = sale.items[wholeOf(index, 'item')];
  if (item === undefined) return;
  const sign = direction === 'credit' ? 1 : -1;
  if (sign > 0) sale.credits += 1;
  item.moved += sign * wholeOf(units, 'units');
  item.allotted = wholeOf(allotted, 'allotted');
  item.last = wholeOf(last, 'last number');
}
