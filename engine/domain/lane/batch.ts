/**
 * One batch of shoppers' commands, as lua/shop.lua decides it: the lane's clock moves, every
 * command is answered, and what happened becomes one entry at the next position. Pure: the lane
 * given is changed in place, the time comes in.
 */
import type { Millis, SaleId } from '../types.ts';
import type { Clock } from './clock.ts';
import { decide } from './decide.ts';
import { indexDue } from './due.ts';
import type { DueName, Lane, Sale } from './state.ts';
import { decideTogether } from './together.ts';
import type { SaleWork } from './work.ts';
import type { LaneEntry, Refusal, Reply, ShopCommand } from './words.ts';

/** When new holds are refused as `overloaded`. */
export interface Bounds {
  readonly memoryFull: boolean;
  readonly inDoubtMax: number;
  readonly inDoubtMaxAgeMs: number;
}

const noBounds: Bounds = { memoryFull: false, inDoubtMax: Infinity, inDoubtMaxAgeMs: Infinity };

export interface BatchResult {
  readonly now: Millis;
  readonly replies: readonly Reply[];
  /** null = nothing happened, and no position was taken. */
  readonly entry: LaneEntry | null;
}

/** Decides a batch at `time`, the server's clock, of which the lane makes lane time. */
export function runBatch(
  lane: Lane,
  commands: readonly ShopCommand[],
  time: Millis,
  bounds: Bounds = noBounds,
): BatchResult {
  const begin = startBatch(lane, time, bounds);
  const works = new Map<SaleId, SaleWork>();
  const workOf = (id: SaleId): SaleWork | Refusal => {
    const sale = lane.sales.get(id);
    if (sale === undefined) return ['not_found'];
    if (sale.frozen !== '') return ['sale_frozen'];
    const work = works.get(sale.id) ?? begin.work(sale);
    works.set(sale.id, work);
    return work;
  };
  const replies = commands.map((command): Reply => {
    if (command.kind === 'together') return decideTogether(workOf, command);
    const work = workOf(command.sale);
    return 'sale' in work ? decide(work, command) : work;
  });
  return { now: begin.clock.now, replies, entry: endBatch(lane, [...works.values()], begin.clock) };
}

export interface Begun {
  readonly clock: Clock;
  /** A sale's part of the batch. */
  work(sale: Sale): SaleWork;
}

export function startBatch(lane: Lane, time: Millis, bounds: Bounds = noBounds): Begun {
  const clock = { now: Math.max(time, lane.lastTime), outage: lane.outage };
  const inDoubt = lane.decided - lane.settled;
  const inDoubtAgeMs = inDoubt > 0 ? clock.now - lane.doubtSince : 0;
  const bounded =
    bounds.memoryFull ||
    inDoubt >= bounds.inDoubtMax ||
    (inDoubt > 0 && inDoubtAgeMs >= bounds.inDoubtMaxAgeMs);
  return {
    clock,
    work: (sale) => ({
      sale,
      clock,
      since: lane.since,
      inDoubt,
      inDoubtAgeMs,
      bounded,
      events: [],
      newlyDue: [],
      earlier: new Map<number, DueName[]>(),
      begun: new Set(),
      looked: 0,
      drained: false,
    }),
  };
}

/** Makes one entry of what happened, at the lane's next position. */
export function endBatch(lane: Lane, works: readonly SaleWork[], clock: Clock): LaneEntry | null {
  const groups = works
    .filter((work) => work.events.length > 0)
    .map((work) => [work.sale.id, work.events] as const);
  const count = groups.reduce((sum, [, events]) => sum + events.length, 0);
  if (count > 0) {
    if (lane.decided <= lane.settled) lane.doubtSince = clock.now;
    lane.seq += 1;
    lane.decided += count;
  }
  // The scripts spare themselves a write for a batch that has none: the next one stores it.
  lane.lastTime = clock.now;
  for (const work of works) indexDue(work, lane.epoch, lane.seq);
  if (count === 0) return null;
  const { epoch, seq } = lane;
  const isFirst = seq === 0 && epoch > 1;
  const before = isFirst ? ([epoch - 1, lane.ends.get(epoch - 1) ?? -1] as const) : null;
  return { epoch, seq, at: clock.now, before, count, groups, outage: clock.outage };
}
