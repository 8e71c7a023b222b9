/**
 * What a caller saw last of a thing of his own: never fresh, so it is read anew each time, and only
 * shown from here, as stale, while Postgres is away.
 */
import { ReadCache } from '../platform/read-cache.ts';
import type { ReadCacheOptions } from '../platform/read-cache.ts';

const staleMs = 600_000;
const pauseMs = 1000;
const patienceMs = 300;

export type LastSeenOptions<T> = Pick<
  ReadCacheOptions<T>,
  'maxSize' | 'maxLoads' | 'sizeOf' | 'load' | 'now'
>;

export function lastSeen<T>(options: LastSeenOptions<T>): ReadCache<T> {
  return new ReadCache<T>({
    ...options,
    freshMs: 0,
    costShare: 0,
    staleMs,
    pauseMs,
    patienceMs,
  });
}
