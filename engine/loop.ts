/**
 * What all loops share: rounds one after the other, errors counted and logged without ending the
 * loop, a pause between rounds that a wake-up cuts short, a clean end.
 */
import { clock } from '../platform/clock.ts';
import { metrics } from '../platform/metrics.ts';
import type { Log } from '../platform/log.ts';
import { messageOf } from '../platform/fault.ts';

export interface Loop {
  /** Begins the next round at once. */
  wake(): void;
  /** Resolves when the round under way has ended. */
  close(): Promise<void>;
}

export interface LoopOptions {
  readonly name: string;
  readonly log: Log;
  /** Pause between rounds. */
  readonly everyMs: number;
  /** Pause after a round that was `idle`: nobody waits for the next one. Default `everyMs`. */
  readonly idleMs?: number;
  /** One round. Answers true when there is more to do at once, `idle` when there was nothing to do. */
  readonly round: () => Promise<unknown>;
  /** After the last round: gives up what the loop owned. */
  readonly atEnd?: () => Promise<void>;
}

/** What a round answers that found nothing to do. */
export const idle = 'idle';

const errorPauseMaxMs = 2000;

export interface GoingRound<T> {
  readonly pageMax: number;
  /** At most `pageMax` that follow `after` ('' = from the first), in the order of their ids. */
  readonly page: (after: string) => Promise<readonly T[]>;
  readonly idOf: (one: T) => string;
  /** Answers whether there was something to do. Where it throws, the next round takes the next page. */
  readonly attend: (page: readonly T[]) => Promise<boolean>;
}

/**
 * Rounds that take a page each, so that what is stuck in one does not keep the rest waiting. A pause
 * comes after the last, and is `idle` when there was nothing to do in any since the first.
 */
export function goingRound<T>({
  pageMax,
  page,
  idOf,
  attend,
}: GoingRound<T>): () => Promise<boolean | typeof idle> {
  let after = '';
  let acted = false;
  return async () => {
    const found = await page(after);
    const last = found.length < pageMax ? undefined : found.at(-1);
    after = last === undefined ? '' : idOf(last);
    if (await attend(found)) acted = true;
    if (after !== '') return true;
    const nothing = !acted;
    acted = false;
    return nothing ? idle : false;
  };
}

/** Told of what failed of a round without ending it. */
export type TellFailure = (item: string, error: unknown) => void;

/** Of one thing that fails in every round. */
const tellEveryMs = 10_000;
const toldMax = 1000;

/** Counts failures of single things of a loop, and logs each now and then. */
export function failuresOf({ name, log }: Pick<LoopOptions, 'name' | 'log'>): TellFailure {
  const toldAt = new Map<string, number>();
  return (item, error) => {
    metrics.loopErrors.inc({ loop: name });
    const now = clock.now();
    if (now - (toldAt.get(item) ?? -Infinity) < tellEveryMs) return;
    if (toldAt.size >= toldMax) toldAt.clear();
    toldAt.set(item, now);
    log.warn({ loop: name, item, err: messageOf(error) }, 'one of a round failed');
  };
}

/** One that fails must not keep the others waiting. */
export async function attendEach<T extends { readonly id: string }>(
  items: readonly T[],
  tell: TellFailure,
  attend: (item: T) => unknown,
): Promise<void> {
  for (const item of items) {
    try {
      await attend(item);
    } catch (error) {
      tell(item.id, error);
    }
  }
}

export function startLoop(options: LoopOptions): Loop {
  let closed = false;
  let errors = 0;
  let wakeUp: (() => void) | null = null;
  let woken = false;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (woken || closed) {
        woken = false;
        resolve();
        return;
      }
      const timer = clock.after(ms, end);
      function end(): void {
        timer.close();
        wakeUp = null;
        woken = false;
        resolve();
      }
      wakeUp = end;
    });

  const run = async (): Promise<void> => {
    while (!closed) {
      let more: unknown = false;
      try {
        more = await options.round();
        errors = 0;
        metrics.loopRuns.inc({ loop: options.name });
      } catch (error) {
        errors += 1;
        metrics.loopErrors.inc({ loop: options.name });
        // The first failures of a row are told, then every fiftieth: an outage is not a flood.
        if (errors <= 3 || errors % 50 === 0) {
          options.log.warn({ loop: options.name, errors, err: messageOf(error) }, 'round failed');
        }
      }
      if (errors > 0) await pause(Math.min(50 * 2 ** Math.min(errors, 6), errorPauseMaxMs));
      else if (more === idle) await pause(options.idleMs ?? options.everyMs);
      else if (more !== true) await pause(options.everyMs);
    }
  };
  const ended = run();
  return {
    wake() {
      if (wakeUp !== null) wakeUp();
      else woken = true;
    },
    async close() {
      closed = true;
      if (wakeUp !== null) wakeUp();
      await ended;
      await options.atEnd?.().catch((error: unknown) => {
        options.log.warn({ loop: options.name, err: messageOf(error) }, 'ended untidily');
      });
    },
  };
}
