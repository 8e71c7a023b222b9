/** Set-up of a deployment, run before any role: migrations, topics, format. Safe to repeat. */
import { loadConfig, type Config } from '../platform/config.ts';
import { createKafka } from '../platform/kafka/index.ts';
import { createLog, type Log } from '../platform/log.ts';
import { messageOf } from '../platform/fault.ts';
import { createDb } from '../platform/postgres/pool.ts';
import { formatLanes, migrateAll, writeSettings } from './format.ts';
import { topicSpecs } from './topics.ts';

const waitMs = 60_000;
const retryMs = 250;

/** Repeats until it works or the time is up: stores that have just been started may be late. */
async function eventually<T>(what: string, log: Log, fn: () => Promise<T>): Promise<T> {
  const until = performance.now() + waitMs;
  for (;;) {
    try {
      return await fn();
    } catch (error) {
      if (performance.now() > until) throw error;
      log.debug({ what, err: messageOf(error) }, 'not yet');
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

async function setup(config: Config, log: Log): Promise<void> {
  const db = createDb(config.databaseUrl, { max: 2, name: 'highnoon-setup' });
  const kafka = createKafka({ brokers: config.kafkaBrokers, clientId: 'highnoon-setup', log });
  try {
    await eventually('postgres', log, () => db.query('SELECT 1'));
    await migrateAll(db, log);
    await writeSettings(db, config.lanes, config.currency);
    const specs = topicSpecs(config.topicPrefix, config.lanes, config.kafkaReplication);
    await eventually('kafka', log, () => kafka.ensureTopics(specs));
    await formatLanes(db, config.redisUrl, config.lanes, log);
  } finally {
    await kafka.close();
    await db.close();
  }
}

const config = loadConfig(undefined, ['REDIS_URL', 'DATABASE_URL', 'KAFKA_BROKERS']);
const log = createLog('setup', config.logLevel);
setup(config, log).then(
  () => {
    log.info('ready');
  },
  (error: unknown) => {
    log.fatal({ err: messageOf(error) }, 'set-up failed');
    process.exitCode = 1;
  },
);
