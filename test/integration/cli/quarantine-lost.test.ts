// Decisions that were lost with their lane, resolved; and the command as an operator types it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LaneOrder } from '../../../engine/domain/types.ts';
import { readOrder, storeDetails } from '../../../engine/orders.ts';
import { recover, untilOpen } from '../../support/world-recovery.ts';
import {
  begin,
  conflict,
  corrupt,
  end,
  loseRedis,
  nextNumber,
  publishLast,
  quarantine,
  resolveAll,
  sale,
  settleAll,
  shop,
  sound,
  told,
  world,
} from './away.ts';

beforeEach(begin);
afterEach(end);

/** A hold that has settled, and whose payment Redis lost after Kafka had it, behind a gap. */
async function losePayment(): Promise<LaneOrder> {
  const order = await shop.hold(sale, 'ann');
  await world.steps.pump();
  await shop.hold(sale, 'gone');
  await shop.pay(order);
  await publishLast();
  await loseRedis();
  return order;
}

describe('a decision that was lost with its lane', () => {
  it('is named to its shopper as released', async () => {
    await world.steps.pump();
    await shop.hold(sale, 'gone');
    const order = await shop.hold(sale, 'ann');
    await publishLast();
    await loseRedis();
    expect(await recover(world)).toMatchObject({ quarantined: 1, frozen: '' });
    await untilOpen(world);
    expect(await told(order)).toBe('no order');
    expect(await resolveAll()).toEqual([[order.id, 'voided']]);
    await untilOpen(world);
    expect(await told(order)).toBe('released');
    await sound();
  });

  it('is done to the hold that was kept', async () => {
    const order = await losePayment();
    expect(await recover(world)).toMatchObject({ quarantined: 1, holds: 1 });
    await untilOpen(world);
    expect(await told(order)).toBe('held');
    expect(await resolveAll()).toEqual([[order.id, 'ended']]);
    expect(await told(order)).toBe('paid');
    await sound();
  });

  it('is paid with the address of today, where the hold was kept and has another by now', async () => {
    const order = await losePayment();
    await recover(world);
    await untilOpen(world);
    const changed = { email: 'ann@example.org' };
    const { id, shopper } = order;
    await storeDetails(world.db, world.lanes.shop, id, shopper, changed);
    expect(await resolveAll()).toEqual([[id, 'ended']]);
    await untilOpen(world);
    const found = await readOrder(world.db, world.lanes.shop, id, shopper);
    expect(found).toMatchObject({ value: { state: 'paid', details: changed } });
    await sound();
  });

  it('needs nothing when it was decided anew', async () => {
    await world.steps.pump();
    await shop.hold(sale, 'gone');
    const order = await shop.hold(sale, 'ann');
    await publishLast();
    await loseRedis();
    await recover(world);
    await untilOpen(world);
    const again = await shop.ask(sale, 'ann', 'key-2');
    expect(again).toMatchObject({ kind: 'done', replayed: false, value: { id: order.id } });
    expect(await resolveAll()).toEqual([[order.id, 'stands']]);
    await untilOpen(world);
    expect(await told(order)).toBe('held');
    await sound();
  });

  /** Ends of a hold that was lost before them, and is accepted again after the recovery. */
  async function heldAnew(end: (order: LaneOrder) => Promise<LaneOrder>): Promise<LaneOrder> {
    await world.steps.pump();
    await shop.hold(sale, 'gone');
    const asked = await shop.ask(sale, 'ann', 'ann-1');
    if (asked.kind !== 'done') throw new Error(JSON.stringify(asked));
    await end(asked.value);
    await publishLast();
    await loseRedis();
    expect(await recover(world)).toMatchObject({ quarantined: 1, holds: 0 });
    await untilOpen(world);
    const again = await shop.ask(sale, 'ann', 'ann-1');
    const { id } = asked.value;
    expect(again).toMatchObject({ kind: 'done', replayed: false, value: { id } });
    return asked.value;
  }

  it('does not release a hold that was accepted after it', async () => {
    const order = await heldAnew((held) => shop.release(held));
    expect(await resolveAll()).toEqual([[order.id, 'stands']]);
    expect(await told(order)).toBe('held');
    await sound();
  });

  it('pays for a hold that was accepted after it, and not before that was held', async () => {
    const order = await heldAnew((held) => shop.pay(held));
    expect(await resolveAll()).toEqual([[order.id, 'ended']]);
    expect(await told(order)).toBe('paid');
    await sound();
  });
});

describe('npx highnoon quarantine', () => {
  async function threeOfOneUnit() {
    const { second } = await conflict();
    await corrupt((counts) => (counts[nextNumber] = 1));
    const third = await shop.hold(sale, 'third');
    expect(await settleAll()).toBe(2);
    return { second, third };
  }

  it('lists what is put away, and tries what would become of it', async () => {
    const { second, third } = await threeOfOneUnit();
    const { code, out } = await quarantine('list');
    expect(code).toBe(0);
    for (const { id } of [second, third]) expect(out).toContain(`held  ${id}`);
    expect(out).toContain('a unit belongs to another order or does not exist');
    expect(out).toContain('2 put away');
    expect((await quarantine('list', '--lane', '7')).out).toBe('nothing put away\n');
    const tried = await quarantine('resolve', '--all', '--dry-run');
    expect([tried.code, tried.out.match(/voided \(dry run\)/g)?.length]).toEqual([0, 2]);
    const after = await quarantine('list', '--json');
    expect(JSON.parse(after.out)).toHaveLength(2);
    expect(JSON.parse((await quarantine('list', '--lane', '7', '--json')).out)).toEqual([]);
  });

  it('resolves one after the other: the lane serves after the last', async () => {
    const { second, third } = await threeOfOneUnit();
    const one = await quarantine('resolve', third.id);
    expect(one.out).toContain(`${third.id}  voided`);
    expect(one.out).toContain('lane 0 STAYS FROZEN: quarantine');
    expect(one.code).toBe(1);
    const last = await quarantine('resolve', second.id);
    expect([last.code, last.err]).toEqual([0, '']);
    expect(last.out).toContain('lane 0 serves');
    await sound();
    const again = await quarantine('resolve', second.id);
    expect([again.code, again.err]).toEqual([1, `${second.id} has nothing in quarantine\n`]);
  });

  it('lets a lane serve that a cut run has left frozen', async () => {
    await conflict();
    expect(await settleAll()).toBe(1);
    await world.db.run(`UPDATE sale.quarantine SET resolved_at = now(), resolution = 'voided'`);
    const { code, out } = await quarantine('resolve', '--all');
    expect([code, out]).toEqual([0, 'lane 0 serves\n']);
    await untilOpen(world);
  });

  it.each([
    [[], 'list or resolve?'],
    [['list', '--all'], 'takes no orders'],
    [['resolve'], 'which orders, or --all?'],
    [['resolve', '--all', 'x'], 'which orders, or --all?'],
    [['resolve', 'ord_1'], 'ord_1 is no order'],
    [['list', '--lane', 'x'], 'x is no lane'],
    [['resolve', '--some'], '--some'],
  ])('ends with 2 for %j', async (args, says) => {
    const { code, out, err } = await quarantine(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(says);
  });
});
