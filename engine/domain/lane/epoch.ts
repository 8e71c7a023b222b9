/**
 * What happens to a lane around its batches: its server starts anew and a verifier begins the next
 * epoch (lua/verify.lua); Postgres settles, and the trimmer copies the watermark (lua/trim.lua).
 * Pure.
 */
import type { Millis } from '../types.ts';
import type { Lane } from './state.ts';

/** Begins the next epoch after an outage of so many ms. No position names two decisions. */
export function beginEpoch(lane: Lane, outageMs: number): void {
  lane.ends.set(lane.epoch, lane.seq);
  lane.epoch += 1;
  lane.seq = -1;
  lane.outage += outageMs;
}

/** Postgres has so many events; `doubtSince` = lane time of the first that it has not. */
export function settle(lane: Lane, decided: number, doubtSince: Millis): void {
  lane.settled = decided;
  lane.doubtSince = doubtSince;
}
