/** A verifier with its gate, as a worker has them: lets a world's lanes serve again. */
import { openLanes, scriptOf, type LaneSet } from '../../engine/lane-set.ts';
import { Verifier } from '../../engine/verifier.ts';
import { createKafka } from '../../platform/kafka/index.ts';
import { createDb } from '../../platform/postgres/pool.ts';
import { connectRedis } from '../../platform/redis/connection.ts';
import { silent, until } from './environment.ts';
import { specsOf } from './kafka.ts';
import type { World } from './world.ts';

export interface WorldVerifier {
  /** The lanes of the verifier's own process. */
  readonly lanes: LaneSet;
  /** Every lane is open in this process. */
  untilOpen(): Promise<void>;
  /** A lane is shut for a reason that begins like this. */
  untilShut(lane: number, reason: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Everything goes by the world's configuration, so through its cables where it has some. `onRead` is
 * waited for each time that it has read Kafka.
 */
export function startVerifier(
  world: World,
  onRead: () => Promise<void> = () => Promise.resolve(),
): WorldVerifier {
  const { config, settings, topic, kafka: own } = world;
  const options = { name: 'verifier', log: silent, commandTimeoutMs: 2000 };
  const redis = connectRedis(config.redisUrl, options);
  const db = createDb(config.databaseUrl, { max: 4, name: 'verifier', connectTimeoutMs: 500 });
  const kafka = createKafka({ brokers: config.kafkaBrokers, clientId: 'verifier', log: silent });
  const verifier = new Verifier({
    db,
    redis,
    kafka: {
      ...kafka,
      async read(...args) {
        await kafka.read(...args);
        await onRead();
      },
    },
    topic,
    deployment: settings.deployment,
    ensureTopic: () => kafka.ensureTopics(specsOf(own.prefix, settings.lanes, false)),
    script: scriptOf('verify'),
    freezeScript: scriptOf('freeze'),
    log: silent,
  });
  const lanes = openLanes(config, settings, db, silent, (lane, runId) =>
    verifier.verify(lane, runId),
  );
  return {
    lanes,
    untilOpen: () => until('every lane is open', () => lanes.gate.doors.every((d) => d.open)),
    untilShut: (lane, reason) =>
      until(`lane ${lane} is shut: ${reason}`, () => {
        const door = lanes.gate.door(lane);
        return !door.open && door.reason.startsWith(reason);
      }),
    async close() {
      verifier.close();
      await lanes.close();
      redis.disconnect();
      await kafka.close();
      await db.close();
    },
  };
}
