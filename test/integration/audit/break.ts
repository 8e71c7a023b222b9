/** Ways to break the stores of a history, and what the audit must say then. */
import type { CheckName } from '../../../engine/audit/findings.ts';
import { laneOfId } from '../../../engine/domain/ids.ts';
import { topicSpecs } from '../../../engine/topics.ts';
import type { Db } from '../../../platform/postgres/db.ts';
import type { Redis } from '../../../platform/redis/connection.ts';
import { ownName } from '../../support/environment.ts';
import type { History } from './history.ts';

export interface Break {
  /** The check that is there to see it. */
  readonly check: CheckName;
  readonly what: string;
  /** Other checks that see it too; no others may. */
  readonly also?: readonly CheckName[];
  /** What the check says of it. */
  readonly says: RegExp;
  readonly how: (broken: Broken) => unknown;
}

export class Broken {
  readonly history: History;
  readonly redis: Redis;
  readonly db: Db;
  /** The lane of the sale `live`. */
  readonly lane: number;
  /** The topic to audit. */
  topic: string;

  constructor(history: History) {
    this.history = history;
    this.redis = history.world.redis.redis;
    this.db = history.world.db;
    this.lane = laneOfId(history.live);
    this.topic = history.world.topic;
  }

  /** From now on the topic is a copy with the lane's messages as they come out of `alter`. */
  async alterLog(alter: (messages: Buffer[]) => Buffer[]): Promise<void> {
    const { kafka, settings, topic } = this.history.world;
    const prefix = `${ownName(kafka.prefix)}-`;
    this.topic = `${prefix}orders`;
    const specs = topicSpecs(prefix, settings.lanes, 1).filter((spec) => spec.topic === this.topic);
    await kafka.makeTopics(settings.lanes, specs);
    const producer = await kafka.kafka.producer();
    for (const [partition, { low, high }] of await kafka.kafka.ends(topic)) {
      const messages: Buffer[] = [];
      await kafka.kafka.read(topic, partition, low, high, ({ value }) => void messages.push(value));
      const values = partition === this.lane ? alter(messages) : messages;
      await producer.send(
        this.topic,
        values.map((value) => ({ partition, key: String(partition), value })),
      );
    }
    await producer.close();
  }
}
