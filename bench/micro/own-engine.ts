/**
 * The engine as a library in this process. The worker stands still meanwhile, so that two processes
 * share the machine, ours and Redis.
 */
import { createEngine } from '../../engine/index.ts';
import type { Engine } from '../../engine/index.ts';
import { loadConfig } from '../../platform/config.ts';
import type { Config } from '../../platform/config.ts';
import { createLog } from '../../platform/log.ts';
import type { Log } from '../../platform/log.ts';
import { pidOf } from '../stack-info.ts';
import type { StackInfo } from '../stack-info.ts';

const openMaxMs = 10_000;

export interface OwnEngine {
  readonly engine: Engine;
  readonly config: Config;
  readonly log: Log;
  /** The worker works until this is done. */
  readonly withWorker: <T>(use: () => Promise<T>) => Promise<T>;
}

export async function withEngine<T>(
  stack: StackInfo,
  batchMax: number,
  use: (own: OwnEngine) => Promise<T>,
): Promise<T> {
  const { redisUrl, databaseUrl } = stack;
  const own = { redisUrl, databaseUrl, processName: 'bench', batchMax };
  // Nothing settles while the worker stands still.
  const unbounded: Partial<Config> = { inDoubtMax: 1e9, inDoubtMaxAgeSeconds: 1e6 };
  const config = { ...loadConfig(), ...own, ...unbounded };
  const log = createLog('bench', 'warn');
  const engine = await createEngine(config, log);
  const worker = pidOf(stack, 'worker');
  const send = (signal: 'SIGSTOP' | 'SIGCONT'): void => {
    if (worker !== null) process.kill(worker, signal);
  };
  try {
    await untilOpen(engine);
    send('SIGSTOP');
    const withWorker = async <R>(meanwhile: () => Promise<R>): Promise<R> => {
      send('SIGCONT');
      const result = await meanwhile();
      send('SIGSTOP');
      return result;
    };
    return await use({ engine, config, log, withWorker });
  } finally {
    send('SIGCONT');
    await engine.close();
  }
}

async function untilOpen(engine: Engine): Promise<void> {
  const until = performance.now() + openMaxMs;
  while (engine.lanesNotReady().length > 0) {
    if (performance.now() > until) throw new Error('the lanes do not open for the benchmark');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
