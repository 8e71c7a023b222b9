/**
 * How long accepted decisions wait for Postgres, seen from outside: the age of the first in doubt,
 * asked for again and again while there is load, and the lag that the settler counts.
 */
import { Histogram } from '../client/histogram.ts';
import { bucketsOf } from '../client/scrape.ts';
import type { Buckets } from '../client/scrape.ts';

const askMs = 20;

export interface InDoubt {
  readonly count: number;
  readonly age_ms: number;
}

export class DoubtWatch {
  readonly ages = new Histogram();
  most = 0;
  #running: Promise<void> | null = null;
  #stopped = false;

  start(ask: () => Promise<InDoubt | null>): void {
    this.#stopped = false;
    this.#running = this.#run(ask);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(ask: () => Promise<InDoubt | null>): Promise<void> {
    while (!this.#stopped) {
      const doubt = await ask();
      if (doubt !== null) {
        this.ages.add(doubt.age_ms);
        this.most = Math.max(this.most, doubt.count);
      }
      await new Promise((resolve) => setTimeout(resolve, askMs));
    }
  }
}

/** Seconds from a decision to its commit, of everything settled so far. */
export async function settleLags(opsUrl: string): Promise<Buckets> {
  const answer = await fetch(new URL('/metrics', opsUrl));
  if (!answer.ok) throw new Error(`${opsUrl}/metrics was answered with ${answer.status}`);
  return bucketsOf(await answer.text(), 'highnoon_settle_lag_seconds');
}

/** What was counted between two readings. */
export function bucketsBetween(before: Buckets, after: Buckets): Buckets {
  return new Map([...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]));
}
