// Dead letters as an operator meets them: a subscriber gives a message up, the cause is mended, the
// message is sent again, and arrives.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startIntake, type Intake } from '../../../catalog/intake.ts';
import { deadLetterTopic, topicsOf } from '../../../engine/topics.ts';
import type { IncomingMessage } from '../../../platform/kafka/port.ts';
import { highnoonOn, type Ended } from '../../support/command.ts';
import { silent, until } from '../../support/environment.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let intake: Intake;
let topic: string;

beforeAll(async () => {
  world = await formatWorld({ lanes: 1, kafka: 'all' });
  topic = topicsOf(world.kafka.prefix).newProduct;
  const { kafka } = world.kafka;
  intake = startIntake({
    kafka,
    db: world.db,
    topics: [topic],
    groupId: `${topic}-intake`,
    log: silent,
  });
});
afterAll(async () => {
  await intake.close();
  await world.close();
});

const dlq = (...args: string[]): Promise<Ended> => highnoonOn(world, ['dlq', ...args]);

async function read(from: string): Promise<IncomingMessage[]> {
  const { kafka } = world.kafka;
  const found: IncomingMessage[] = [];
  for (const [partition, { low, high }] of await kafka.ends(from)) {
    await kafka.read(from, partition, low, high, (message) => void found.push(message));
  }
  return found;
}
const untilLetters = (count: number): Promise<void> =>
  until(`${count} dead letters`, async () => {
    return (await read(deadLetterTopic(topic))).length === count;
  });
async function listed(): Promise<string[]> {
  const rows = await world.db.query<{ id: string }>('SELECT id FROM shop.products ORDER BY id');
  return rows.map((row) => row.id);
}

interface Letter {
  readonly id: string;
  readonly why: string;
  readonly replayed_at: string | null;
}
async function letters(...args: string[]): Promise<Letter[]> {
  const { code, out } = await dlq('list', '--json', ...args);
  expect(code).toBe(0);
  return JSON.parse(out) as Letter[];
}

function product(id: string, name: string): { key: string; value: string } {
  const price = { amount: 100, currency: 'USD' };
  const registered_at = '2026-01-02T03:04:05Z';
  const body = { id, vendor_id: 'ven_1', name, price, registered_at };
  return { key: id, value: JSON.stringify(body) };
}

describe('npx highnoon dlq', () => {
  it('finds none at first', async () => {
    expect(await dlq('list')).toMatchObject({ code: 0, out: 'no dead letters\n' });
    expect(await letters()).toEqual([]);
    expect(await dlq('replay', '--all')).toMatchObject({ code: 0 });
  });

  it('lists what was given up, with why and where', async () => {
    await world.db.run(
      `ALTER TABLE shop.products ADD CONSTRAINT no_teapots CHECK (name <> 'Teapot')`,
    );
    const producer = await world.kafka.kafka.producer();
    const headers = { traceparent: '00-1' };
    await producer.send(topic, [
      { ...product('prd_1', 'Teapot'), headers },
      product('prd_2', 'Teapot'),
      { key: 'prd_3', value: Buffer.from([0, 255, 1]) },
    ]);
    await producer.close();
    await untilLetters(3);
    const all = await letters();
    expect(all.map(({ id }) => id)).toEqual([0, 1, 2].map((n) => `new-product/0/${n}`));
    expect(all.filter(({ why }) => why.includes('no_teapots')).length).toBe(2);
    const { out } = await dlq('list', '--topic', 'new-product');
    expect(out).toMatch(/was .*new-product\/\d\/\d+ .*-intake/);
    expect(out).toContain('3 dead letters');
    expect(await letters('--topic', 'order-updates')).toEqual([]);
  });

  it('sends one again, its key, bytes and headers as they were', async () => {
    await world.db.run('ALTER TABLE shop.products DROP CONSTRAINT no_teapots');
    const [first] = (await read(deadLetterTopic(topic))).filter(
      ({ key }) => key?.toString() === 'prd_1',
    );
    const id = `new-product/0/${first?.offset ?? '?'}`;
    expect(await dlq('replay', id)).toMatchObject({
      code: 0,
      out: '1 dead letters were sent again\n',
    });
    await until('it is listed', async () => (await listed()).includes('prd_1'));
    const sent = (await read(topic)).filter(({ key }) => key?.toString() === 'prd_1');
    expect(sent.length).toBe(2);
    for (const { value, headers } of sent) {
      expect([value.toString(), headers]).toEqual([
        product('prd_1', 'Teapot').value,
        { traceparent: '00-1' },
      ]);
    }
    expect((await letters()).map((letter) => letter.id)).not.toContain(id);
    const marked = (await letters('--all')).filter(({ replayed_at: at }) => at !== null);
    expect(marked.map((letter) => letter.id)).toEqual([id]);
  });

  it('sends all others, once; what still cannot be taken comes back as a new letter', async () => {
    const { out, code } = await dlq('replay', '--all', '--json');
    expect([code, JSON.parse(out)]).toEqual([0, { sent: 2, missing: [] }]);
    await until('it is listed', async () => (await listed()).length === 2);
    await untilLetters(4);
    expect((await letters()).map(({ id }) => id)).toEqual(['new-product/0/3']);
  });

  it('sent twice changes nothing', async () => {
    const before = await world.db.query('SELECT * FROM shop.products ORDER BY id');
    const marked = await letters('--all');
    const { code } = await dlq('replay', ...marked.map(({ id }) => id));
    expect(code).toBe(0);
    await untilLetters(6);
    expect(await world.db.query('SELECT * FROM shop.products ORDER BY id')).toEqual(before);
  });

  it('ends with 1 for a letter that is not there, having sent the others', async () => {
    const { code, out, err } = await dlq('replay', 'new-product/0/0', 'new-product/0/999');
    expect([code, out]).toEqual([1, '1 dead letters were sent again\n']);
    expect(err).toContain('new-product/0/999 is no dead letter');
  });

  it.each([
    [[], 'list or replay?'],
    [['replay'], 'IDs, or --all?'],
    [['replay', '--all', 'new-product/0/0'], 'IDs, or --all?'],
    [['replay', 'new-product'], 'is no ID'],
    [['replay', 'orders/0/1'], 'is no ID'],
    [['replay', '--topic', 'order-updates', 'new-product/0/1'], 'is not of the topic'],
    [['list', '--topic', 'orders'], 'no topic orders'],
    [['list', 'x'], 'takes no ID'],
    [['list', '--wrong'], '--wrong'],
  ])('ends with 2 for %j', async (args, says) => {
    const { code, out, err } = await dlq(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(says);
  });
});
