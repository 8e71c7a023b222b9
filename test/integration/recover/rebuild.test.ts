/** A lane that is rebuilt from Postgres is the lane that was. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LaneOrder, Outcome } from '../../../engine/domain/types.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { writeCommand } from '../../../engine/sales/control.ts';
import { auditOf } from '../../support/audit.ts';
import { recover, stateOf, untilOpen } from '../../support/world-recovery.ts';
import { WorldLine } from '../../support/world-line.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let shop: WorldShop;
let line: WorldLine;

beforeEach(async () => {
  world = await formatWorld({ lanes: 1 });
  shop = new WorldShop(world);
  line = new WorldLine(world, shop);
});

afterEach(() => world.close());

function done<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome.value;
}

interface History {
  readonly sale: string;
  readonly held: LaneOrder;
  readonly paid: LaneOrder;
  /** Of three lines in three sales. */
  readonly lines: LaneOrder;
}

/** A lane with a bit of everything, settled. */
async function history(): Promise<History> {
  const vendor = await shop.vendor();
  const laptop = await shop.product(vendor, 100);
  const phone = await shop.product(vendor, 50);
  const items = [
    { product: laptop.id, allotted: 40, price: 100 },
    { product: phone.id, allotted: 30, price: 200 },
  ];
  const sale = await shop.sale(vendor, items, { limitPerShopper: 30 });
  const held = done(await shop.ask(sale, 'ann', 'by-key', 2, laptop.id));
  const paid = await shop.pay(await shop.hold(sale, 'bob', 3, phone.id));
  // More orders than a record keeps together, some of them let go.
  for (let i = 0; i < 12; i++) {
    const order = await shop.hold(sale, 'cay', 1, i % 2 === 0 ? laptop.id : phone.id);
    if (i === 3 || i === 10) await shop.release(order);
  }
  await shop.release(await shop.hold(laptop.standing, 'dan', 5));
  const brief = await shop.sale(vendor, [{ product: phone.id, allotted: 5, price: 150 }], {
    holdSeconds: 120,
  });
  const several = [
    { sale, product: laptop.id, quantity: 2 },
    { sale: brief, product: phone.id, quantity: 1 },
    { sale: laptop.standing, product: laptop.id, quantity: 1 },
  ];
  const lines = await shop.holdLines('hal', several);
  await shop.holdLines('cay', several);
  await shop.endLines('pay', await shop.holdLines('ida', several));
  await shop.endLines('release', await shop.holdLines('joe', several));
  await shop.hold(laptop.standing, 'eve', 2);
  await shop.topUp(sale, laptop, 5, false);
  await shop.topUp(sale, laptop, 7, true);
  const ended = await shop.sale(vendor, [{ product: phone.id, allotted: 4, price: 150 }]);
  await shop.hold(ended, 'fay', 1);
  await shop.release(await shop.hold(ended, 'gus', 2));
  await shop.close(ended);
  await queues(vendor, phone.id);
  await world.steps.pump();
  return { sale, held, paid, lines };
}

const inLine = Array.from({ length: 14 }, (_, i) => `q${i}`);

/** Lines before and after their bell: tickets in every state, some joined again, a pause. */
async function queues(vendor: string, product: string): Promise<string> {
  const items = [{ product, allotted: 6, price: 100 }];
  const later = { startsAt: Date.now() + 3_600_000 };
  const waiting = await line.sale(vendor, items, ['ann', 'bob', 'cay'], later);
  await world.lanes.line.leave(waiting, 'bob', 'once');
  await line.join(waiting, 'bob');
  await world.lanes.line.leave(waiting, 'cay', 'once');
  const sale = await line.sale(vendor, items, inLine, { limitPerShopper: 2 });
  await world.lanes.line.leave(sale, 'q4');
  await line.ring(sale);
  await world.steps.pump();
  await world.db.tx((q) => writeCommand(q, sale, 'pause'));
  await line.draw(sale);
  await world.lanes.line.leave(sale, 'q5');
  await world.db.tx((q) => writeCommand(q, sale, 'resume'));
  await world.steps.pump();
  expect(await line.admit(sale, 10)).toBe(3);
  const [first = '', second = ''] = await line.byNumber(
    sale,
    inLine.filter((shopper) => shopper !== 'q4' && shopper !== 'q5'),
  );
  await shop.pay(await shop.hold(sale, first, 2));
  await shop.release(await shop.hold(sale, second, 1));
  await line.join(sale, 'late');
  await line.join(sale, 'q4');
  return sale;
}

describe('a quiet lane', () => {
  it('is the same after a recovery', async () => {
    await history();
    const before = await stateOf(world);
    const recovered = await recover(world);
    expect(await stateOf(world)).toEqual(before);
    expect(recovered).toMatchObject({ found: 'whole', lostAtLeast: 0, settled: 0, quarantined: 0 });
    await untilOpen(world);
    expect(await auditOf(world)).toEqual([]);
  });

  it('is the same after Redis lost everything', async () => {
    await history();
    const before = await stateOf(world);
    await world.redis.redis.flushall();
    const recovered = await recover(world);
    expect(await stateOf(world)).toEqual(before);
    expect(recovered).toMatchObject({ found: 'nothing', lostAtLeast: 0 });
    await untilOpen(world);
    expect(await auditOf(world)).toEqual([]);
  });

  it('knows who had left a line: their numbers come to nobody', async () => {
    const vendor = await shop.vendor();
    const { id: product } = await shop.product(vendor, 10);
    const items = [{ product, allotted: 6, price: 100 }];
    const terms = { startsAt: Date.now() + 3000, limitPerShopper: 2 };
    const sale = await line.sale(vendor, items, ['ann', 'bob', 'cay', 'dan'], terms);
    for (const shopper of ['ann', 'bob']) await world.lanes.line.leave(sale, shopper);
    const again = await line.join(sale, 'bob');
    await line.ring(sale);
    await world.redis.redis.flushall();
    await recover(world);
    await untilOpen(world);
    await line.draw(sale);
    expect((await line.ticket(sale, 'ann')).state).toBe('left');
    const numbers = await Promise.all(['bob', 'cay', 'dan'].map((who) => line.ticket(sale, who)));
    expect(numbers[0]).toMatchObject({ id: again.id, state: 'waiting' });
    const given = numbers.map(({ number }) => number);
    expect(new Set(given).size).toBe(3);
    for (const number of given) expect(number).toBeOneOf([1, 2, 3, 4, 5]);
    expect(await line.admit(sale, 10)).toBe(3);
    await world.steps.pump();
    expect(await auditOf(world)).toEqual([]);
  });

  it('knows by which keys a line was left: their repeats leave no later ticket', async () => {
    const vendor = await shop.vendor();
    const { id: product } = await shop.product(vendor, 10);
    const items = [{ product, allotted: 6, price: 100 }];
    const sale = await line.sale(vendor, items, ['ann'], { startsAt: Date.now() + 3_600_000 });
    const leave = (key: string) => world.lanes.line.leave(sale, 'ann', key);
    await leave('one');
    await line.join(sale, 'ann');
    await leave('two');
    await world.steps.pump();
    await world.redis.redis.flushall();
    await recover(world);
    await untilOpen(world);
    const { id } = await line.join(sale, 'ann');
    for (const key of ['one', 'two']) {
      const again = await leave(key);
      expect(again).toMatchObject({ replayed: true, value: { id, state: 'waiting' } });
    }
    expect(await leave('three')).toMatchObject({ replayed: false, value: { id, state: 'left' } });
    await world.steps.pump();
    expect(await auditOf(world)).toEqual([]);
  });

  it('has a new epoch, an empty outbox, and a clock that never goes back', async () => {
    await history();
    const { redis } = world.redis;
    const keys = laneKeys(0);
    const before = await redis.hgetall(keys.clock);
    const { epoch, end } = await recover(world);
    const after = await redis.hgetall(keys.clock);
    expect(epoch).toBe(2);
    expect(await redis.hgetall(keys.ends)).toEqual({ '1': String(end.seq) });
    expect(await redis.hget(keys.marker, 'recovered')).toBe('2');
    expect(after).toMatchObject({ seq: '-1', decided: before['decided'] });
    expect(await redis.hget(keys.watermark, 'decided')).toBe(before['decided']);
    expect(Number(after['t'])).toBeGreaterThanOrEqual(Number(before['t']));
    expect(Number(after['outage'])).toBeGreaterThanOrEqual(0);
    expect(await redis.xlen(keys.outbox)).toBe(0);
  });

  it('goes on: an answer is replayed, a hold is paid, units never go out twice', async () => {
    const { sale, held, paid, lines } = await history();
    await recover(world);
    await untilOpen(world);
    const again = await shop.ask(sale, 'ann', 'by-key', 2, held.product);
    expect(again).toMatchObject({ kind: 'done', replayed: true });
    expect(done(again)).toMatchObject({ id: held.id, units: held.units, state: 'held' });
    expect((await world.lanes.shop.read(paid.id, 'bob')).kind).toBe('done');
    expect((await shop.pay(held)).state).toBe('paid');
    const whole = await shop.endLines('pay', lines);
    expect([whole, ...(whole.parts ?? [])].map(({ state }) => state)).toEqual([
      ...['paid', 'paid', 'paid'],
    ]);
    const counts = await world.lanes.shop.count(sale);
    if (counts.kind !== 'done') throw new Error('no count');
    for (const [i, { product, available }] of counts.value.items.entries()) {
      for (let n = 0; n < available; n++) await shop.hold(sale, `new-${i}-${n}`, 1, product);
    }
    await world.steps.pump();
    expect(await auditOf(world)).toEqual([]);
  });
});
