/** The runner's Kafka under a topic prefix of a test file's own; what it made is deleted. */
import { topicSpecs } from '../../engine/topics.ts';
import { createKafka } from '../../platform/kafka/index.ts';
import type { KafkaPort, TopicSpec } from '../../platform/kafka/port.ts';
import { needed, ownName, silent } from './environment.ts';

export interface TestKafka {
  readonly brokers: string;
  /** Before every topic and group of this file. */
  readonly prefix: string;
  readonly kafka: KafkaPort;
  /** Makes topics; by default `orders` with a partition for each lane. */
  makeTopics(lanes: number, specs?: readonly TopicSpec[]): Promise<void>;
  /** Deletes what was made, and closes the port. */
  close(): Promise<void>;
}

/** The topics of the engine under a prefix: all, or only `orders`. */
export function specsOf(prefix: string, lanes: number, all: boolean): TopicSpec[] {
  const specs = topicSpecs(prefix, lanes, 1);
  return all ? specs : specs.filter(({ topic }) => topic === `${prefix}orders`);
}

export function testKafka(): TestKafka {
  const brokers = needed('TEST_KAFKA_BROKERS');
  const prefix = `${ownName('t')}-`;
  const kafka = createKafka({ brokers: brokers.split(','), clientId: prefix, log: silent });
  const made = new Set<string>();
  return {
    brokers,
    prefix,
    kafka,
    async makeTopics(lanes, specs = specsOf(prefix, lanes, false)) {
      for (const { topic } of specs) made.add(topic);
      await kafka.ensureTopics(specs);
    },
    async close() {
      for (const topic of made) await kafka.deleteTopic(topic).catch(() => undefined);
      await kafka.close();
    },
  };
}
