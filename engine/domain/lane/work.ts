/**
 * What one batch does with one sale: its clock, what has happened so far, who took holds. Events
 * take effect as they are named, so each command sees what those before it did. Pure.
 */
import type { Millis } from '../types.ts';
import { holdClock, type Clock } from './clock.ts';
import { evolve } from './evolve.ts';
import type { DueHolds, DueName, Order, Sale } from './state.ts';
import type { LaneEvent } from './words.ts';

export interface SaleWork {
  readonly sale: Sale;
  readonly clock: Clock;
  /** Lane time at which the epoch began. */
  readonly since: Millis;
  /** Decisions in doubt when the batch began, and the age of the first, ms. */
  readonly inDoubt: number;
  readonly inDoubtAgeMs: number;
  /** New holds are refused: memory, or too much in doubt. */
  readonly bounded: boolean;
  readonly events: LaneEvent[];
  /** One for each hold taken. */
  readonly newlyDue: DueName[];
  /** Holds whose deadline is earlier than their sale's own, by how long they are held. */
  readonly earlier: Map<number, DueName[]>;
  /** Members of the deadline index that this batch has begun. */
  readonly begun: Set<DueHolds>;
  /** Names of the index that it has looked at. */
  looked: number;
  /** The index has nothing overdue any more. */
  drained: boolean;
}

export function happen(work: SaleWork, event: LaneEvent): void {
  evolve(work.sale, event, work.clock);
  work.events.push(event);
}

/** Opening, the bell and the end are latches on lane time: once over, never back. */
export function latch(work: SaleWork): void {
  const { sale, clock } = work;
  const credited = sale.creditsIn >= sale.creditsWanted;
  if (sale.state === 'scheduled' && credited && clock.now >= sale.startsAt) {
    happen(work, ['opened', 0]);
    if (sale.line !== null) happen(work, ['bell', 0, sale.line.joined]);
  }
  const open = sale.state === 'live' || sale.state === 'paused';
  if (open && sale.endsAt > 0 && clock.now >= sale.endsAt) happen(work, ['closing', 0]);
}

export const isOverdue = (order: Order, clock: Clock): boolean =>
  order.state === 'held' && order.deadline <= holdClock(clock);
