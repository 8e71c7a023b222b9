/** Admitter: turns begin while there is room, end when they are over, and get rarer under load. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  startAdmitter,
  type AdmitterLoop,
  type AdmitterOptions,
} from '../../../engine/admitter.ts';
import { laneKeys, pushSaleKeys } from '../../../engine/lanes/keys.ts';
import { Lease } from '../../../engine/lanes/lease.ts';
import { scriptOf } from '../../../engine/lane-set.ts';
import { writeCommand } from '../../../engine/sales/control.ts';
import { clock, replaceClock } from '../../../platform/clock.ts';
import { metrics } from '../../../platform/metrics.ts';
import type { Db } from '../../../platform/postgres/db.ts';
import { auditOf } from '../../support/audit.ts';
import { silent, until } from '../../support/environment.ts';
import { untilRounds } from '../../support/loops.ts';
import { startWorldSettler, type Running } from '../../support/world-loops.ts';
import { queue, valueOf, WorldLine } from '../../support/world-line.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const lane = 0;
let world: World;
let shop: WorldShop;
let line: WorldLine;
let vendor: string;
let product: string;
let leases = 0;
const running: Running[] = [];

beforeAll(async () => {
  world = await formatWorld({ lanes: 1 });
  shop = new WorldShop(world);
  line = new WorldLine(world, shop);
  vendor = await shop.vendor();
  product = (await shop.product(vendor, 10_000)).id;
});
afterEach(async () => {
  for (const loop of running.splice(0)) await loop.close();
  await world.redis.redis.del(laneKeys(lane).load);
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
});
afterAll(() => world.close());

/** An admitter of a worker of its own: nobody else has its lease. */
function admitter(more: Partial<AdmitterOptions> = {}): AdmitterLoop {
  const { lanes, redis, db } = world;
  const lease = new Lease(redis.redis, scriptOf('lease'), lane, `admitter-${++leases}`);
  const limits = { holdP99Ms: 250, inDoubtAgeMs: 60_000 };
  const own = { door: lanes.gate.door(lane), gate: lanes.gate, shop: lanes.shop, line: lanes.line };
  const loop = startAdmitter({ ...own, lease, db, limits, log: silent, ...more });
  running.push(loop);
  return loop;
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `s${i}`);
const sale = (allotted: number, shoppers: number, more: object = {}) =>
  line.sale(vendor, [{ product, allotted, price: 100 }], names(shoppers), {
    limitPerShopper: 1,
    admission: { ...queue, ...more },
  });
const figures = async (id: string) => valueOf(await world.lanes.line.figures(id));

async function rateOf(id: string): Promise<number | undefined> {
  const { values } = await metrics.admitRate.get();
  return values.find(({ labels }) => labels.sale === id)?.value;
}
async function slowed(why: string): Promise<number> {
  const { values } = await metrics.admitSlowed.get();
  return values.find(({ labels }) => labels.why === why)?.value ?? 0;
}

describe('an admitter', () => {
  it('rests while nobody is in line, and looks at once when it is stirred', async () => {
    const id = await sale(3, 0);
    await line.open(id);
    let admits = 0;
    const turns = {
      lapse: (of: string, most: number) => world.lanes.line.lapse(of, most),
      admit: (of: string, most: number) => {
        admits += 1;
        return world.lanes.line.admit(of, most);
      },
    };
    const loop = admitter({ line: turns });
    await until('the line is known', async () => (await rateOf(id)) !== undefined);
    await untilRounds('admitter', 2);
    expect(admits).toBe(0);
    // No rest ends by itself any more.
    const real = clock;
    let rests = 0;
    replaceClock({
      ...real,
      after: (ms, call) => real.after(ms > 100 && (rests += 1) > 0 ? 3_600_000 : ms, call),
    });
    await until('it rests', () => Promise.resolve(rests > 0));
    const settling = await startWorldSettler(world, 'line', undefined, () => {
      loop.stir();
    });
    running.push(settling);
    await line.join(id, 'ann');
    await world.steps.relay();
    await until('she has a turn', async () => (await figures(id)).admitted === 1);
    replaceClock(real);
    expect(admits).toBe(1);
  });

  it('fills the room, and fills it again when a unit comes back', async () => {
    const id = await sale(3, 8);
    await line.open(id);
    admitter();
    await until('three have turns', async () => (await figures(id)).admitted === 3);
    const order = await line.byNumber(id, names(8));
    const held = await shop.hold(id, order[0] ?? '');
    await shop.release(held);
    await until('the fourth has one', async () => {
      return (await line.ticket(id, order[3] ?? '')).state === 'admitted';
    });
    expect(await figures(id)).toMatchObject({ admitted: 3, claims: 3, waiting: 4, serving: 4 });
  });

  it('ends turns that ran out, and the next ones follow', async () => {
    const id = await sale(2, 6, { turnSeconds: 1 });
    await line.open(id);
    admitter();
    await until('all had their turn', async () => {
      const { waiting, admitted } = await figures(id);
      return waiting === 0 && admitted === 0;
    });
    const tickets = await Promise.all(names(6).map((shopper) => line.ticket(id, shopper)));
    expect(new Set(tickets.map(({ state }) => state))).toEqual(new Set(['lapsed']));
  });

  it('and two others at the same time admit nobody too many', async () => {
    const id = await sale(5, 40, { factor: 1.4 });
    await line.open(id);
    admitter();
    admitter();
    admitter();
    await until('seven have turns', async () => (await figures(id)).admitted >= 7);
    for (let round = 0; round < 5; round++) {
      expect((await figures(id)).claims).toBeLessThanOrEqual(7);
      await world.steps.pump();
    }
    expect(await figures(id)).toMatchObject({ admitted: 7, waiting: 33 });
  });

  it('begins no more turns than its rate allows, and as many', async () => {
    const ratePerSecond = 5;
    const id = await sale(40, 40, { ratePerSecond });
    await line.open(id);
    const look = async (): Promise<{ begun: number; at: number }> => {
      const outcome = await world.lanes.line.figures(id);
      const { begun } = valueOf(outcome);
      return { begun, at: outcome.kind === 'done' ? outcome.now : Number.NaN };
    };
    const from = await look();
    expect(from.begun).toBe(0);
    admitter();
    await until('twelve turns have begun', async () => {
      const { begun, at } = await look();
      // A second's worth may be saved up, and is never more than the time that passed.
      const seconds = (at - from.at) / 1000;
      expect(begun).toBeLessThanOrEqual(ratePerSecond + ratePerSecond * seconds);
      return begun >= 12;
    });
  });

  it('does nothing before the draw, and nothing while the sale is paused', async () => {
    const id = await sale(5, 5);
    await line.ring(id);
    admitter();
    const rounds = async (): Promise<number> => {
      const { values } = await metrics.loopRuns.get();
      return values.find(({ labels }) => labels.loop === 'admitter')?.value ?? 0;
    };
    const idle = async (): Promise<void> => {
      const begun = await rounds();
      await until('it has looked', async () => (await rounds()) > begun + 8);
      expect((await figures(id)).admitted).toBe(0);
    };
    await idle();
    await world.db.tx((q) => writeCommand(q, id, 'pause'));
    await line.draw(id);
    expect(await figures(id)).toMatchObject({ state: 'paused', numbered: true });
    await idle();
    await world.db.tx((q) => writeCommand(q, id, 'resume'));
    await world.steps.pump();
    await until('they have turns', async () => (await figures(id)).admitted === 5);
  });

  it.each([
    ['is away', () => Promise.reject(new Error('away'))],
    ['hangs', () => new Promise(() => undefined)],
  ])('goes on with the lines that it knows while Postgres %s', async (_, query) => {
    const id = await sale(2, 4);
    await line.open(id);
    let away = false;
    const db = new Proxy(world.db, {
      get(real, name: keyof Db) {
        if (name === 'query' && away) return query;
        const value: unknown = Reflect.get(real, name);
        return typeof value === 'function' ? (value.bind(real) as unknown) : value;
      },
    });
    admitter({ db });
    await until('two have turns', async () => (await figures(id)).admitted === 2);
    away = true;
    const [first] = await line.byNumber(id, names(4));
    await world.lanes.line.leave(id, first ?? '');
    await until('the next has one', async () => (await figures(id)).serving === 3);
  });

  it('serves every line when one look does not read them all', async () => {
    const ids = await Promise.all([sale(1, 1), sale(1, 1)]);
    for (const id of ids) await line.open(id);
    admitter({ linesPerLook: 1 });
    for (const id of ids) {
      await until('it has a turn', async () => (await figures(id)).admitted === 1);
    }
  });
});

describe('under load', () => {
  it('it is slower while holds are late, and comes up again', async () => {
    const id = await sale(1, 2, { ratePerSecond: 100 });
    await line.open(id);
    const { load } = laneKeys(lane);
    const late = () => world.redis.redis.hset(load, 'an-api', `900 ${Date.now()}`);
    await late();
    const before = await slowed('holds');
    admitter();
    await until('it is slower', async () => {
      await late();
      return ((await rateOf(id)) ?? 100) <= 50;
    });
    expect(await slowed('holds')).toBeGreaterThan(before);
    // A process that has gone says nothing any more.
    await world.redis.redis.hset(load, 'an-api', `900 ${Date.now() - 60_000}`);
    const low = (await rateOf(id)) ?? 0;
    await until('it comes up again', async () => ((await rateOf(id)) ?? 0) > low);
  });

  it('it is slower while too much is in doubt', async () => {
    const id = await sale(1, 2, { ratePerSecond: 100 });
    await line.open(id);
    await line.join(id, 'unsettled');
    const before = await slowed('in_doubt');
    admitter({ limits: { holdP99Ms: 250, inDoubtAgeMs: 0 } });
    await until('it is slower', async () => ((await rateOf(id)) ?? 100) < 100);
    expect(await slowed('in_doubt')).toBeGreaterThan(before);
  });

  it('a frozen sale of the lane slows no other', async () => {
    const frozen = await sale(1, 1, { ratePerSecond: 100 });
    await line.open(frozen);
    const keys: string[] = [];
    pushSaleKeys(keys, lane, frozen);
    await world.redis.redis.hset(keys[0] ?? '', 'frz', 'a fault');
    const id = await sale(1, 1, { ratePerSecond: 100 });
    await line.open(id);
    const before = await slowed('in_doubt');
    admitter();
    await until('it is served', async () => (await rateOf(id)) !== undefined);
    // Those of two looks at the lane and more.
    await untilRounds('admitter', 15);
    expect(await rateOf(id)).toBe(100);
    expect(await slowed('in_doubt')).toBe(before);
    await world.redis.redis.hdel(keys[0] ?? '', 'frz');
  });

  it('what it measures is what holds took', async () => {
    const id = await shop.sale(vendor, [{ product, allotted: 100, price: 100 }]);
    for (let i = 0; i < 30; i++) await shop.hold(id, `h${i}`);
    const p99 = world.lanes.load.p99(lane);
    expect(p99).toBeGreaterThan(0);
    expect(p99).toBeLessThan(60_000);
    for (let i = 0; i < 5; i++) world.lanes.load.turn();
    expect(world.lanes.load.p99(lane)).toBeNull();
  });
});
