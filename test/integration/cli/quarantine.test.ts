// Decisions of the lane that can never settle, of every kind, resolved as an operator does it: the
// lane serves, the shopper is told what is true, units are where they should be, the audit passes.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pack } from '../../../engine/lanes/codec.ts';
import { readOrder } from '../../../engine/orders.ts';
import { requestClose, writeTopUp } from '../../../engine/sales/control.ts';
import { recover, untilOpen } from '../../support/world-recovery.ts';
import {
  begin,
  conflict,
  corrupt,
  end,
  keys,
  lastNumber,
  nextNumber,
  product,
  quarantine,
  resolveAll,
  sale,
  saleKeys,
  settleAll,
  shop,
  sound,
  told,
  world,
} from './away.ts';

beforeEach(begin);
afterEach(end);

const utcTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('a unit that was given out twice', () => {
  it('stays with the first; the second ends as released', async () => {
    const { first, second } = await conflict();
    expect(await settleAll()).toBe(1);
    expect((await shop.ask(sale, 'next', 'k')).kind).toBe('unavailable');
    expect(await resolveAll()).toEqual([[second.id, 'voided']]);
    await untilOpen(world);
    expect([await told(first), await told(second)]).toEqual(['held', 'released']);
    // The same key gets its first answer again: nothing is decided twice.
    const again = await shop.ask(sale, 'second', 'key-2');
    expect(again).toMatchObject({ kind: 'done', replayed: true, value: { id: second.id } });
    await shop.pay(first);
    await sound();
  });

  it('is refunded when its shopper was told that it is paid', async () => {
    const { first, second } = await conflict();
    await shop.pay(second);
    expect(await settleAll()).toBe(2);
    expect(await resolveAll()).toEqual([[second.id, 'refunded']]);
    expect([await told(first), await told(second)]).toEqual(['held', 'refunded']);
    const postings = await world.db.query(
      `SELECT posting, sum(amount)::int AS sum, count(*)::int AS rows FROM sale.ledger
        WHERE posting LIKE $1 || ':%' GROUP BY posting ORDER BY posting`,
      [second.id],
    );
    expect(postings).toEqual([
      { posting: `${second.id}:paid`, sum: 0, rows: 2 },
      { posting: `${second.id}:refunded`, sum: 0, rows: 2 },
    ]);
    const times = await world.db.query<{ type: string; at: number }>(
      `SELECT DISTINCT split_part(posting, ':', 2) AS type, at FROM sale.ledger
        WHERE posting LIKE $1 || ':%' ORDER BY at`,
      [second.id],
    );
    const found = await readOrder(world.db, world.lanes.shop, second.id, second.shopper);
    expect(found).toMatchObject({
      value: { timeline: [{ type: 'held', at: second.heldAt }, ...times] },
    });
    expect(times.map(({ type }) => type)).toEqual(['paid', 'refunded']);
    const updates = await world.db.query<{ value: unknown }>(
      `SELECT value FROM platform.outbox WHERE topic = 'order-updates'`,
    );
    expect(updates).toMatchObject([
      {
        value: {
          id: second.id,
          state: 'refunded',
          version: 2,
          at: expect.stringMatching(utcTime) as string,
        },
      },
    ]);
    await sound();
  });

  it('ends as its shopper was told when it has been let go meanwhile', async () => {
    const { second } = await conflict();
    expect(await settleAll()).toBe(1);
    await world.db.run(`UPDATE sale.lanes SET state = 'open', reasons = '[]'`);
    await world.steps.trim();
    await untilOpen(world);
    await shop.release(second);
    expect(await settleAll()).toBe(1);
    await world.db.run(`UPDATE sale.lanes SET state = 'frozen'`);
    expect(await resolveAll()).toEqual([[second.id, 'settled']]);
    expect(await told(second)).toBe('released');
    await sound();
  });

  it('settles as it was decided once the other has gone', async () => {
    const { first, second } = await conflict();
    expect(await settleAll()).toBe(1);
    await world.db.run('DELETE FROM sale.orders WHERE id = $1', [first.id]);
    await world.db.run('UPDATE sale.units SET order_id = NULL WHERE order_id = $1', [first.id]);
    expect(await resolveAll()).toEqual([[second.id, 'settled']]);
    await untilOpen(world);
    expect((await shop.pay(second)).units).toEqual(second.units);
    await world.steps.pump();
    expect(await told(second)).toBe('paid');
  });

  it('is resolved after a recovery too, which alone leaves the lane frozen', async () => {
    const { second } = await conflict();
    await settleAll();
    expect((await recover(world)).frozen).toMatch(/^quarantine/);
    expect(await resolveAll()).toEqual([[second.id, 'voided']]);
    expect(await told(second)).toBe('released');
    await sound();
  });
});

describe('a unit that does not exist', () => {
  it('is nobody’s, and is given to nobody afterwards', async () => {
    await corrupt((counts) => {
      counts[nextNumber] = 500;
      counts[lastNumber] = 519;
    });
    const order = await shop.hold(sale, 'ann');
    expect(order.units).toEqual([500]);
    expect(await settleAll()).toBe(1);
    expect(await resolveAll()).toEqual([[order.id, 'voided']]);
    await untilOpen(world);
    expect((await shop.hold(sale, 'bob')).units).toEqual([1]);
    await sound();
  });
});

describe('a unit that a close took away', () => {
  it('was issued, though the order that had it is put away', async () => {
    const vendor = await shop.vendor();
    const items = [{ product: (await shop.product(vendor, 10)).id, allotted: 5, price: 100 }];
    const closed = await shop.sale(vendor, items);
    const order = await shop.hold(closed, 'ann');
    await shop.release(order);
    await world.db.tx((q) => requestClose(q, closed));
    await world.steps.dispatch();
    // Its id is another's for as long as the settlement takes.
    await world.db.run(
      `INSERT INTO sale.orders (id, shopper, state, version, item, units, price, held_at,
                                hold_expires_at, deadline, ended_at, fingerprint)
       VALUES ($1, 'x', 'released', 2, 0, '{1}', 100, 0, 0, 0, 0, 0)`,
      [order.id],
    );
    expect(await settleAll()).toBe(2);
    await world.db.run('DELETE FROM sale.orders WHERE id = $1', [order.id]);
    expect((await recover(world)).frozen).toMatch(/^quarantine/);
    expect(await resolveAll()).toEqual([[order.id, 'voided']]);
    expect(await told(order)).toBe('released');
    await sound();
  });
});

describe('an end that Postgres cannot follow', () => {
  it.each([
    ['expired', 'refunded', 'refunded'],
    ['paid', 'stands', 'paid'],
  ])('of an order that is %s there: %s', async (state, resolution, says) => {
    const order = await shop.hold(sale, 'ann');
    await settleAll();
    const at = order.holdExpiresAt;
    await world.db.run(`UPDATE sale.orders SET state = $1, ended_at = $2, version = 2`, [
      state,
      at,
    ]);
    if (state === 'paid') {
      await world.db.run(
        `INSERT INTO sale.ledger SELECT id || ':paid', a, s * 100, 'USD', 0 FROM sale.orders,
           (VALUES ('receivable', 1), ('vendor:x', -1)) v(a, s)`,
      );
    } else {
      await world.db.run('UPDATE sale.units SET order_id = NULL');
    }
    await shop.pay(order);
    expect(await settleAll()).toBe(1);
    expect(await resolveAll()).toEqual([[order.id, resolution]]);
    expect(await told(order)).toBe(says);
    await sound();
  });

  it('of an order that is not there: it is made, and refunded', async () => {
    const order = await shop.hold(sale, 'ann');
    await settleAll();
    await world.db.run('DELETE FROM sale.orders');
    await shop.pay(order);
    expect(await settleAll()).toBe(1);
    expect(await resolveAll()).toEqual([[order.id, 'refunded']]);
    expect(await told(order)).toBe('refunded');
    await sound();
  });
});

describe('a hold whose order is there already', () => {
  it('stands as Postgres has it; what followed is done to it', async () => {
    const order = await shop.hold(sale, 'ann');
    await settleAll();
    // The lane has forgotten the shopper, and decides the same order anew.
    const [, records = ''] = saleKeys();
    await world.redis.redis.hdel(records, 'ann');
    const again = await shop.ask(sale, 'ann', 'key-1');
    expect(again).toMatchObject({ kind: 'done', value: { id: order.id, units: [2] } });
    await shop.pay(order);
    expect(await settleAll()).toBe(2);
    expect(await resolveAll()).toEqual([[order.id, 'ended']]);
    expect(await told(order)).toBe('paid');
    await sound();
  });
});

describe('an event of a sale', () => {
  /** Decides by hand what no lane of this version decides, at the lane's head. */
  async function append(events: readonly (readonly unknown[])[]): Promise<void> {
    const { redis } = world.redis;
    const [seq, decided] = await redis.hmget(keys.clock, 'seq', 'decided');
    const [place, at] = [Number(seq) + 1, Date.now()];
    const entry = [1, 1, place, at, false, events.length, [[sale, events]], 0];
    await redis.xadd(keys.outbox, `1-${place}`, 'd', pack(entry));
    await redis.hset(keys.clock, 'seq', place, 'decided', Number(decided) + events.length);
  }
  const held = ['held', 'h'.repeat(24), 'ann', 0, 100, Date.now() + 300_000, 7, [1]];

  it('of a latch that nobody knows is dropped', async () => {
    await append([held, ['levitated', 0]]);
    expect(await settleAll()).toBe(1);
    expect(await resolveAll()).toEqual([[null, 'dropped']]);
    await sound();
  });

  /**
   * Two top-ups of which the first cannot settle: its move is not there. Answers its number. The
   * second takes from the same sale, or is new stock.
   */
  async function topUps(newStock = false): Promise<number> {
    for (const [move, units] of [
      ['mov_a', 5],
      ['mov_b', 7],
    ] as const) {
      const item = { sale, item: 0, product: product.id, standing: product.standing };
      const isNew = newStock && move === 'mov_b';
      await world.db.tx((q) => writeTopUp(q, { ...item, move, units, newStock: isNew }));
    }
    await world.steps.dispatch();
    await world.db.run(`UPDATE sale.moves SET id = 'hidden' WHERE id = 'mov_a'`);
    expect(await settleAll()).toBe(1);
    const [row] = await world.db.query<{ number: number }>(
      `SELECT number FROM sale.lane_commands WHERE move_id = 'mov_a'`,
    );
    return row?.number ?? 0;
  }
  const bringBack = () => world.db.run(`UPDATE sale.moves SET id = 'mov_a' WHERE id = 'hidden'`);
  const outcomes = () =>
    world.db.query<{ id: string; state: string }>(
      `SELECT id, state FROM sale.moves WHERE id IN ('mov_a', 'mov_b') ORDER BY id`,
    );

  it('stays, and its lane frozen, while the move of its command is gone', async () => {
    const number = await topUps();
    const { code, out } = await quarantine('resolve', '--all');
    expect(out).toContain(`NOT RESOLVED\n    command ${number}: no move mov_a`);
    expect(out).toContain('lane 0 STAYS FROZEN');
    expect(code).toBe(1);
  });

  it.each([false, true])(
    'settles once the move is there, the rest as it is (recovered: %s)',
    async (recovered) => {
      await topUps();
      if (recovered) await recover(world);
      await bringBack();
      expect(await resolveAll()).toEqual([[null, 'settled']]);
      await untilOpen(world);
      await world.steps.pump();
      expect(await outcomes()).toEqual([
        { id: 'mov_a', state: 'done' },
        { id: 'mov_b', state: 'done' },
      ]);
      const counts = await world.lanes.shop.count(sale);
      expect(counts).toMatchObject({ value: { items: [{ allotted: 32, available: 32 }] } });
      await sound();
    },
  );

  it('counts as refused when its lane was made anew without it', async () => {
    await topUps(true);
    await recover(world);
    await bringBack();
    expect(await resolveAll()).toEqual([[null, 'refused']]);
    await untilOpen(world);
    await world.steps.pump();
    expect((await outcomes()).map(({ state }) => state)).toEqual(['refused', 'done']);
    await sound();
  });
});
