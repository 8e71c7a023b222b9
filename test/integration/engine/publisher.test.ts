/** Publisher: every row of Postgres's outbox reaches its topic, if need be more than once. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Loop } from '../../../engine/loop.ts';
import { startPublisher } from '../../../engine/publisher.ts';
import { topicsOf } from '../../../engine/topics.ts';
import { createKafka, type KafkaProducer } from '../../../platform/kafka/index.ts';
import type { Db } from '../../../platform/postgres/db.ts';
import { silent, until } from '../../support/environment.ts';
import { testKafka, specsOf, type TestKafka } from '../../support/kafka.ts';
import { linkToKafka, type Link } from '../../support/link.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';

let kafka: TestKafka;
let link: Link;
let database: TestDatabase;
let db: Db;
let topic: string;
let ids = 0;
const closing: { close(): Promise<void> }[] = [];

const specs = () => specsOf(kafka.prefix, 1, true).filter((spec) => spec.topic === topic);

beforeAll(async () => {
  kafka = testKafka();
  link = await linkToKafka(kafka.brokers);
  database = await createDatabase();
  db = database.db;
  topic = topicsOf(kafka.prefix).newProduct;
});
beforeEach(() => kafka.makeTopics(1, specs()));
afterEach(async () => {
  for (const each of closing.splice(0)) await each.close();
  await kafka.kafka.deleteTopic(topic);
  await db.run('DELETE FROM platform.outbox');
});
afterAll(async () => {
  await database.close();
  await link.close();
  await kafka.close();
});

/** A publisher with a port of its own, through the cable. */
async function publisher(
  wrap: (producer: KafkaProducer) => KafkaProducer = (producer) => producer,
): Promise<Loop> {
  const port = createKafka({ brokers: [link.address], clientId: 'publisher', log: silent });
  const loop = startPublisher({
    db,
    producer: wrap(await port.producer()),
    topicPrefix: kafka.prefix,
    log: silent,
    ensureTopics: () => port.ensureTopics(specs()),
  });
  closing.push(loop, port);
  return loop;
}

async function write(count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, () => `prd_${++ids}`);
  await db.run(
    `INSERT INTO platform.outbox (topic, key, value)
     SELECT 'new-product', key, jsonb_build_object('id', key) FROM unnest($1::text[]) AS key`,
    [keys],
  );
  return keys;
}
async function pending(): Promise<number> {
  const [row] = await db.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM platform.outbox WHERE published_at IS NULL',
  );
  return row?.n ?? -1;
}
const untilPublished = (): Promise<void> =>
  until('no row waits', async () => (await pending()) === 0);

/** Keys in the topic, over all its partitions. */
async function published(): Promise<string[]> {
  const keys: string[] = [];
  for (const [partition, { low, high }] of await kafka.kafka.ends(topic)) {
    if (high === low) continue;
    await kafka.kafka.read(topic, partition, low, high, (message) => {
      expect(JSON.parse(message.value.toString())).toEqual({ id: message.key?.toString() });
      keys.push(String(message.key));
    });
  }
  return keys.sort();
}

describe('rows of the outbox', () => {
  it('are published once while nothing fails, by two publishers too', async () => {
    await Promise.all([publisher(), publisher()]);
    const keys = [...(await write(700)), ...(await write(3))];
    await untilPublished();
    expect(await published()).toEqual(keys.sort());
  });

  it('that are more together than a broker takes at once go out all the same', async () => {
    const sizes: number[] = [];
    await publisher((producer) => ({
      close: () => producer.close(),
      async send(to, messages) {
        sizes.push(messages.reduce((sum, { value }) => sum + value.length, 0));
        await producer.send(to, messages);
      },
    }));
    await db.run(
      `INSERT INTO platform.outbox (topic, key, value)
       SELECT 'new-product', 'prd_large', jsonb_build_object('id', repeat('x', 60000))
         FROM generate_series(1, 100)`,
    );
    await untilPublished();
    // Each of them is a transaction, which must not stand idle for long.
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2_000_000);
    const ends = [...(await kafka.kafka.ends(topic)).values()];
    expect(ends.reduce((sum, { high, low }) => sum + Number(high - low), 0)).toBe(100);
  });

  it('that commit out of order are all found', async () => {
    await publisher();
    let later: string[] = [];
    const early = db.tx(async (q) => {
      const row = `INSERT INTO platform.outbox (topic, key, value)
                   VALUES ('new-product', 'prd_early', '{"id": "prd_early"}')`;
      await q.run(row);
      later = await write(2);
      await until('the later ones are published', async () => (await pending()) === 0);
    });
    await early;
    await untilPublished();
    expect(await published()).toEqual([...later, 'prd_early'].sort());
  });

  it('are published again after a death between sending and commit', async () => {
    let deaths = 0;
    await publisher((producer) => ({
      close: () => producer.close(),
      async send(to, messages) {
        await producer.send(to, messages);
        if (deaths++ === 0) throw new Error('killed');
      },
    }));
    const keys = await write(3);
    await until('it has died once', () => deaths > 1);
    await untilPublished();
    expect(await published()).toEqual([...keys, ...keys].sort());
  });

  it('wait while Kafka is away', async () => {
    await link.cut();
    await publisher();
    const keys = await write(3);
    await link.mend();
    await untilPublished();
    expect([...new Set(await published())]).toEqual(keys.sort());
  });

  it('whose topic is missing find it made again', async () => {
    await kafka.kafka.deleteTopic(topic);
    await publisher();
    const keys = await write(3);
    await untilPublished();
    expect([...new Set(await published())]).toEqual(keys.sort());
  });

  it('go a day after they were published, and not before', async () => {
    await write(1204);
    const [sent, kept] = ["now() - interval '25 hours'", "now() - interval '23 hours'"];
    await db.run(`UPDATE platform.outbox SET created_at = ${sent}, published_at = ${sent}`);
    const keys = await write(2);
    await db.run(`UPDATE platform.outbox SET created_at = ${sent} WHERE published_at IS NULL`);
    const later = await write(3);
    await db.run(`UPDATE platform.outbox SET published_at = ${kept} WHERE key = ANY($1)`, [later]);
    await Promise.all([publisher(), publisher()]);
    await untilPublished();
    const rest = () => db.query<{ key: string }>('SELECT key FROM platform.outbox ORDER BY id');
    await until('the old ones are gone', async () => (await rest()).length <= 5);
    expect((await rest()).map(({ key }) => key)).toEqual([...keys, ...later]);
    expect(await published()).toEqual(keys.sort());
  });
});
