/** Postgres's wall and what settles behind it: entries as a lane that went wrong could write them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orderIdOf } from '../../../engine/domain/ids.ts';
import type { Entry } from '../../../engine/lanes/codec.ts';
import { pushSaleKeys } from '../../../engine/lanes/keys.ts';
import { CommandWriter } from '../../../engine/settle/commands.ts';
import { CannotSettle, creditAgain, uncredited } from '../../../engine/settle/sales.ts';
import { settle, settleAway } from '../../../engine/settle/settlement.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
/** One for each test, made first: what follows freezes the lane. */
let sales: string[];

beforeAll(async () => {
  world = await formatWorld({ lanes: 1, kafka: 'none' });
  const shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const { id: product } = await shop.product(vendor, 100);
  sales = [];
  for (let i = 0; i < 4; i++) {
    sales.push(await shop.sale(vendor, [{ product, allotted: 10, price: 100 }]));
  }
});
afterAll(() => world.close());

function nextSale(): string {
  const sale = sales.pop();
  if (sale === undefined) throw new Error('no sale is left');
  return sale;
}

/** The entry that follows the watermark, with these events of one sale. */
async function nextEntry(sale: string, events: readonly (readonly unknown[])[]): Promise<Entry> {
  const [row] = await world.db.query<{ epoch: number; seq: number }>(
    'SELECT epoch, seq FROM sale.watermarks WHERE lane = 0',
  );
  if (row === undefined) throw new Error('no watermark');
  const place = { epoch: row.epoch, seq: row.seq + 1, before: null };
  return { ...place, at: Date.now(), outage: 0, count: events.length, groups: [[sale, events]] };
}

const held = (key: string, units: readonly number[]): unknown[] => [
  'held',
  key,
  'ada',
  0,
  100,
  Date.now() + 1000,
  1,
  units,
];
const keyOf = (letter: string): string => letter.repeat(24);

async function settleEvents(sale: string, ...events: unknown[][]): Promise<number> {
  const entry = await nextEntry(sale, events);
  const settled = await world.db.tx((q) => settle(q, 0, [entry], null));
  return settled.quarantined;
}

async function ownerOf(sale: string, unit: number): Promise<string | null> {
  const [row] = await world.db.query<{ order_id: string | null }>(
    'SELECT order_id FROM sale.units WHERE sale_id = $1 AND number = $2',
    [sale, unit],
  );
  return row?.order_id ?? null;
}

describe('a claim that fails', () => {
  it('takes no unit from the order that has it, not even from its own', async () => {
    const sale = nextSale();
    const [a, b] = [keyOf('a'), keyOf('b')];
    expect(await settleEvents(sale, held(a, [7]))).toBe(0);
    expect(await settleEvents(sale, held(a, [7]))).toBe(1);
    expect(await ownerOf(sale, 7)).toBe(orderIdOf(sale, a));
    expect(await settleEvents(sale, held(b, [7]))).toBe(1);
    expect(await ownerOf(sale, 7)).toBe(orderIdOf(sale, a));
  });

  it('for a unit that the same settlement gives to another costs nobody else', async () => {
    const sale = nextSale();
    const [a, b, c] = [keyOf('a'), keyOf('b'), keyOf('c')];
    expect(await settleEvents(sale, held(a, [1]), held(b, [1, 2]), held(c, [2]))).toBe(1);
    const owners = [await ownerOf(sale, 1), await ownerOf(sale, 2)];
    expect(owners).toEqual([orderIdOf(sale, a), orderIdOf(sale, c)]);
  });

  it('gives back what it took', async () => {
    const sale = nextSale();
    const [a, b] = [keyOf('a'), keyOf('b')];
    await settleEvents(sale, held(a, [1]));
    expect(await settleEvents(sale, held(b, [1, 2]))).toBe(1);
    expect([await ownerOf(sale, 1), await ownerOf(sale, 2)]).toEqual([orderIdOf(sale, a), null]);
  });
});

describe('an event that no version of ours decides', () => {
  it('is put away with every event of its entry, each in its own place', async () => {
    const sale = nextSale();
    const entry = await nextEntry(sale, [['opened', 0], held(keyOf('c'), [3]), ['levitated', 0]]);
    await expect(world.db.tx((q) => settle(q, 0, [entry], null))).rejects.toThrow(CannotSettle);
    const away = await world.db.tx((q) => settleAway(q, 0, entry, null, 'no event levitated'));
    expect(away.quarantined).toBe(3);
    const rows = await world.db.query<{ index: number }>(
      'SELECT index FROM sale.quarantine WHERE epoch = $1 AND seq = $2 ORDER BY index',
      [entry.epoch, entry.seq],
    );
    expect(rows.map((row) => row.index)).toEqual([0, 1, 2]);
  });
});

describe('a credit that a frozen sale refused', () => {
  it('is written again, once, and brings the units in', async () => {
    const fresh = await formatWorld({ lanes: 1, kafka: 'none' });
    try {
      const people = new WorldShop(fresh);
      const vendor = await people.vendor();
      const product = await people.product(vendor, 100);
      const sale = await people.sale(vendor, [{ product: product.id, allotted: 10, price: 100 }]);
      const keys: string[] = [];
      pushSaleKeys(keys, 0, sale);
      const [key = ''] = keys;
      await fresh.redis.redis.hset(key, 'frz', 'a fault');
      await people.topUp(sale, product, 5, false).catch(() => undefined);
      await fresh.steps.pump();
      const [waiting] = await uncredited(fresh.db);
      expect(waiting?.sale).toBe(sale);
      await fresh.redis.redis.hdel(key, 'frz');
      for (let twice = 0; twice < 2; twice++) {
        await fresh.db.tx(async (q) => {
          const writer = new CommandWriter();
          await creditAgain(q, waiting?.id ?? '', writer);
          await writer.flush(q);
        });
      }
      await fresh.steps.pump();
      const counts = await fresh.lanes.shop.count(sale);
      const [item] = counts.kind === 'done' ? counts.value.items : [];
      expect(item).toMatchObject({ allotted: 15, available: 15 });
      expect(await uncredited(fresh.db)).toEqual([]);
    } finally {
      await fresh.close();
    }
  });
});
