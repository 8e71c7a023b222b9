/** Postgres's wall and what settles behind it: entries as a lane that went wrong could write them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orderIdOf } from '../../../engine/domain/ids.ts';
import type { Entry } from '../../../engine/lanes/codec.ts';
import { pushSaleKeys } from '../../../engine/lanes/keys.ts';
import { CommandWriter } from '../../../engine/settle/commands.ts';
import { settleRun } from '../../../engine/settle/run.ts';
import { CannotSettle, creditAgain, uncredited } from '../../../engine/settle/sales.ts';
import { settle, type Settled } from '../../../engine/settle/settlement.ts';
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
  for (let i = 0; i < 6; i++) {
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

/** As the settler does it: what settles as a whole, as a whole. */
async function settleAnyway(entry: Entry): Promise<Settled | undefined> {
  const [settled] = await settleRun(world.db, 0, [entry], null, () => undefined);
  return settled;
}

const putAway = async ({ epoch, seq }: Entry): Promise<[number, string | null, string][]> => {
  const rows = await world.db.query<{ index: number; order_id: string | null; reason: string }>(
    'SELECT index, order_id, reason FROM sale.quarantine WHERE epoch = $1 AND seq = $2 ORDER BY index',
    [epoch, seq],
  );
  return rows.map((row) => [row.index, row.order_id, row.reason]);
};

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

  it('among many that were never claimed costs nobody else, whatever is there already', async () => {
    const sale = nextSale();
    const keys = Array.from('abcdefgh', keyOf);
    const [first = ''] = keys;
    expect(await settleEvents(sale, held(first, [2]))).toBe(0);
    // Unit 1 lies below a claimed one, 2 has an owner, 11 does not exist, the others are new; and
    // the last order is there already.
    const units = [1, 2, 3, 4, 11, 5, 6];
    const holds = units.map((unit, i) => held(keys[i + 1] ?? '', [unit]));
    const entry = await nextEntry(sale, [...holds, held(first, [7])]);
    const settled = await settleAnyway(entry);
    expect(settled?.quarantined).toBe(3);
    expect((await putAway(entry)).map(([index]) => index)).toEqual([1, 4, 7]);
    const owners = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((unit) => ownerOf(sale, unit)));
    const expected = [keys[1], first, keys[3], keys[4], keys[6], keys[7]];
    expect(owners).toEqual([...expected.map((key = '') => orderIdOf(sale, key)), null]);
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
  it('is put away alone, in its place; the rest of its entry settles', async () => {
    const sale = nextSale();
    const key = keyOf('c');
    const entry = await nextEntry(sale, [['opened', 0], held(key, [3]), ['levitated', 0]]);
    await expect(world.db.tx((q) => settle(q, 0, [entry], null))).rejects.toThrow(CannotSettle);
    expect(await settleAnyway(entry)).toMatchObject({ quarantined: 1, decisions: 2 });
    expect(await putAway(entry)).toEqual([[2, null, 'no event levitated']]);
    expect(await ownerOf(sale, 3)).toBe(orderIdOf(sale, key));
  });
});

/** Beyond what Postgres can store of it. */
const broken = (key: string, units: readonly number[]): unknown[] => {
  const event = held(key, units);
  event[4] = 2 ** 53 * 1024;
  return event;
};

describe('an event that breaks a rule of the database', () => {
  it('is put away with what follows of its order; every other event settles', async () => {
    const sale = nextSale();
    const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map(keyOf) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const paid = ['paid', d, 'ada', 'end\0key', 1, 0, [4], 0];
    const entry = await nextEntry(sale, [
      held(a, [1]),
      broken(b, [2]),
      held(c, [3]),
      ['released', b, 'ada', '', 0, 0, [2], 0],
      held(d, [4]),
      ['released', c, 'ada', '', 0, 0, [3], 0],
      paid,
      held(e, [3]),
    ]);
    expect(await settleAnyway(entry)).toMatchObject({ quarantined: 3, decisions: 5 });
    const away = await putAway(entry);
    expect(away.map(([index, order]) => [index, order])).toEqual([
      [1, orderIdOf(sale, b)],
      [3, orderIdOf(sale, b)],
      [6, orderIdOf(sale, d)],
    ]);
    const owners = await Promise.all([1, 2, 3, 4].map((unit) => ownerOf(sale, unit)));
    expect(owners).toEqual([orderIdOf(sale, a), null, orderIdOf(sale, e), orderIdOf(sale, d)]);
    const [row] = await world.db.query<{ state: string; seq: number; frozen: string }>(
      `SELECT o.state, w.seq, l.state AS frozen FROM sale.orders o, sale.watermarks w, sale.lanes l
        WHERE o.id = $1`,
      [orderIdOf(sale, d)],
    );
    expect(row).toEqual({ state: 'held', seq: entry.seq, frozen: 'frozen' });
    const next = await nextEntry(sale, [['expired', d, 'ada', '', 0, 0, [4], 0]]);
    expect(await settleAnyway(next)).toMatchObject({ quarantined: 1 });
    expect(await putAway(next)).toEqual([[0, orderIdOf(sale, d), 'follows a quarantined event']]);
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
      const { moves, after } = await uncredited(fresh.db, '');
      const [waiting] = moves;
      expect([waiting?.sale, after]).toEqual([sale, '']);
      // Where a round goes on behind it, others have their turn.
      expect((await uncredited(fresh.db, waiting?.id ?? '')).moves).toEqual([]);
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
      expect((await uncredited(fresh.db, '')).moves).toEqual([]);
    } finally {
      await fresh.close();
    }
  });
});
