// A system at work is judged at a cut: whatever is decided or settled between two looks of the audit
// is no violation.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditStores } from '../../../engine/audit/audit-lane.ts';
import type { LaneOrder } from '../../../engine/domain/types.ts';
import type { Db } from '../../../platform/postgres/db.ts';
import { reportOf, storesOf, wrongIn } from '../../support/audit.ts';
import { failedIn, makeHistory, type History } from './history.ts';

type Meanwhile = () => Promise<void>;

describe('the audit of a system at work', () => {
  let history: History;
  let shoppers = 0;

  beforeAll(async () => {
    history = await makeHistory();
  });

  afterAll(() => history.world.close());

  /** Holds, pays, releases: of shoppers with few and with many orders. And one place is taken anew. */
  async function trade(): Promise<void> {
    const { shop, live, laptop, spilling, line, world } = history;
    const [shopper, other] = [`new-${++shoppers}`, `many-${shoppers}`];
    await shop.hold(live, shopper, 1, laptop.id);
    await shop.pay(await shop.hold(live, shopper, 1, laptop.id));
    await shop.release(await shop.hold(live, shopper, 2, laptop.id));
    await shop.pay(await shop.hold(live, spilling, 1, laptop.id));
    const orders: LaneOrder[] = [];
    for (let i = 0; i < 10; i++) orders.push(await shop.hold(live, other, 1, laptop.id));
    for (const order of orders.slice(-2)) await shop.release(order);
    const place = { sale: line, shopper, verified: true };
    await world.lanes.line.join({ ...place, idempotencyKey: 'first' });
    await world.lanes.line.leave(line, shopper, 'left');
    await world.lanes.line.join({ ...place, idempotencyKey: 'second' });
  }

  /** The same, and everything that vendors do; all of it settles. */
  async function everything(): Promise<void> {
    const { shop, live, laptop, vendor, world } = history;
    await trade();
    await shop.topUp(live, laptop, 10, true);
    await shop.topUp(live, laptop, 1, false);
    const product = await shop.product(vendor, 20);
    const sale = await shop.sale(vendor, [{ product: product.id, allotted: 10, price: 500 }]);
    await shop.hold(sale, 'ida');
    await shop.close(sale);
    await trade();
    await world.steps.pump();
  }

  /** Stores that do something else once, between two looks. */
  const after = {
    'the snapshot': (meanwhile: Meanwhile): Partial<AuditStores> => {
      const { db } = storesOf(history.world);
      const tx: Db['tx'] = (fn, options) =>
        db.tx(async (q) => {
          await q.query('SELECT 1 FROM sale.lanes');
          await meanwhile();
          return fn(q);
        }, options);
      const [query, run, copy] = [db.query.bind(db), db.run.bind(db), db.copy.bind(db)];
      return { db: { query, run, copy, tx, close: nobody, waiting } };
    },
    'the cut of a sale': (meanwhile: Meanwhile): Partial<AuditStores> => {
      const { redis } = storesOf(history.world);
      const hscanBuffer = async (key: string, ...rest: [string, 'COUNT', number]) => {
        if (key.endsWith(history.live.slice(4))) await meanwhile();
        return redis.hscanBuffer(key, ...rest);
      };
      return { redis: Object.assign(Object.create(redis) as typeof redis, { hscanBuffer }) };
    },
    'the records of a sale, before its deadlines': (meanwhile: Meanwhile): Partial<AuditStores> => {
      const { redis } = storesOf(history.world);
      const hscanBuffer = async (key: string, ...rest: [string, 'COUNT', number]) => {
        const found = await redis.hscanBuffer(key, ...rest);
        if (key.endsWith(history.live.slice(4))) await meanwhile();
        return found;
      };
      return { redis: Object.assign(Object.create(redis) as typeof redis, { hscanBuffer }) };
    },
    'Redis, before Kafka': (meanwhile: Meanwhile): Partial<AuditStores> => {
      const { kafka } = storesOf(history.world);
      const ends = async (topic: string) => {
        await meanwhile();
        return kafka.ends(topic);
      };
      return { kafka: Object.assign(Object.create(kafka) as typeof kafka, { ends }) };
    },
    'the ends of Kafka': (meanwhile: Meanwhile): Partial<AuditStores> => {
      const { kafka } = storesOf(history.world);
      const ends = async (topic: string) => {
        const found = await kafka.ends(topic);
        await meanwhile();
        return found;
      };
      return { kafka: Object.assign(Object.create(kafka) as typeof kafka, { ends }) };
    },
  };
  const nobody = (): Promise<void> => Promise.resolve();
  const waiting = (): number => 0;

  const places = Object.keys(after) as (keyof typeof after)[];
  const cases = places.flatMap((place) => [
    { place, what: 'decided, and not settled', meanwhile: trade },
    { place, what: 'decided and settled', meanwhile: everything },
  ]);

  it.each(cases)('holds when more is $what after $place', async ({ place, meanwhile }) => {
    const report = await reportOf(history.world, after[place](meanwhile));
    expect(wrongIn(report)).toEqual([]);
    await history.world.steps.pump();
  });

  it('finds only that it is in doubt what has not settled', async () => {
    const { world } = history;
    await trade();
    expect(failedIn(await reportOf(world))).toEqual(['lane.doubt']);
    await world.steps.relay();
    expect(failedIn(await reportOf(world))).toEqual(['lane.doubt']);
    const waits = reportOf(world, {}, { waitMs: 60_000 });
    await world.steps.pump();
    expect(wrongIn(await waits)).toEqual([]);
  });

  it('still sees a wrong record when its order is in doubt', async () => {
    const { world, shop, live, laptop } = history;
    const order = await shop.hold(live, 'joe', 1, laptop.id);
    const { redis } = world.redis;
    const [key = ''] = await redis.keys(`*:r:${live.slice(4)}`);
    await redis.hdel(key, 'joe');
    const wrong = wrongIn(await reportOf(world)).join('\n');
    expect(wrong).toContain(`match.orders ${order.id}: held in Postgres, not in the record of joe`);
    expect(wrong).toContain('lane.conservation');
  });
});
