/** Units that were asked of a standing sale which another has replaced by the time that they are decided. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { laneOfId } from '../../../engine/domain/ids.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import type { CreateContext } from '../../../engine/sales/create.ts';
import { fenceDue, type FreeOf } from '../../../engine/sales/occurrences.ts';
import { writeSchedule } from '../../../engine/sales/schedules.ts';
import { closeStanding, standingSaleId } from '../../../engine/sales/standing.ts';
import { auditOf } from '../../support/audit.ts';
import { WorldShop, type Product } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let shop: WorldShop;
let vendor: string;
let context: CreateContext;

beforeAll(async () => {
  world = await formatWorld({ lanes: 2 });
  shop = new WorldShop(world);
  vendor = await shop.vendor();
  const { idSecret, lanes, currency } = world.settings;
  context = { secret: idSecretOf(idSecret), lanes, currency, lineMax: world.config.lineMax };
});
afterEach(async () => {
  await world.steps.pump();
  await world.db.run('UPDATE platform.outbox SET published_at = now()');
  expect(await auditOf(world)).toEqual([]);
});
afterAll(() => world.close());

/** With ten units, its standing sale in this lane. */
async function productOf(lane: number): Promise<Product> {
  for (;;) {
    const product = await shop.product(vendor, 10);
    if (laneOfId(product.standing) === lane) return product;
  }
}

/** What the lane decides settles, and the other lane does nothing. */
async function pumpOnly(lane: number): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await world.steps.dispatch(lane);
    await world.steps.relay(lane);
    await world.steps.settle(lane);
  }
}

/** A new price: another standing sale, also while units are on their way. */
async function replace({ id, standing }: Product): Promise<string> {
  const { secret, lanes, currency } = context;
  const product = { id, vendor, price: 5000, supply: 0 };
  const successor = { id: standingSaleId(secret, id, lanes, 2), currency, product };
  await world.db.tx((q) => closeStanding(q, standing, successor));
  return successor.id;
}

async function freeIn(standing: string): Promise<number | undefined> {
  const counted = await world.lanes.shop.count(standing);
  return counted.kind === 'done' ? counted.value.items[0]?.available : undefined;
}

async function occurrenceOf(products: readonly Product[]): Promise<string> {
  const bell = new Date(Date.now() + 10 * 60_000).toISOString();
  const written = await world.db.tx((q) =>
    writeSchedule(q, context, {
      vendor,
      items: products.map(({ id: product }) => ({ product, allotted: 10, price: 100 })),
      ...{ durationSeconds: 3600, limitPerShopper: 1, holdSeconds: 300, who: 'anyone' },
      admission: { mode: 'open', ratePerSecond: null, turnSeconds: 120, factor: 1 },
      fingerprint: 'test',
      schedule: { localTime: bell.slice(11, 19), timeZone: 'UTC', dates: [bell.slice(0, 10)] },
    }),
  );
  if ('code' in written) throw new Error(written.code);
  await world.steps.pump();
  const [row] = await world.db.query<{ id: string }>(
    'SELECT id FROM sale.sales WHERE schedule_id = $1',
    [written.id],
  );
  return row?.id ?? '';
}

it('are asked of the present one, for an occurrence of which another product is decided last', async () => {
  const [short, other] = [await productOf(0), await productOf(1)];
  const sale = await occurrenceOf([short, other]);
  await shop.hold(short.standing, 'ann', 4);
  await world.steps.pump();
  // What the opener saw before the four were held.
  const freeOf: FreeOf = () => Promise.resolve({ free: 10, coming: false });
  const fail = (_: string, error: unknown): never => {
    throw error;
  };
  await fenceDue(world.db, freeOf, fail);
  await pumpOnly(0);
  const present = await replace(short);
  await pumpOnly(0);
  expect(await freeIn(present)).toBe(6);
  await world.steps.pump();
  const counted = await world.lanes.shop.count(sale);
  expect(counted).toMatchObject({
    kind: 'done',
    value: { items: [{ allotted: 6 }, { allotted: 10 }] },
  });
});

it('go back to the present one, when the creation that they were for is refused', async () => {
  const [plenty, short] = [await productOf(0), await productOf(1)];
  await shop.writeSale(vendor, [
    { product: plenty.id, allotted: 4, price: 100 },
    { product: short.id, allotted: 11, price: 100 },
  ]);
  await pumpOnly(0);
  const present = await replace(plenty);
  await world.steps.pump();
  await world.steps.pump();
  expect([await freeIn(plenty.standing), await freeIn(present)]).toEqual([0, 10]);
  expect(await freeIn(short.standing)).toBe(10);
});
