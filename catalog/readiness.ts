/**
 * What the window says of itself. It is ready while it answers: once Postgres was seen there are
 * pages in memory, so that later losses make it `degraded`, never `down`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Query } from '../platform/postgres/pool.ts';
import type { Readiness } from '../platform/ops.ts';
import type { IntakeState } from './intake.ts';

export interface Watch {
  ready(): Readiness;
  close(): Promise<void>;
}

const pingEveryMs = 500;
/** A ping that hangs is as bad as one that fails. */
const pingMaxAgeMs = 2500;

/** Pings Postgres in the background, so that asking for readiness costs nothing. */
export function watch(
  q: Query,
  intakeState: () => IntakeState,
  now: () => number = () => performance.now(),
): Watch {
  const closing = new AbortController();
  let seenAt: number | null = null;
  const running = (async () => {
    while (!closing.signal.aborted) {
      try {
        await q.query(`SELECT 1 FROM shop.products LIMIT 1`);
        seenAt = now();
      } catch {
        // Its age says it.
      }
      await sleep(pingEveryMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  })();
  return {
    ready: () => readinessOf(seenAt === null ? null : now() - seenAt, intakeState()),
    async close() {
      closing.abort();
      await running;
    },
  };
}

/** `seenAgeMs`: since Postgres last answered; null = never. Pure. */
export function readinessOf(seenAgeMs: number | null, intake: IntakeState): Readiness {
  const postgres = seenAgeMs !== null && seenAgeMs <= pingMaxAgeMs ? 'ok' : 'away';
  const checks = { postgres, intake };
  if (seenAgeMs === null) return { status: 'down', checks };
  return { status: postgres === 'ok' && intake === 'ok' ? 'ok' : 'degraded', checks };
}
