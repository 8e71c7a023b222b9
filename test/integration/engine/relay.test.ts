/** Relay: every decision reaches Kafka, in order, whatever happens to it, to a lease or to Kafka. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readEntry } from '../../../engine/lanes/codec.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { auditOf } from '../../support/audit.ts';
import { until } from '../../support/environment.ts';
import { isProduce } from '../../support/link.ts';
import { errorsOf, startWorldRelay, type Running } from '../../support/world-loops.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const lane = 0;
const keys = laneKeys(lane);
let world: World;
let shop: WorldShop;
let sale: string;
let shoppers = 0;
/** Messages of the partition before the test. */
let start = 0n;
let topicLost = false;
const relays: Running[] = [];

beforeAll(async () => {
  world = await formatWorld({ lanes: 1, linked: ['kafka', 'postgres'] });
  shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const { id } = await shop.product(vendor, 2000);
  sale = await shop.sale(vendor, [{ product: id, allotted: 2000, price: 100 }]);
});
beforeEach(async () => {
  await world.steps.pump();
  start = await partitionEnd();
});
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.close();
  await world.steps.pump();
  // A log that was lost cannot be read again; all else must hold.
  const wrong = await auditOf(world);
  expect(wrong.filter((what) => !(topicLost && what.startsWith('log')))).toEqual([]);
});
afterAll(() => world.close());

async function relay(lease = 'relay'): Promise<Running> {
  const started = await startWorldRelay(world, lane, lease);
  relays.push(started);
  return started;
}

/** So many holds, one entry each. */
async function hold(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await shop.hold(sale, `s${++shoppers}`);
}

async function partitionEnd(): Promise<bigint> {
  return (await world.kafka.kafka.ends(world.topic)).get(lane)?.high ?? 0n;
}

/** Positions in the partition, in its order, from where the test began. */
async function published(from = start): Promise<number[]> {
  const positions: number[] = [];
  await world.kafka.kafka.read(world.topic, lane, from, await partitionEnd(), (message) => {
    positions.push(readEntry(message.value).seq);
  });
  return positions;
}
const head = async (): Promise<number> => Number(await world.redis.redis.hget(keys.clock, 'seq'));

async function watermark(): Promise<number> {
  const [row] = await world.db.query<{ seq: number }>('SELECT seq FROM sale.watermarks');
  return row?.seq ?? -1;
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Waits until the partition says this of what was published. */
async function untilPublished(what: string, holds: (seen: number[]) => boolean): Promise<void> {
  await until(`published: ${what}`, async () => holds(await published()));
}

/** Nothing is missing and nothing came before its time, though some may have come twice. */
async function untilWhole(from: number): Promise<void> {
  const to = await head();
  await untilPublished(`up to ${to}`, (seen) => seen.includes(to));
  const firsts = [...new Set(await published())].filter((seq) => seq >= from);
  expect(firsts).toEqual(numbers(from, to));
}

describe('a relay', () => {
  it('begins after what has settled, and goes on with what is new', async () => {
    const settled = await watermark();
    await hold(3);
    await relay();
    await until('three are published', async () => (await partitionEnd()) >= start + 3n);
    await hold(2);
    await until('all are published', async () => (await partitionEnd()) >= start + 5n);
    expect(await published()).toEqual(numbers(settled + 1, settled + 5));
  });

  it('publishes again from what has settled when it is asked to', async () => {
    const settled = await watermark();
    await relay();
    await hold(3);
    await until('three are published', async () => (await partitionEnd()) >= start + 3n);
    await world.redis.redis.set(keys.republishFrom, '1');
    await until('they are there twice', async () => (await partitionEnd()) >= start + 6n);
    const once = numbers(settled + 1, settled + 3);
    expect(await published()).toEqual([...once, ...once]);
    expect(await world.redis.redis.exists(keys.republishFrom)).toBe(0);
  });

  it('does not forget the request while Postgres is away', async () => {
    const settled = await watermark();
    await relay();
    await hold(2);
    await until('two are published', async () => (await partitionEnd()) >= start + 2n);
    await world.link('postgres').cut();
    const before = await errorsOf('relay');
    await world.redis.redis.set(keys.republishFrom, '1');
    await until('it has tried', async () => (await errorsOf('relay')) > before);
    await world.link('postgres').mend();
    await until('they are there twice', async () => (await partitionEnd()) >= start + 4n);
    expect([...new Set(await published())]).toEqual(numbers(settled + 1, settled + 2));
  });

  it('takes over when the one before is gone', async () => {
    const settled = await watermark();
    await relay();
    await hold(2);
    await until('two are published', async () => (await partitionEnd()) >= start + 2n);
    await relay();
    await relays.shift()?.close();
    await hold(2);
    await untilWhole(settled + 1);
  });

  it('and another at the same time lose nothing and change no order', async () => {
    const settled = await watermark();
    await Promise.all([relay('relay-a'), relay('relay-b')]);
    await hold(20);
    await untilWhole(settled + 1);
  });
});

describe('an outbox of another deployment', () => {
  it('is not published', async () => {
    const settled = await watermark();
    const { redis } = world.redis;
    await redis.hset(keys.marker, 'deployment', 'another');
    await hold(2);
    const errors = await errorsOf('relay');
    await relay();
    await until('it says so', async () => (await errorsOf('relay')) > errors);
    expect(await partitionEnd()).toBe(start);
    await redis.hset(keys.marker, 'deployment', world.settings.deployment);
    await untilWhole(settled + 1);
  });
});

describe('Kafka', () => {
  it('may be away and come back', async () => {
    const settled = await watermark();
    await relay();
    await hold(1);
    await untilWhole(settled + 1);
    await world.link('kafka').cut();
    await hold(10);
    await world.link('kafka').mend();
    await untilWhole(settled + 1);
  });

  it('may lose an answer', async () => {
    const settled = await watermark();
    await relay();
    const lost = world.link('kafka').loseReply(isProduce);
    await hold(1);
    await lost;
    await hold(5);
    await untilWhole(settled + 1);
    expect((await published()).filter((seq) => seq === settled + 1).length).toBeGreaterThan(1);
  });

  it('may lose the topic, which is made again', async () => {
    await relay();
    await hold(2);
    await until('two are published', async () => (await partitionEnd()) >= start + 2n);
    topicLost = true;
    await world.kafka.kafka.deleteTopic(world.topic);
    start = 0n;
    const next = (await head()) + 1;
    await hold(3);
    await until('the topic is there', () =>
      partitionEnd().then(
        (end) => end > 0n,
        () => false,
      ),
    );
    await untilWhole(next);
  });
});
