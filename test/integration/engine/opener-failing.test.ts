/** What fails in every round of the opener keeps nothing else waiting. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { NewSchedule } from '../../../engine/engine.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { startOpener } from '../../../engine/opener.ts';
import type { CreateContext } from '../../../engine/sales/create.ts';
import { fenceDue, makeDue, type FreeOf } from '../../../engine/sales/occurrences.ts';
import { writeSchedule } from '../../../engine/sales/schedules.ts';
import { topicsOf } from '../../../engine/topics.ts';
import type { Shop } from '../../../engine/shop.ts';
import { auditOf } from '../../support/audit.ts';
import { silent, until } from '../../support/environment.ts';
import { specsOf } from '../../support/kafka.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const minuteMs = 60_000;
let world: World;
let shop: WorldShop;
let vendor: string;
let context: CreateContext;
/** Items that were told of as failed. */
let told: string[] = [];
const tell = (item: string): void => {
  told.push(item);
};

beforeAll(async () => {
  world = await formatWorld({ lanes: 2 });
  shop = new WorldShop(world);
  vendor = await shop.vendor();
  const { idSecret, lanes, currency } = world.settings;
  context = { secret: idSecretOf(idSecret), lanes, currency, lineMax: world.config.lineMax };
});
afterEach(async () => {
  told = [];
  await world.steps.pump();
  await world.db.run('UPDATE platform.outbox SET published_at = now()');
  expect(await auditOf(world)).toEqual([]);
});
afterAll(() => world.close());

async function scheduled(product: string, bellInMs: number): Promise<string> {
  const bell = new Date(Date.now() + bellInMs).toISOString();
  const asked: NewSchedule = {
    vendor,
    items: [{ product, allotted: 4, price: 100 }],
    ...{ durationSeconds: 3600, limitPerShopper: 1, holdSeconds: 300, who: 'anyone' },
    admission: { mode: 'open', ratePerSecond: null, turnSeconds: 120, factor: 1 },
    fingerprint: 'test',
    schedule: { localTime: bell.slice(11, 19), timeZone: 'UTC', rrule: 'FREQ=DAILY' },
  };
  const written = await world.db.tx((q) => writeSchedule(q, context, asked));
  if ('code' in written) throw new Error(written.code);
  await world.steps.pump();
  return written.id;
}

/** Its next occurrence was due so many seconds ago. */
const makeItDue = (schedule: string, seconds: number) =>
  world.db.run(
    `UPDATE sale.schedules SET next_at = now() - $2 * interval '1 second' WHERE id = $1`,
    [schedule, seconds],
  );

async function nextIn(schedule: string): Promise<number> {
  const [row] = await world.db.query<{ ms: number }>(
    `SELECT (extract(epoch FROM next_at - now()) * 1000)::float8 AS ms FROM sale.schedules
      WHERE id = $1`,
    [schedule],
  );
  return row?.ms ?? -Infinity;
}

it('a schedule: the others’ occurrences are made, and it is tried again later', async () => {
  const { id: product } = await shop.product(vendor, 100);
  const [broken, sound] = [
    await scheduled(product, 60 * minuteMs),
    await scheduled(product, 90 * minuteMs),
  ];
  const [row] = await world.db.query<{ terms: unknown }>(
    'SELECT terms FROM sale.schedules WHERE id = $1',
    [broken],
  );
  const setTerms = (terms: unknown) =>
    world.db.run(
      `UPDATE sale.schedules SET terms = $2, made_until = made_until - interval '1 day'
        WHERE id = $1`,
      [broken, JSON.stringify(terms)],
    );
  await setTerms({});
  await makeItDue(broken, 2);
  await makeItDue(sound, 1);
  await makeDue(world.db, context, tell);
  expect(told).toEqual([broken]);
  expect(await nextIn(sound)).toBeGreaterThan(minuteMs);
  expect(await nextIn(broken)).toBeGreaterThan(0);
  expect(await nextIn(broken)).toBeLessThanOrEqual(minuteMs);
  await setTerms(row?.terms);
});

it('an occurrence: the others behind it have their units', async () => {
  const [broken, sound] = [await shop.product(vendor, 10), await shop.product(vendor, 10)];
  await scheduled(broken.id, 5 * minuteMs);
  await scheduled(sound.id, 6 * minuteMs);
  const free: FreeOf = async (standing) => {
    if (standing === broken.standing) throw new Error('a test');
    return Promise.resolve({ free: 10, coming: false });
  };
  const { lanes, after } = await fenceDue(world.db, free, tell);
  expect(lanes).toHaveLength(1);
  expect(after).toBe(null);
  expect(told).toHaveLength(1);
  await world.steps.pump();
  const counted = await world.lanes.shop.count(sound.standing);
  expect(counted).toMatchObject({ kind: 'done', value: { items: [{ available: 6 }] } });
  await world.db.run('UPDATE sale.sales SET fence_at = NULL');
});

/** Two sales whose bell nobody has rung in time; the first is the one that comes first in a round. */
async function twoSales(): Promise<readonly [first: string, second: string]> {
  const { id: product } = await shop.product(vendor, 10);
  const item = { product, allotted: 1, price: 100 };
  const startsAt = Date.now() + 2000;
  const write = () => shop.writeSale(vendor, [item], { startsAt });
  const made = [await write(), await write()];
  await world.steps.pump();
  await until('their bell is over', () => Promise.resolve(Date.now() > startsAt));
  for (const sale of made) expect(await stateOf(sale)).toBe('scheduled');
  const [first = '', second = ''] = made.sort();
  return [first, second];
}

async function stateOf(sale: string): Promise<string> {
  const [row] = await world.db.query<{ state: string }>(
    'SELECT state FROM sale.sales WHERE id = $1',
    [sale],
  );
  return row?.state ?? '';
}

it('a sale: those behind it open, and schedules have their turn', async () => {
  const { kafka, db, lanes, config, settings } = world;
  const [broken, sound] = await twoSales();
  const schedule = await scheduled((await shop.product(vendor, 10)).id, 60 * minuteMs);
  await makeItDue(schedule, 1);
  const topic = topicsOf(kafka.prefix).newProduct;
  const specs = specsOf(kafka.prefix, 2, true);
  await kafka.makeTopics(
    2,
    specs.filter((spec) => spec.topic.startsWith(topic)),
  );
  const breaks = { now: true };
  const touch: Shop['touch'] = (sale) => {
    if (breaks.now && sale === broken) throw new Error('a test');
    return lanes.shop.touch(sale);
  };
  const failing = new Proxy(lanes.shop, {
    get: (target, name) => {
      const value: unknown = name === 'touch' ? touch : Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const opener = await startOpener({
    ...{ kafka: kafka.kafka, producer: await kafka.kafka.producer(), db, ...context },
    ...{ shop: failing, topic, log: silent },
    ...{ lineMax: config.lineMax, lanes: settings.lanes, groupId: `${kafka.prefix}opener` },
    onCommands: () => undefined,
    onCrash: (error) => {
      throw error;
    },
  });
  const untilLive = (sale: string): Promise<void> =>
    until('the sale is live', async () => {
      await world.steps.pump();
      return (await stateOf(sale)) === 'live';
    });
  try {
    await untilLive(sound);
    await until('the schedule was looked at', async () => (await nextIn(schedule)) > minuteMs);
    expect(await stateOf(broken)).toBe('scheduled');
    breaks.now = false;
    await untilLive(broken);
  } finally {
    await opener.close();
  }
});
