/** Kafka's topic of decisions loses or repeats messages. */
import { Kafka, logLevel } from 'kafkajs';
import type { DrillStack } from '../stack.ts';
import { wait, type Fault } from './fault.ts';

const topic = 'orders';

const kafkaOf = (stack: DrillStack): Kafka =>
  new Kafka({
    clientId: 'drill',
    // By the proxy: it is what the broker says its address is.
    brokers: [stack.proxies.kafka.address],
    logLevel: logLevel.NOTHING,
  });

/** With Postgres silent the relay goes on and the settler stands: what is cut off had not settled. */
async function whileNothingSettles(stack: DrillStack, act: () => Promise<void>): Promise<void> {
  stack.proxies.postgres.misbehave({ silent: true });
  try {
    await wait(1500);
    await act();
  } finally {
    stack.proxies.postgres.behave();
  }
}

const kafkaHole: Fault = {
  name: 'kafka-hole',
  kind: 'store',
  does: 'messages of `orders` that have not settled are deleted from the topic',
  async run({ stack }) {
    const admin = kafkaOf(stack).admin();
    await admin.connect();
    try {
      await whileNothingSettles(stack, async () => {
        const ends = await admin.fetchTopicOffsets(topic);
        const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
        await admin.deleteTopicRecords({ topic, partitions });
      });
    } finally {
      await admin.disconnect();
    }
  },
};

const kafkaTopicLost: Fault = {
  name: 'kafka-topic-lost',
  kind: 'store',
  does: 'the topic `orders` is deleted with all that is in it',
  async run({ stack }) {
    const admin = kafkaOf(stack).admin();
    await admin.connect();
    try {
      await admin.deleteTopics({ topics: [topic] });
    } finally {
      await admin.disconnect();
    }
  },
};

interface Copy {
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Reads `orders` from its beginning for two seconds. */
async function readAll(kafka: Kafka): Promise<Copy[]> {
  const copies: Copy[] = [];
  const consumer = kafka.consumer({ groupId: `drill-${Date.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ partition, message: { key, value } }) => {
      copies.push({ partition, key, value });
      return Promise.resolve();
    },
  });
  await wait(2000);
  await consumer.disconnect();
  return copies;
}

const kafkaRepeats: Fault = {
  name: 'kafka-duplicates-reordered',
  kind: 'store',
  does: 'the last 500 messages of `orders` come again, shuffled',
  async run({ stack, rng }) {
    const kafka = kafkaOf(stack);
    const copies = (await readAll(kafka)).slice(-500);
    for (let i = copies.length - 1; i > 0; i -= 1) {
      const j = rng.whole(0, i);
      [copies[i], copies[j]] = [copies[j] as Copy, copies[i] as Copy];
    }
    const producer = kafka.producer({ idempotent: false });
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: copies });
    await producer.disconnect();
  },
};

export const kafkaFaults: readonly Fault[] = [kafkaHole, kafkaTopicLost, kafkaRepeats];
