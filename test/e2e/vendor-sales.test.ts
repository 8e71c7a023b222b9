// A vendor's flash sale: created with its units fenced, opened at the bell, paused, topped up, closed.
import { beforeAll, describe, expect, it } from 'vitest';
import { ownName, until } from '../support/environment.ts';
import { inMs, laptop, Shop, text } from './shop.ts';
import type { Answer } from './client.ts';

let shop: Shop;
let vendor: string;
const hourMs = 3_600_000;

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
});

const usd = (amount: number) => ({ amount, currency: 'USD' });

const create = (body: object, key?: string): Promise<Answer> => shop.create(vendor, body, key);

describe('creating a sale', () => {
  it('of one product, by a discount, with the defaults of the contract', async () => {
    const product = await shop.product(vendor, { price_usd: 9.99 });
    const startsAt = inMs(hourMs);
    const body = { product_id: product, allotted: 10, discount_percent: 50, starts_at: startsAt };
    const answer = await create(body);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/v1/sales/${text(answer, 'id')}`);
    expect(answer.json).toMatchObject({
      kind: 'flash',
      state: 'scheduled',
      sold_out: false,
      may_return: false,
      claimed_share: 0,
      items: [
        {
          product_id: product,
          allotted: 10,
          price: usd(500), // half of 9.99, half up
          list_price: usd(999),
          discount_percent: 50,
          claimed_share: 0,
        },
      ],
      starts_at: startsAt,
      ends_at: new Date(Date.parse(startsAt) + hourMs).toISOString(),
      limit_per_shopper: 1,
      hold_seconds: 300,
      who: 'verified',
      admission: { mode: 'open' },
      next_states: ['live', 'cancelled'],
    });
    expect(answer.json['seed_commitment']).toMatch(/^sha256:[0-9a-f]{64}$/);
    // Fenced before the answer.
    expect(await shop.free(vendor, product)).toBe(20);
    const known = await shop.must(200, 'GET', `/v1/sales/${text(answer, 'id')}`);
    const { server_time: _then, ...sale } = answer.json;
    expect(known.json).toMatchObject(sale);
  });

  it('of a product that is just being listed waits for it', async () => {
    const body = { token: vendor, body: laptop };
    const product = text(await shop.must(202, 'POST', '/register-product', body), 'id');
    const answer = await create({ product_id: product, allotted: 10, discount_percent: 50 });
    expect(answer).toMatchObject({ status: 201, json: { items: [{ allotted: 10 }] } });
  });

  it('of several, each at its price', async () => {
    const [one, two] = await Promise.all([shop.product(vendor), shop.product(vendor)]);
    const answer = await create({
      items: [
        { product_id: two, allotted: 1, price: usd(15_000) },
        { product_id: one, allotted: 30, discount_percent: 99 },
      ],
      starts_at: inMs(hourMs),
      duration_seconds: 60,
      limit_per_shopper: 1000,
      hold_seconds: 3600,
      who: 'anyone',
      admission: { mode: 'open' },
    });
    expect(answer).toMatchObject({
      status: 201,
      json: {
        items: [
          { product_id: two, price: usd(15_000), list_price: usd(20_000), discount_percent: 25 },
          { product_id: one, price: usd(200), allotted: 30 },
        ],
        limit_per_shopper: 1000,
        hold_seconds: 3600,
        who: 'anyone',
      },
    });
    expect([await shop.free(vendor, one), await shop.free(vendor, two)]).toEqual([0, 29]);
  });

  it('once by a key, whatever is asked at the same time', async () => {
    const product = await shop.product(vendor);
    const body = {
      product_id: product,
      allotted: 5,
      discount_percent: 10,
      starts_at: inMs(hourMs),
    };
    const key = ownName('sale');
    const answers = await Promise.all([1, 2, 3].map(() => create(body, key)));
    const ids = new Set(answers.map((answer) => text(answer, 'id')));
    expect(ids.size).toBe(1);
    expect(await shop.free(vendor, product)).toBe(25);
    const again = await create(body, key);
    expect(again.status).toBe(201);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const other = await create({ ...body, allotted: 6 }, key);
    expect(other).toMatchObject({ status: 422, json: { code: 'idempotency_key_reused' } });
    expect(await shop.free(vendor, product)).toBe(25);
  });

  it('is refused, and takes nothing, when one item has not enough', async () => {
    const [one, two] = await Promise.all([shop.product(vendor), shop.product(vendor)]);
    const answer = await create({
      items: [
        { product_id: one, allotted: 30, discount_percent: 10 },
        { product_id: two, allotted: 31, discount_percent: 10 },
      ],
    });
    expect(answer).toMatchObject({
      status: 409,
      json: { code: 'insufficient_supply', available: 30, product_id: two },
    });
    await until('all units are back', async () => (await shop.free(vendor, one)) === 30);
    expect(await shop.free(vendor, two)).toBe(30);
    const { json } = await shop.must(200, 'GET', '/v1/sales?limit=100');
    const listed = json['items'] as readonly { items: readonly { product_id: string }[] }[];
    expect(listed.filter(({ items }) => items.some((i) => i.product_id === one))).toEqual([]);
  });

  it('may be tried again with the key of a refusal', async () => {
    const product = await shop.product(vendor);
    const key = ownName('sale');
    const body = { product_id: product, allotted: 31, discount_percent: 10 };
    const refused = await create(body, key);
    expect(refused.json).toMatchObject({ code: 'insufficient_supply', available: 30 });
    const standing = await shop.standingSaleOf(product);
    const asked = { token: vendor, key, body: { units: 1, new_stock: true } };
    expect((await shop.command('POST', `/v1/sales/${standing}/top-up`, asked)).status).toBe(200);
    const answer = await create(body, key);
    expect(answer.status).toBe(201);
    expect(text(await create(body, key), 'id')).toBe(text(answer, 'id'));
    expect(await shop.free(vendor, product)).toBe(0);
  });

  it('is for one’s own products that exist', async () => {
    const theirs = await shop.product(await shop.vendor());
    for (const product_id of [theirs, 'prd_0000000000000']) {
      const answer = await create({ product_id, allotted: 1, discount_percent: 10 });
      expect(answer).toMatchObject({ status: 404, json: { code: 'not_found' } });
    }
  });

  it('starts now when it should have up to a minute ago, and not before', async () => {
    const product = await shop.product(vendor);
    const body = { product_id: product, allotted: 1, discount_percent: 10 };
    const late = await create({ ...body, starts_at: inMs(-50_000) });
    expect(late.status).toBe(201);
    await shop.isIn(text(late, 'id'), 'live');
    const answer = await create({ ...body, starts_at: inMs(-70_000) });
    expect(answer).toMatchObject({
      status: 400,
      json: { code: 'invalid_request', param: 'starts_at' },
    });
  });
});

describe('the bell', () => {
  const notYet = { code: 'sale_not_started', early: true };
  const listedAs = async (state: string): Promise<readonly string[]> => {
    const { json } = await shop.must(200, 'GET', `/v1/sales?limit=100&state=${state}`);
    return (json['items'] as readonly { id: string }[]).map(({ id }) => id);
  };

  it('is announced: in the list, to who comes too early, in the calendar', async () => {
    const startsAt = inMs(hourMs);
    const sale = await shop.sale(vendor, await shop.product(vendor), { starts_at: startsAt });
    const early = await shop.hold(sale, await shop.shopper());
    expect(early).toMatchObject({
      status: 403,
      json: { code: 'sale_not_started', starts_at: startsAt },
    });
    expect(Math.abs(Date.parse(text(early, 'server_time')) - Date.now())).toBeLessThan(hourMs / 2);
    expect(await listedAs('upcoming')).toContain(sale);
    expect(await listedAs('upcoming,live')).toContain(sale);
    expect(await listedAs('live')).not.toContain(sale);
    const ics = await shop.must(200, 'GET', `/v1/sales/${sale}.ics`);
    expect(ics.headers.get('content-type')).toBe('text/calendar; charset=utf-8');
    const stamp = startsAt.replace(/[-:]|\.\d{3}/g, '');
    expect(ics.text).toContain(`\r\nDTSTART:${stamp}\r\n`);
    expect(ics.text).toContain(`\r\nUID:${sale}@highnoon\r\n`);
    expect(ics.text).toContain(`\r\nSUMMARY:Flash sale: ${laptop.name}\r\n`);
  });

  it('opens the sale by itself: no hold before it, by the server’s own clock', async () => {
    const bell = Date.now() + 2000;
    const more = { starts_at: new Date(bell).toISOString() };
    const sale = await shop.sale(vendor, await shop.product(vendor), more);
    const ann = await shop.shopper();
    await until('a hold is taken', async () => {
      const { status, json } = await shop.hold(sale, ann);
      const at = Date.parse(text(json, 'server_time'));
      if (status === 201) expect(at).toBeGreaterThanOrEqual(bell);
      else expect({ code: json['code'], early: at < bell }).toEqual(notYet);
      return status === 201;
    });
    const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(json).toMatchObject({ state: 'live', ...more, claimed_share: 0.33 });
    await until('it is listed as live', async () => (await listedAs('live')).includes(sale));
    expect(await listedAs('upcoming')).not.toContain(sale);
  });

  it('ends the sale by itself, and unsold units return to the standing sale', async () => {
    const product = await shop.product(vendor);
    const sale = await shop.sale(vendor, product, { allotted: 5, duration_seconds: 1 });
    await shop.isIn(sale, 'closed');
    await until('all units are back', async () => (await shop.free(vendor, product)) === 30);
    const answer = await shop.hold(sale, await shop.shopper());
    expect(answer).toMatchObject({ status: 410, json: { code: 'sale_ended' } });
    const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(json).toMatchObject({ sold_out: false, claimed_share: 0, next_states: [] });
    expect(json['items']).toMatchObject([{ allotted: 5 }]);
  });
});

describe('lists of sales', () => {
  it('come in pages, the soonest first, one’s own in every state', async () => {
    const own = await shop.vendor();
    const product = await shop.product(own);
    const ids: string[] = [];
    for (const hours of [3, 1, 2]) {
      const more = { allotted: 1, starts_at: inMs(hours * hourMs) };
      ids.push(await shop.sale(own, product, more));
    }
    const [third = '', first = '', second = ''] = ids;
    const found: string[] = [];
    let query: string | null = '';
    while (query !== null) {
      const path = `/v1/vendor/sales?limit=2${query}`;
      const { json } = await shop.must(200, 'GET', path, { token: own });
      found.push(...(json['items'] as readonly { id: string }[]).map(({ id }) => id));
      query = json['next_cursor'] === null ? null : `&cursor=${text(json, 'next_cursor')}`;
    }
    expect(found).toEqual([first, second, third]);
  });
});
