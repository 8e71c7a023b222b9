/**
 * Reaper: ends overdue holds. It only says when to look; the script judges every deadline. It
 * stops, alarmed, when Redis's clock and this process's own monotonic one drift apart: a clock
 * that was set must not end anybody's hold early.
 */
import { clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { metrics } from '../platform/metrics.ts';
import type { Redis } from '../platform/redis/connection.ts';
import { laneKeys } from './lanes/keys.ts';
import type { Lease } from './lanes/lease.ts';
import { startLoop, type Loop } from './loop.ts';
import type { Shop } from './shop.ts';

/** Nobody waits for it: a hold that finds nothing free ends overdue ones itself. */
const everyMs = 250;
const salesPerRoundMax = 20;
const holdsPerCallMax = 200;
const driftMaxMs = 2000;

/** Compares Redis's clock with the monotonic one since the first look. */
export class DriftWatch {
  #first: { redis: number; own: number } | null = null;

  /** Milliseconds by which Redis's clock has run away from ours since the first look. */
  drift(redisMs: number, ownMs: number): number {
    this.#first ??= { redis: redisMs, own: ownMs };
    return redisMs - this.#first.redis - (ownMs - this.#first.own);
  }
}

export function startReaper(options: {
  readonly lane: number;
  readonly redis: Redis;
  readonly lease: Lease;
  readonly shop: Shop;
  readonly log: Log;
}): Loop {
  const { lane, redis, lease, shop, log } = options;
  const keys = laneKeys(lane);
  const watch = new DriftWatch();
  // A frozen sale stays due: enough of them must not hide the others.
  let passedOver = 0;
  const round = async (): Promise<boolean> => {
    // Whoever only stands by looks too: who takes over because the clock was set must know how it was.
    const [owned, time, outage] = await Promise.all([
      lease.owned(),
      redis.time(),
      redis.hget(keys.clock, 'outage'),
    ]);
    const now = Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000);
    const drift = watch.drift(now, clock.now());
    if (!owned) return false;
    if (Math.abs(drift) > driftMaxMs) {
      throw new Error(`redis's clock has moved by ${Math.round(drift)} ms: not ending any hold`);
    }
    const due = await redis.zrangebyscore(
      keys.dues,
      '-inf',
      now - Number(outage ?? 0),
      'LIMIT',
      passedOver,
      salesPerRoundMax,
    );
    const isFull = due.length === salesPerRoundMax;
    let [ended, stuck, more] = [0, 0, false];
    for (const sale of due) {
      const outcome = await shop.reap(sale, holdsPerCallMax);
      if (outcome.kind !== 'done') {
        stuck += 1;
        continue;
      }
      ended += outcome.value.ended;
      more ||= isFull || !outcome.value.drained;
    }
    passedOver = isFull ? passedOver + stuck : 0;
    if (ended > 0) metrics.reapedHolds.inc({ lane: String(lane) }, ended);
    return more;
  };
  return startLoop({ name: 'reaper', log, everyMs, round, atEnd: () => lease.release() });
}
