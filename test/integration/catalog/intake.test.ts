// new-product → rows, by a Kafka of our own making: duplicates, disorder, poison, stores away.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startIntake } from '../../../catalog/intake.ts';
import type { Intake } from '../../../catalog/intake.ts';
import { Fault } from '../../../platform/fault.ts';
import type { Db } from '../../../platform/postgres/pool.ts';
import { FakeKafka } from './fake-kafka.ts';
import { silent as log } from '../../support/environment.ts';
import { createDatabase } from '../../support/postgres.ts';
import type { TestDatabase } from '../../support/postgres.ts';

const topic = 'new-product';
const deadTopic = 'new-product.dlq';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase({ max: 4 });
});
afterAll(() => database.close());

let kafka: FakeKafka;
let intake: Intake | null = null;
beforeEach(async () => {
  kafka = new FakeKafka();
  await database.db.run('DELETE FROM shop.products');
});
afterEach(async () => {
  await intake?.close();
  intake = null;
});

function start(db: Db = database.db): void {
  intake = startIntake({
    ...{ kafka, db, topics: [topic], groupId: 'test-intake', log },
    now: () => new Date(0),
  });
}

function product(id: string, more: Readonly<Record<string, unknown>> = {}): object {
  const price = { amount: 20_000, currency: 'USD' };
  const registered = { registered_at: '2026-01-02T03:04:05Z', remaining_supply: 30 };
  return { id, vendor_id: 'ven_1', name: `name of ${id}`, price, ...registered, ...more };
}

const put = (value: object): void =>
  kafka.put(topic, (value as { id: string }).id, JSON.stringify(value));

const rows = (): Promise<{ id: string; name: string; version: number }[]> =>
  database.db.query('SELECT id, name, version FROM shop.products ORDER BY id');

describe('intake', () => {
  it('writes a row per product and moves the offset', async () => {
    put(
      product('prd_1', { attributes: { ram: '10 GB' }, images: ['a', 'b'], options: { c: '1' } }),
    );
    put(product('prd_2'));
    start();
    await expect.poll(() => kafka.committed(topic)).toBe(2);
    expect(await rows()).toMatchObject([{ id: 'prd_1' }, { id: 'prd_2' }]);
    const [row] = await database.db.query(`SELECT * FROM shop.products WHERE id = 'prd_1'`);
    expect(row).toMatchObject({
      ...{ vendor_id: 'ven_1', price: 20_000, currency: 'USD', images: ['a', 'b'], version: 1 },
      ...{ attributes: { ram: '10 GB' }, options: { c: '1' }, delivery: null, withdrawn_at: null },
      registered_at: new Date('2026-01-02T03:04:05Z'),
    });
    const listed = await database.db.query('SELECT product_id FROM shop.listed ORDER BY 1');
    expect(listed).toEqual([{ product_id: 'prd_1' }, { product_id: 'prd_2' }]);
  });

  it('takes a message twice, late and out of order without harm', async () => {
    const renamed = product('prd_1', { name: 'newer', version: 2 });
    put(renamed);
    put(product('prd_1'));
    put(renamed);
    put(product('prd_2'));
    put(product('prd_2', { name: 'another second version 1' }));
    start();
    await expect.poll(() => kafka.committed(topic)).toBe(5);
    put(product('prd_1', { name: 'old again' }));
    await expect.poll(() => kafka.committed(topic)).toBe(6);
    expect(await rows()).toEqual([
      { id: 'prd_1', name: 'newer', version: 2 },
      { id: 'prd_2', name: 'name of prd_2', version: 1 },
    ]);
  });

  it('withdraws a product and brings it back, whatever comes late', async () => {
    put(product('prd_1', { withdrawn: true, version: 3 }));
    put(product('prd_1', { version: 2 }));
    start();
    await expect.poll(() => kafka.committed(topic)).toBe(2);
    const withdrawn = 'SELECT withdrawn_at IS NOT NULL AS gone FROM shop.products';
    expect(await database.db.query(withdrawn)).toEqual([{ gone: true }]);
    put(product('prd_1', { version: 4 }));
    await expect.poll(() => kafka.committed(topic)).toBe(3);
    expect(await database.db.query(withdrawn)).toEqual([{ gone: false }]);
  });

  it('lets no vendor write over another one’s product', async () => {
    put(product('prd_1'));
    put(product('prd_1', { vendor_id: 'ven_2', name: 'stolen', version: 9 }));
    start();
    await expect.poll(() => kafka.committed(topic)).toBe(2);
    put(product('prd_1', { vendor_id: 'ven_2', name: 'stolen', version: 10 }));
    await expect.poll(() => kafka.committed(topic)).toBe(3);
    expect(await rows()).toMatchObject([{ name: 'name of prd_1' }]);
  });

  it('puts what can never be right aside, with its bytes, and goes on', async () => {
    const broken = Buffer.from([0xff, 0x00, 0x7b]);
    put(product('prd_1'));
    kafka.put(topic, 'prd_x', broken, { traceparent: '00-1' });
    put(product('prd_2'));
    start();
    await expect.poll(() => kafka.committed(topic)).toBe(3);
    expect(await rows()).toMatchObject([{ id: 'prd_1' }, { id: 'prd_2' }]);
    const [letter, ...others] = kafka.messages(deadTopic);
    expect(others).toEqual([]);
    expect(letter?.key?.toString()).toBe('prd_x');
    expect(letter?.value.equals(broken)).toBe(true);
    expect(letter?.headers).toEqual({
      traceparent: '00-1',
      'dlq-why': 'the value is not JSON in UTF-8',
      'dlq-where': 'new-product/0/1 test-intake',
      'dlq-when': '1970-01-01T00:00:00.000Z',
    });
  });

  it('finds the one that Postgres cannot keep among its neighbours', async () => {
    put(product('prd_1'));
    // A half surrogate is JSON to us and none to Postgres.
    put(product('prd_2', { attributes: { half: '\ud800' } }));
    put(product('prd_3'));
    start();
    await expect.poll(() => kafka.committed(topic)).toBe(3);
    expect(await rows()).toMatchObject([{ id: 'prd_1' }, { id: 'prd_3' }]);
    expect(kafka.messages(deadTopic).map((letter) => letter.key?.toString())).toEqual(['prd_2']);
  });

  it('takes back what was put aside once it is repaired', async () => {
    kafka.put(topic, 'prd_1', '{');
    start();
    await expect.poll(() => kafka.messages(deadTopic).length).toBe(1);
    put(product('prd_1'));
    await expect.poll(async () => (await rows()).length).toBe(1);
  });

  it('waits for Postgres, however long, and skips nothing', async () => {
    let away = true;
    const fault = new Fault('postgres', 'connection refused', { retryable: true });
    const flaky: Db = {
      query: (text, values, name) => database.db.query(text, values, name),
      run: (text, values, name) =>
        away ? Promise.reject(fault) : database.db.run(text, values, name),
      copy: (text, lines) => database.db.copy(text, lines),
      tx: (fn, options) => (away ? Promise.reject(fault) : database.db.tx(fn, options)),
      close: () => database.db.close(),
      waiting: () => 0,
    };
    put(product('prd_1'));
    start(flaky);
    await expect.poll(() => kafka.failures).toBeGreaterThan(5);
    expect(kafka.committed(topic)).toBe(0);
    expect(kafka.messages(deadTopic)).toEqual([]);
    away = false;
    await expect.poll(() => kafka.committed(topic)).toBe(1);
    expect(await rows()).toMatchObject([{ id: 'prd_1' }]);
  });

  it('does not move on before the dead letter is kept', async () => {
    kafka.put(topic, 'prd_1', 'nonsense');
    put(product('prd_2'));
    kafka.refuseSends = true;
    start();
    await expect.poll(() => kafka.failures).toBeGreaterThan(2);
    expect(kafka.committed(topic)).toBe(0);
    kafka.refuseSends = false;
    await expect.poll(() => kafka.committed(topic)).toBe(2);
    expect(kafka.messages(deadTopic).length).toBe(1);
  });

  it('takes a backlog in statements of 500', async () => {
    for (let i = 0; i < 1_200; i += 1) put(product(`prd_${String(i).padStart(4, '0')}`));
    start();
    await expect.poll(() => kafka.committed(topic), { timeout: 10_000 }).toBe(1_200);
    expect(await rows()).toHaveLength(1_200);
    expect(kafka.heartbeats).toBeGreaterThan(2);
  });

  it('starts a new consumer when the old one died', async () => {
    start();
    await expect.poll(() => intake?.state).toBe('ok');
    kafka.crash(new Error('the group is gone'));
    expect(['away', 'ok']).toContain(intake?.state);
    await expect.poll(() => kafka.consumers, { timeout: 5000 }).toBe(2);
    put(product('prd_1'));
    await expect.poll(() => kafka.committed(topic)).toBe(1);
    expect(intake?.state).toBe('ok');
  });

  it('waits for the schema before it reads', async () => {
    const empty = await createDatabase({ migrated: false });
    try {
      start(empty.db);
      expect(intake?.state).toBe('starting');
      await intake?.close();
      expect(kafka.consumers).toBe(0);
    } finally {
      await empty.close();
    }
  });

  it('closes while Kafka does not answer', async () => {
    kafka.hang = true;
    start();
    await expect.poll(() => kafka.asked).toBe(1);
    await intake?.close();
  });
});
