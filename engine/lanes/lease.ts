/**
 * Leases per lane and loop: 3 s, renewed every second. They keep two workers from doing the same
 * work; two owners at once are harmless for every loop.
 */
import { clock } from '../../platform/clock.ts';
import { runScript, type Script } from '../../platform/redis/scripts.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { laneKeys, leaseKey } from './keys.ts';

const leaseMs = 3000;
const renewMs = 1000;

export class Lease {
  #redis: Redis;
  #script: Script;
  #keys: readonly string[];
  #owner = clock.random(8).toString('hex');
  #askedAt = 0;
  #owned = false;

  constructor(redis: Redis, script: Script, lane: number, loop: string) {
    this.#redis = redis;
    this.#script = script;
    this.#keys = [leaseKey(lane, loop), laneKeys(lane).dues];
  }

  /** True while this process should do the loop's work. Asks Redis at most once a second. */
  async owned(): Promise<boolean> {
    const now = clock.now();
    if (this.#askedAt > 0 && now - this.#askedAt < renewMs) return this.#owned;
    this.#askedAt = now;
    this.#owned = false;
    const args = [this.#owner, leaseMs];
    this.#owned = (await runScript(this.#redis, this.#script, this.#keys, args)) === 1;
    return this.#owned;
  }

  /** Lets another worker take over at once. */
  async release(): Promise<void> {
    if (!this.#owned) return;
    this.#owned = false;
    await runScript(this.#redis, this.#script, this.#keys, [this.#owner, 1]);
  }
}
