/** A loop of the window: it waits for the schema, outlives every failure, and ends when asked to. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isRetryable } from '../platform/fault.ts';
import type { Log } from '../platform/log.ts';
import { metrics } from '../platform/metrics.ts';
import type { Query } from '../platform/postgres/pool.ts';
import { notYetMigrated, waitForSchema } from './schema-wait.ts';

export interface Rounds {
  close(): Promise<void>;
}

/** `round` answers how many milliseconds the next one may wait; after a failure it is `againMs`. */
export function startRounds(
  loop: string,
  q: Query,
  log: Log,
  againMs: number,
  round: () => Promise<number>,
): Rounds {
  const closing = new AbortController();
  const { signal } = closing;
  const running = (async () => {
    await waitForSchema(q, log, signal);
    while (!signal.aborted) {
      let pauseMs = againMs;
      try {
        pauseMs = await round();
        metrics.loopRuns.inc({ loop });
      } catch (caught) {
        const error = notYetMigrated(caught);
        metrics.loopErrors.inc({ loop });
        log[isRetryable(error) ? 'warn' : 'error']({ loop, err: error }, 'the loop waits');
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  })();
  return {
    async close() {
      closing.abort();
      await running;
    },
  };
}
