/**
 * What a waiting ticket is told beside its number: how long, as a range or not at all, and how likely
 * it is that a unit is left for it. Honest rather than precise: beyond what the free units cover, or
 * while nothing moves, there is no range. How good both are is measured against seeded sales
 * (test/unit/domain/line/estimate.test.ts). Pure.
 */
import type { Millis } from '../types.ts';
import { fullRate, type SetRate } from './pace.ts';

/** A sale's line at a moment. Counts of the whole sale, over its items. */
export interface LineLook {
  /** Lane time. */
  readonly at: Millis;
  /** Turns are given now; false = the sale is paused. */
  readonly moving: boolean;
  /** Turns begun since the bell. */
  readonly admissions: number;
  /** Turns that have not ended. */
  readonly open: number;
  /** Units that open turns may still take. */
  readonly claims: number;
  readonly available: number;
  readonly held: number;
  readonly sold: number;
  /** Units whose hold ended unpaid, since the bell. */
  readonly returned: number;
  readonly limit: number;
  readonly turnMs: Millis;
  readonly holdMs: Millis;
  readonly factorPercent: number;
  readonly ratePerSecond: SetRate;
  /** When the sale ends; null = never. */
  readonly endsAt: Millis | null;
}

/** What was seen of a line: the last seconds closely, a turn's and a hold's length coarsely. */
export interface LineMemory {
  /** Oldest first. */
  readonly recent: readonly LineLook[];
  readonly long: readonly LineLook[];
}

export const noMemory: LineMemory = { recent: [], long: [] };

const recentEveryMs = 1000;
const recentMs = 15_000;
/** So many looks over the longer of a turn and a hold. */
const longLooks = 32;

function kept(looks: readonly LineLook[], look: LineLook, backMs: number, everyMs: number) {
  const last = looks.at(-1);
  if (last === undefined) return [look];
  if (look.at - last.at < everyMs) return looks;
  // One look that is older than asked for stays: the time asked for lies between it and the next.
  const from = looks.findLastIndex(({ at }) => look.at - at >= backMs);
  return [...looks.slice(Math.max(0, from)), look];
}

/**
 * The memory with a new look; at most some fifty of them. A clock that jumps back, or a line that
 * begins anew, forgets all.
 */
export function remember(memory: LineMemory, look: LineLook): LineMemory {
  const last = memory.recent.at(-1);
  if (last !== undefined && (look.at < last.at || look.admissions < last.admissions)) {
    return { recent: [look], long: [look] };
  }
  const longMs = Math.max(look.turnMs, look.holdMs);
  return {
    recent: kept(memory.recent, look, recentMs, recentEveryMs),
    long: kept(memory.long, look, longMs, longMs / longLooks),
  };
}

/** A count as it was then, between the two looks around that time; 0 before the first. */
function then(looks: readonly LineLook[], at: Millis, count: (look: LineLook) => number): number {
  const after = looks.findIndex((look) => look.at > at);
  if (after === 0 || looks.length === 0) return 0;
  const before = looks.at(after - 1);
  if (before === undefined) return 0;
  const next = after < 0 ? before : (looks[after] ?? before);
  const share = next.at === before.at ? 0 : (at - before.at) / (next.at - before.at);
  return count(before) + (count(next) - count(before)) * Math.min(1, share);
}

/** Tickets that could be admitted now without anything coming free. */
export function roomOf({ available, claims, limit, factorPercent }: LineLook): number {
  return Math.max(0, Math.floor(((available * factorPercent) / 100 - claims) / limit));
}

/** Below this distance two looks say nothing about the speed. */
const apartMs = 3000;

/** Tickets per second in the last seconds; null = seen for too short a time. */
function speedOf(look: LineLook, { recent }: LineMemory): number | null {
  const first = recent.find(({ at }) => look.at - at <= recentMs);
  if (first === undefined || look.at - first.at < apartMs) return null;
  return ((look.admissions - first.admissions) * 1000) / (look.at - first.at);
}

/** A rate that was cut rises by this share of the full one in a second: see pace.ts. */
const risePerSecond = 0.05;

/** Seconds until `tickets` are through when the rate rises from `rate` to `full`. */
function risingSeconds(tickets: number, rate: number, full: number): number {
  const rise = full * risePerSecond;
  const untilFull = Math.max(0, (full - rate) / rise);
  const meanwhile = untilFull * rate + (rise * untilFull * untilFull) / 2;
  if (tickets >= meanwhile) return untilFull + (tickets - meanwhile) / full;
  return (Math.sqrt(rate * rate + 2 * rise * tickets) - rate) / rise;
}

const widthMax = 3;

function rangeOf(low: number, high: number): readonly [number, number] {
  const lo = Math.max(0, Math.floor(low));
  return [lo, Math.max(lo + 1, Math.ceil(Math.min(high, Math.max(low, 1) * widthMax)))];
}

/**
 * Seconds until a ticket with `ahead` waiting tickets below it is admitted: at least, at most. Null =
 * unknown.
 */
export function etaSeconds(
  ahead: number,
  look: LineLook,
  memory: LineMemory,
): readonly [number, number] | null {
  if (!look.moving) return null;
  const full = fullRate(look.ratePerSecond);
  const speed = speedOf(look, memory);
  const tickets = ahead + 1;
  if (ahead < roomOf(look)) {
    const now = Math.min(full, Math.max(speed ?? full, full / 100));
    const low = risingSeconds(tickets, now, full);
    return rangeOf(low * 0.9, Math.max((tickets / now) * 1.25, low * 1.8) + 1);
  }
  const soonest = risingSeconds(tickets, speed ?? full, full);
  const range = freedWithin(tickets - roomOf(look), look, memory);
  return range && rangeOf(Math.max(range[0], soonest * 0.9), Math.max(range[1], soonest * 1.8) + 1);
}

/** Looked ahead in so many steps, over the length of one turn: what begins later is not known yet. */
const aheadSteps = 64;
/** Standard deviations that the range leaves on either side. */
const doubt = 1.5;

/**
 * Seconds within which room for so many more tickets comes free: by turns that lapse a turn's length
 * after they began, and by holds that end a hold's length after they were taken.
 */
function freedWithin(
  tickets: number,
  look: LineLook,
  memory: LineMemory,
): readonly [number, number] | null {
  const { at, turnMs, holdMs, limit } = look;
  const take = takesOf(look, memory);
  const back = returnsOf(look, memory);
  const begunOld = then(memory.long, at - turnMs, ({ admissions }) => admissions);
  const takenOld = then(memory.long, at - holdMs, takenOf);
  let low: number | null = null;
  for (let step = 1; step <= aheadSteps; step++) {
    const ms = (turnMs * step) / aheadSteps;
    const begun = then(memory.long, at + ms - turnMs, ({ admissions }) => admissions) - begunOld;
    const taken = (then(memory.long, at + ms - holdMs, takenOf) - takenOld) / limit;
    const freed = begun * (1 - take.mean) + taken * back.mean;
    const spread =
      doubt * Math.sqrt(freed + begun ** 2 * take.variance + taken ** 2 * back.variance);
    if (low === null && freed + spread >= tickets) low = (ms - turnMs / aheadSteps) / 1000;
    if (low !== null && freed - spread >= tickets) return [low, ms / 1000];
  }
  return null;
}

/** What is believed before anything was seen, as seen turns and units: two in three take, one in seven returns. */
const takes = { yes: 1.8, no: 1 } as const;
const returns = { yes: 1, no: 6.5 } as const;

interface Share {
  readonly mean: number;
  readonly variance: number;
}

/** Mean and variance of a share of which so many were seen (a beta distribution). */
function shareOf(yes: number, no: number): Share {
  const n = yes + no;
  const mean = yes / n;
  return { mean, variance: (mean * (1 - mean)) / (n + 1) };
}

/** Distribution function of the standard normal (Abramowitz and Stegun 26.2.17, 7.5e-8). */
function normal(x: number): number {
  const t = 1 / (1 + 0.231_641_9 * Math.abs(x));
  const series =
    t *
    (0.319_381_53 +
      t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return x >= 0 ? 1 - tail : tail;
}

const takenOf = ({ held, sold, returned }: LineLook): number => held + sold + returned;

/**
 * What open turns will take, in turns' worth of units, and the share of turns that take. A turn that
 * takes ends early and one that lapses late, so only those are judged that began a turn's length ago.
 */
function takesOf(look: LineLook, { long }: LineMemory): Share & { readonly open: number } {
  const old = then(long, look.at - look.turnMs, ({ admissions }) => admissions);
  const took = takenOf(look) / look.limit;
  const lapsed = Math.min(old, Math.max(0, look.admissions - look.open - took));
  const share = shareOf(takes.yes + old - lapsed, takes.no + lapsed);
  const young = look.admissions - old;
  const still = share.mean * young - Math.max(0, took - (old - lapsed));
  return { ...share, open: Math.min(look.open, Math.max(0, still)) };
}

/** Units that will come back of those held, and the share of taken units that does. */
function returnsOf(look: LineLook, { long }: LineMemory): Share & { readonly held: number } {
  const old = then(long, look.at - look.holdMs, takenOf);
  const { limit, returned } = look;
  const back = Math.min(old, returned);
  const share = shareOf(returns.yes + back / limit, returns.no + (old - back) / limit);
  const held = share.mean * (takenOf(look) - old) - Math.max(0, returned - back);
  return { ...share, held: Math.min(look.held, Math.max(0, held)) };
}

/**
 * How likely it is that a ticket with `ahead` waiting tickets below it comes to a turn with a unit
 * left, from 0 to 1: what open turns and those ahead will take, by what turns took until now, against
 * what is free and what held units will come back.
 */
export function chance(ahead: number, look: LineLook, memory: LineMemory): number {
  const { available, held, limit, open } = look;
  if (available + held === 0) return 0;
  const late = inTime(ahead, look);
  if ((Math.max(open, look.claims / limit) + ahead + 1) * limit <= available) return late;
  const take = takesOf(look, memory);
  const back = returnsOf(look, memory);
  const keep = take.mean * (1 - back.mean);
  const turns = take.open / take.mean + ahead;
  const left = available + back.held - turns * limit * keep;
  const variance =
    turns * limit * limit * keep * (1 - keep) +
    back.held * limit +
    (turns * limit * (1 - back.mean)) ** 2 * take.variance +
    (held + turns * limit * take.mean) ** 2 * back.variance;
  const units = normal((left - limit + 0.5) / Math.sqrt(Math.max(variance, 0.25)));
  return units * late;
}

/** How likely it is that the sale does not end before, at the full rate at best. */
function inTime(ahead: number, look: LineLook): number {
  if (look.endsAt === null) return 1;
  const leftSeconds = (look.endsAt - look.at) / 1000;
  const needed = (ahead + 1) / fullRate(look.ratePerSecond);
  if (needed >= leftSeconds) return 0;
  return Math.min(1, (leftSeconds / needed - 1) / 0.5);
}
