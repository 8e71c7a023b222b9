/** A standing sale that was frozen as it was to close: its units are on their way until it has closed. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { laneOfId } from '../../../engine/domain/ids.ts';
import { pushSaleKeys } from '../../../engine/lanes/keys.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { startOpener } from '../../../engine/opener.ts';
import { changeProduct, type ProductContext } from '../../../engine/products.ts';
import { setRemaining } from '../../../engine/remaining.ts';
import { readSale } from '../../../engine/sales/read.ts';
import { writeSchedule } from '../../../engine/sales/schedules.ts';
import { topicsOf } from '../../../engine/topics.ts';
import { auditOf } from '../../support/audit.ts';
import { silent, until } from '../../support/environment.ts';
import { specsOf } from '../../support/kafka.ts';
import { untilRounds } from '../../support/loops.ts';
import type { Running } from '../../support/world-loops.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let shop: WorldShop;
let vendor: string;
let context: ProductContext;
let opener: Running;
/** Of the test under way: its ten units are in a sale that is frozen and shall close. */
let product: string;
let frozen: string;

beforeAll(async () => {
  world = await formatWorld({ lanes: 2 });
  const { settings, lanes, db, kafka, config } = world;
  const topic = topicsOf(kafka.prefix).newProduct;
  const specs = specsOf(kafka.prefix, 2, true);
  await kafka.makeTopics(
    2,
    specs.filter((spec) => spec.topic.startsWith(topic)),
  );
  shop = new WorldShop(world);
  vendor = await shop.vendor();
  const secret = idSecretOf(settings.idSecret);
  const { lanes: count, currency } = settings;
  context = {
    ...{ db, secret, caller: lanes.caller, lanes: count, currency },
    freeOf: async (sale) => {
      const counted = await lanes.shop.count(sale);
      return counted.kind === 'done' ? (counted.value.items[0]?.available ?? null) : null;
    },
  };
  opener = await startOpener({
    ...{ kafka: kafka.kafka, producer: await kafka.kafka.producer(), db, secret },
    ...{ shop: lanes.shop, lanes: count, currency, topic, log: silent },
    ...{ lineMax: config.lineMax, groupId: `${kafka.prefix}opener` },
    onCommands: () => undefined,
    onCrash: (error) => {
      throw error;
    },
  });
});
beforeEach(async () => {
  const made = await shop.product(vendor, 10);
  [product, frozen] = [made.id, made.standing];
  await world.redis.redis.hset(keyOf(frozen), 'frz', 'a fault');
  await price(5000);
  await world.steps.pump();
  expect(await context.freeOf(await standing())).toBe(0);
});
afterEach(async () => {
  await world.redis.redis.hdel(keyOf(frozen), 'frz');
  await until('the frozen sale is closed', async () => {
    await world.steps.pump();
    return (await readSale(world.db, frozen))?.terms.state === 'closed';
  });
  await world.db.run('UPDATE platform.outbox SET published_at = now()');
  expect(await auditOf(world)).toEqual([]);
});
afterAll(async () => {
  await opener.close();
  await world.close();
});

function keyOf(sale: string): string {
  const keys: string[] = [];
  pushSaleKeys(keys, laneOfId(sale), sale);
  return keys[0] ?? '';
}

async function price(amount: number): Promise<void> {
  const fields = { price: { amount, currency: 'USD' } };
  const state = { answered: false };
  const change = { fields, fingerprint: String(amount) };
  const changed = changeProduct(context, vendor, product, change);
  const done = changed.finally(() => (state.answered = true));
  while (!state.answered) await world.steps.pump();
  expect(await done).toMatchObject({ kind: 'done', value: { price: amount } });
}

async function standing(): Promise<string> {
  const [row] = await world.db.query<{ sale: string }>(
    'SELECT standing_sale AS sale FROM sale.registrations WHERE id = $1',
    [product],
  );
  return row?.sale ?? '';
}

/** Ends the freeze; the opener does the rest. */
async function thaw(): Promise<void> {
  await world.redis.redis.hdel(keyOf(frozen), 'frz');
  await until('the units are in the present sale', async () => {
    await world.steps.pump();
    return (await context.freeOf(await standing())) === 10;
  });
}

it('is not granted once more by who says how many there are', async () => {
  const asked = { vendor, id: product, remaining: 10, idempotencyKey: undefined };
  expect(await setRemaining(context, asked)).toBe('settling');
  await thaw();
  expect(await setRemaining(context, asked)).toBe('done');
  const [row] = await world.db.query<{ supply: number }>(
    'SELECT supply FROM sale.registrations WHERE id = $1',
    [product],
  );
  expect(row).toEqual({ supply: 10 });
});

it('lets a sale that needs its units be asked for again, not be refused for want of them', async () => {
  const items = [{ product, allotted: 4, price: 100 }];
  const sale = await shop.writeSale(vendor, items);
  await world.steps.pump();
  expect(await readSale(world.db, sale)).toMatchObject({
    terms: { state: 'cancelled' },
    cancelReason: { code: 'unavailable' },
  });
  await thaw();
  await shop.close(await shop.sale(vendor, items));
  await world.steps.pump();
});

it('keeps an occurrence that wants its units waiting, which is not cancelled', async () => {
  const bell = new Date(Date.now() + 10 * 60_000).toISOString();
  const asked = {
    vendor,
    items: [{ product, allotted: 4, price: 100 }],
    ...{ durationSeconds: 3600, limitPerShopper: 1, holdSeconds: 300, who: 'anyone' as const },
    admission: { mode: 'open' as const, ratePerSecond: null, turnSeconds: 120, factor: 1 },
    fingerprint: 'test',
    schedule: { localTime: bell.slice(11, 19), timeZone: 'UTC', dates: [bell.slice(0, 10)] },
  };
  const { lineMax } = world.config;
  const written = await world.db.tx((q) => writeSchedule(q, { ...context, lineMax }, asked));
  if ('code' in written) throw new Error(written.code);
  const occurrence = async () => {
    const [row] = await world.db.query<{ state: string; waits: boolean }>(
      'SELECT state, fence_at IS NOT NULL AS waits FROM sale.sales WHERE schedule_id = $1',
      [written.id],
    );
    return row;
  };
  await until('there is an occurrence', async () => {
    await world.steps.pump();
    return (await occurrence())?.state === 'scheduled';
  });
  // Two rounds of what the opener does for schedules.
  await untilRounds('opener', 25);
  expect(await occurrence()).toEqual({ state: 'scheduled', waits: true });
  await world.redis.redis.hdel(keyOf(frozen), 'frz');
  await until('it has its units', async () => {
    await world.steps.pump();
    return (await occurrence())?.waits === false;
  });
  await world.steps.pump();
  expect(await context.freeOf(await standing())).toBe(6);
});

it('keeps no further price waiting', async () => {
  const before = await standing();
  await price(7000);
  expect(await standing()).not.toBe(before);
  await thaw();
});
