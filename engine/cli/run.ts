/** What the commands share: their stores, and how they end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig, type Config, type NeededVariable } from '../../platform/config.ts';
import { messageOf } from '../../platform/fault.ts';
import { createKafka } from '../../platform/kafka/index.ts';
import type { KafkaPort } from '../../platform/kafka/port.ts';
import { createLog } from '../../platform/log.ts';
import type { Db } from '../../platform/postgres/db.ts';
import { createDb } from '../../platform/postgres/pool.ts';
import { connectRedis, untilReady, type Redis } from '../../platform/redis/connection.ts';
import { exitWith } from './arguments.ts';

export interface LogStores {
  readonly config: Config;
  readonly db: Db;
  readonly kafka: KafkaPort;
}

export interface Stores extends LogStores {
  readonly redis: Redis;
}

const storeTimeoutMs = 60_000;
/** A transaction of a command may rest while other stores are read. */
const idleMs = 600_000;
const redisReadyMs = 10_000;
const closeMs = 2000;
const silent = createLog('command', 'silent');

/** Runs a command's work over Postgres and Kafka, and closes them after it, whatever it did. */
export async function withLog<T>(
  name: string,
  work: (stores: LogStores) => Promise<T>,
  needs: readonly NeededVariable[] = ['DATABASE_URL', 'KAFKA_BROKERS'],
): Promise<T> {
  const config = loadConfig(undefined, needs);
  const db = createDb(config.databaseUrl, {
    max: 4,
    statementTimeoutMs: storeTimeoutMs,
    idleInTransactionTimeoutMs: idleMs,
    name: `highnoon-${name}`,
  });
  const clientId = `highnoon-${name}`;
  const kafka = createKafka({ brokers: config.kafkaBrokers, clientId, log: silent });
  try {
    return await work({ config, db, kafka });
  } finally {
    // What a store that is away keeps open must not keep the command from ending.
    await Promise.race([Promise.allSettled([kafka.close(), db.close()]), sleep(closeMs)]);
  }
}

/** The same over all three stores. */
export function withStores<T>(name: string, work: (stores: Stores) => Promise<T>): Promise<T> {
  return withLog(
    name,
    async (stores) => {
      const redis = connectRedis(stores.config.redisUrl, {
        name: `highnoon-${name}`,
        log: silent,
        commandTimeoutMs: storeTimeoutMs,
      });
      try {
        await untilReady(redis, redisReadyMs);
        return await work({ ...stores, redis });
      } finally {
        redis.disconnect();
      }
    },
    ['REDIS_URL', 'DATABASE_URL', 'KAFKA_BROKERS'],
  );
}

/** Ends the process with what `main` answers; 2 and the reason when it throws. */
export function runCommand(failed: string, main: () => Promise<number>): void {
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(`${failed}: ${messageOf(error)}\n`);
      process.exit(exitWith.unchecked);
    },
  );
}

/** Says what is wrong with the arguments, and how they are; the exit code. */
export function misused(what: string, usage: string): number {
  process.stderr.write(`${what}\n\n${usage}\n`);
  return exitWith.unchecked;
}
