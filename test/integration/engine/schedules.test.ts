/** Schedules over real stores: occurrences a week ahead, fenced before the bell, smaller, withdrawn. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { laneOfId } from '../../../engine/domain/ids.ts';
import type { NewSchedule } from '../../../engine/engine.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { cancelSale } from '../../../engine/sales/cancel.ts';
import type { CreateContext } from '../../../engine/sales/create.ts';
import {
  fenceDue,
  type FreeOf,
  makeDue,
  makeOccurrences,
  occurrenceId,
  scheduleColumns,
  type ScheduleRow,
} from '../../../engine/sales/occurrences.ts';
import { readSale } from '../../../engine/sales/read.ts';
import { endSchedule, readSchedule, writeSchedule } from '../../../engine/sales/schedules.ts';
import { topUpSale } from '../../../engine/sales/vendor.ts';
import { CommandWriter } from '../../../engine/settle/commands.ts';
import { auditOf } from '../../support/audit.ts';
import { WorldShop, type Product } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
let world: World;
let shop: WorldShop;
let vendor: string;
let context: CreateContext;

beforeAll(async () => {
  world = await formatWorld({ lanes: 2 });
  shop = new WorldShop(world);
  vendor = await shop.vendor();
  const { idSecret, lanes, currency } = world.settings;
  const { lineMax } = world.config;
  context = { secret: idSecretOf(idSecret), lanes, currency, lineMax };
});
afterEach(async () => {
  await world.steps.pump();
  await world.db.run('UPDATE platform.outbox SET published_at = now()');
  expect(await auditOf(world)).toEqual([]);
});
afterAll(() => world.close());

/** A local time and date in UTC, this long from now. */
function inUtc(ms: number): { localTime: string; date: string } {
  const [date = '', time = ''] = new Date(Date.now() + ms).toISOString().split('T');
  return { localTime: time.slice(0, 8), date };
}

function scheduleOf(items: NewSchedule['items'], bellInMs: number): NewSchedule {
  const { localTime, date } = inUtc(bellInMs);
  return {
    vendor,
    items,
    durationSeconds: 3600,
    limitPerShopper: 1,
    holdSeconds: 300,
    who: 'anyone',
    admission: { mode: 'open', ratePerSecond: null, turnSeconds: 120, factor: 1 },
    fingerprint: 'test',
    schedule: { localTime, timeZone: 'UTC', dates: [date] },
  };
}

const daily = (items: NewSchedule['items'], bellInMs: number): NewSchedule => {
  const { schedule, ...terms } = scheduleOf(items, bellInMs);
  const { localTime, timeZone } = schedule;
  return { ...terms, schedule: { localTime, timeZone, rrule: 'FREQ=DAILY' } };
};

async function write(asked: NewSchedule): Promise<string> {
  const written = await world.db.tx((q) => writeSchedule(q, context, asked));
  if ('code' in written) throw new Error(written.code);
  await world.steps.pump();
  return written.id;
}

async function occurrences(schedule: string) {
  return (await readSchedule(world.db, vendor, schedule))?.sales ?? [];
}

async function only(schedule: string): Promise<string> {
  const [row, more] = await world.db.query<{ id: string }>(
    'SELECT id FROM sale.sales WHERE schedule_id = $1',
    [schedule],
  );
  if (row === undefined || more !== undefined) throw new Error('not one occurrence');
  return row.id;
}

async function itemsOf(sale: string) {
  const counted = await world.lanes.shop.count(sale);
  if (counted.kind !== 'done') throw new Error(JSON.stringify(counted));
  return counted.value.items.map(({ allotted }) => allotted);
}

const freeOf = async (standing: string): Promise<number | null> => {
  const counted = await world.lanes.shop.count(standing);
  return counted.kind === 'done' ? (counted.value.items[0]?.available ?? null) : null;
};

const takenFrom =
  (free: (standing: string) => Promise<number | null>): FreeOf =>
  async (standing) => {
    const units = await free(standing);
    return units === null ? null : { free: units, coming: false };
  };

/** Nothing fails here. */
const tell = (_: string, error: unknown): never => {
  throw error;
};

/** As the opener does it. */
async function fence(free: (standing: string) => Promise<number | null> = freeOf): Promise<void> {
  await fenceDue(world.db, takenFrom(free), tell);
  await world.steps.pump();
}

/** Due by our clock too, which has no microseconds. */
const moveFence = (sale: string) =>
  world.db.run(`UPDATE sale.sales SET fence_at = now() - interval '1 millisecond' WHERE id = $1`, [
    sale,
  ]);

const product = (supply: number): Promise<Product> => shop.product(vendor, supply);

const noticesOf = (sale: string) =>
  world.db.query<{ value: Record<string, unknown> }>(
    `SELECT value FROM platform.outbox WHERE topic = 'sale-notices' AND key = $1`,
    [sale],
  );

describe('occurrences', () => {
  it('exist seven days ahead, each a sale of its own with its own seed', async () => {
    const { id: made } = await product(100);
    const id = await write(daily([{ product: made, allotted: 5, price: 100 }], 60 * minuteMs));
    const sales = await occurrences(id);
    expect(sales).toHaveLength(7);
    expect(sales.map(({ state }) => state)).toEqual(Array(7).fill('scheduled'));
    expect(new Set(sales.map(({ seedCommitment }) => seedCommitment)).size).toBe(7);
    for (const [i, sale] of sales.entries()) {
      expect(sale.startsAt - (sales[0]?.startsAt ?? 0)).toBe(i * dayMs);
      expect(sale.id).toBe(occurrenceId(2, id, sale.schedule?.localDate ?? ''));
      expect(sale.items[0]?.allotted).toBe(5);
    }
  });

  it('are made day by day as time goes on, once each, whoever makes them', async () => {
    const { id: made } = await product(100);
    const id = await write(daily([{ product: made, allotted: 1, price: 100 }], 60 * minuteMs));
    expect(await makeDue(world.db, context, tell)).toEqual([]);
    const [row] = await world.db.query<ScheduleRow>(
      `SELECT ${scheduleColumns} FROM sale.schedules WHERE id = $1`,
      [id],
    );
    if (row === undefined) throw new Error('no schedule');
    for (const late of [2 * dayMs, 2 * dayMs, 3 * dayMs]) {
      await world.db.tx(async (q) => {
        const [now] = await q.query<ScheduleRow>(
          `SELECT ${scheduleColumns} FROM sale.schedules WHERE id = $1 FOR UPDATE`,
          [id],
        );
        const writer = new CommandWriter();
        await makeOccurrences(q, context, now ?? row, Date.now() + late, writer);
        await writer.flush(q);
      });
    }
    await world.steps.pump();
    expect(await occurrences(id)).toHaveLength(10);
  });

  it('are no more made once the schedule is ended; those that there are stay', async () => {
    const { id: made } = await product(100);
    const id = await write(daily([{ product: made, allotted: 1, price: 100 }], 60 * minuteMs));
    const ended = await endSchedule(world.db, vendor, id);
    expect(ended).toMatchObject({ kind: 'done', value: { state: 'cancelled', nextBellAt: null } });
    await world.db.run(
      `UPDATE sale.schedules SET next_at = now() - interval '1 second' WHERE id = $1`,
      [id],
    );
    await makeDue(world.db, context, tell);
    expect(await occurrences(id)).toHaveLength(7);
    expect(await endSchedule(world.db, 'ven_other', id)).toMatchObject({ kind: 'rejected' });
  });

  it('come from the same schedule when the key comes again, and from no other body', async () => {
    const { id: made } = await product(100);
    const items = [{ product: made, allotted: 1, price: 100 }];
    const asked = { ...daily(items, 60 * minuteMs), idempotencyKey: 'once' };
    const id = await write(asked);
    const again = await world.db.tx((q) => writeSchedule(q, context, asked));
    expect(again).toMatchObject({ id, replayed: true });
    const other = { ...asked, fingerprint: 'another' };
    expect(await world.db.tx((q) => writeSchedule(q, context, other))).toEqual({
      code: 'idempotency_key_reused',
    });
  });

  it('of a product that is gone are noted, and the schedule is looked at again', async () => {
    const { id: made } = await product(100);
    const id = await write(daily([{ product: made, allotted: 1, price: 100 }], 60 * minuteMs));
    const setGone = (gone: boolean) =>
      world.db.run(
        `UPDATE sale.registrations SET withdrawn_at = CASE WHEN $2 THEN now() END WHERE id = $1`,
        [made, gone],
      );
    await setGone(true);
    await world.db.run(
      `UPDATE sale.schedules
          SET next_at = now() - interval '1 second', made_until = now() + interval '6 days'
        WHERE id = $1`,
      [id],
    );
    await makeDue(world.db, context, tell);
    const document = await readSchedule(world.db, vendor, id);
    expect(document).toMatchObject({ state: 'active', notice: { code: 'not_found' } });
    await setGone(false);
  });
});

describe('fences', () => {
  it('wait until a quarter of an hour before the bell; until then nothing is debited', async () => {
    const one = await product(100);
    const items = [{ product: one.id, allotted: 40, price: 100 }];
    const sale = await only(await write(scheduleOf(items, 20 * minuteMs)));
    await fence();
    expect(await freeOf(one.standing)).toBe(100);
    expect(await itemsOf(sale)).toEqual([0]);
    const terms = (await readSale(world.db, sale))?.terms;
    expect((terms?.startsAt ?? 0) - (terms?.fencedAt ?? 0)).toBe(15 * minuteMs);
    await moveFence(sale);
    await fence();
    expect(await freeOf(one.standing)).toBe(60);
    expect(await itemsOf(sale)).toEqual([40]);
    expect((await readSale(world.db, sale))?.terms).toMatchObject({ state: 'scheduled' });
    expect(await noticesOf(sale)).toEqual([]);
  });

  it('become smaller where supply is short, and the vendor is told', async () => {
    const [short, none, plenty] = [await product(3), await product(1), await product(50)];
    await shop.hold(none.standing, 'ann');
    const items = [short, none, plenty].map(({ id }) => ({
      product: id,
      allotted: 10,
      price: 100,
    }));
    const sale = await only(await write(scheduleOf(items, 10 * minuteMs)));
    await fence();
    expect(await itemsOf(sale)).toEqual([3, 0, 10]);
    const terms = (await readSale(world.db, sale))?.terms;
    expect(terms?.items.map(({ allotted }) => allotted)).toEqual([3, 0, 10]);
    const told = [3, 0, 10].map((allotted, i) => ({
      product_id: items[i]?.product,
      asked: 10,
      allotted,
    }));
    expect(terms?.notice).toMatchObject({ code: 'smaller_than_asked', items: told });
    expect((await noticesOf(sale)).map(({ value }) => value)).toMatchObject([
      { sale_id: sale, vendor_id: vendor, code: 'smaller_than_asked', items: told },
    ]);
  });

  it('ask again for what was there when somebody was faster', async () => {
    const one = await product(10);
    const items = [{ product: one.id, allotted: 10, price: 100 }];
    const sale = await only(await write(scheduleOf(items, 10 * minuteMs)));
    // What the opener saw before four units were held.
    await shop.hold(one.standing, 'ann', 4);
    await fence(() => Promise.resolve(10));
    expect(await itemsOf(sale)).toEqual([6]);
    const moves = await world.db.query<{ state: string; units: number }>(
      'SELECT state, units FROM sale.moves WHERE group_id = $1 ORDER BY id',
      [sale],
    );
    expect(moves).toEqual([
      { state: 'refused', units: 10 },
      { state: 'done', units: 6 },
    ]);
  });

  it('of nothing at all cancel the sale, and no bell rings', async () => {
    const one = await product(1);
    await shop.hold(one.standing, 'ann');
    const items = [{ product: one.id, allotted: 10, price: 100 }];
    const sale = await only(await write(scheduleOf(items, 10 * minuteMs)));
    await fence();
    expect((await readSale(world.db, sale))?.terms).toMatchObject({
      state: 'cancelled',
      notice: { code: 'no_supply' },
    });
    expect(await shop.ask(sale, 'ben', 'k1')).toMatchObject({ rejection: { code: 'sale_ended' } });
    expect(await noticesOf(sale)).toHaveLength(1);
  });

  it('let the bell ring when the credits are in, and the sale sells', async () => {
    const one = await product(5);
    const items = [{ product: one.id, allotted: 5, price: 100 }];
    const sale = await only(await write(scheduleOf(items, 3000)));
    await expect
      .poll(() => shop.ask(sale, 'ann', 'early'), { timeout: 10_000 })
      .toMatchObject({ kind: 'rejected', rejection: { code: 'sale_not_started' } });
    await fence();
    await expect
      .poll(() => shop.ask(sale, 'ann', 'k'), { timeout: 20_000 })
      .toMatchObject({ kind: 'done' });
    await world.steps.pump();
    expect((await readSale(world.db, sale))?.terms.state).toBe('live');
  });

  it('take no top-up before they are in', async () => {
    const one = await product(50);
    const items = [{ product: one.id, allotted: 5, price: 100 }];
    const sale = await only(await write(scheduleOf(items, 30 * minuteMs)));
    const { db, lanes } = world;
    const control = { db, secret: context.secret, caller: lanes.caller };
    const more = { units: 1, product: null, newStock: false };
    expect(await topUpSale(control, vendor, sale, more)).toMatchObject({
      rejection: { code: 'illegal_transition' },
    });
  });
});

describe('a sale that is cancelled before its bell', () => {
  const cancel = async (sale: string, key?: string) => {
    const { db, lanes, steps } = world;
    const pumping = setInterval(() => void steps.pump().catch(() => undefined), 50);
    try {
      const control = { db, secret: context.secret, caller: lanes.caller };
      return await cancelSale(control, vendor, sale, key);
    } finally {
      clearInterval(pumping);
    }
  };

  it('gives its units back, and doing it twice is no error', async () => {
    const one = await product(50);
    const items = [{ product: one.id, allotted: 20, price: 100 }];
    const sale = await shop.writeSale(vendor, items, { startsAt: Date.now() + dayMs });
    await world.steps.pump();
    expect(await freeOf(one.standing)).toBe(30);
    const done = { kind: 'done', value: { state: 'cancelled' } };
    expect(await cancel(sale, 'k1')).toMatchObject({ ...done, replayed: false });
    // Only the same key repeats it.
    for (const [key, replayed] of [
      ...[['k1', true] as const, [undefined, false] as const],
      ...[['k2', false] as const, ['k2', true] as const],
    ]) {
      expect(await cancel(sale, key)).toMatchObject({ ...done, replayed });
    }
    await world.steps.pump();
    expect(await freeOf(one.standing)).toBe(50);
    expect(await shop.ask(sale, 'ann', 'k')).toMatchObject({ rejection: { code: 'sale_ended' } });
  });

  it('gives back what was still on its way', async () => {
    const one = await product(50);
    const items = [{ product: one.id, allotted: 20, price: 100 }];
    const sale = await only(await write(scheduleOf(items, 10 * minuteMs)));
    await fenceDue(world.db, takenFrom(freeOf), tell);
    await world.steps.dispatch(laneOfId(one.standing));
    expect(await cancel(sale)).toMatchObject({ kind: 'done', value: { state: 'cancelled' } });
    await world.steps.pump();
    expect(await freeOf(one.standing)).toBe(50);
  });

  it('before its units are taken takes none', async () => {
    const one = await product(50);
    const items = [{ product: one.id, allotted: 20, price: 100 }];
    const sale = await only(await write(scheduleOf(items, 30 * minuteMs)));
    expect(await cancel(sale)).toMatchObject({ kind: 'done', value: { state: 'cancelled' } });
    await moveFence(sale);
    await fence();
    expect(await freeOf(one.standing)).toBe(50);
  });

  it('is no more to be had after the bell, nor by another vendor', async () => {
    const one = await product(50);
    const sale = await shop.sale(vendor, [{ product: one.id, allotted: 20, price: 100 }]);
    expect(await cancel(sale)).toMatchObject({
      rejection: { code: 'illegal_transition', state: 'live' },
    });
    expect(await cancel(one.standing)).toMatchObject({
      rejection: { code: 'illegal_transition' },
    });
  });
});
