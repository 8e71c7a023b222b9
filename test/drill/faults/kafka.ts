/** Kafka's topic of decisions loses messages; that and the others repeat them. */
import { Kafka, logLevel, type Admin, type IHeaders } from 'kafkajs';
import { Client as Postgres } from 'pg';
import type { Rng } from '../../support/rng.ts';
import type { DrillStack } from '../stack.ts';
import { isMadeAnew, unsettled } from './evidence.ts';
import { NotMet, wait, type Fault } from './fault.ts';

const topic = 'orders';
const missing = 'UNKNOWN_TOPIC_OR_PARTITION';
/** A settler waits for a message for half a second: what came before may be in its hands. */
const settlerFetchMs = 500;
const holeTries = 3;
const lostMaxMs = 10_000;

const kafkaOf = (stack: DrillStack): Kafka =>
  new Kafka({
    clientId: 'drill',
    // By the proxy: it is what the broker says its address is.
    brokers: [stack.proxies.kafka.address],
    logLevel: logLevel.NOTHING,
  });

/** With Postgres silent the relay goes on and the settler stands: what is cut off had not settled. */
async function whileNothingSettles<T>(stack: DrillStack, act: () => Promise<T>): Promise<T> {
  stack.proxies.postgres.misbehave({ silent: true });
  try {
    return await act();
  } finally {
    stack.proxies.postgres.behave();
  }
}

/** By partition, the offset after its last message; empty while there is no such topic. */
async function endsOf(admin: Admin): Promise<Map<number, number>> {
  const ends = await admin.fetchTopicOffsets(topic).catch((error: unknown) => {
    if ((error as { readonly type?: unknown }).type === missing) return [];
    throw error;
  });
  return new Map(ends.map(({ partition, high }) => [partition, Number(high)]));
}

/** By lane, the offset of the first message that has not settled; past the proxies. */
async function settledOf(stack: DrillStack): Promise<Map<number, number>> {
  const db = new Postgres({ connectionString: stack.storeEnv().DATABASE_URL });
  await db.connect();
  try {
    const { rows } = await db.query<{ lane: number; next: number }>(
      'SELECT lane, greatest(kafka_offset, 0)::float8 AS next FROM sale.watermarks',
    );
    return new Map(rows.map(({ lane, next }) => [lane, next]));
  } finally {
    await db.end();
  }
}

/** Answers how many messages it took away that nobody can have settled. */
async function cutHole(stack: DrillStack, admin: Admin): Promise<number> {
  return whileNothingSettles(stack, async () => {
    await wait(settlerFetchMs);
    const held = await endsOf(admin);
    await wait(1500);
    const ends = await endsOf(admin);
    const count = unsettled(await settledOf(stack), held, ends);
    const partitions = [...ends].map(([partition, end]) => ({ partition, offset: String(end) }));
    if (count > 0) await admin.deleteTopicRecords({ topic, partitions });
    return count;
  });
}

export async function withAdmin<T>(
  stack: DrillStack,
  use: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = kafkaOf(stack).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

const kafkaHole: Fault = {
  name: 'kafka-hole',
  kind: 'store',
  does: 'messages of `orders` that have not settled are deleted from the topic',
  run: ({ stack, say }) =>
    withAdmin(stack, async (admin) => {
      for (let tries = 0; tries < holeTries; tries += 1) {
        const count = await cutHole(stack, admin);
        if (count > 0) {
          say(`${count} messages that had not settled are gone`);
          return;
        }
        await wait(500);
      }
      throw new NotMet('all that was in the topic had settled');
    }),
};

const kafkaTopicLost: Fault = {
  name: 'kafka-topic-lost',
  kind: 'store',
  does: 'the topic `orders` is deleted with all that is in it',
  run: ({ stack }) =>
    withAdmin(stack, async (admin) => {
      const before = await endsOf(admin);
      if ([...before.values()].every((end) => end === 0)) throw new NotMet('nothing is in it');
      await admin.deleteTopics({ topics: [topic] });
      const until = Date.now() + lostMaxMs;
      while (!isMadeAnew(before, await endsOf(admin))) {
        if (Date.now() > until) throw new NotMet('the topic has all it had');
        await wait(20);
      }
    }),
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
