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

/** Last ids of the lanes' outboxes, by key. */
export type Heads = ReadonlyMap<string, string>;

/** Outboxes that end earlier than they did, or are gone. Throws NotMet when there is none. */
export function wentBack(before: Heads, after: Heads): string {
  const back = [...before].flatMap(([outbox, id]) => {
    const now = after.get(outbox) ?? 'nothing';
    return now === 'nothing' || isBefore(now, id) ? [`${outbox} ${id}, then ${now}`] : [];
  });
  if (back.length === 0) throw new NotMet('no outbox lost an entry');
  return back.join('; ');
}

function isBefore(a: string, b: string): boolean {
  const [[epochA = 0, seqA = 0], [epochB = 0, seqB = 0]] = [a, b].map((id) =>
    id.split('-').map(Number),
  ) as [number[], number[]];
  return epochA === epochB ? seqA < seqB : epochA < epochB;
}

/**
 * Where to cut an append-only file so that the last entry of an outbox is gone: in the middle of what
 * wrote it, and so many bytes before its end at least. Throws NotMet when it has written none.
 */
export function cutAt(file: Buffer, leastBytes: number): number {
  const entry = file.lastIndexOf('XADD');
  if (entry < 0) throw new NotMet('the append-only file has no entry of an outbox');
  return Math.max(0, Math.min(entry + 2, file.length - leastBytes));
}

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
