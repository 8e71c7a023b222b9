/** Settler: every decision becomes a row once, whatever the topic, Postgres or the settler does. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readEntry, type Entry } from '../../../engine/lanes/codec.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { settle } from '../../../engine/settle/settlement.ts';
import { memoryUse } from '../../../platform/redis/connection.ts';
import { auditOf } from '../../support/audit.ts';
import { until } from '../../support/environment.ts';
import {
  errorsOf,
  startWorldRelay,
  startWorldSettler,
  type Running,
} from '../../support/world-loops.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const lane = 0;
const keys = laneKeys(lane);
let world: World;
let shop: WorldShop;
let sale: string;
let shoppers = 0;
const running: Running[] = [];

async function begin(): Promise<void> {
  world = await formatWorld({ lanes: 1, linked: ['kafka', 'postgres'] });
  shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const { id } = await shop.product(vendor, 1000);
  sale = await shop.sale(vendor, [{ product: id, allotted: 1000, price: 100 }]);
}
async function stopLoops(): Promise<void> {
  for (const loop of running.splice(0)) await loop.close();
}
async function settler(group?: string, onSettled?: () => void): Promise<void> {
  running.push(await startWorldSettler(world, group, onSettled));
}
async function relay(): Promise<void> {
  running.push(await startWorldRelay(world, lane));
}

/** So many holds, one entry each. */
async function hold(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await shop.hold(sale, `s${++shoppers}`);
}

interface Item {
  readonly entry: Entry;
  readonly value: Buffer;
}

/** What has not settled, in the outbox's order. */
async function unsettled(): Promise<Item[]> {
  const { epoch, seq } = await watermark();
  const items = await world.redis.redis.xrangeBuffer(keys.outbox, `(${epoch}-${seq}`, '+');
  return items.map(([, fields]) => {
    const value = fields[1] as Buffer;
    return { entry: readEntry(value), value };
  });
}
async function publish(items: readonly (Item | undefined)[]): Promise<void> {
  const producer = await world.kafka.kafka.producer();
  const values = items.flatMap((item) => (item === undefined ? [] : [item.value]));
  const messages = values.map((value) => ({ partition: lane, key: String(lane), value }));
  await producer.send(world.topic, messages);
}

interface Watermark {
  readonly epoch: number;
  readonly seq: number;
  readonly kafka_offset: number;
}
async function watermark(): Promise<Watermark> {
  const [row] = await world.db.query<Watermark>(
    'SELECT epoch, seq, kafka_offset FROM sale.watermarks WHERE lane = $1',
    [lane],
  );
  if (row === undefined) throw new Error('no watermark');
  return row;
}
const untilSettled = (): Promise<void> =>
  until('all has settled', async () => (await unsettled()).length === 0);
const untilAsked = (): Promise<void> =>
  until('a republish is asked for', async () => {
    return (await world.redis.redis.exists(keys.republishFrom)) === 1;
  });
async function orders(): Promise<number> {
  const [row] = await world.db.query<{ n: number }>('SELECT count(*)::int AS n FROM sale.orders');
  return row?.n ?? -1;
}

describe('settler', () => {
  beforeAll(begin);
  beforeEach(async () => {
    await world.link('postgres').mend();
    await world.steps.pump();
    // An ask that nobody was left to follow.
    await world.redis.redis.del(keys.republishFrom);
  });
  afterEach(async () => {
    await stopLoops();
    await world.steps.pump();
    expect(await orders()).toBe(shoppers);
    expect(await auditOf(world)).toEqual([]);
  });
  afterAll(() => world.close());

  it('takes what comes twice and out of order once, in order', async () => {
    await hold(5);
    const [a, b, c, d, e] = await unsettled();
    await publish([c, b, a, a, b, e, a, b, c, d, d]);
    await settler();
    await untilAsked();
    await relay();
    await untilSettled();
  });

  it('asks for what is missing in the middle', async () => {
    await hold(5);
    const [a, b, , d, e] = await unsettled();
    await publish([a, b, d, e]);
    await settler();
    await untilAsked();
    expect((await unsettled()).length).toBe(3);
    await relay();
    await untilSettled();
  });

  it('asks for what is missing at the end', async () => {
    await hold(3);
    const [a, b] = await unsettled();
    await publish([a, b]);
    await settler();
    await untilAsked();
    await relay();
    await untilSettled();
  });

  it('asks also when memory is at its bound', async () => {
    const { redis } = world.redis;
    await hold(3);
    const [a, , c] = await unsettled();
    await publish([a, c]);
    const { used, max } = await memoryUse(redis);
    await redis.config('SET', 'maxmemory', Math.floor(used / 2));
    try {
      await settler();
      await relay();
      await untilSettled();
    } finally {
      await redis.config('SET', 'maxmemory', max);
    }
    await until('holds are taken', () => !world.lanes.gate.memoryFull);
  });

  it('reads from the beginning when its offset is not there', async () => {
    await hold(2);
    await publish(await unsettled());
    const beyond = 1_000_000_000;
    await world.db.run('UPDATE sale.watermarks SET kafka_offset = $1', [beyond]);
    await settler('another-group');
    await untilSettled();
    expect((await watermark()).kafka_offset).toBeLessThan(beyond);
  });

  it('goes on after Postgres was away, however long, and asks for nothing meanwhile', async () => {
    const attempts = 7; // kafkajs gives up after 5
    await settler();
    await hold(1);
    await publish(await unsettled());
    await untilSettled();
    await world.link('postgres').cut();
    await hold(3);
    const before = await errorsOf('settler');
    await publish(await unsettled());
    await until('it has tried in vain', async () => {
      return (await errorsOf('settler')) >= before + attempts;
    });
    expect(await world.redis.redis.exists(keys.republishFrom)).toBe(0);
    await world.link('postgres').mend();
    await untilSettled();
  });

  it('and another at the same time settle each decision once', async () => {
    await Promise.all([settler('one'), settler('other'), relay()]);
    await hold(40);
    await untilSettled();
  });

  it('that dies before its commit has done nothing, after it everything', async () => {
    await hold(3);
    const entries = (await unsettled()).map(({ entry }) => entry);
    const before = await watermark();
    const dies = world.db.tx(async (q) => {
      await settle(q, lane, entries, 1);
      throw new Error('killed');
    });
    await expect(dies).rejects.toThrow('killed');
    expect(await watermark()).toEqual(before);
    for (const taken of [3, 0]) {
      const settled = await world.db.tx((q) => settle(q, lane, entries, null));
      expect(settled).toMatchObject({ gap: false });
      expect(settled.taken.length).toBe(taken);
    }
  });

  it('that slept while another went on writes nothing over it', async () => {
    await hold(6);
    const entries = (await unsettled()).map(({ entry }) => entry);
    await world.db.tx((q) => settle(q, lane, entries, null));
    const after = await watermark();
    const late = await world.db.tx((q) => settle(q, lane, entries.slice(0, 3), null));
    expect(late.taken).toEqual([]);
    expect(await watermark()).toEqual(after);
  });
});

describe('a topic that is lost altogether', () => {
  beforeAll(begin);
  afterAll(async () => {
    await stopLoops();
    await world.close();
  });

  it('is made again, and filled from the outbox', async () => {
    await relay();
    await hold(3);
    const end = async (): Promise<bigint> =>
      (await world.kafka.kafka.ends(world.topic)).get(lane)?.high ?? 0n;
    const before = await end();
    await until('the three are published', async () => (await end()) >= before);
    await world.kafka.kafka.deleteTopic(world.topic);
    await settler();
    await hold(1);
    await untilSettled();
    expect(await orders()).toBeGreaterThanOrEqual(4);
    await world.steps.trim();
    // The log of what had settled before is gone for good; all else must hold.
    const wrong = await auditOf(world);
    expect(wrong.filter((what) => !what.startsWith('log'))).toEqual([]);
  });
});

describe('a decision that can never settle', () => {
  beforeAll(begin);
  afterAll(async () => {
    await stopLoops();
    await world.close();
  });

  it('is put away, its order follows it, the lane is frozen, all else settles', async () => {
    const [bad, good] = [await shop.hold(sale, 'bad'), await shop.hold(sale, 'good')];
    const stranger = 'INSERT INTO sale.units VALUES ($1, 0, $2, $3)';
    await world.db.run(stranger, [sale, bad.units[0], 'ord_stranger']);
    await publish(await unsettled());
    await settler();
    await untilSettled();
    const late = await shop.hold(sale, 'late');
    await shop.release(bad);
    await publish(await unsettled());
    await untilSettled();
    const away = await world.db.query(
      'SELECT order_id, reason FROM sale.quarantine ORDER BY epoch, seq, index',
    );
    expect(away).toEqual([
      { order_id: bad.id, reason: 'a unit belongs to another order or does not exist' },
      { order_id: bad.id, reason: expect.any(String) as string },
    ]);
    const rows = await world.db.query<{ id: string }>('SELECT id FROM sale.orders');
    expect(new Set(rows.map((row) => row.id))).toEqual(new Set([good.id, late.id]));
    const [state] = await world.db.query('SELECT state FROM sale.lanes');
    expect(state).toEqual({ state: 'frozen' });
    await world.steps.trim();
    expect((await shop.ask(sale, 'next', 'k')).kind).toBe('unavailable');
    const decided = Number(await world.redis.redis.hget(keys.clock, 'decided'));
    const settled = Number(await world.redis.redis.hget(keys.watermark, 'decided'));
    expect(decided - settled).toBe(away.length);
    const names = (await auditOf(world)).map((what) => what.split(' ')[0]);
    expect(new Set(names)).toEqual(new Set(['lane.open', 'pg.units', 'pg.quarantine']));
  });
});

describe('a settlement that only puts away', () => {
  beforeAll(begin);
  afterAll(async () => {
    await stopLoops();
    await world.close();
  });

  it('wakes the trimmer, who tells the lane that it is frozen', async () => {
    const before = await watermark();
    await hold(1);
    const ended = `UPDATE sale.epochs SET ended_at = $1, ended_by = 'verifier' WHERE epoch = $2`;
    await world.db.run(ended, [before.seq, before.epoch]);
    let wakes = 0;
    await settler('settler', () => {
      wakes += 1;
    });
    await publish(await unsettled());
    await until('the trimmer is woken', () => Promise.resolve(wakes > 0));
    expect(await watermark()).toMatchObject({ epoch: before.epoch, seq: before.seq });
    expect(await world.db.query('SELECT state FROM sale.lanes')).toEqual([{ state: 'frozen' }]);
  });
});
