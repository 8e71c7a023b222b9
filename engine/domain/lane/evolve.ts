/**
 * What an event changes in its sale: the one place where a sale's counts, units and records move.
 * Decisions only name events; folding an outbox gives the same state again. What no event tells:
 * the details of a hold that stands, the figures (attempts, refusals) and the deadline index (`due.ts`). Pure.
 */
import { holdClock, type Clock } from './clock.ts';
import { endPause, evolveTicket, numbered, rung, takeClaim } from './evolve-line.ts';
import { findOrder, letGo, recordOf } from './record.ts';
import type { Item, Sale } from './state.ts';
import { giveBack, take } from './units.ts';
import type {
  ClosedEvent,
  CreditedEvent,
  DebitedEvent,
  EndEvent,
  HeldEvent,
  LaneEvent,
  RefusedEvent,
} from './words.ts';

export function evolve(sale: Sale, event: LaneEvent, clock: Clock): void {
  if (isRefused(event)) return;
  switch (event[0]) {
    case 'installed': // its terms are in the command: `apply.ts` makes the sale
    case 'changed': // in the command too: `terms.ts`
      return;
    case 'held':
      held(sale, event, clock);
      return;
    case 'paid':
    case 'released':
    case 'expired':
      ended(sale, event, clock);
      return;
    case 'moved':
      moved(sale, event);
      return;
    case 'joined':
    case 'admitted':
    case 'left':
    case 'lapsed':
    case 'finished':
      evolveTicket(sale, event);
      return;
    case 'bell':
      rung(sale, event[2]);
      return;
    case 'numbers':
      numbered(sale, event[4] + event[5] - 1);
      return;
    case 'opened':
    case 'resumed':
      sale.state = 'live';
      endPause(sale, clock);
      return;
    case 'paused':
      sale.state = 'paused';
      if (sale.line !== null) sale.line.pausedAt = holdClock(clock);
      return;
    case 'closing':
    case 'closed':
      sale.state = event[0];
      endPause(sale, clock);
      if (event.length === 8) closed(sale, event);
  }
}

/** A bell may tell of no tickets: its 0 is no refusal. */
const isRefused = (event: LaneEvent): event is RefusedEvent =>
  (event as readonly unknown[])[2] === 0 && event[0] !== 'bell';

export function itemAt(sale: Sale, index: number): Item {
  const it = sale.items[index];
  if (it === undefined) throw new RangeError(`sale ${sale.id} has no item ${index}`);
  return it;
}

function held(sale: Sale, event: HeldEvent, clock: Clock): void {
  const [, key, shopper, item, , expiresAt, fingerprint, units] = event;
  const it = itemAt(sale, item);
  take(it, units);
  it.held += units.length;
  const record = recordOf(sale, shopper);
  record.orders.push({
    key,
    fingerprint,
    item,
    units,
    deadline: expiresAt - clock.outage,
    holdMs: expiresAt - clock.now,
    outage: clock.outage,
    state: 'held',
    details: 0,
    endKey: '',
    endFingerprint: 0,
    endedAt: 0,
  });
  sale.records.set(shopper, record);
  takeClaim(sale, shopper, units.length);
}

function ended(sale: Sale, event: EndEvent, clock: Clock): void {
  const [type, key, shopper, endKey, endFingerprint, item, units] = event;
  const it = itemAt(sale, item);
  const record = recordOf(sale, shopper);
  const order = findOrder(record, key);
  if (order?.state !== 'held') throw new Error(`${type}: order ${key} is not held`);
  order.state = type;
  order.endKey = endKey;
  order.endFingerprint = endFingerprint;
  order.endedAt = clock.now;
  it.held -= units.length;
  if (type === 'paid') {
    it.sold += units.length;
    return;
  }
  giveBack(it, units);
  sale[type] += units.length;
  letGo(record, clock.now);
}

function moved(sale: Sale, event: CreditedEvent | DebitedEvent): void {
  const [, , , , , , item, , allotted, last] = event;
  const it = itemAt(sale, item);
  it.allotted = allotted;
  it.last = last;
  if (event[5] === 'credit') {
    sale.creditsIn += 1;
    return;
  }
  it.returned = without(it.returned, event[11]);
}

function without(numbers: readonly number[], gone: readonly number[]): number[] {
  const away = new Set(gone);
  return numbers.filter((number) => !away.has(number));
}

function closed(sale: Sale, event: ClosedEvent): void {
  const [, , , , , allotted, last, gone] = event;
  for (const [i, it] of sale.items.entries()) {
    it.allotted = allotted[i] ?? it.allotted;
    it.last = last[i] ?? it.last;
    it.returned = without(it.returned, gone[i] ?? []);
  }
}
