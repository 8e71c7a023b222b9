/**
 * What goes wrong between a process and its stores: how often, by store, and for how long. The plan
 * of a run (plan.ts) turns the rates; the ports ask here for the fate of each call.
 */
import { createHash } from 'node:crypto';
import { Rng } from '../support/rng.ts';
import type { Actor, Scheduler } from './scheduler.ts';

/** kafkajs waits a while before it sends again. */
const resendMaxMs = 2000;

export type StoreName = 'redis' | 'postgres' | 'kafka';

/**
 * `dropped` never arrives · `lost` is done, and its answer does not come · `late` is done long after
 * its caller has given up · `dies-before`, `dies-after` end the caller at that point.
 */
export type Fate = 'done' | 'dropped' | 'lost' | 'late' | 'dies-before' | 'dies-after';

/** Shares of all calls. */
export interface Rates {
  dropped: number;
  lost: number;
  late: number;
  dies: number;
}

export class Faults {
  readonly rates: Record<StoreName, Rates> = {
    redis: { dropped: 0, lost: 0, late: 0, dies: 0 },
    postgres: { dropped: 0, lost: 0, late: 0, dies: 0 },
    kafka: { dropped: 0, lost: 0, late: 0, dies: 0 },
  };
  /** Of batches sent to Kafka, how many are sent again by the client itself, the first being there. */
  sendsRepeated = 0;
  /** How often each has happened. */
  readonly seen = new Map<string, number>();
  readonly #scheduler: Scheduler;
  readonly #repeats: Rng;
  /** Ends a process; set by the crew. */
  kill: (actor: Actor) => void = () => undefined;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    // By chance of its own, so that the other events of a seed stay what they are.
    this.#repeats = new Rng(scheduler.seed ^ 0x2e9d);
  }

  count(what: string, times = 1): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + times);
  }

  /** Nothing goes wrong from now on. */
  heal(): void {
    for (const rates of Object.values(this.rates)) {
      rates.dropped = rates.lost = rates.late = rates.dies = 0;
    }
    this.sendsRepeated = 0;
  }

  fateOf(store: StoreName): Fate {
    const fate = this.#draw(this.rates[store]);
    if (fate !== 'done') this.count(`${store} ${fate}`);
    return fate;
  }

  /** How long after the first the client sends a batch again, ms; null = it does not. */
  resendMs(): number | null {
    if (!this.#repeats.chance(this.sendsRepeated)) return null;
    return this.#repeats.next() * resendMaxMs;
  }

  #draw({ dropped, lost, late, dies }: Rates): Fate {
    let at = this.#scheduler.rng.next();
    if ((at -= dropped) < 0) return 'dropped';
    if ((at -= lost) < 0) return 'lost';
    if ((at -= late) < 0) return 'late';
    if ((at -= dies / 2) < 0) return 'dies-before';
    if ((at -= dies / 2) < 0) return 'dies-after';
    return 'done';
  }

  /**
   * One call of a store by the running process: out, done, back, each at a time of its own.
   * `failed` = what the caller is told when it does not know.
   */
  call<T>(
    store: StoreName,
    what: string,
    usualMs: number,
    run: () => Promise<T>,
    failed: (why: string) => Error,
  ): Promise<T> {
    const scheduler = this.#scheduler;
    const { actor, world } = scheduler;
    const fate = this.fateOf(store);
    scheduler.note(() => `${store} ${what} ${fate}`);
    if (fate === 'dies-before') this.kill(actor);
    const lateMs = fate === 'late' ? 1000 + scheduler.rng.next() * 8000 : 0;
    return new Promise((resolve, reject) => {
      const answer = (ms: number, tell: () => void) => scheduler.after(ms, tell, actor);
      if (fate === 'dropped') {
        answer(scheduler.delay(usualMs), () => reject(failed('the call was lost')));
        return;
      }
      if (fate === 'late') answer(500, () => reject(failed('no answer in time')));
      const arrive = async (): Promise<void> => {
        const result = await settled(run);
        scheduler.note(() => `${store} ${what} ${inShort(result)}`);
        if (fate === 'dies-after') this.kill(actor);
        const back = scheduler.delay(usualMs);
        if (fate === 'lost') answer(back, () => reject(failed('the answer was lost')));
        else if (result.ok) answer(back, () => resolve(result.value));
        else answer(back, () => reject(result.error));
      };
      scheduler.after(scheduler.delay(usualMs) + lateMs, arrive, world);
    });
  }
}

type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Error };

async function settled<T>(run: () => Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    return { ok: false, error: error as Error };
  }
}

/** What was answered, for the trace. */
function inShort(result: Result<unknown>): string {
  if (!result.ok) return `! ${result.error.message}`;
  const { value } = result;
  const shown = typeof value === 'object' && value !== null && 'rows' in value ? value.rows : value;
  const text = JSON.stringify(shown ?? null, (_, one: unknown) =>
    typeof one === 'bigint' ? String(one) : one,
  );
  return text.length < 80 ? text : createHash('md5').update(text).digest('hex');
}
