/**
 * A small true world: a Redis server, a database and a topic prefix of a test file's own, migrated
 * and formatted, with the lanes opened through engine/lane-set.ts. `close` ends all it started.
 */
import { formatLanes, writeSettings } from '../../engine/format.ts';
import { openLanes, type LaneSet } from '../../engine/lane-set.ts';
import { readSettings, type Settings } from '../../engine/settings.ts';
import { topicsOf } from '../../engine/topics.ts';
import { loadConfig, type Config } from '../../platform/config.ts';
import type { KafkaProducer } from '../../platform/kafka/port.ts';
import type { Db } from '../../platform/postgres/db.ts';
import { silent, until } from './environment.ts';
import { specsOf, testKafka, type TestKafka } from './kafka.ts';
import { linkTo, linkToKafka, type Link } from './link.ts';
import { createDatabase, type TestDatabase } from './postgres.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { LaneSteps } from './world-steps.ts';

export type StoreName = 'redis' | 'postgres' | 'kafka';

export interface WorldOptions {
  readonly lanes?: number;
  /**
   * `orders` = only that topic; `all` = every topic of the engine (several seconds); `none` = no
   * Kafka at all: what is decided settles straight from the outbox. Default `orders`.
   */
  readonly kafka?: 'orders' | 'all' | 'none';
  /** Stores that the world's configuration reaches through a cable; the test's own ways do not. */
  readonly linked?: readonly StoreName[];
  /** Settings of redis.conf. */
  readonly redis?: Readonly<Record<string, string>>;
  /** Variables of the environment, over those of the world. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface World {
  readonly config: Config;
  readonly settings: Settings;
  readonly redis: TestRedis;
  readonly database: TestDatabase;
  readonly db: Db;
  readonly kafka: TestKafka;
  readonly lanes: LaneSet;
  readonly steps: LaneSteps;
  /** The cable to a store; throws when it was not asked for. */
  link(store: StoreName): Link;
  /** The topic of decisions. */
  readonly topic: string;
  close(): Promise<void>;
}

type Stores = Pick<World, 'redis' | 'database' | 'kafka'>;

const linkOf: Readonly<Record<StoreName, (stores: Stores) => Promise<Link>>> = {
  redis: ({ redis }) => linkTo(redis.url),
  postgres: ({ database }) => linkTo(database.url),
  kafka: ({ kafka }) => linkToKafka(kafka.brokers),
};

/** Closes in the reverse order, every one even if another fails. */
async function closeAll(closing: readonly (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const close of [...closing].reverse()) await close().catch((e: unknown) => errors.push(e));
  if (errors.length > 0) throw new AggregateError(errors, 'the world did not close');
}

/** Starts and formats a world. */
export async function formatWorld(options: WorldOptions = {}): Promise<World> {
  const closing: (() => Promise<unknown>)[] = [];
  try {
    return await format(options, closing);
  } catch (error) {
    await closeAll(closing).catch(() => undefined);
    throw error;
  }
}

async function format(options: WorldOptions, closing: (() => Promise<unknown>)[]): Promise<World> {
  const { lanes: count = 2, kafka: topics = 'orders', env = {} } = options;
  const durable = { appendonly: 'yes', appendfsync: 'always' };
  const redis = await startRedis({ config: { ...durable, ...options.redis } });
  closing.push(() => redis.stop());
  const database = await createDatabase();
  closing.push(() => database.close());
  const { db } = database;
  const kafka = testKafka();
  closing.push(() => kafka.close());
  const links = new Map<StoreName, Link>();
  for (const store of options.linked ?? []) {
    const link = await linkOf[store]({ redis, database, kafka });
    closing.push(() => link.close());
    links.set(store, link);
  }
  const config = loadConfig({
    REDIS_URL: links.get('redis')?.url ?? redis.url,
    DATABASE_URL: links.get('postgres')?.url ?? database.url,
    KAFKA_BROKERS: links.get('kafka')?.address ?? kafka.brokers,
    TOPIC_PREFIX: kafka.prefix,
    LANES: String(count),
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    HIGHNOON_PROCESS: 'test',
    ...env,
  });
  await writeSettings(db, count, config.currency);
  let producer: KafkaProducer | null = null;
  if (topics !== 'none') {
    await kafka.makeTopics(count, specsOf(kafka.prefix, count, topics === 'all'));
    producer = await kafka.kafka.producer();
  }
  await formatLanes(db, redis.url, count, silent);
  const settings = await readSettings(db);
  const lanes = openLanes(config, settings, db, silent);
  closing.push(() => lanes.close());
  await until('every lane is open', () => lanes.gate.doors.every((door) => door.open));
  const topic = topicsOf(kafka.prefix).orders;
  const steps = new LaneSteps({ lanes, db, redis: redis.redis, producer, topic });
  const link = (store: StoreName): Link => {
    const found = links.get(store);
    if (found === undefined) throw new Error(`the world has no cable to ${store}`);
    return found;
  };
  const close = (): Promise<void> => closeAll(closing);
  return { config, settings, redis, database, db, kafka, lanes, steps, topic, link, close };
}
