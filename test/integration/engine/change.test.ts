/** A vendor changes a sale before its bell: terms, line, units; Postgres, lane and recovery agree. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SaleChange, SaleTerms, VendorOutcome } from '../../../engine/engine.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { changeSale, type ChangeContext } from '../../../engine/sales/change.ts';
import { lateStartMaxMs } from '../../../engine/sales/create.ts';
import { auditOf } from '../../support/audit.ts';
import { WorldLine, queue } from '../../support/world-line.ts';
import { recover, stateOf, untilOpen } from '../../support/world-recovery.ts';
import { WorldShop, type Product } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const hourMs = 3_600_000;
let world: World;
let shop: WorldShop;
let line: WorldLine;
let vendor: string;
let context: ChangeContext;
let laptop: Product;

beforeAll(async () => {
  world = await formatWorld({ lanes: 1 });
  shop = new WorldShop(world);
  line = new WorldLine(world, shop);
  vendor = await shop.vendor();
  laptop = await shop.product(vendor, 500);
  const { db, lanes, settings, config } = world;
  context = {
    ...{ db, secret: idSecretOf(settings.idSecret), caller: lanes.caller, lineMax: config.lineMax },
    nameRound: (at) => `drand:chain:${at}`,
  };
});
afterEach(async () => {
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
});
afterAll(() => world.close());

type Change = Omit<SaleChange, 'fingerprint'> & Partial<Pick<SaleChange, 'fingerprint'>>;

/** As a vendor asks, while the settler works. */
async function change(sale: string, what: Change, by = vendor): Promise<VendorOutcome<SaleTerms>> {
  const pumping = setInterval(() => void world.steps.pump().catch(() => undefined), 20);
  try {
    return await changeSale(context, by, sale, { fingerprint: JSON.stringify(what), ...what });
  } finally {
    clearInterval(pumping);
  }
}

const later = (): number => Math.floor(Date.now() / 1000) * 1000 + hourMs;

async function sale(terms: object = {}): Promise<string> {
  const id = await shop.writeSale(vendor, [{ product: laptop.id, allotted: 10, price: 500 }], {
    ...{ startsAt: later(), limitPerShopper: 1 },
    ...terms,
  });
  await world.steps.pump();
  return id;
}

async function free(id: string): Promise<number> {
  const counted = await world.lanes.shop.count(id);
  if (counted.kind !== 'done') throw new Error(JSON.stringify(counted));
  return counted.value.items[0]?.available ?? -1;
}

it('waits for another change that is on its way, and both are made', async () => {
  const id = await sale();
  const asked = [{ limitPerShopper: 7 }, { durationSeconds: 777 }];
  const outcomes = await Promise.all(asked.map((what) => change(id, what)));
  expect(outcomes.map(({ kind }) => kind)).toEqual(['done', 'done']);
  const again = await change(id, { limitPerShopper: 7 });
  if (again.kind !== 'done') throw new Error(again.kind);
  const { limitPerShopper, startsAt, endsAt } = again.value;
  expect([limitPerShopper, (endsAt ?? 0) - startsAt]).toEqual([7, 777_000]);
});

describe('before its bell', () => {
  it('a sale takes new terms, all at once; what is not named stays', async () => {
    const id = await sale();
    const startsAt = later() + hourMs;
    const items = [{ product: laptop.id, discountPercent: 10 }];
    const changed = await change(id, { startsAt, limitPerShopper: 3, holdSeconds: 9, items });
    const first = { startsAt, endsAt: startsAt + hourMs, limitPerShopper: 3, holdSeconds: 9 };
    expect(changed).toMatchObject({
      kind: 'done',
      value: { ...first, state: 'scheduled', who: 'anyone', items: [{ price: 18_000 }] },
    });
    const again = await change(id, { who: 'verified', durationSeconds: 60 });
    expect(again).toMatchObject({
      value: { ...first, endsAt: startsAt + 60_000, who: 'verified', items: [{ price: 18_000 }] },
    });
    const both = [changed, again].map((one) => (one.kind === 'done' ? one.value : null));
    expect(new Set(both.map((one) => one?.seedCommitment)).size).toBe(1);
  });

  it('the bell rings at the new time, with the new price and limit', async () => {
    const id = await sale();
    await change(id, {
      startsAt: Date.now(),
      limitPerShopper: 2,
      items: [{ product: null, price: 7 }],
    });
    expect((await world.lanes.shop.touch(id)).kind).toBe('done');
    const order = await shop.hold(id, 'ann', 2);
    expect(order).toMatchObject({ price: 7 });
    await shop.pay(order);
    await world.steps.pump();
    const late = await change(id, { limitPerShopper: 5 });
    expect(late).toMatchObject({ rejection: { code: 'illegal_transition', state: 'live' } });
  });

  it.each(['queue', 'draw'] as const)('a line may come as its bell rings: %s', async (mode) => {
    const id = await sale();
    const changed = await change(id, { startsAt: Date.now(), admission: { mode } });
    expect(changed).toMatchObject({ kind: 'done', value: { admission: { mode } } });
    expect((await world.lanes.shop.touch(id)).kind).toBe('done');
    await world.steps.pump();
    const [row] = await world.db.query<{ bell_n: number }>(
      'SELECT bell_n FROM sale.lines WHERE sale_id = $1',
      [id],
    );
    expect(row).toEqual({ bell_n: 0 });
  });

  it('a line comes, changes and goes while nobody has joined; then its tickets keep its mode', async () => {
    const id = await sale();
    const lined = await change(id, { admission: { mode: 'draw', ratePerSecond: 5 } });
    expect(lined).toMatchObject({
      value: { admission: { mode: 'draw', rate_per_second: 5, turn_seconds: 120, factor: 1 } },
    });
    const { startsAt } = lined.kind === 'done' ? lined.value : { startsAt: 0 };
    expect(lined).toMatchObject({ value: { admission: { beacon: `drand:chain:${startsAt}` } } });
    await change(id, { admission: { mode: 'open' } });
    expect((await line.ask(id, 'ann')).kind).toBe('rejected');
    await change(id, { admission: { mode: 'queue', turnSeconds: 30, factor: 2 } });
    const ticket = await line.join(id, 'ann');
    expect(await change(id, { admission: { mode: 'draw' } })).toMatchObject({
      rejection: { code: 'illegal_transition', detail: expect.stringMatching('joined') as string },
    });
    const moved = await change(id, { startsAt: later() + 2 * hourMs, admission: { factor: 1 } });
    expect(moved).toMatchObject({ kind: 'done', value: { admission: { factor: 1 } } });
    expect(await line.ticket(id, 'ann')).toMatchObject({ id: ticket.id, state: 'waiting' });
  });

  it('an item gets more units, or gives some back, and no more than there are', async () => {
    const id = await sale();
    const before = await free(laptop.standing);
    expect(await change(id, { items: [{ product: null, allotted: 14 }] })).toMatchObject({
      value: { items: [{ allotted: 14, offered: 14 }] },
    });
    expect(await change(id, { items: [{ product: null, allotted: 3 }] })).toMatchObject({
      value: { items: [{ allotted: 3, offered: 3 }] },
    });
    await world.steps.pump();
    expect([await free(id), await free(laptop.standing)]).toEqual([3, before + 7]);
    expect(await change(id, { items: [{ product: null, allotted: 9999 }] })).toMatchObject({
      rejection: { code: 'insufficient_supply' },
    });
  });

  it('an item gets no units once the bell has rung, though Postgres has not heard of it', async () => {
    const startsAt = Date.now() + 800;
    const id = await sale({ startsAt });
    await change(id, { limitPerShopper: 2 });
    await new Promise((resolve) => setTimeout(resolve, startsAt - Date.now()));
    const more = { items: [{ product: null, allotted: 14 }] };
    expect(await changeSale(context, vendor, id, { ...more, fingerprint: 'more' })).toMatchObject({
      rejection: { code: 'illegal_transition' },
    });
  });

  it('the same key does it once; with another body it is refused', async () => {
    const id = await sale();
    const once = { limitPerShopper: 4, idempotencyKey: 'k1' };
    expect(await change(id, once)).toMatchObject({ kind: 'done', replayed: false });
    expect(await change(id, once)).toMatchObject({ kind: 'done', replayed: true });
    const units = { items: [{ product: null, allotted: 12 }], idempotencyKey: 'k2' };
    expect(await change(id, units)).toMatchObject({ kind: 'done', replayed: false });
    expect(await change(id, units)).toMatchObject({ kind: 'done', replayed: true });
    for (const idempotencyKey of ['k1', 'k2']) {
      expect(await change(id, { limitPerShopper: 9, idempotencyKey })).toMatchObject({
        rejection: { code: 'idempotency_key_reused' },
      });
    }
  });
});

describe('a change that found nothing to do', () => {
  it('is not made later, when its key is used again', async () => {
    const id = await sale();
    const allot = (allotted: number, idempotencyKey: string) =>
      change(id, { items: [{ product: null, allotted }], idempotencyKey });
    expect(await allot(10, 'n1')).toMatchObject({ kind: 'done', replayed: false });
    expect(await allot(14, 'n2')).toMatchObject({ value: { items: [{ allotted: 14 }] } });
    expect(await allot(10, 'n1')).toMatchObject({
      kind: 'done',
      replayed: true,
      value: { items: [{ allotted: 14 }] },
    });
    expect(await allot(11, 'n1')).toMatchObject({
      rejection: { code: 'idempotency_key_reused' },
    });
  });
});

describe('is refused', () => {
  it('to somebody else, for a standing sale, and for an item that it does not have', async () => {
    const id = await sale();
    const stranger = await shop.vendor('Eve');
    const limit = { limitPerShopper: 2 };
    expect(await change(id, limit, stranger)).toMatchObject({ rejection: { code: 'not_found' } });
    expect(await change('sal_0000000000000zzz', limit)).toMatchObject({ kind: 'rejected' });
    expect(await change(laptop.standing, limit)).toMatchObject({
      rejection: { code: 'illegal_transition', state: 'live' },
    });
    const items = [{ product: 'prd_unknown000', price: 1 }];
    expect(await change(id, { items })).toMatchObject({
      rejection: { param: 'items.0.product_id' },
    });
    expect(await change(id, { admission: { factor: 2 } })).toMatchObject({
      rejection: { code: 'invalid_request', param: 'admission.factor' },
    });
  });
});

describe('a start that has passed', () => {
  const longAgo = (): number => Date.now() - lateStartMaxMs - 1000;

  it('is now when it is a little late, and a mistake when it is more', async () => {
    const before = Date.now();
    const id = await sale({ startsAt: before - 1000 });
    const [row] = await world.db.query<{ at: number }>(
      'SELECT extract(epoch FROM starts_at)::float8 * 1000 AS at FROM sale.sales WHERE id = $1',
      [id],
    );
    expect(row?.at).toBeGreaterThanOrEqual(before);
    await expect(sale({ startsAt: longAgo() })).rejects.toThrow('invalid_request');
    expect(await change(await sale(), { startsAt: longAgo() })).toMatchObject({
      rejection: { code: 'invalid_request', param: 'starts_at' },
    });
  });

  it('does not matter to a request that is asked again', async () => {
    const once = { idempotencyKey: 'made', fingerprint: 'made' };
    const id = await sale(once);
    expect(await sale({ ...once, startsAt: longAgo() })).toBe(id);
    const moved = { idempotencyKey: 'moved', fingerprint: 'moved' };
    await change(id, { ...moved, startsAt: later() });
    expect(await change(id, { ...moved, startsAt: longAgo() })).toMatchObject({ replayed: true });
  });
});

describe('a lane that is made anew', () => {
  it('has the terms as they were changed', async () => {
    const id = await sale({ admission: queue });
    await change(id, { limitPerShopper: 3, admission: { turnSeconds: 5 } });
    await line.join(id, 'ann');
    const gone = await sale({ admission: queue });
    await change(gone, { admission: { mode: 'open' } });
    await world.steps.pump();
    const before = await stateOf(world);
    await recover(world);
    expect(await stateOf(world)).toEqual(before);
    await untilOpen(world);
  });
});
