/**
 * How long holds take, as those who ask see it: measured by every process that asks for them, left
 * in the lane as a hint once a second, read by the admitter. Nothing depends on it but a pace.
 */
import { clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { startLoop, type Loop } from '../loop.ts';
import type { LaneDoor, LaneGate } from './gate.ts';

const windowSeconds = 5;
const everyMs = 1000;
/** Fewer holds than these say nothing of one in a hundred. */
const holdsMin = 20;
/** Bucket i is up to 1.25^i ms: 60 of them reach ten minutes. */
const step = Math.log(1.25);
const buckets = 60;

/** Counts of the last seconds for one lane, by duration. */
class HoldTimes {
  readonly #seconds = Array.from({ length: windowSeconds }, () => new Uint32Array(buckets));
  #now = 0;

  observe(ms: number): void {
    const i = ms <= 1 ? 0 : Math.min(buckets - 1, Math.ceil(Math.log(ms) / step));
    const second = this.#seconds[this.#now] as Uint32Array;
    second[i] = (second[i] ?? 0) + 1;
  }

  /** Begins a new second, and forgets the oldest. */
  turn(): void {
    this.#now = (this.#now + 1) % windowSeconds;
    this.#seconds[this.#now]?.fill(0);
  }

  /** Milliseconds, at most a quarter too many; null = too few holds. */
  p99(): number | null {
    const all = new Float64Array(buckets);
    let count = 0;
    for (const second of this.#seconds) {
      for (const [i, n] of second.entries()) all[i] = (all[i] ?? 0) + n;
    }
    for (const n of all) count += n;
    if (count < holdsMin) return null;
    let left = count * 0.01;
    for (let i = buckets - 1; i > 0; i--) {
      left -= all[i] ?? 0;
      if (left < 0) return 1.25 ** i;
    }
    return 1;
  }
}

/** Hold times of a process, by lane. */
export class HoldLoad {
  readonly #lanes: readonly HoldTimes[];

  constructor(lanes: number) {
    this.#lanes = Array.from({ length: lanes }, () => new HoldTimes());
  }

  /** Of a hold that was answered, or of which no answer came. A lane that is none is not told. */
  observe(lane: number, ms: number): void {
    this.#lanes[lane]?.observe(ms);
  }

  p99(lane: number): number | null {
    return this.#lanes[lane]?.p99() ?? null;
  }

  turn(): void {
    for (const times of this.#lanes) times.turn();
  }
}

/** Leaves what this process has seen in every lane that took holds of it. */
export function startLoadReporter(gate: LaneGate, load: HoldLoad, log: Log): Loop {
  const name = clock.random(8).toString('hex');
  const report = async ({ lane, keys }: LaneDoor): Promise<void> => {
    const p99 = load.p99(lane);
    if (p99 === null) return;
    const seen = `${Math.ceil(p99)} ${clock.wall()}`;
    // No transaction: a hint that outlives its maker by a round misleads nobody.
    await Promise.all([
      gate.redis.hset(keys.load, name, seen),
      gate.redis.pexpire(keys.load, keepMs),
    ]);
  };
  const round = async (): Promise<void> => {
    load.turn();
    // A hint: while a lane is shut there is nothing to tell.
    await Promise.all(gate.doors.filter((door) => door.open).map(report));
  };
  return startLoop({ name: 'load-reporter', log, everyMs, round });
}

/** What is older says nothing any more; processes' clocks may differ by some of it. */
const freshMs = 5000;
const keepMs = 10_000;

/** The slowest process's p99, ms; null = no holds lately. */
export async function readHoldP99(redis: Redis, { keys }: LaneDoor): Promise<number | null> {
  const now = clock.wall();
  let slowest: number | null = null;
  for (const seen of Object.values(await redis.hgetall(keys.load))) {
    const [p99 = 0, at = 0] = seen.split(' ').map(Number);
    if (now - at < freshMs) slowest = Math.max(slowest ?? 0, p99);
  }
  return slowest;
}
