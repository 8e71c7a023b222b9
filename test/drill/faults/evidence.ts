/**
 * What shows that a fault has happened: a fault without it is not met, and not survived. Pure, so
 * that a test can take the evidence away.
 */
import type { Asked } from '../history.ts';
import { NotMet } from './fault.ts';

/** How often Redis has answered with this error since it started; `info` = INFO errorstats. */
export const errorsOf = (info: string, error: string): number =>
  Number(new RegExp(`^errorstat_${error}:count=(\\d+)`, 'm').exec(info)?.[1] ?? 0);

/** Throws NotMet when Redis has not given this error between two looks at INFO errorstats. */
export function mustHaveFailed(before: string, after: string, error: string): void {
  if (errorsOf(after, error) <= errorsOf(before, error)) throw new NotMet(`no ${error} was seen`);
}

type Try = Pick<Asked, 'status' | 'code' | 'unavailable'>;

/** Tries that were told 503: to ask again. */
export const refusedTries = (tries: readonly Try[]): number =>
  tries.filter(({ status, unavailable }) => status === 0 && unavailable > 0).length;

/**
 * Throws when a Redis without data is served by itself: a marker is there, or somebody got an answer
 * that a lane decided. No answer at all is none.
 */
export function mustBeShut(tries: readonly Try[], markers: readonly string[]): void {
  const [marker] = markers;
  if (marker !== undefined) throw new Error(`an empty Redis got ${marker} before recover`);
  const served = tries.find(({ status }) => status !== 0);
  if (served === undefined) return;
  throw new Error(`an empty Redis was served: a hold got ${served.status} ${served.code}`);
}

/** By lane or partition. */
export type Offsets = ReadonlyMap<number, number>;

/**
 * Messages that are in the topic and have not settled: `settled` = the next offset that Postgres
 * wants. Those before `held` may be in the hands of a settler already and are not counted.
 */
export function unsettled(settled: Offsets, held: Offsets, ends: Offsets): number {
  let count = 0;
  for (const [lane, end] of ends) {
    count += Math.max(0, end - Math.max(settled.get(lane) ?? 0, held.get(lane) ?? 0));
  }
  return count;
}

/** True when a partition ends before its old end: it is another one. */
export const isMadeAnew = (before: Offsets, after: Offsets): boolean =>
  [...before].some(([partition, end]) => end > 0 && (after.get(partition) ?? 0) < end);

/** Throws NotMet unless each loop had two owners in one lane at least. `seen` = by lease. */
export function mustHaveTwoOwners(seen: ReadonlyMap<string, ReadonlySet<string>>): void {
  const most = new Map<string, number>();
  for (const [lease, owners] of seen) {
    const loop = lease.slice(lease.lastIndexOf(':') + 1);
    most.set(loop, Math.max(most.get(loop) ?? 0, owners.size));
  }
  if (most.size === 0) throw new NotMet('nobody took a lease');
  const alone = [...most].filter(([, owners]) => owners < 2).map(([loop]) => loop);
  if (alone.length > 0) throw new NotMet(`one owner only: ${alone.join(', ')}`);
}
