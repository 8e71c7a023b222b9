/**
 * What happens to a lane around its batches: its server starts anew and a verifier begins the next
 * epoch (lua/verify.lua); Postgres settles, and the trimmer copies the watermark (lua/trim.lua).
 * Pure.
 */
import type { Millis } from '../types.ts';
import type { Lane } from './state.ts';

/** Refusals were told times later than the file of Redis knows, by so much at most. */
export const untoldMs = 100;

/** Begins the next epoch at this lane time, after an outage of so many ms. No position names two decisions. */
export function beginEpoch(
  lane: Lane,
  outageMs: number,
  now: Millis = lane.lastTime + untoldMs,
): void {
  lane.ends.set(lane.epoch, lane.seq);
  lane.epoch += 1;
  lane.seq = -1;
  lane.outage += outageMs;
  lane.since = now;
}

/** Postgres has so many events; `doubtSince` = lane time of the first that it has not. */
export function settle(lane: Lane, decided: number, doubtSince: Millis): void {
  lane.settled = decided;
  lane.doubtSince = doubtSince;
}
