/** Kafka's topic of decisions loses messages; that and the others repeat them. */
import { Kafka, logLevel, type IHeaders } from 'kafkajs';
import type { Rng } from '../../support/rng.ts';
import type { DrillStack } from '../stack.ts';
import { NotMet, wait, type Fault } from './fault.ts';

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

/** What is consumed here, and by whom; and how many of its last messages come again. */
const repeated: Readonly<Record<string, number>> = {
  orders: 500,
  'new-product': 200,
  'catalog-changes': 200,
};
const groups: Readonly<Record<string, readonly string[]>> = {
  'highnoon-opener': ['new-product'],
  'highnoon-intake': ['new-product', 'catalog-changes'],
};
const consumedMaxMs = 30_000;

interface Copy {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
}

/** Reads all from its beginning for two seconds. */
async function readAll(kafka: Kafka): Promise<Copy[]> {
  const copies: Copy[] = [];
  const consumer = kafka.consumer({ groupId: `drill-${Date.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topics: Object.keys(repeated), fromBeginning: true });
  await consumer.run({
    eachMessage: ({ topic: from, partition, message: { key, value, headers } }) => {
      copies.push({ topic: from, partition, key, value, headers: headers ?? {} });
      return Promise.resolve();
    },
  });
  await wait(2000);
  await consumer.disconnect();
  return copies;
}

function shuffle(all: Copy[], rng: Rng): void {
  for (let i = all.length - 1; i > 0; i -= 1) {
    const j = rng.whole(0, i);
    [all[i], all[j]] = [all[j] as Copy, all[i] as Copy];
  }
}

/** What comes again must have been taken before anybody looks at what it has done. */
async function untilConsumed(kafka: Kafka): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const until = Date.now() + consumedMaxMs;
  try {
    for (const [groupId, topics] of Object.entries(groups)) {
      const ends = new Map<string, string>();
      for (const name of topics) {
        for (const { partition, high } of await admin.fetchTopicOffsets(name)) {
          ends.set(`${name}/${partition}`, high);
        }
      }
      for (let lag = 1; lag > 0;) {
        const taken = await admin.fetchOffsets({ groupId, topics: [...topics] });
        lag = taken
          .flatMap(({ topic: name, partitions }) =>
            partitions.map(({ partition, offset }) => ({ name: `${name}/${partition}`, offset })),
          )
          .filter(
            ({ name, offset }) => Number(ends.get(name) ?? 0) > Math.max(0, Number(offset)),
          ).length;
        if (lag > 0 && Date.now() > until) {
          throw new Error(`${groupId} does not take what came again`);
        }
        if (lag > 0) await wait(50);
      }
    }
  } finally {
    await admin.disconnect();
  }
}

const kafkaRepeats: Fault = {
  name: 'kafka-duplicates-reordered',
  kind: 'store',
  does: 'the last messages of every topic that is consumed here come again, shuffled',
  async run({ stack, rng, rename }) {
    // Three versions of each product, so that an old one comes after the newest.
    for (let times = 0; times < 2; times += 1) await rename();
    const kafka = kafkaOf(stack);
    const all = await readAll(kafka);
    const producer = kafka.producer({ idempotent: false });
    await producer.connect();
    for (const [name, most] of Object.entries(repeated)) {
      const messages = all.filter((one) => one.topic === name).slice(-most);
      if (messages.length === 0) throw new NotMet(`nothing is in ${name}`);
      shuffle(messages, rng);
      await producer.send({ topic: name, acks: -1, messages });
    }
    await producer.disconnect();
    await untilConsumed(kafka);
  },
};

export const kafkaFaults: readonly Fault[] = [kafkaHole, kafkaTopicLost, kafkaRepeats];
