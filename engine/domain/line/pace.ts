/**
 * The admitter's pacing: how many tickets to admit now. A token bucket at the sale's rate, which is
 * cut by half while holds answer late or too much is in doubt, and comes up again slowly. What the
 * units allow is the lane's own check; this only says how fast. Pure.
 */
import type { Millis } from '../types.ts';

/** What the sale asks for; `null` = as fast as its units and the bounds below allow. */
export type SetRate = number | null;

export interface PaceLimits {
  /** Above this p99 of holds the line slows down. */
  readonly holdP99Ms: number;
  /** Above this age of the oldest decision in doubt the line slows down. */
  readonly inDoubtAgeMs: number;
}

export interface PaceSight {
  /** A monotonic clock. */
  readonly now: Millis;
  /** Tickets per second; null = none set. */
  readonly ratePerSecond: SetRate;
  /** Null = no hold lately, so nothing is late. */
  readonly holdP99Ms: number | null;
  /** Null = nobody can say, which is treated as too old. */
  readonly inDoubtAgeMs: number | null;
}

export interface Pace {
  /** Tickets per second now. */
  readonly rate: number;
  /** Tickets that may be admitted at once; a fraction is kept for the next round. */
  readonly tokens: number;
  readonly at: Millis;
  /** When it was last cut. */
  readonly cutAt: Millis;
}

export const paceLimits: PaceLimits = { holdP99Ms: 250, inDoubtAgeMs: 10_000 };

/** Without a rate of its own a sale admits at this one, units permitting. */
export const ratePerSecondMax = 20_000;
/** A slow line still moves: a hundredth of its rate, and one in ten seconds at least. */
const slowestShare = 0.01;
const slowestRate = 0.1;
/** Cuts are this far apart: the last one must have had time to show. */
const cutEveryMs = 1000;
const cutTo = 0.5;
/** From the slowest to the full rate in about twenty seconds, by equal steps. */
const riseSharePerSecond = 0.05;
/** What a round may catch up for rounds that came late. */
const burstMs = 1000;
/** Of one round, so that a batch stays a batch. */
export const admitMax = 5000;

export const fullRate = (set: SetRate): number =>
  Math.min(ratePerSecondMax, set ?? ratePerSecondMax);

/** A line that has not begun: at full rate, with nothing saved up. */
export const firstPace = (set: SetRate, now: Millis): Pace => ({
  rate: fullRate(set),
  tokens: 1,
  at: now,
  cutAt: now - cutEveryMs,
});

/** True when the lane should be spared. */
export const isOver = (sight: PaceSight, limits: PaceLimits): boolean =>
  (sight.holdP99Ms ?? 0) > limits.holdP99Ms ||
  (sight.inDoubtAgeMs ?? Number.POSITIVE_INFINITY) > limits.inDoubtAgeMs;

/**
 * One round: the pace as it now is, and how many may be admitted at most. Tell `spend` how many were:
 * those that the lane had no units for stay with the bucket, up to a second's worth.
 */
export function pace(
  before: Pace,
  sight: PaceSight,
  limits: PaceLimits = paceLimits,
): { readonly pace: Pace; readonly most: number } {
  const full = fullRate(sight.ratePerSecond);
  const slowest = Math.min(full, Math.max(slowestRate, full * slowestShare));
  const passedMs = Math.max(0, sight.now - before.at);
  let { rate, cutAt } = before;
  if (!isOver(sight, limits)) {
    rate += (full * riseSharePerSecond * passedMs) / 1000;
  } else if (sight.now - cutAt >= cutEveryMs) {
    rate *= cutTo;
    cutAt = sight.now;
  }
  rate = Math.min(full, Math.max(slowest, rate));
  const burst = Math.max(1, (rate * burstMs) / 1000);
  const tokens = Math.min(burst, before.tokens + (rate * passedMs) / 1000);
  const most = Math.min(admitMax, Math.floor(tokens));
  return { pace: { rate, tokens, at: sight.now, cutAt }, most };
}

/** Takes what was admitted out of the bucket. */
export const spend = (of: Pace, admitted: number): Pace => ({
  ...of,
  tokens: Math.max(0, of.tokens - admitted),
});
