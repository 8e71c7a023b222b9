/**
 * A sale with a line, played from its bell to its end with the admitter's own pacing and the lane's
 * rule for claims. `plan` tells from it what to expect, and the estimates are checked against it.
 * Pure: randomness comes in.
 */
import type { LineLook } from './estimate.ts';
import { firstPace, fullRate, pace, spend, type Pace, type SetRate } from './pace.ts';

export interface Scene {
  /** Tickets at the bell. */
  readonly shoppers: number;
  readonly units: number;
  readonly limit: number;
  readonly ratePerSecond: SetRate;
  readonly turnMs: number;
  readonly factorPercent: number;
  readonly holdMs: number;
  readonly durationMs: number;
  /** Share of turns that take units; the others lapse. */
  readonly takeShare: number;
  /** Share of taken units whose hold ends unpaid. */
  readonly returnShare: number;
  /** How long a shopper looks before taking, on average. */
  readonly thinkMs: number;
  /** Share of tickets whose owner leaves the line before the turn. */
  readonly leaveShare: number;
  /** Of one round of the admitter. */
  readonly roundMs: number;
  /** What the admitter sees of the lane at a time after the bell. */
  readonly lane: (ms: number) => { readonly holdP99Ms: number; readonly inDoubtAgeMs: number };
}

export interface Course {
  /** By number - 1: ms after the bell; NaN = never admitted. */
  readonly admittedAt: Float64Array;
  /** By number - 1: units bought in the end. */
  readonly bought: Uint32Array;
  /** When the last unit was taken and none was to come back; null = units were left. */
  readonly soldOutMs: number | null;
  readonly sold: number;
  readonly endedMs: number;
}

/** What ends in one round: turns that take, turns that lapse, holds that end. */
interface Due {
  takes: number[];
  lapses: number[];
  paid: number;
  expired: number;
}

class Play {
  readonly scene: Scene;
  readonly random: () => number;
  readonly admittedAt: Float64Array;
  readonly bought: Uint32Array;
  readonly claimOf: Uint32Array;
  /** By number - 1: ms after the bell at which its owner leaves; infinite = stays. */
  readonly leavesAt: Float64Array;
  readonly #due = new Map<number, Due>();
  next = 0;
  admissions = 0;
  open = 0;
  claims = 0;
  available: number;
  held = 0;
  returned = 0;
  sold = 0;

  constructor(scene: Scene, random: () => number) {
    this.scene = scene;
    this.random = random;
    this.available = scene.units;
    this.admittedAt = new Float64Array(scene.shoppers).fill(Number.NaN);
    this.bought = new Uint32Array(scene.shoppers);
    this.claimOf = new Uint32Array(scene.shoppers);
    this.leavesAt = new Float64Array(scene.shoppers).fill(Number.POSITIVE_INFINITY);
    const longMs = (2000 * scene.shoppers) / fullRate(scene.ratePerSecond);
    for (let i = 0; i < scene.shoppers; i++) {
      if (random() < scene.leaveShare) this.leavesAt[i] = random() * longMs;
    }
  }

  dueAt(ms: number): Due {
    const round = Math.ceil(ms / this.scene.roundMs);
    let due = this.#due.get(round);
    if (due === undefined) {
      due = { takes: [], lapses: [], paid: 0, expired: 0 };
      this.#due.set(round, due);
    }
    return due;
  }

  /** The lane's rule: open claims stay within what is available times the factor. */
  room(): number {
    return Math.floor((this.available * this.scene.factorPercent) / 100) - this.claims;
  }

  admit(most: number, now: number): number {
    const { scene } = this;
    let admitted = 0;
    while (admitted < most && this.room() > 0 && this.next < scene.shoppers) {
      const index = this.next;
      this.next += 1;
      if ((this.leavesAt[index] ?? 0) <= now) continue;
      this.admittedAt[index] = now;
      admitted += 1;
      const claim = Math.min(scene.limit, this.room());
      this.claimOf[index] = claim;
      this.claims += claim;
      const think = -Math.log(1 - this.random()) * scene.thinkMs;
      if (this.random() < scene.takeShare && think < scene.turnMs) {
        this.dueAt(now + think).takes.push(index);
      } else {
        this.dueAt(now + scene.turnMs).lapses.push(index);
      }
    }
    this.admissions += admitted;
    this.open += admitted;
    return admitted;
  }

  end(now: number): void {
    const round = Math.round(now / this.scene.roundMs);
    const due = this.#due.get(round);
    if (due === undefined) return;
    this.#due.delete(round);
    for (const index of [...due.lapses, ...due.takes]) {
      this.open -= 1;
      this.claims -= this.claimOf[index] ?? 0;
    }
    this.held -= due.paid + due.expired;
    this.sold += due.paid;
    this.returned += due.expired;
    this.available += due.expired;
    for (const index of due.takes) this.take(index, now);
  }

  take(index: number, now: number): void {
    const { scene } = this;
    const units = Math.min(this.claimOf[index] ?? 0, this.available);
    if (units === 0) return;
    this.available -= units;
    this.held += units;
    if (this.random() < scene.returnShare) {
      this.dueAt(now + scene.holdMs).expired += units;
    } else {
      this.bought[index] = units;
      this.dueAt(now + this.random() * scene.holdMs).paid += units;
    }
  }

  look(now: number): LineLook {
    const { scene } = this;
    return {
      at: now,
      moving: true,
      admissions: this.admissions,
      open: this.open,
      claims: this.claims,
      available: this.available,
      held: this.held,
      sold: this.sold,
      returned: this.returned,
      limit: scene.limit,
      turnMs: scene.turnMs,
      holdMs: scene.holdMs,
      factorPercent: scene.factorPercent,
      ratePerSecond: scene.ratePerSecond,
      endsAt: scene.durationMs,
    };
  }
}

/**
 * Plays the sale. `watch` sees every round after its admissions: the figures, the index from which on
 * tickets wait, and when each of them leaves.
 */
export function simulate(
  scene: Scene,
  random: () => number,
  watch?: (look: LineLook, next: number, leavesAt: Float64Array) => void,
): Course {
  const play = new Play(scene, random);
  let bucket: Pace = firstPace(scene.ratePerSecond, 0);
  let soldOutMs: number | null = null;
  let now = 0;
  for (; now <= scene.durationMs; now += scene.roundMs) {
    play.end(now);
    const { ratePerSecond } = scene;
    const round = pace(bucket, { now, ratePerSecond, ...scene.lane(now) });
    bucket = spend(round.pace, play.admit(round.most, now));
    watch?.(play.look(now), play.next, play.leavesAt);
    if (play.available === 0 && play.held === 0) soldOutMs ??= now;
    const over = play.next >= scene.shoppers && play.open === 0 && play.held === 0;
    if (soldOutMs !== null || over) break;
  }
  const { admittedAt, bought, sold } = play;
  return { admittedAt, bought, soldOutMs, sold, endedMs: Math.min(now, scene.durationMs) };
}
