// The same loop on real Kafka: listed once it came, resumed where it stopped, poison put aside.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startIntake } from '../../../catalog/intake.ts';
import type { Intake } from '../../../catalog/intake.ts';
import { createKafka } from '../../../platform/kafka/index.ts';
import type { IncomingMessage, KafkaPort } from '../../../platform/kafka/index.ts';
import { needed, silent as log } from '../../support/environment.ts';
import { createDatabase } from '../../support/postgres.ts';
import type { TestDatabase } from '../../support/postgres.ts';

const topic = `new-product-${randomBytes(6).toString('hex')}`;
const deadTopic = `${topic}.dlq`;
const patience = { timeout: 30_000 };

let database: TestDatabase;
let kafka: KafkaPort;
beforeAll(async () => {
  const brokers = needed('TEST_KAFKA_BROKERS').split(',');
  database = await createDatabase({ max: 4 });
  kafka = createKafka({ brokers, clientId: 'test-catalog', log });
  await kafka.ensureTopics([
    { topic, partitions: 2, replication: 1 },
    { topic: deadTopic, partitions: 1, replication: 1 },
  ]);
});
afterAll(async () => {
  await kafka.deleteTopic(topic);
  await kafka.deleteTopic(deadTopic);
  await kafka.close();
  await database.close();
});

const start = (): Intake =>
  startIntake({ kafka, db: database.db, topics: [topic], groupId: `${topic}-intake`, log });

const message = (id: string, value: Buffer | string = valueOf(id)) => ({ key: id, value });

function valueOf(id: string): string {
  const price = { amount: 100, currency: 'USD' };
  const registered_at = '2026-01-02T03:04:05Z';
  return JSON.stringify({ id, vendor_id: 'ven_1', name: id, price, registered_at });
}

async function ids(): Promise<string[]> {
  const rows = await database.db.query<{ id: string }>('SELECT id FROM shop.products ORDER BY id');
  return rows.map((row) => row.id);
}

async function deadLetters(): Promise<IncomingMessage[]> {
  const found: IncomingMessage[] = [];
  for (const [partition, { low, high }] of await kafka.ends(deadTopic)) {
    await kafka.read(deadTopic, partition, low, high, (letter) => void found.push(letter));
  }
  return found;
}

describe('intake on Kafka', () => {
  it('lists what was sent before, while and after it ran', async () => {
    const producer = await kafka.producer();
    await producer.send(topic, [message('prd_1'), message('prd_2')]);
    const first = start();
    await expect.poll(ids, patience).toEqual(['prd_1', 'prd_2']);
    await producer.send(topic, [message('prd_3'), message('prd_1')]);
    await expect.poll(ids, patience).toEqual(['prd_1', 'prd_2', 'prd_3']);
    await first.close();
    await producer.send(topic, [message('prd_4')]);
    await database.db.run(`DELETE FROM shop.products WHERE id = 'prd_2'`);
    const second = start();
    // What the first had done is not asked for again.
    await expect.poll(ids, patience).toEqual(['prd_1', 'prd_3', 'prd_4']);
    await second.close();
    await producer.close();
  });

  it('puts poison aside with its bytes and goes on', async () => {
    const poison = Buffer.from([0, 255, 1, 254]);
    const producer = await kafka.producer();
    await producer.send(topic, [message('prd_5', poison), message('prd_6')]);
    const intake = start();
    await expect.poll(ids, patience).toContain('prd_6');
    await expect.poll(async () => (await deadLetters()).length, patience).toBe(1);
    const [letter] = await deadLetters();
    expect(letter?.value.equals(poison)).toBe(true);
    expect(letter?.key?.toString()).toBe('prd_5');
    expect(letter?.headers['dlq-where']).toMatch(
      new RegExp(`^${topic}/[01]/\\d+ ${topic}-intake$`),
    );
    await intake.close();
    await producer.close();
  });
});
