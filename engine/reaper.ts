/**
 * Reaper: ends overdue holds. It only says when to look; the script judges every deadline. It
 * stops, alarmed, when Redis's clock and this process's own monotonic one drift apart: a clock
 * that was set by mistake must not end anybody's hold early. What stays as it was set is the time.
 */
import { clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { metrics } from '../platform/metrics.ts';
import type { Redis } from '../platform/redis/connection.ts';
import { laneKeys } from './lanes/keys.ts';
import type { Lease } from './lanes/lease.ts';
import { idle, startLoop, type Loop } from './loop.ts';
import type { Shop } from './shop.ts';

/** Nobody waits for it: a hold that finds nothing free ends overdue ones itself. */
const everyMs = 500;
/** While nothing is due sooner; no hold is shorter, so none that is made meanwhile is ended later. */
const idleMs = 1000;
const salesPerRoundMax = 20;
const holdsPerCallMax = 200;
const driftMaxMs = 2000;
/** A clock that has been set and then kept time for so long is right, as far as anybody can tell. */
const keptTimeMs = 10_000;
const keptWithinMs = 500;

/** Compares Redis's clock with the monotonic one since the first look, or since it was set for good. */
export class DriftWatch {
  #first: { redis: number; own: number } | null = null;
  #set: { by: number; since: number } | null = null;

  /**
   * Milliseconds by which Redis's clock has run away from ours. `settled` = it was set, and has kept
   * time since: from now on it is compared with what it shows now.
   */
  look(redisMs: number, ownMs: number): { readonly drift: number; readonly settled: boolean } {
    this.#first ??= { redis: redisMs, own: ownMs };
    const drift = redisMs - this.#first.redis - (ownMs - this.#first.own);
    if (Math.abs(drift) <= driftMaxMs) {
      this.#set = null;
      return { drift, settled: false };
    }
    if (this.#set === null || Math.abs(drift - this.#set.by) > keptWithinMs) {
      this.#set = { by: drift, since: ownMs };
    }
    const settled = ownMs - this.#set.since >= keptTimeMs;
    if (settled) {
      this.#first = { redis: redisMs, own: ownMs };
      this.#set = null;
    }
    return { drift, settled };
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
  const round = async (): Promise<boolean | typeof idle> => {
    // Whoever only stands by looks too: who takes over because the clock was set must know how it was.
    const [owned, time, outage, first] = await Promise.all([
      lease.owned(),
      redis.time(),
      redis.hget(keys.clock, 'outage'),
      redis.zrange(keys.dues, '0', '0', 'WITHSCORES'),
    ]);
    const now = Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000);
    const { drift, settled } = watch.look(now, clock.now());
    if (settled) {
      const moved = { lane, ms: Math.round(drift) };
      log.warn(moved, "redis's clock was set and has kept time since: holds end by what it shows");
    }
    if (!owned) return false;
    if (Math.abs(drift) > driftMaxMs && !settled) {
      throw new Error(`redis's clock has moved by ${Math.round(drift)} ms: not ending any hold`);
    }
    const holdNow = now - Number(outage ?? 0);
    // Nearly always: nothing more has to be asked.
    const next = Number(first[1] ?? Infinity);
    if (next > holdNow) {
      passedOver = 0;
      return next > holdNow + idleMs ? idle : false;
    }
    const due = await redis.zrangebyscore(
      keys.dues,
      '-inf',
      holdNow,
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
  return startLoop({ name: 'reaper', log, everyMs, idleMs, round, atEnd: () => lease.release() });
}
