/**
 * Connections to Redis with the settings that the write path needs: nothing is queued while the
 * server is away and nothing is sent twice, so an answer that did not come is "unknown".
 */
import { Redis } from 'ioredis';
import { clock } from '../clock.ts';
import type { Log } from '../log.ts';

export type { Redis } from 'ioredis';

export interface RedisOptions {
  readonly name: string;
  readonly log: Log;
  /** 0 = none; only for a connection that blocks on purpose. */
  readonly commandTimeoutMs: number;
  readonly connectTimeoutMs?: number;
}

const reconnectMaxMs = 200;
/**
 * A server that owes an answer and says nothing for so long is gone: its host may have vanished without
 * a word, and TCP would wait for it for minutes. Longer than any read here blocks.
 */
const silentMaxMs = 5000;
/** A server that reads its file again says so, and by default would be asked after a second. */
const loadingRetryMs = 50;

/**
 * Opens a connection that reconnects by itself for ever. Commands given while it is away are
 * rejected at once.
 */
export function connectRedis(url: string, options: RedisOptions): Redis {
  const redis = new Redis(url, {
    connectionName: options.name,
    protocol: 2,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: options.connectTimeoutMs ?? 2000,
    maxLoadingRetryTime: loadingRetryMs,
    socketTimeout: Math.max(silentMaxMs, options.commandTimeoutMs),
    ...(options.commandTimeoutMs > 0 ? { commandTimeout: options.commandTimeoutMs } : {}),
    retryStrategy: (times) => Math.min(20 * times, reconnectMaxMs),
  });
  let away = false;
  redis.on('error', (error: Error) => {
    if (!away) options.log.warn({ redis: options.name, err: error.message }, 'redis away');
    away = true;
  });
  redis.on('ready', () => {
    if (away) options.log.info({ redis: options.name }, 'redis back');
    away = false;
  });
  return redis;
}

/** Resolves once the connection is ready, or rejects after the time given. */
export function untilReady(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => {
      redis.off('ready', onReady);
      reject(new Error(`redis did not answer within ${timeoutMs} ms`));
    });
    function onReady(): void {
      timer.close();
      resolve();
    }
    redis.once('ready', onReady);
  });
}

/** `run_id` of the server behind this connection: new at every start of the server. */
export async function serverRunId(redis: Redis): Promise<string> {
  const info = await redis.info('server');
  const found = /^run_id:(\w+)/m.exec(info);
  if (found?.[1] === undefined) throw new Error('redis: INFO has no run_id');
  return found[1];
}

/** Bytes used and allowed (0 = no limit, which Highnoon refuses). */
export async function memoryUse(redis: Redis): Promise<{ used: number; max: number }> {
  const info = await redis.info('memory');
  const used = /^used_memory:(\d+)/m.exec(info)?.[1];
  const max = /^maxmemory:(\d+)/m.exec(info)?.[1];
  return { used: Number(used ?? 0), max: Number(max ?? 0) };
}
