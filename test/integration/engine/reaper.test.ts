/** Reaper: overdue holds end once and early never, whatever the clock and whoever else reaps. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LaneOrder } from '../../../engine/domain/types.ts';
import { openLanes, scriptOf, type LaneSet } from '../../../engine/lane-set.ts';
import { laneKeys, leaseKey } from '../../../engine/lanes/keys.ts';
import { Lease } from '../../../engine/lanes/lease.ts';
import { startReaper } from '../../../engine/reaper.ts';
import { connectRedis, untilReady } from '../../../platform/redis/connection.ts';
import { auditOf } from '../../support/audit.ts';
import { silent, until } from '../../support/environment.ts';
import { linkTo, type Link } from '../../support/link.ts';
import { errorsOf, roundsOf, type Running } from '../../support/world-loops.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const lane = 0;
const keys = laneKeys(lane);
const readyMs = 10_000;
let world: World;
let shop: WorldShop;
let vendor: string;
let product: string;
const running: Running[] = [];

beforeAll(async () => {
  world = await formatWorld({ lanes: 1 });
  shop = new WorldShop(world);
  vendor = await shop.vendor();
  product = (await shop.product(vendor, 1000)).id;
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.close();
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
});
afterAll(() => world.close());

const saleOf = (holdSeconds: number): Promise<string> =>
  shop.sale(vendor, [{ product, allotted: 100, price: 100 }], { holdSeconds });

/** `lease` = the name under which it is owned: two reapers own two at the same time. */
async function reaper(lease: string, redisUrl = world.redis.url): Promise<void> {
  const options = { name: 'reaper', log: silent, commandTimeoutMs: 2000 };
  const redis = connectRedis(redisUrl, options);
  await untilReady(redis, readyMs);
  const lanes: LaneSet = openLanes(world.config, world.settings, world.db, silent);
  await until('its lanes are open', () => lanes.gate.door(lane).open);
  const loop = startReaper({
    lane,
    redis,
    lease: new Lease(redis, scriptOf('lease'), lane, lease),
    shop: lanes.shop,
    log: silent,
  });
  running.push({
    async close() {
      await loop.close();
      await lanes.close();
      redis.disconnect();
    },
  });
}

/** As the lane has it, without asking the script, which would end what is overdue. */
async function countsOf(sale: string): Promise<{ held: number; expired: number }> {
  const counts = await world.lanes.shop.count(sale);
  if (counts.kind !== 'done') throw new Error(JSON.stringify(counts));
  const { items, expired } = counts.value;
  return { held: items.reduce((sum, item) => sum + item.held, 0), expired };
}
async function stateOf(order: LaneOrder): Promise<string> {
  await world.steps.pump();
  const [row] = await world.db.query<{ state: string }>(
    'SELECT state FROM sale.orders WHERE id = $1',
    [order.id],
  );
  return row?.state ?? '';
}

describe('overdue holds', () => {
  it('end once, with two reapers, a release and a payment at the same time', async () => {
    const [brief, lasting] = [await saleOf(1), await saleOf(300)];
    const orders = await Promise.all(
      Array.from({ length: 30 }, (_, i) => shop.hold(brief, `s${i}`)),
    );
    const kept = await shop.hold(lasting, 'kept');
    await Promise.all([reaper('reaper-a'), reaper('reaper-b')]);
    await Promise.allSettled(orders.slice(0, 10).map((order) => shop.release(order)));
    await Promise.allSettled(orders.slice(10, 20).map((order) => shop.pay(order)));
    await until('none is held', async () => (await countsOf(brief)).held === 0);
    await world.steps.pump();
    const rows = await world.db.query<{ state: string; version: number }>(
      'SELECT state, version FROM sale.orders WHERE id = ANY($1)',
      [orders.map((order) => order.id)],
    );
    expect(rows.length).toBe(orders.length);
    expect(rows.every((row) => row.state !== 'held' && row.version === 2)).toBe(true);
    expect(await stateOf(kept)).toBe('held');
  });

  it('are found behind sales that cannot be helped', async () => {
    const sale = await saleOf(1);
    const stuck = Array.from({ length: 45 }, (_, i) => `sal_000${String(i).padStart(13, '0')}`);
    await world.redis.redis.zadd(keys.dues, ...stuck.flatMap((id) => [0, id]));
    await shop.hold(sale, 'ada');
    await reaper('behind');
    await until('it has ended', async () => (await countsOf(sale)).expired === 1);
    await world.redis.redis.zrem(keys.dues, ...stuck);
  });
});

/** A reply of TIME: ten digits of seconds, then the microseconds. */
const timeReply = /(\*2\r\n\$10\r\n)(\d{10})(\r\n\$)/;

/** A cable on which Redis's clock is `shift()` seconds off; `looked` is told of every look at it. */
const clockLink = (shift: () => number, looked: () => void = () => undefined): Promise<Link> =>
  linkTo(world.redis.url, {
    change: (bytes) =>
      Buffer.from(
        bytes.toString('latin1').replace(timeReply, (_, a: string, s: string, b: string) => {
          looked();
          return `${a}${Number(s) + shift()}${b}`;
        }),
        'latin1',
      ),
  });

describe('a clock that was set', () => {
  for (const [way, seconds] of [
    ['forward', 3600],
    ['back', -3600],
  ] as const) {
    it(`${way} ends no hold, and alarms; a reaper that knows no other goes on`, async () => {
      const sale = await saleOf(1);
      let shift = 0;
      const link = await clockLink(() => shift);
      try {
        const rounds = await roundsOf('reaper');
        await reaper(way, link.url);
        await until('it knows the clock', async () => (await roundsOf('reaper')) > rounds);
        shift = seconds;
        const errors = await errorsOf('reaper');
        await until('it alarms', async () => (await errorsOf('reaper')) > errors);
        const order = await shop.hold(sale, 'ada');
        const passed = async (): Promise<boolean> => {
          const [now] = await world.redis.redis.time();
          return Number(now) * 1000 > order.holdExpiresAt;
        };
        await until('the hold is overdue', passed);
        const before = await errorsOf('reaper');
        await until('it alarms again', async () => (await errorsOf('reaper')) > before);
        expect(await countsOf(sale)).toEqual({ held: 1, expired: 0 });
        await reaper(`${way}-anew`);
        await until('it has ended', async () => (await countsOf(sale)).expired === 1);
      } finally {
        for (const each of running.splice(0)) await each.close();
        await link.close();
      }
    });
  }

  it('is noticed by a reaper that takes over only then', async () => {
    const [sale, lease] = [await saleOf(1), 'taken-over'];
    let [shift, looks] = [0, 0];
    const link = await clockLink(
      () => shift,
      () => (looks += 1),
    );
    try {
      await reaper(lease);
      const [first] = running;
      await until(
        'it is the owner',
        async () => (await world.redis.redis.get(leaseKey(lane, lease))) !== null,
      );
      await reaper(lease, link.url);
      await until('the other one looks', () => looks > 1);
      const order = await shop.hold(sale, 'ada');
      shift = 3600;
      const before = await errorsOf('reaper');
      await first?.close();
      await until('it alarms', async () => (await errorsOf('reaper')) > before);
      expect(await stateOf(order)).toBe('held');
      shift = 0;
      await until('it has ended', async () => (await countsOf(sale)).expired === 1);
    } finally {
      for (const each of running.splice(0)) await each.close();
      await link.close();
    }
  });

  it('back does not move lane time: what was decided stays decided', async () => {
    const sale = await saleOf(300);
    // The clock was ahead when this was stored, and has been set back since.
    const ahead = Date.now() + 60_000;
    await world.redis.redis.hset(keys.clock, 't', ahead);
    const first = await shop.hold(sale, 'ada');
    const second = await shop.hold(sale, 'bob');
    expect([first.heldAt, second.heldAt]).toEqual([ahead, ahead]);
    expect(second.holdExpiresAt).toBe(ahead + 300_000);
    await reaper('ahead');
    await shop.release(first);
    expect(await stateOf(second)).toBe('held');
  });
});
