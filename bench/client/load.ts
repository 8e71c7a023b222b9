/**
 * Load over many connections: a closed loop, in which each sends its next request when it has its
 * answer, and an open loop at a fixed rate. Whatever is sent is waited for, so that the audit and
 * the counts of the sale can be compared with the answers.
 */
import { leadSeconds, pace } from '../measure/pace.ts';
import type { Connection } from './connection.ts';
import { Histogram } from './histogram.ts';
import type { Reply } from './reply.ts';

/** The next request's text; null when there is none left. */
export type Next = () => string | null;

export interface Load {
  readonly connections: readonly Connection[];
  readonly next: Next;
  /** The only status that counts; any other spoils the run. */
  readonly status: number;
}

export interface LoadResult {
  readonly answers: number;
  /** From the first request to the last answer. */
  readonly seconds: number;
  readonly latency: Histogram;
}

/** Some answer was not what the benchmark counts on: there is no number. */
export class SpoiltRun extends Error {}

class Tally {
  readonly latency = new Histogram();
  #answers = 0;
  readonly #from = performance.now();
  readonly #status: number;
  #last = this.#from;
  #wrong = '';

  constructor(status: number) {
    this.#status = status;
  }

  /** `counts` = its latency does. */
  count(sentAt: number, reply: Reply | null, counts: boolean): void {
    this.#last = performance.now();
    if (reply?.status !== this.#status) {
      this.spoil(reply === null ? 'no answer' : reply.body);
      return;
    }
    this.#answers++;
    if (counts) this.latency.add(this.#last - sentAt);
  }

  /** The first reason is kept. */
  spoil(why: string): void {
    if (this.#wrong === '') this.#wrong = why;
  }

  get spoilt(): boolean {
    return this.#wrong !== '';
  }

  result(): LoadResult {
    if (this.spoilt) {
      throw new SpoiltRun(`expected ${this.#status}, got: ${this.#wrong.slice(0, 400)}`);
    }
    const seconds = (this.#last - this.#from) / 1000;
    return { answers: this.#answers, seconds, latency: this.latency };
  }
}

/** Each connection has one request under way, always. Throws a SpoiltRun. */
export async function closedLoop(load: Load, seconds: number): Promise<LoadResult> {
  const tally = new Tally(load.status);
  const until = performance.now() + seconds * 1000;
  const run = (connection: Connection): Promise<void> =>
    new Promise((resolve) => {
      const send = (): void => {
        const text = performance.now() < until && !tally.spoilt ? load.next() : null;
        if (text === null) {
          resolve();
          return;
        }
        const sentAt = performance.now();
        connection.send(text, (reply) => {
          tally.count(sentAt, reply, true);
          send();
        });
      };
      send();
    });
  await Promise.all(load.connections.map(run));
  return tally.result();
}

interface Due {
  readonly intendedAt: number;
  readonly counts: boolean;
}

/**
 * `perSecond` requests by the clock, for `seconds` and a lead before them whose latencies do not count;
 * one that finds no free connection waits, and its wait counts.
 */
export async function openLoop(
  load: Load,
  perSecond: number,
  seconds: number,
): Promise<LoadResult> {
  const tally = new Tally(load.status);
  const idle = [...load.connections];
  /** What has found no free connection yet; `head` is the oldest of them. */
  const waiting: Due[] = [];
  let head = 0;
  let underWay = 0;
  let whenIdle: (() => void) | null = null;
  const send = (connection: Connection, due: Due): void => {
    const text = load.next();
    if (text === null) {
      tally.spoil('there are too few shoppers for this rate');
      return;
    }
    underWay++;
    connection.send(text, (reply) => {
      underWay--;
      tally.count(due.intendedAt, reply, due.counts);
      const next = waiting[head];
      if (next === undefined) {
        idle.push(connection);
      } else {
        head++;
        send(connection, next);
      }
      if (underWay === 0) whenIdle?.();
    });
  };
  const fire = (intendedAt: number, counts: boolean): void => {
    const due = { intendedAt, counts };
    const connection = idle.pop();
    if (connection === undefined) waiting.push(due);
    else send(connection, due);
  };
  await pace(perSecond, seconds, fire, leadSeconds);
  await new Promise<void>((resolve) => {
    whenIdle = resolve;
    if (underWay === 0) resolve();
  });
  return tally.result();
}
