/** The port to Kafka; kafkajs is imported in this folder only. */
import { TopicAdmin } from './admin.ts';
import { createClient } from './client.ts';
import { GroupConsumer } from './consumer.ts';
import type { KafkaOptions, KafkaPort } from './port.ts';
import { SerialProducer } from './producer.ts';
import { readStretch } from './reader.ts';

export type * from './port.ts';

/** Connects only when something is asked of it, so it can be made while the broker is away. */
export function createKafka(options: KafkaOptions): KafkaPort {
  const kafka = createClient(options);
  const admin = new TopicAdmin(kafka);
  const open = new Set<{ close(): Promise<void> }>();
  const leaving = new Set<Promise<void>>();

  function opened<T extends { close(): Promise<void> }>(thing: T): T {
    open.add(thing);
    return thing;
  }

  function leave(work: Promise<void>): void {
    leaving.add(work);
    void work.finally(() => leaving.delete(work));
  }

  return {
    ensureTopics: (topics) => admin.ensureTopics(topics),
    producer: () => Promise.resolve(opened(new SerialProducer(kafka))),
    consume: (consumption) =>
      Promise.resolve(opened(new GroupConsumer(kafka, admin, options.log, consumption))),
    ends: (topic) => admin.ends(topic),
    offsetsAt: (topic, timestampMs) => admin.offsetsAt(topic, timestampMs),
    read: (topic, partition, from, to, onMessage) =>
      readStretch(kafka, admin, { topic, partition, from, to }, onMessage, leave),
    deleteTopic: (topic) => admin.deleteTopic(topic),
    close: async () => {
      await Promise.all([...open].map((thing) => thing.close()));
      open.clear();
      await Promise.all(leaving);
      await admin.close();
    },
  };
}
