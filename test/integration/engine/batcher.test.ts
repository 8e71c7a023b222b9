/** Batcher and gate: what a shopper is told when the way to Redis, or Redis itself, gives in. */
import { setImmediate as immediately } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LaneOrder, Outcome } from '../../../engine/domain/types.ts';
import { scriptOf } from '../../../engine/lane-set.ts';
import { laneKeys, pushSaleKeys } from '../../../engine/lanes/keys.ts';
import { memoryUse, serverRunId } from '../../../platform/redis/connection.ts';
import { auditOf } from '../../support/audit.ts';
import { until } from '../../support/environment.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const inDoubtMax = 400;
const units = 5000;
let world: World;
let shop: WorldShop;
let vendor: string;
let product: string;

beforeAll(async () => {
  world = await formatWorld({
    lanes: 1,
    linked: ['redis'],
    env: { COMMAND_TIMEOUT_MS: '500', BATCH_MAX: '16', IN_DOUBT_MAX: String(inDoubtMax) },
  });
  shop = new WorldShop(world);
  vendor = await shop.vendor();
  product = (await shop.product(vendor, units)).id;
});
afterAll(() => world.close());

const saleOf = (allotted: number): Promise<string> =>
  shop.sale(vendor, [{ product, allotted, price: 100 }]);
const laneOpen = (): Promise<void> =>
  until('the lane is open', () => world.lanes.gate.door(0).open);
const kinds = (outcomes: readonly Outcome<LaneOrder>[]): Set<string> =>
  new Set(outcomes.map((o) => o.kind));
const isShopBatch = (request: Buffer): boolean => request.includes(scriptOf('shop').sha);

async function heldOf(sale: string): Promise<number> {
  const counts = await world.lanes.shop.count(sale);
  if (counts.kind !== 'done') throw new Error(JSON.stringify(counts));
  return counts.value.items.reduce((sum, item) => sum + item.held, 0);
}

async function expectSound(): Promise<void> {
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
}

describe('an answer that did not come', () => {
  it('is unknown, and the same key replays what was accepted', async () => {
    const sale = await saleOf(1);
    const lost = world.link('redis').loseReply(isShopBatch);
    const first = await shop.ask(sale, 'ada', 'the last one');
    expect(first.kind).toBe('unknown');
    await lost;
    await laneOpen();
    const other = await shop.ask(sale, 'bob', 'k');
    expect(other).toMatchObject({ kind: 'rejected', rejection: { code: 'sold_out' } });
    const again = await shop.ask(sale, 'ada', 'the last one');
    expect(again).toMatchObject({ kind: 'done', replayed: true, value: { units: [1] } });
    await expectSound();
  });

  it('is unknown after the time-out too, though the server goes on', async () => {
    const sale = await saleOf(2);
    await world.redis.redis.client('PAUSE', 1300, 'ALL');
    expect((await shop.ask(sale, 'ada', 'k')).kind).toBe('unknown');
    let again = await shop.ask(sale, 'ada', 'k');
    await until('it is answered', async () => {
      again = await shop.ask(sale, 'ada', 'k');
      return again.kind === 'done';
    });
    expect(again).toMatchObject({ replayed: true, value: { units: [1] } });
    expect(await heldOf(sale)).toBe(1);
  });

  it('is the one that was given, when all ask again', async () => {
    const sale = await saleOf(300);
    const shoppers = Array.from({ length: 100 }, (_, i) => `s${i}`);
    const firsts = shoppers.map((shopper) => shop.ask(sale, shopper, 'k'));
    await until('something was decided', async () => (await heldOf(sale)) > 0);
    const later = shoppers.map((shopper) => shop.ask(sale, shopper, 'later'));
    world.link('redis').drop();
    const seen = kinds(await Promise.all([...firsts, ...later]));
    expect([...seen].every((kind) => ['done', 'unknown', 'unavailable'].includes(kind))).toBe(true);
    await laneOpen();
    const again = await Promise.all(shoppers.map((shopper) => shop.ask(sale, shopper, 'k')));
    expect(kinds(again)).toEqual(new Set(['done']));
    const accepted = (await Promise.all(later)).filter((o) => o.kind === 'done').length;
    const held = await heldOf(sale);
    expect(held).toBeGreaterThanOrEqual(shoppers.length + accepted);
    await expectSound();
  });
});

describe('more holds than the lane decides in time', () => {
  it('are turned away at once; who pays is not, and who was let in is served', async () => {
    const sale = await saleOf(400);
    const order = await shop.hold(sale, 'payer');
    world.link('redis').misbehave({ delayMs: 60 });
    try {
      const all = Array.from({ length: 200 }, (_, i) => shop.ask(sale, `s${i}`, 'k'));
      let late: Outcome<LaneOrder> | null = null;
      await until('a hold is turned away', async () => {
        late = await Promise.race([shop.ask(sale, 'late', 'k'), immediately(null)]);
        return late?.kind === 'unavailable';
      });
      expect(late).toMatchObject({ reason: 'too many commands are waiting' });
      expect((await shop.pay(order)).state).toBe('paid');
      expect(kinds(await Promise.all(all))).toEqual(new Set(['done']));
    } finally {
      world.link('redis').behave();
    }
    await expectSound();
  });
});

describe('a connection that is lost', () => {
  it('leaves nobody without an answer, and nothing is sent again over the next one', async () => {
    const sale = await saleOf(300);
    await world.redis.redis.config('RESETSTAT');
    world.link('redis').hang();
    const asked = Array.from({ length: 200 }, (_, i) => shop.ask(sale, `s${i}`, 'k'));
    world.link('redis').drop();
    const seen = kinds(await Promise.all(asked));
    expect(seen.has('done')).toBe(false);
    await world.link('redis').mend();
    await laneOpen();
    expect(await world.redis.redis.info('commandstats')).not.toContain('cmdstat_eval');
    expect((await shop.ask(sale, 's0', 'k')).kind).toBe('done');
  });

  it('that comes back to a server which is not verified is not used', async () => {
    const sale = await saleOf(300);
    const { redis } = world;
    const over = new AbortController();
    const outcomes: Outcome<LaneOrder>[] = [];
    const load = (async () => {
      for (let i = 0; !over.signal.aborted; i++) {
        outcomes.push(await shop.ask(sale, `s${i}`, 'k'));
        await immediately();
      }
    })();
    await until('the load is on', () => outcomes.length > 10);
    await redis.crash();
    await redis.start();
    await until('the gate has looked at the new server', () =>
      world.lanes.gate.door(0).reason.startsWith('not verified'),
    );
    outcomes.splice(0);
    await until('the load goes on', () => outcomes.length > 10);
    expect(kinds(outcomes)).toEqual(new Set(['unavailable']));
    expect(await redis.redis.info('commandstats')).not.toContain('cmdstat_eval');
    const runId = await serverRunId(redis.redis);
    await world.db.run('UPDATE sale.lanes SET run_id = $1', [runId]);
    await redis.redis.set(laneKeys(0).verifiedRun, runId);
    await laneOpen();
    over.abort();
    await load;
    expect((await shop.ask(sale, 'last', 'k')).kind).toBe('done');
    await expectSound();
  });
});

describe('a server that has forgotten its scripts', () => {
  it('gets them again without an error to anyone', async () => {
    const sale = await saleOf(300);
    for (let wave = 0; wave < 10; wave++) {
      const asked = Array.from({ length: 30 }, (_, i) => shop.ask(sale, `w${wave}s${i}`, 'k'));
      await world.redis.redis.script('FLUSH');
      expect(kinds(await Promise.all(asked))).toEqual(new Set(['done']));
    }
    expect(await heldOf(sale)).toBe(300);
    await expectSound();
  });
});

/** New holds are refused, while what frees units goes on. */
async function expectOnlyEnds(sale: string, orders: readonly LaneOrder[]): Promise<void> {
  const [first, second] = orders;
  if (first === undefined || second === undefined) throw new Error('two orders are needed');
  const refused = await shop.ask(sale, 'newcomer', 'k');
  expect(refused).toMatchObject({ kind: 'unavailable', reason: 'overloaded' });
  expect((await shop.release(first)).state).toBe('released');
  expect((await shop.pay(second)).state).toBe('paid');
}

describe('a bound that is reached', () => {
  it('of decisions in doubt refuses new holds, and no end of one', async () => {
    const sale = await saleOf(inDoubtMax);
    const orders: LaneOrder[] = [];
    await until('the bound is reached', async () => {
      const wave = Array.from({ length: 16 }, (_, i) => `s${orders.length + i}`);
      const outcomes = await Promise.all(wave.map((shopper) => shop.ask(sale, shopper, 'k')));
      for (const outcome of outcomes) if (outcome.kind === 'done') orders.push(outcome.value);
      return outcomes.some((outcome) => outcome.kind === 'unavailable');
    });
    expect(orders.length).toBeGreaterThan(inDoubtMax / 2);
    await expectOnlyEnds(sale, orders);
    await world.steps.pump();
    expect((await shop.ask(sale, 'newcomer', 'k')).kind).toBe('done');
    await expectSound();
  });

  it('of memory refuses new holds, and no end of one', async () => {
    const { redis } = world.redis;
    const items = [{ product, allotted: 20, price: 100 }];
    const [sale, brief] = [
      await shop.sale(vendor, items),
      await shop.sale(vendor, items, { holdSeconds: 1 }),
    ];
    const orders = [await shop.hold(sale, 'ada'), await shop.hold(sale, 'bob')];
    await shop.hold(brief, 'eve');
    const { used, max } = await memoryUse(redis);
    await redis.config('SET', 'maxmemory', Math.floor(used / 2));
    try {
      await until('the gate knows', () => world.lanes.gate.memoryFull);
      await expectOnlyEnds(sale, orders);
      await until("eve's hold has ended", async () => {
        await world.lanes.shop.reap(brief, 10);
        return (await heldOf(brief)) === 0;
      });
      await world.steps.pump();
    } finally {
      await redis.config('SET', 'maxmemory', max);
    }
    await until('the gate knows', () => !world.lanes.gate.memoryFull);
    expect((await shop.ask(sale, 'newcomer', 'k')).kind).toBe('done');
    await expectSound();
  });
});

describe('a sale whose record cannot be read', () => {
  it('is frozen alone', async () => {
    const { redis } = world.redis;
    const [broken, whole] = [await saleOf(10), await saleOf(10)];
    const keys: string[] = [];
    pushSaleKeys(keys, 0, broken);
    const [sale = '', records = ''] = keys;
    await shop.hold(broken, 'ada');
    await redis.hset(records, 'eve', 'no record');
    const [first, second] = await Promise.all([
      shop.ask(broken, 'eve', 'k'),
      shop.ask(whole, 'eve', 'k'),
    ]);
    expect(first).toMatchObject({ kind: 'unavailable', reason: 'fault' });
    expect(second.kind).toBe('done');
    const frozen = await shop.ask(broken, 'ada', 'other');
    expect(frozen).toMatchObject({ kind: 'unavailable', reason: 'sale_frozen' });
    expect((await shop.ask(whole, 'ada', 'k')).kind).toBe('done');
    await redis.hdel(records, 'eve');
    await redis.hdel(sale, 'frz');
    expect((await shop.ask(broken, 'eve', 'k')).kind).toBe('done');
    await expectSound();
  });
});

describe('a busy lane', () => {
  it('is given what waits before the answers are handed out', async () => {
    const sale = await saleOf(10);
    const { shop: engine } = world.lanes;
    const hold = (shopper: string, done: () => void): void => {
      const command = { sale, shopper, verified: true, quantity: 1, product: '' };
      engine.hold({ ...command, idempotencyKey: 'k' }, done);
    };
    // Over the batches' own connection, so that the order of sending is the order of answers.
    const batches = async (): Promise<number> => {
      const stats = await world.lanes.gate.redis.info('commandstats');
      return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]);
    };
    const before = await batches();
    let seen = 0;
    await new Promise<void>((resolve) => {
      hold('ada', () => {
        // Handing out answers keeps the loop busy; the lane must have its next batch already.
        void batches().then((now) => {
          seen = now - before;
          resolve();
        });
      });
      setImmediate(() => hold('bob', () => undefined));
    });
    expect(seen).toBe(2);
  });
});
