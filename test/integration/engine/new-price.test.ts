/** What a vendor asks of a product whose new price has not settled: it waits, and is not refused. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { NewSchedule } from '../../../engine/engine.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import type { Db } from '../../../platform/postgres/db.ts';
import { sleep } from '../../../platform/clock.ts';
import { changeProduct, type ProductContext } from '../../../engine/products.ts';
import type { CreateContext } from '../../../engine/sales/create.ts';
import { createSchedule } from '../../../engine/sales/schedules.ts';
import { auditOf } from '../../support/audit.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let shop: WorldShop;
let vendor: string;
let context: CreateContext & ProductContext;

beforeAll(async () => {
  world = await formatWorld({ lanes: 2 });
  shop = new WorldShop(world);
  vendor = await shop.vendor();
  const { config, db, lanes, settings } = world;
  context = {
    ...{ db, secret: idSecretOf(settings.idSecret), caller: lanes.caller },
    ...{ lanes: settings.lanes, currency: settings.currency, lineMax: config.lineMax },
    freeOf: () => Promise.resolve(null),
  };
});
afterEach(async () => {
  await world.steps.pump();
  await world.db.run('UPDATE platform.outbox SET published_at = now()');
  expect(await auditOf(world)).toEqual([]);
});
afterAll(() => world.close());

/** A listed product whose price has changed; the lanes have not heard of it. */
async function repriced(): Promise<string> {
  const { id } = await shop.product(vendor, 10);
  const fields = { price: { amount: 15_000, currency: 'USD' } };
  const changed = await changeProduct(context, vendor, id, { fields, fingerprint: id });
  expect(changed).toMatchObject({ kind: 'done', value: { price: 15_000 } });
  return id;
}

const itemsOf = (product: string) => [{ product, allotted: 3, price: 100 }];

function scheduleOf(product: string): NewSchedule {
  const bell = new Date(Date.now() + 3_600_000).toISOString();
  return {
    vendor,
    items: itemsOf(product),
    ...{ durationSeconds: 3600, limitPerShopper: 1, holdSeconds: 300, who: 'anyone' },
    admission: { mode: 'open', ratePerSecond: null, turnSeconds: 120, factor: 1 },
    fingerprint: 'test',
    schedule: { localTime: bell.slice(11, 19), timeZone: 'UTC', dates: [bell.slice(0, 10)] },
  };
}

it('a sale is made when the price has settled', async () => {
  const id = await repriced();
  await expect(shop.writeSale(vendor, itemsOf(id))).rejects.toThrow('settling');
  await world.steps.pump();
  await shop.close(await shop.sale(vendor, itemsOf(id)));
});

it('a schedule too, and it leaves nothing behind before', async () => {
  const asked = scheduleOf(await repriced());
  const create = () => createSchedule(world.db, context, asked, () => undefined);
  expect(await create()).toEqual({ kind: 'settling', unwritten: true });
  expect(await world.db.query('SELECT id FROM sale.schedules')).toEqual([]);
  await world.steps.pump();
  const state = { made: false };
  const made = create().finally(() => (state.made = true));
  while (!state.made) await world.steps.pump();
  expect(await made).toMatchObject({ kind: 'done' });
});

it('a sale asked for while the price commits waits too', async () => {
  const { id } = await shop.product(vendor, 10);
  const asked: { sale?: Promise<unknown> } = {};
  const inTheMiddle = async (): Promise<void> => {
    asked.sale = shop.writeSale(vendor, itemsOf(id)).catch((error: unknown) => error);
    const waiting = `SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%registrations%'`;
    while ((await world.db.query(waiting)).length === 0) await sleep(10);
  };
  const { db: real } = world;
  const db: Db = {
    query: (...asked) => real.query(...asked),
    run: (...asked) => real.run(...asked),
    copy: (...asked) => real.copy(...asked),
    close: () => real.close(),
    waiting: () => real.waiting(),
    tx: (work) =>
      real.tx(async (q) => {
        const result = await work(q);
        await inTheMiddle();
        return result;
      }),
  };
  const fields = { price: { amount: 15_000, currency: 'USD' } };
  await changeProduct({ ...context, db }, vendor, id, { fields, fingerprint: id });
  expect(String(await asked.sale)).toContain('settling');
});

it('what is not listed yet is waited for, and what never will be is refused', async () => {
  const id = await shop.register(vendor, 10);
  await expect(shop.writeSale(vendor, itemsOf(id))).rejects.toThrow('settling');
  await world.db.run(`UPDATE sale.registrations SET status = 'rejected' WHERE id = $1`, [id]);
  await expect(shop.writeSale(vendor, itemsOf(id))).rejects.toThrow('invalid_request');
  await world.db.run('DELETE FROM sale.registrations WHERE id = $1', [id]);
});
