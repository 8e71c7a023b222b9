/** What a recovery found and what it says is lost, in words. */
import type { Recovered } from '../recover.ts';
import { isLoss } from '../recover/found.ts';

export const foundText: Readonly<Record<Recovered['found'], string>> = {
  whole: 'redis had the lane as it was last used',
  older: 'redis had an older lane',
  nothing: 'redis had nothing of the lane',
  cut: 'redis had what a recovery left that was cut after it had secured the rest',
};

export function lossOf(r: Pick<Recovered, 'found' | 'lostAtLeast' | 'keptUntil'>): string {
  if (!isLoss({ found: r.found, lost: r.lostAtLeast })) return 'no loss is known';
  const until = r.keptUntil > 0 ? new Date(r.keptUntil).toISOString() : 'the beginning';
  const known = r.lostAtLeast === 0 ? 'none is known of' : `at least ${r.lostAtLeast}`;
  return `decisions after ${until} that had not reached Kafka are lost: ${known}`;
}
