/**
 * The scheduler: virtual time, one event after the other, chosen by the seed. It is the clock of the
 * engine (platform/clock.ts) and knows in which simulated process an event happens, so that a process
 * can die or stand still between any two of them. What an event awaits of a real store is over
 * before the next event begins: same seed, same events.
 */
import type { Clock, Timer } from '../../platform/clock.ts';
import { Rng } from '../support/rng.ts';

/** A simulated process, a store or the world itself. */
export interface Actor {
  readonly name: string;
  alive: boolean;
  /** Until then nothing happens in it (SIGSTOP). */
  stoppedUntil: number;
}

interface Event {
  at: number;
  readonly tie: number;
  readonly actor: Actor;
  call: (() => void | Promise<void>) | null;
}

/** Virtual milliseconds since 1970 at the beginning. */
const epochMs = Date.UTC(2030, 0, 1, 12);
const startMs = 1000;

/** Milliseconds since 1970 of a time of the scheduler's. */
export const wallOf = (ms: number): number => epochMs + Math.floor(ms);

export class Scheduler {
  readonly seed: number;
  readonly rng: Rng;
  /** Virtual milliseconds since the beginning. */
  now = startMs;
  readonly world: Actor = { name: 'world', alive: true, stoppedUntil: 0 };
  /** In whose name the running event's code acts. */
  actor: Actor = this.world;
  events = 0;
  readonly #chance: Rng;
  readonly #heap: Event[] = [];
  readonly #trace: ((line: string) => void) | null;
  #ties = 0;

  constructor(seed: number, trace: ((line: string) => void) | null = null) {
    this.seed = seed;
    this.rng = new Rng(seed);
    this.#chance = new Rng(seed ^ 0x5eed);
    this.#trace = trace;
  }

  /** Milliseconds since 1970, in virtual time. */
  get wall(): number {
    return wallOf(this.now);
  }

  /** Adds a line to the trace: what two runs of a seed are compared by. */
  note(line: string | (() => string)): void {
    if (this.#trace === null) return;
    const what = typeof line === 'string' ? line : line();
    this.#trace(`${this.now.toFixed(3)} ${this.actor.name} ${what}\n`);
  }

  /** Calls in `actor`'s name, if it lives then. */
  after(ms: number, call: () => void | Promise<void>, actor = this.actor): Timer {
    const event: Event = { at: this.now + Math.max(0, ms), tie: this.#ties++, actor, call };
    this.#push(event);
    const timer = {
      close: () => {
        event.call = null;
      },
      unref: () => timer,
    };
    return timer;
  }

  /** Resolves so much later, if the actor lives then. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** A delay that is short as a rule and seldom long, in ms. */
  delay(usual: number): number {
    const share = this.rng.next();
    return usual * (share < 0.97 ? 0.2 + share : 20 * this.rng.next());
  }

  /** Runs events until it is done. Throws when nothing is left to happen, or after `limitMs`. */
  async run(done: () => boolean, limitMs: number): Promise<void> {
    while (!done()) {
      const event = this.#pop();
      if (event === undefined) throw new Error('nothing is left to happen');
      if (event.at > limitMs) throw new Error(`not done after ${limitMs} ms of virtual time`);
      if (event.call === null || !event.actor.alive) continue;
      if (event.actor.stoppedUntil > event.at) {
        event.at = event.actor.stoppedUntil;
        this.#push(event);
        continue;
      }
      this.now = Math.max(this.now, event.at);
      this.events += 1;
      this.actor = event.actor;
      await event.call();
      // Everything that follows from it without a store or a timer happens now: a tick comes when no
      // promise is left to go on, and what ticks of others began is over by the second.
      await new Promise(process.nextTick);
      await new Promise(process.nextTick);
    }
    this.actor = this.world;
  }

  clock(): Clock {
    return {
      now: () => this.now,
      wall: () => this.wall,
      after: (ms, call) => this.after(ms, call),
      soon: (call) => {
        this.after(this.rng.next() * 0.05, call);
      },
      random: (bytes) =>
        Buffer.from(Array.from({ length: bytes }, () => this.#chance.whole(0, 255))),
    };
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!isBefore(event, heap[up]!)) break;
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && isBefore(heap[down + 1]!, heap[down]!)) down += 1;
      if (!isBefore(heap[down]!, last)) break;
      heap[i] = heap[down]!;
      i = down;
    }
    heap[i] = last;
    return first;
  }
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.tie < b.tie);
