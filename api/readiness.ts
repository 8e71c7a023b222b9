/**
 * Whether this api can sell: 200 when migrated and every lane is open. What a hold does not wait
 * for (Postgres once seen, Kafka, worker, catalog) only degrades. Looked at in the background, so
 * that asking costs nothing; lanes are looked at when asked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../engine/index.ts';
import type { Log } from '../platform/log.ts';

export type Probe = () => Promise<void>;

/** What may be away while sales go on. */
export type Helper = 'postgres' | 'kafka' | 'worker' | 'catalog';

export type CheckState = 'ok' | 'away' | 'closed';

export interface Health {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly checks: Readonly<Record<Helper | 'redis' | 'lanes', CheckState>>;
  readonly lanesNotReady: readonly { readonly lane: number; readonly reason: string }[];
}

export interface HealthWatch {
  health(): Health;
  /** Looks at everything once; resolves when all have answered or timed out. */
  look(): Promise<void>;
  close(): void;
}

export interface WatchOptions {
  readonly engine: Pick<Engine, 'lanesNotReady' | 'probePostgres' | 'probeRedis'>;
  readonly probes: Readonly<Record<'kafka' | 'worker' | 'catalog', Probe>>;
  readonly log: Log;
  readonly everyMs?: number;
}

export const lookEveryMs = 1000;
export const probeTimeoutMs = 1500;

type Probed = Helper | 'redis';

export function watchHealth({ engine, probes, log, everyMs }: WatchOptions): HealthWatch {
  const questions: Readonly<Record<Probed, Probe>> = {
    postgres: () => engine.probePostgres(),
    redis: () => engine.probeRedis(),
    ...probes,
  };
  const states: Record<Probed, CheckState> = {
    postgres: 'away',
    redis: 'away',
    kafka: 'away',
    worker: 'away',
    catalog: 'away',
  };
  let postgresSeen = false;
  const closing = new AbortController();

  async function ask(name: Probed): Promise<void> {
    let state: CheckState = 'ok';
    try {
      await within(questions[name](), probeTimeoutMs);
    } catch {
      state = 'away';
    }
    if (name === 'postgres' && state === 'ok') postgresSeen = true;
    if (states[name] !== state) log.info({ check: name, state }, 'health');
    states[name] = state;
  }

  /** Each on its own, so that one that hangs does not age the others. */
  async function keepAsking(name: Probed): Promise<void> {
    while (!closing.signal.aborted) {
      await ask(name);
      await sleep(everyMs ?? lookEveryMs, undefined, { signal: closing.signal }).catch(() => null);
    }
  }

  const names = Object.keys(questions) as Probed[];
  for (const name of names) void keepAsking(name);
  return {
    health: () => healthOf(states, postgresSeen, engine.lanesNotReady()),
    look: async () => {
      await Promise.all(names.map(ask));
    },
    close: () => {
      closing.abort();
    },
  };
}

/** Pure. */
export function healthOf(
  states: Readonly<Record<Probed, CheckState>>,
  postgresSeen: boolean,
  lanesNotReady: Health['lanesNotReady'],
): Health {
  const lanes = lanesNotReady.length === 0 ? 'ok' : 'closed';
  const checks = { ...states, lanes } as const;
  const sells = lanes === 'ok' && states.redis === 'ok' && postgresSeen;
  const helped = Object.values(states).every((state) => state === 'ok');
  return { status: !sells ? 'down' : helped ? 'ok' : 'degraded', checks, lanesNotReady };
}

async function within(work: Promise<void>, timeoutMs: number): Promise<void> {
  const late = new AbortController();
  try {
    await Promise.race([
      work,
      sleep(timeoutMs, undefined, { signal: late.signal }).then(() => {
        throw new Error('too late');
      }),
    ]);
  } finally {
    late.abort();
  }
}

/** Asks a `/health/ready` for a 200. */
export function probeUrl(base: string): Probe {
  const url = new URL('/health/ready', base);
  return async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(probeTimeoutMs) });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`${url.href}: ${response.status}`);
  };
}
