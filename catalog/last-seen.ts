/**
 * What a caller saw last of a thing of his own: never fresh, so it is read anew each time, and only
 * shown from here, as stale, while Postgres is away.
 */
import { PageCache } from './page-cache.ts';
import type { PageCacheOptions } from './page-cache.ts';

const staleMs = 600_000;
const pauseMs = 1000;
const patienceMs = 300;

export type LastSeenOptions<T> = Pick<
  PageCacheOptions<T>,
  'maxBytes' | 'maxLoads' | 'sizeOf' | 'load'
> & {
  /** Monotonic, milliseconds; default `performance.now`. */
  readonly now: (() => number) | undefined;
};

export function lastSeen<T>(options: LastSeenOptions<T>): PageCache<T> {
  const now = options.now ?? (() => performance.now());
  return new PageCache<T>({
    ...options,
    freshMs: 0,
    costShare: 0,
    staleMs,
    pauseMs,
    patienceMs,
    now,
  });
}
