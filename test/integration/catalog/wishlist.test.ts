// Wishes: flags at read, events by the watch, told once however many watches go round.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { topics } from '../../../api/topics.ts';
import { createOffers, offersFreshMs } from '../../../catalog/offers.ts';
import { formats } from '../../../platform/http/formats.ts';
import { wishesMax } from '../../../platform/window/requests.ts';
import { round } from '../../../catalog/wishlist-watch.ts';
import { addProduct, openWindow } from './window-server.ts';
import type { WindowServer } from './window-server.ts';
import { insertSale } from './database.ts';

let window: WindowServer;

const { properties, ...rest } = topics.find(({ name }) => name === 'wishlist-notices')?.payload as {
  readonly properties: object;
};
/** As /asyncapi.json has it, but for our short product ids. */
const isNotice = new Ajv2020({ strict: false, formats }).compile({
  ...rest,
  properties: { ...properties, product_id: { type: 'string' } },
});

beforeAll(async () => {
  window = await openWindow();
});
afterEach(() => window.mend());
afterAll(() => window.close());

async function product(id: string, claimed = 0): Promise<void> {
  await addProduct(window.database.db, id);
  const standing = { id: `sal_${id}`, product: id, allotted: 5, price: 20_000, claimed, limit: 9 };
  await insertSale(window.database.db, standing);
}

const setPrice = (id: string, price: number) =>
  window.database.db.run('UPDATE sale.sale_items SET price = $2 WHERE product_id = $1', [
    id,
    price,
  ]);

const setFree = (id: string, free: boolean) =>
  window.database.db.run('UPDATE sale.units SET order_id = $2 WHERE sale_id = $1', [
    `sal_${id}`,
    free ? null : 'ord_x',
  ]);

async function wishes(shopper: string) {
  window.age(offersFreshMs);
  const { json } = await window.as(shopper, 'GET', '/v1/wishlist');
  return json['items'];
}

/** One round of the watch over all that is wished for, seeing what is so now. */
async function goRound(): Promise<void> {
  const { db } = window.database;
  let after = '';
  do after = await round(db, createOffers(db), after);
  while (after !== '');
}

async function notices(shopper: string) {
  const rows = await window.database.db.query<{ value: object }>(
    `SELECT value FROM platform.outbox WHERE topic = 'wishlist-notices' AND key = $1 ORDER BY id`,
    [shopper],
  );
  for (const { value } of rows) expect([isNotice(value), isNotice.errors]).toEqual([true, null]);
  return rows.map(({ value }) => value);
}

it('shows an offer that is a second old at most, however slowly it was read', async () => {
  await product('prd_slow');
  let time = 0;
  const offers = createOffers(window.database.db, () => time);
  const reading = offers.get('prd_slow');
  time = 400;
  await reading;
  time = offersFreshMs - 1;
  expect(offers.fresh('prd_slow')).not.toBeNull();
  time = offersFreshMs;
  expect(offers.fresh('prd_slow')).toBeNull();
});

describe('a wishlist', () => {
  it('keeps wishes, each once, the newest first', async () => {
    await product('prd_a');
    await product('prd_b');
    await window.as('shp_1', 'PUT', '/v1/wishlist/prd_a');
    await window.as('shp_1', 'PUT', '/v1/wishlist/prd_b');
    const { status, json } = await window.as('shp_1', 'PUT', '/v1/wishlist/prd_a');
    expect(status).toBe(200);
    expect(json).toMatchObject({
      items: [
        { product_id: 'prd_b', available: true, price_dropped: false, back_in_stock: false },
        { product_id: 'prd_a', price: { amount: 20_000, currency: 'USD' } },
      ],
      next_cursor: null,
    });
    const left = await window.as('shp_1', 'DELETE', '/v1/wishlist/prd_b');
    expect(left.json['items']).toMatchObject([{ product_id: 'prd_a' }]);
    expect(await wishes('shp_2')).toEqual([]);
    expect((await window.as('shp_1', 'PUT', '/v1/wishlist/prd_none')).status).toBe(404);
  });

  it('has an end', async () => {
    await window.database.db.run(
      `INSERT INTO shop.wishes (shopper, product_id, price, told_price, missed)
       SELECT 'shp_full', 'prd_' || n, 1, 1, false FROM generate_series(1, $1) AS n`,
      [wishesMax],
    );
    const full = await window.as('shp_full', 'PUT', '/v1/wishlist/prd_a');
    expect([full.status, full.json['code']]).toEqual([409, 'limit_reached']);
    const ids: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const at = next === '' ? '' : `&cursor=${next}`;
      const page = await window.as('shp_full', 'GET', `/v1/wishlist?limit=30${at}`);
      ids.push(...(page.json['items'] as { product_id: string }[]).map((one) => one.product_id));
      next = page.json['next_cursor'] as string | null;
    }
    expect([ids.length, new Set(ids).size]).toEqual([wishesMax, wishesMax]);
    for (const bad of ['cursor=x', 'cursor=MQ', 'limit=0', 'limit=101', 'x=1']) {
      expect((await window.as('shp_full', 'GET', `/v1/wishlist?${bad}`)).status).toBe(400);
    }
    await window.database.db.run(`DELETE FROM shop.wishes WHERE shopper = 'shp_full'`);
  });

  it('says that a price dropped, and tells each drop once', async () => {
    await product('prd_drop');
    await window.as('shp_d', 'PUT', '/v1/wishlist/prd_drop');
    await goRound();
    expect(await notices('shp_d')).toEqual([]);
    await setPrice('prd_drop', 15_000);
    expect(await wishes('shp_d')).toMatchObject([{ price_dropped: true, back_in_stock: false }]);
    await Promise.all([goRound(), goRound()]);
    await setPrice('prd_drop', 16_000);
    await goRound();
    await setPrice('prd_drop', 12_000);
    await goRound();
    const told = { type: 'price_dropped', shopper_id: 'shp_d', product_id: 'prd_drop' };
    expect(await notices('shp_d')).toMatchObject([
      { ...told, price: 15_000, price_then: 20_000, currency: 'USD' },
      { ...told, price: 12_000 },
    ]);
    await setPrice('prd_drop', 25_000);
    expect(await wishes('shp_d')).toMatchObject([{ price_dropped: false }]);
  });

  it('says that it is back, and tells each return once', async () => {
    await product('prd_back', 5);
    const { json } = await window.as('shp_b', 'PUT', '/v1/wishlist/prd_back');
    expect(json['items']).toMatchObject([{ available: false, back_in_stock: false }]);
    await goRound();
    for (let times = 1; times <= 2; times += 1) {
      await setFree('prd_back', true);
      expect(await wishes('shp_b')).toMatchObject([{ available: true, back_in_stock: true }]);
      await Promise.all([goRound(), goRound()]);
      const told = await notices('shp_b');
      expect(told).toHaveLength(times);
      expect(told[0]).toMatchObject({ type: 'back_in_stock', product_id: 'prd_back' });
      await setFree('prd_back', false);
      await goRound();
    }
    expect(await wishes('shp_b')).toMatchObject([{ available: false, back_in_stock: false }]);
  });

  it('tells nothing of what it only remembers', async () => {
    await product('prd_mem');
    await window.as('shp_m', 'PUT', '/v1/wishlist/prd_mem');
    await window.link.cut();
    window.age(offersFreshMs);
    await expect(round(window.db, window.offers, '')).rejects.toThrow('postgres');
    expect((await window.as('shp_m', 'GET', '/v1/wishlist')).json).toMatchObject({ stale: true });
  });
});

describe('/v1/me/addresses', () => {
  const put = (shopper: string, body: object) =>
    window.as(shopper, 'PUT', '/v1/me/addresses', body);

  it('keeps one place, whole or chosen, for its owner', async () => {
    const place = { country: 'DE', postal_code: '10115' };
    const address = { name: 'Ann', line1: '1 High Street', city: 'Noonville', ...place };
    const none = await window.as('shp_n', 'GET', '/v1/me/addresses');
    expect(none.json).toEqual({ items: [], next_cursor: null });
    expect((await put('gst_n', place)).json['items']).toEqual([place]);
    await put('shp_n', place);
    const whole = { ...address, email: 'ann@example.com' };
    expect((await put('shp_n', whole)).json['items']).toEqual([whole]);
    const read = await window.as('shp_n', 'GET', '/v1/me/addresses');
    expect(read.json['items']).toEqual([whole]);
    expect((await window.as('gst_n', 'GET', '/v1/me/addresses')).json['items']).toEqual([place]);
  });

  it.each([
    [{}, 'country'],
    [{ country: 'de' }, 'country'],
    [{ country: 'DE', name: ' ' }, 'name'],
    [{ country: 'DE', email: 'x' }, 'email'],
    [{ country: 'DE', planet: 'Mars' }, 'planet'],
  ])('refuses %j', async (body, param) => {
    const { status, json } = await put('shp_x', body);
    expect([status, json['param']]).toEqual([400, param]);
  });
});
