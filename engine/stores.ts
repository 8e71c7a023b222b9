/** A process's ways to its stores: those that its configuration names, or others in their place. */
import type { Config } from '../platform/config.ts';
import { createKafka } from '../platform/kafka/index.ts';
import type { KafkaPort } from '../platform/kafka/port.ts';
import type { Log } from '../platform/log.ts';
import { createDb } from '../platform/postgres/pool.ts';
import type { Db } from '../platform/postgres/db.ts';
import { connectRedis, type Redis } from '../platform/redis/connection.ts';

export interface Stores {
  /** A new connection, which reconnects by itself. */
  redis(name: string, commandTimeoutMs: number): Redis;
  /** A new pool of at most so many connections. */
  postgres(name: string, connectionsMax: number): Db;
  kafka(): KafkaPort;
}

export const configuredStores = (config: Config, log: Log): Stores => ({
  redis: (name, commandTimeoutMs) => connectRedis(config.redisUrl, { name, log, commandTimeoutMs }),
  postgres: (name, max) => createDb(config.databaseUrl, { max, name }),
  kafka: () =>
    createKafka({
      brokers: config.kafkaBrokers,
      clientId: `highnoon-${config.processName}`,
      log,
    }),
});
