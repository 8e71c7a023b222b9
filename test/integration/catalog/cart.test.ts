// The cart over HTTP on real Postgres: priced and checked at read, the shopper's alone, merged once,
// shown stale and not changed while Postgres is away.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { linesMax } from '../../../catalog/cart-rows.ts';
import { forgetGuests, guestsKeptDays } from '../../../catalog/guests.ts';
import { offersFreshMs } from '../../../catalog/offers.ts';
import { wishesMax } from '../../../platform/window/requests.ts';
import { addProduct, openWindow, tokenOf } from './window-server.ts';
import type { Told, WindowServer } from './window-server.ts';
import { insertSale } from './database.ts';

let window: WindowServer;

beforeAll(async () => {
  window = await openWindow();
});
afterEach(() => window.mend());
afterAll(() => window.close());

let made = 0;
const own = (what: string): string => {
  made += 1;
  return `${what}_${made}`;
};

/** A product whose standing sale has units; answers its id. */
async function product(price = 20_000, allotted = 100): Promise<string> {
  const id = own('prd');
  await addProduct(window.database.db, id, { price });
  await insertSale(window.database.db, {
    id: own('sal'),
    product: id,
    allotted,
    price,
    limit: 100,
  });
  return id;
}

async function flash(of: string, more: object = {}): Promise<string> {
  const id = own('sal');
  const terms = { kind: 'flash', state: 'live', allotted: 10, price: 5000, limit: 2 } as const;
  await insertSale(window.database.db, { id, product: of, ...terms, ...more });
  window.age(offersFreshMs);
  return id;
}

const put = (shopper: string, id: string, quantity: number): Promise<Told> =>
  window.as(shopper, 'PUT', `/v1/cart/lines/${id}`, { quantity });
const read = (shopper: string): Promise<Told> => window.as(shopper, 'GET', '/v1/cart');
const usd = (amount: number) => ({ amount, currency: 'USD' });

describe('a cart', () => {
  it('is empty at first', async () => {
    const { status, json } = await read(own('shp'));
    expect(status).toBe(200);
    expect(json).toMatchObject({ lines: [], total: usd(0), stale: false });
  });

  it('keeps lines, each route answering the whole cart, and prices them', async () => {
    const [shopper, one, two] = [own('shp'), await product(), await product(350)];
    await put(shopper, one, 2);
    const { status, json } = await put(shopper, two, 3);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      lines: [
        { product_id: one, quantity: 2, price: usd(20_000), amount: usd(40_000), changed: [] },
        { product_id: two, quantity: 3, price: usd(350), available: true, changed: [] },
      ],
      total: usd(41_050),
    });
    expect((await put(shopper, one, 1)).json).toMatchObject({ total: usd(21_050) });
    const left = await window.as(shopper, 'DELETE', `/v1/cart/lines/${one}`);
    expect(left.json).toMatchObject({ lines: [{ product_id: two }], total: usd(1050) });
    expect((await read(shopper)).json['lines']).toEqual(left.json['lines']);
    expect((await window.as(shopper, 'DELETE', `/v1/cart/lines/${one}`)).status).toBe(200);
  });

  it('is the shopper’s alone', async () => {
    const [ann, eve, id] = [own('shp'), own('shp'), await product()];
    await put(ann, id, 1);
    await window.as(eve, 'DELETE', `/v1/cart/lines/${id}`);
    await put(eve, await product(), 1);
    expect((await read(ann)).json['lines']).toMatchObject([{ product_id: id }]);
  });

  it.each([0, -1, 1.5, 101, '1', null])('takes no quantity of %s', async (quantity) => {
    const path = `/v1/cart/lines/${await product()}`;
    const { status, json } = await window.as('shp_q', 'PUT', path, { quantity });
    expect([status, json['param']]).toEqual([400, 'quantity']);
  });

  it('takes no unknown product, and no more than its lines', async () => {
    expect((await put('shp_u', 'prd_none', 1)).status).toBe(404);
    const [shopper, last] = [own('shp'), await product()];
    await window.database.db.run(
      `INSERT INTO shop.cart_lines (shopper, product_id, quantity, price, available)
       SELECT $1, 'prd_full_' || n, 1, 1, true FROM generate_series(1, $2) AS n`,
      [shopper, linesMax - 1],
    );
    expect((await put(shopper, last, 1)).status).toBe(200);
    expect((await put(shopper, last, 2)).status).toBe(200);
    const full = await put(shopper, await product(), 1);
    expect([full.status, full.json['code'], full.json['limit']]).toEqual([
      ...[409, 'limit_reached', linesMax],
    ]);
  });
});

describe('reading a cart', () => {
  it('offers the cheapest sale that takes the buyer', async () => {
    const id = await product();
    const sale = await flash(id);
    expect((await put(own('shp'), id, 2)).json['lines']).toMatchObject([
      { price: usd(5000), sale_id: sale },
    ]);
    // Above the flash sale's limit only the standing sale takes the order.
    expect((await put(own('shp'), id, 3)).json['lines']).toMatchObject([{ price: usd(20_000) }]);
    await flash(id, { who: 'verified', price: 4000 });
    expect((await put(own('shp'), id, 1)).json['lines']).toMatchObject([{ price: usd(4000) }]);
    expect((await put(own('gst'), id, 1)).json['lines']).toMatchObject([{ price: usd(5000) }]);
  });

  it('has the price of a sale with a line for who has a turn there only', async () => {
    const [id, ann, bob] = [await product(), own('shp'), own('shp')];
    const sale = await flash(id, { line: 'queue' });
    await window.database.db.run(
      `INSERT INTO sale.tickets (sale_id, index, key, shopper, state, joined_at)
       VALUES ($1, 0, 'a', $2, 'admitted', 1), ($1, 1, 'b', $3, 'waiting', 1)`,
      [sale, ann, bob],
    );
    const turn = [{ price: usd(5000), sale_id: sale, available: true, changed: [] }];
    expect((await put(ann, id, 1)).json['lines']).toMatchObject(turn);
    expect((await read(ann)).json['lines']).toMatchObject(turn);
    const [line] = (await put(bob, id, 1)).json['lines'] as { sale_id: string }[];
    expect(line).toMatchObject({ price: usd(20_000), available: true });
    expect(line?.sale_id).not.toBe(sale);
    const page = (await (await window.get(`/v1/products/${id}`)).json()) as { sales: object[] };
    expect(page.sales).toContainEqual(expect.objectContaining({ id: sale, admission: 'queue' }));
  });

  it('says which lines are not of one order with most of the others', async () => {
    const { db } = window.database;
    await db.run('INSERT INTO sale.lanes (lane, epoch) VALUES (1, 1)', []);
    const of = async (lane: number, more: object = {}): Promise<string> => {
      const [id, sale] = [own('prd'), own('sal')];
      await addProduct(db, id, more);
      await insertSale(db, { id: sale, product: id, allotted: 5, limit: 100, lane });
      return id;
    };
    const [shopper, far, near] = [own('shp'), await of(1), await of(0)];
    const apart = async (): Promise<unknown[]> =>
      ((await read(shopper)).json['lines'] as Record<string, unknown>[]).map((line) => [
        line['product_id'],
        line['ordered_apart'],
      ]);
    await put(shopper, far, 1);
    expect(await apart()).toEqual([[far, false]]);
    // Of two lanes with as many lines, that of the line that comes first.
    await put(shopper, near, 1);
    expect(await apart()).toEqual([
      [far, false],
      [near, true],
    ]);
    const second = await of(0);
    await put(shopper, second, 1);
    const most = [
      [far, true],
      [near, false],
      [second, false],
    ];
    expect(await apart()).toEqual(most);
    // What cannot be had, or goes elsewhere, is in no order.
    const [more, away] = [await of(1), await of(1, { delivery: { include: [{ country: 'FR' }] } })];
    await put(shopper, more, 6);
    await put(shopper, away, 1);
    const body = { email: 'ann@example.com', name: 'Ann', line1: '1 Main St', city: 'Bonn' };
    await window.as(shopper, 'PUT', '/v1/me/addresses', { ...body, country: 'DE' });
    expect(await apart()).toEqual([...most, [more, false], [away, true]]);
  });

  it('says whether each line goes to the saved place', async () => {
    const [shopper, id] = [own('shp'), own('prd')];
    const fee = { amount: 490, currency: 'USD' };
    const delivery = { include: [{ country: 'DE', postal_prefixes: ['10'], fee }] };
    await addProduct(window.database.db, id, { delivery });
    const nowhere = await put(shopper, id, 1);
    expect(nowhere.json['lines']).toMatchObject([
      { delivery: { deliverable: null, reason: 'place_needed' } },
    ]);
    const go = (postal_code: string) =>
      window.as(shopper, 'PUT', '/v1/me/addresses', { country: 'DE', postal_code });
    await go('10115');
    expect((await read(shopper)).json['lines']).toMatchObject([
      { delivery: { deliverable: true, reason: null, fee } },
    ]);
    await go('80331');
    expect((await put(shopper, id, 2)).json['lines']).toMatchObject([
      { delivery: { deliverable: false, reason: 'not_included' } },
    ]);
    const asked = await window.as(shopper, 'GET', '/v1/cart?country=DE&postal_code=10115');
    expect(asked.json['lines']).toMatchObject([{ delivery: { deliverable: true } }]);
    const halved = await window.as(shopper, 'GET', '/v1/cart?postal_code=10115');
    expect([halved.status, halved.json['param']]).toEqual([400, 'country']);
  });

  it('says what changed until the line is put again', async () => {
    const [shopper, id] = [own('shp'), await product()];
    await put(shopper, id, 1);
    const sale = await flash(id);
    for (let twice = 0; twice < 2; twice += 1) {
      expect((await read(shopper)).json['lines']).toMatchObject([
        { price: usd(5000), available: true, changed: ['price'] },
      ]);
    }
    expect((await put(shopper, id, 1)).json['lines']).toMatchObject([{ changed: [] }]);
    await window.database.db.run(
      `INSERT INTO sale.units (sale_id, item, number, order_id)
       SELECT s.id, 0, n, 'ord_x' FROM sale.sales s
       JOIN sale.sale_items i ON i.sale_id = s.id AND i.product_id = $1
       CROSS JOIN LATERAL generate_series(1, i.allotted) AS n`,
      [id],
    );
    window.age(offersFreshMs);
    const { json } = await read(shopper);
    expect(json).toMatchObject({
      lines: [{ available: false, sale_id: null, changed: ['price', 'availability'] }],
      total: usd(0),
    });
    expect(sale).not.toBe('');
  });

  it('has a line of more than are left as not available, and says that fewer are', async () => {
    const [shopper, id] = [own('shp'), await product(20_000, 5)];
    const line = async (quantity: number) =>
      ((await put(shopper, id, quantity)).json['lines'] as Record<string, unknown>[])[0];
    expect(await line(5)).toMatchObject({ available: true, fewer_available: false });
    expect(await line(6)).toMatchObject({ available: false, fewer_available: true });
    await window.database.db.run('UPDATE shop.products SET withdrawn_at = now() WHERE id = $1', [
      id,
    ]);
    window.age(offersFreshMs);
    const { json } = await read(shopper);
    expect(json['lines']).toMatchObject([{ available: false, fewer_available: false }]);
  });

  it('has the price of a sale only for as many as are left there', async () => {
    const [shopper, id] = [own('shp'), await product()];
    const sale = await flash(id, { allotted: 2, limit: 5 });
    expect((await put(shopper, id, 2)).json['lines']).toMatchObject([
      { price: usd(5000), sale_id: sale },
    ]);
    const [line] = (await put(shopper, id, 3)).json['lines'] as { sale_id: string }[];
    expect(line).toMatchObject({ price: usd(20_000), available: true });
    expect(line?.sale_id).not.toBe(sale);
  });

  it('keeps a withdrawn product in sight, at the price it had', async () => {
    const [shopper, id] = [own('shp'), await product()];
    await put(shopper, id, 1);
    await window.database.db.run('UPDATE shop.products SET withdrawn_at = now() WHERE id = $1', [
      id,
    ]);
    window.age(offersFreshMs);
    expect((await read(shopper)).json).toMatchObject({
      lines: [{ price: usd(20_000), available: false, changed: ['withdrawn'] }],
      total: usd(0),
    });
    expect((await put(shopper, id, 2)).status).toBe(404);
  });
});

describe('merging a guest’s cart', () => {
  const merge = (shopper: string, token: string): Promise<Told> =>
    window.as(shopper, 'POST', '/v1/cart/merge', { guest_token: token });

  it('adds quantities, up to the most of a line, once', async () => {
    const [guest, shopper] = [own('gst'), own('shp')];
    const [both, much, new1] = [await product(), await product(), await product()];
    await put(shopper, both, 2);
    await put(shopper, much, 60);
    await put(guest, both, 3);
    await put(guest, much, 60);
    await put(guest, new1, 1);
    const lines = [
      { product_id: both, quantity: 5, changed: [] },
      { product_id: much, quantity: 100, changed: ['quantity'] },
      { product_id: new1, quantity: 1, changed: [] },
    ];
    for (let twice = 0; twice < 2; twice += 1) {
      const { status, json } = await merge(shopper, tokenOf(guest));
      expect(status).toBe(200);
      expect(json['lines']).toMatchObject(lines);
    }
    expect((await read(guest)).json['lines']).toEqual([]);
  });

  it('leaves out what finds no room', async () => {
    const [guest, shopper] = [own('gst'), own('shp')];
    await window.database.db.run(
      `INSERT INTO shop.cart_lines (shopper, product_id, quantity, price, available)
       SELECT who, who || n, 1, 1, true FROM generate_series(1, 60) AS n, unnest($1::text[]) AS who`,
      [[guest, shopper]],
    );
    const { json } = await merge(shopper, tokenOf(guest));
    expect(json['lines']).toHaveLength(linesMax);
  });

  it('takes no more wishes along than a list may have, and none twice', async () => {
    const [guest, shopper] = [own('gst'), own('shp')];
    const wish = (who: string, from: number, to: number) =>
      window.database.db.run(
        `INSERT INTO shop.wishes (shopper, product_id, price, told_price, missed)
         SELECT $1, 'prd_' || n, 1, 1, false FROM generate_series($2::int, $3::int) AS n`,
        [who, from, to],
      );
    await wish(shopper, 3, wishesMax);
    await wish(guest, wishesMax - 3, wishesMax + 4);
    await merge(shopper, tokenOf(guest));
    const rows = await window.database.db.query<{ shopper: string; wishes: number }>(
      `SELECT shopper, count(*) AS wishes FROM shop.wishes WHERE shopper = ANY($1) GROUP BY shopper`,
      [[guest, shopper]],
    );
    expect(rows).toEqual([{ shopper, wishes: wishesMax }]);
  });

  it('takes wishes and the chosen place along', async () => {
    const [guest, shopper, id] = [own('gst'), own('shp'), await product()];
    await window.as(guest, 'PUT', `/v1/wishlist/${id}`);
    await window.as(guest, 'PUT', '/v1/me/addresses', { country: 'DE', postal_code: '10115' });
    await merge(shopper, tokenOf(guest));
    const wishes = await window.as(shopper, 'GET', '/v1/wishlist');
    expect(wishes.json['items']).toMatchObject([{ product_id: id }]);
    const places = await window.as(shopper, 'GET', '/v1/me/addresses');
    expect(places.json['items']).toEqual([{ country: 'DE', postal_code: '10115' }]);
  });

  it('wants a guest’s token', async () => {
    const shopper = own('shp');
    for (const token of ['x', 'a.b.c', tokenOf(own('shp'))]) {
      const { status, json } = await merge(shopper, token);
      expect([status, json['param']]).toEqual([400, 'guest_token']);
    }
  });
});

describe('what guests kept', () => {
  it('is forgotten long after they are gone, and nobody else’s is', async () => {
    const { db } = window.database;
    const long = `now() - interval '${guestsKeptDays + 1} days'`;
    const [old, young, shopper] = [own('gst'), own('gst'), own('shp')];
    const id = await product();
    for (const who of [old, young, shopper]) {
      await put(who, id, 1);
      await window.as(who, 'PUT', `/v1/wishlist/${id}`);
      await window.as(who, 'PUT', '/v1/me/addresses', { country: 'DE' });
    }
    const aged = [old, shopper];
    await db.run(`UPDATE shop.cart_lines SET added_at = ${long} WHERE shopper = ANY($1)`, [aged]);
    await db.run(`UPDATE shop.wishes SET added_at = ${long} WHERE shopper = ANY($1)`, [aged]);
    await db.run(`UPDATE shop.addresses SET updated_at = ${long} WHERE shopper = ANY($1)`, [aged]);
    expect(await forgetGuests(db)).toBe(false);
    for (const table of ['cart_lines', 'wishes', 'addresses']) {
      const left = await db.query<{ shopper: string }>(
        `SELECT shopper FROM shop.${table} WHERE shopper = ANY($1) ORDER BY shopper`,
        [[old, young, shopper]],
      );
      expect(left.map((row) => row.shopper)).toEqual([young, shopper].sort());
    }
  });
});

describe('with Postgres away', () => {
  it('shows a cart that was seen, as stale, and refuses changes', async () => {
    const [shopper, id] = [own('shp'), await product()];
    await put(shopper, id, 2);
    await window.link.cut();
    const { status, json } = await read(shopper);
    expect(status).toBe(200);
    expect(json).toMatchObject({ stale: true, total: usd(40_000), lines: [{ quantity: 2 }] });
    const refused = [
      await put(shopper, id, 3),
      await window.as(shopper, 'DELETE', `/v1/cart/lines/${id}`),
      await window.as(shopper, 'PUT', '/v1/me/addresses', { country: 'DE' }),
      await window.as(shopper, 'PUT', `/v1/wishlist/${id}`),
      await read(own('shp')),
    ];
    for (const answer of refused) {
      expect([answer.status, answer.json['code']]).toEqual([503, 'unavailable']);
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    await window.mend();
    await expect.poll(async () => (await read(shopper)).json['stale']).toBe(false);
    expect((await read(shopper)).json['lines']).toMatchObject([{ quantity: 2 }]);
  });

  it('does not queue without bound: what is too much is 503 at once', async () => {
    const shoppers = Array.from({ length: 300 }, () => own('shp'));
    await read(own('shp'));
    window.link.hang();
    const answers = await Promise.all(shoppers.map((shopper) => read(shopper)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  });
});
