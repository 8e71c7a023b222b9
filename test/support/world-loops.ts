/** Loops of a worker in a test's own process, each with connections of its own as a worker has. */
import { scriptOf } from '../../engine/lane-set.ts';
import { Lease } from '../../engine/lanes/lease.ts';
import { laneKeys } from '../../engine/lanes/keys.ts';
import { startRelay } from '../../engine/relay.ts';
import { metrics } from '../../platform/metrics.ts';
import { startSettler } from '../../engine/settler.ts';
import { createKafka, type KafkaPort } from '../../platform/kafka/index.ts';
import { createDb } from '../../platform/postgres/pool.ts';
import type { Db } from '../../platform/postgres/db.ts';
import { connectRedis, untilReady, type Redis } from '../../platform/redis/connection.ts';
import { silent } from './environment.ts';
import { specsOf } from './kafka.ts';
import type { World } from './world.ts';

export interface Running {
  close(): Promise<void>;
}

export interface LoopParts {
  readonly db: Db;
  readonly redis: Redis;
  readonly kafka: KafkaPort;
  close(): Promise<void>;
}

const connectTimeoutMs = 500;
const readyMs = 10_000;

/** Ways to the stores by the world's configuration, so through its cables where it has some. */
export async function loopParts({ config }: World): Promise<LoopParts> {
  const redis = connectRedis(config.redisUrl, {
    name: 'loop',
    log: silent,
    commandTimeoutMs: 5000,
  });
  const db = createDb(config.databaseUrl, { max: 4, name: 'loop', connectTimeoutMs });
  const kafka = createKafka({ brokers: config.kafkaBrokers, clientId: 'loop', log: silent });
  await untilReady(redis, readyMs);
  return {
    db,
    redis,
    kafka,
    async close() {
      await kafka.close();
      redis.disconnect();
      await db.close();
    },
  };
}

type Counter = (typeof metrics)['loopErrors'];

async function countOf(counter: Counter, loop: string): Promise<number> {
  const { values } = await counter.get();
  return values.find(({ labels }) => labels.loop === loop)?.value ?? 0;
}

/** Rounds of a loop that have failed, or been done, in this process. */
export const errorsOf = (loop: string): Promise<number> => countOf(metrics.loopErrors, loop);
export const roundsOf = (loop: string): Promise<number> => countOf(metrics.loopRuns, loop);

/** `lease` = the name under which it is owned: two relays own two at the same time. */
export async function startWorldRelay(
  world: World,
  lane: number,
  lease = 'relay',
): Promise<Running> {
  const parts = await loopParts(world);
  const { redis, db, kafka } = parts;
  const { topic, config } = world;
  const specs = specsOf(config.topicPrefix, config.lanes, false);
  const relay = startRelay({
    lane,
    keys: laneKeys(lane),
    deployment: world.settings.deployment,
    redis,
    lease: new Lease(world.redis.redis, scriptOf('lease'), lane, lease),
    db,
    producer: await kafka.producer(),
    topic,
    pauseMs: 5,
    log: silent,
    ensureTopic: () => kafka.ensureTopics(specs),
  });
  return {
    async close() {
      await relay.close();
      await parts.close();
    },
  };
}

export interface RunningSettler extends Running {
  /** Redis, Postgres and Kafka of this settler alone. */
  readonly parts: LoopParts;
}

/** Settlers of one group share the partitions; of different groups, each reads all of them. */
export async function startWorldSettler(
  world: World,
  group = 'settler',
  onSettled: () => void = () => undefined,
  onLine: (lane: number) => void = () => undefined,
): Promise<RunningSettler> {
  const parts = await loopParts(world);
  const { redis, db, kafka } = parts;
  const settler = await startSettler({
    kafka,
    db,
    redis,
    republishScript: scriptOf('republish'),
    topic: world.topic,
    groupId: `${world.config.topicPrefix}${group}`,
    lanes: world.settings.lanes,
    deployment: world.settings.deployment,
    log: silent,
    onCommands: () => undefined,
    onSettled,
    onBell: () => undefined,
    onLine,
    onCrash: (error) => {
      throw error;
    },
  });
  return {
    parts,
    async close() {
      await settler.close();
      await parts.close();
    },
  };
}
