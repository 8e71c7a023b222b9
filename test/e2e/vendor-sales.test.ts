// A vendor's flash sale: created with its units fenced, opened at the bell, paused, topped up, closed.
import { beforeAll, describe, expect, it } from 'vitest';
import { ownName, until } from '../support/environment.ts';
import { inMs, Shop, text } from './shop.ts';
import type { Answer } from './client.ts';

let shop: Shop;
let vendor: string;
const hourMs = 3_600_000;

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
});

const usd = (amount: number) => ({ amount, currency: 'USD' });

const create = (body: object, key?: string): Promise<Answer> =>
  shop.ask('POST', '/v1/sales', { token: vendor, body, ...(key === undefined ? {} : { key }) });

async function standingSaleOf(product: string): Promise<string> {
  const { json } = await shop.must(200, 'GET', `/v1/products/${product}`);
  const sales = json['sales'] as readonly { id: string; kind: string }[];
  return sales.find(({ kind }) => kind === 'standing')?.id ?? '';
}

async function free(product: string): Promise<unknown> {
  return (await shop.stats(await standingSaleOf(product), vendor))['available'];
}

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
    expect(await free(product)).toBe(20);
    const known = await shop.must(200, 'GET', `/v1/sales/${text(answer, 'id')}`);
    const { server_time: _then, ...sale } = answer.json;
    expect(known.json).toMatchObject(sale);
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
    expect([await free(one), await free(two)]).toEqual([0, 29]);
  });

  it('once by a key, whatever is asked at the same time', async () => {
    const product = await shop.product(vendor);
    const body = { product_id: product, allotted: 5, discount_percent: 10, starts_at: inMs(hourMs) };
    const key = ownName('sale');
    const answers = await Promise.all([1, 2, 3].map(() => create(body, key)));
    const ids = new Set(answers.map((answer) => text(answer, 'id')));
    expect(ids.size).toBe(1);
    expect(await free(product)).toBe(25);
    const again = await create(body, key);
    expect(again.status).toBe(201);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const other = await create({ ...body, allotted: 6 }, key);
    expect(other).toMatchObject({ status: 422, json: { code: 'idempotency_key_reused' } });
    expect(await free(product)).toBe(25);
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
    await until('all units are back', async () => (await free(one)) === 30);
    expect(await free(two)).toBe(30);
    const { json } = await shop.must(200, 'GET', '/v1/sales?limit=100');
    const listed = json['items'] as readonly { items: readonly { product_id: string }[] }[];
    expect(listed.filter(({ items }) => items.some((i) => i.product_id === one))).toEqual([]);
  });

  it('is for one’s own products that exist', async () => {
    const theirs = await shop.product(await shop.vendor());
    for (const product_id of [theirs, 'prd_0000000000000']) {
      const answer = await create({ product_id, allotted: 1, discount_percent: 10 });
      expect(answer).toMatchObject({ status: 404, json: { code: 'not_found' } });
    }
  });

  it('knows what later versions will do, and says so', async () => {
    const product = await shop.product(vendor);
    const body = { product_id: product, allotted: 1, discount_percent: 10 };
    const schedule = { local_time: '12:00', time_zone: 'Asia/Kolkata', dates: ['2030-06-01'] };
    for (const [more, param] of [
      [{ schedule }, 'schedule'],
      [{ admission: { mode: 'queue' } }, 'admission.mode'],
      [{ admission: { mode: 'draw', turn_seconds: 60, factor: 1 } }, 'admission.mode'],
    ] as const) {
      const answer = await create({ ...body, ...more });
      expect(answer).toMatchObject({ status: 422, json: { code: 'unsupported', param } });
    }
    expect(await free(product)).toBe(30);
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
  it('opens the sale by itself, and is in the lists and the calendar before', async () => {
    const product = await shop.product(vendor);
    const startsAt = inMs(2000);
    const sale = await shop.sale(vendor, product, { starts_at: startsAt });
    const listed = async (query: string): Promise<boolean> => {
      const { json } = await shop.must(200, 'GET', `/v1/sales?limit=100&state=${query}`);
      return (json['items'] as readonly { id: string }[]).some(({ id }) => id === sale);
    };
    const ann = await shop.shopper();
    const early = await shop.hold(sale, ann);
    expect(early).toMatchObject({
      status: 403,
      json: { code: 'sale_not_started', starts_at: startsAt },
    });
    expect(Date.parse(text(early, 'server_time'))).toBeLessThan(Date.parse(startsAt));
    expect([await listed('upcoming'), await listed('live')]).toEqual([true, false]);

    await until('a hold is taken', async () => (await shop.hold(sale, ann)).status === 201);
    const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(json).toMatchObject({ state: 'live', starts_at: startsAt, claimed_share: 0.33 });
    expect(Date.parse(String(json['server_time']))).toBeGreaterThanOrEqual(Date.parse(startsAt));
    await until('it is listed as live', () => listed('live'));
    expect([await listed('upcoming'), await listed('upcoming,live')]).toEqual([false, true]);

    const ics = await shop.must(200, 'GET', `/v1/sales/${sale}.ics`);
    expect(ics.headers.get('content-type')).toBe('text/calendar; charset=utf-8');
    const stamp = startsAt.replace(/[-:]|\.\d{3}/g, '');
    expect(ics.text).toContain(`\r\nDTSTART:${stamp}\r\n`);
    expect(ics.text).toContain(`\r\nUID:${sale}@highnoon\r\n`);
  });

  it('ends the sale by itself, and unsold units return to the standing sale', async () => {
    const product = await shop.product(vendor);
    const sale = await shop.sale(vendor, product, { allotted: 5, duration_seconds: 1 });
    await shop.isIn(sale, 'closed');
    await until('all units are back', async () => (await free(product)) === 30);
    const answer = await shop.hold(sale, await shop.shopper());
    expect(answer).toMatchObject({ status: 410, json: { code: 'sale_ended' } });
    const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(json).toMatchObject({ sold_out: false, claimed_share: 0, next_states: [] });
    expect(json['items']).toMatchObject([{ allotted: 5 }]);
  });
});

describe('pause and resume', () => {
  it('stop holds, and nothing else', async () => {
    const sale = await shop.liveSale(vendor, { limit_per_shopper: 3 });
    const [ann, bob] = [await shop.shopper(), await shop.shopper()];
    const [paid, released] = [await shop.held(sale, ann), await shop.held(sale, bob)];
    const paused = await shop.control('pause', sale, vendor);
    expect(paused).toMatchObject({ status: 200, json: { id: sale, state: 'paused' } });
    expect(paused.json['next_states']).toEqual(['live', 'closing']);
    const refused = await shop.hold(sale, ann);
    expect(refused).toMatchObject({ status: 503, json: { code: 'sale_paused' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(refused.json['retry_after_ms']).toBeGreaterThan(0);
    expect((await shop.pay(paid, ann)).json).toMatchObject({ state: 'paid' });
    expect((await shop.release(released, bob)).json).toMatchObject({ state: 'released' });
    expect((await shop.control('pause', sale, vendor)).json).toMatchObject({ state: 'paused' });
    const resumed = await shop.control('resume', sale, vendor);
    expect(resumed).toMatchObject({ status: 200, json: { state: 'live' } });
    expect((await shop.hold(sale, ann)).status).toBe(201);
  });

  it.each(['pause', 'resume'] as const)('%s is not for a sale before its bell', async (what) => {
    const product = await shop.product(vendor);
    const sale = await shop.sale(vendor, product, { starts_at: inMs(hourMs) });
    const answer = await shop.control(what, sale, vendor);
    expect(answer).toMatchObject({
      status: 409,
      json: { code: 'illegal_transition', next_states: ['live', 'cancelled'] },
    });
    expect((await shop.must(200, 'GET', `/v1/sales/${sale}`)).json['state']).toBe('scheduled');
  });
});

describe('top-up', () => {
  const topUp = (sale: string, body: object, key?: string): Promise<Answer> =>
    shop.ask('POST', `/v1/sales/${sale}/top-up`, {
      token: vendor,
      body,
      ...(key === undefined ? {} : { key }),
    });

  it('takes from the standing sale, or adds new stock, once by a key', async () => {
    const product = await shop.product(vendor);
    const sale = await shop.sale(vendor, product, { starts_at: inMs(hourMs) });
    const key = ownName('top-up');
    const answer = await topUp(sale, { units: 2 }, key);
    expect(answer).toMatchObject({ status: 200, json: { items: [{ allotted: 5 }] } });
    const again = await topUp(sale, { units: 2 }, key);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect((await topUp(sale, { units: 3 }, key)).json['code']).toBe('idempotency_key_reused');
    expect(await free(product)).toBe(25);
    const more = await topUp(sale, { units: 100, product_id: product, new_stock: true });
    expect(more).toMatchObject({ status: 200, json: { items: [{ allotted: 105 }] } });
    expect(await free(product)).toBe(25);
    expect((await topUp(sale, { units: 26 })).json).toMatchObject({
      status: 409,
      code: 'insufficient_supply',
      available: 25,
    });
    expect(await free(product)).toBe(25);
  });

  it('asks which item, when there are several, and takes only the sale’s own', async () => {
    const [one, two, other] = await Promise.all([1, 2, 3].map(() => shop.product(vendor)));
    const items = [one, two].map((id) => ({ product_id: id, allotted: 1, discount_percent: 5 }));
    const sale = text(await create({ items, starts_at: inMs(hourMs) }), 'id');
    for (const body of [{ units: 1 }, { units: 1, product_id: other }]) {
      const { json } = await topUp(sale, body);
      expect(json).toMatchObject({ status: 400, code: 'invalid_request', param: 'product_id' });
    }
    const { json } = await topUp(sale, { units: 4, product_id: two });
    expect(json['items']).toMatchObject([{ allotted: 1 }, { allotted: 5 }]);
  });

  it('makes a standing sale larger with new stock only', async () => {
    const product = await shop.product(vendor);
    const sale = await standingSaleOf(product);
    expect((await topUp(sale, { units: 1 })).json).toMatchObject({
      status: 400,
      param: 'new_stock',
    });
    expect((await topUp(sale, { units: 5, new_stock: true })).status).toBe(200);
    expect(await free(product)).toBe(35);
  });
});

describe('close', () => {
  it('lets live holds be paid, then returns what was not sold', async () => {
    const product = await shop.product(vendor);
    const sale = await shop.sale(vendor, product, { allotted: 10, limit_per_shopper: 5 });
    await shop.isIn(sale, 'live');
    const [ann, bob] = [await shop.shopper(), await shop.shopper()];
    const [paid, released] = [await shop.held(sale, ann, 2), await shop.held(sale, bob, 3)];
    const closed = await shop.control('close', sale, vendor);
    expect(closed).toMatchObject({ status: 200, json: { state: 'closing', sold_out: false } });
    expect(closed.json['items']).toMatchObject([{ allotted: 10, claimed_share: 0.5 }]);
    expect((await shop.hold(sale, ann)).json).toMatchObject({ status: 410, code: 'sale_ended' });
    await until('five units are back', async () => (await free(product)) === 25);
    expect((await shop.pay(paid, ann)).json).toMatchObject({ state: 'paid' });
    expect((await shop.release(released, bob)).json).toMatchObject({ state: 'released' });
    await shop.isIn(sale, 'closed');
    await until('eight units are back', async () => (await free(product)) === 28);
    const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(json).toMatchObject({ state: 'closed', sold_out: false, claimed_share: 0.2 });
    expect(json['items']).toMatchObject([{ allotted: 10, claimed_share: 0.2 }]);
    expect(await shop.stats(sale, vendor)).toMatchObject({ available: 0, held: 0, sold: 2 });
    expect((await shop.control('close', sale, vendor)).json['state']).toBe('closed');
    for (const what of ['pause', 'resume'] as const) {
      const answer = await shop.control(what, sale, vendor);
      expect(answer.json).toMatchObject({ status: 409, code: 'illegal_transition' });
    }
    const body = { units: 1 };
    const answer = await shop.ask('POST', `/v1/sales/${sale}/top-up`, { token: vendor, body });
    expect(answer.json).toMatchObject({ status: 409, code: 'illegal_transition' });
  });

  it('says sold out of a sale that sold all it had', async () => {
    const sale = await shop.liveSale(vendor, { allotted: 1 });
    const ann = await shop.shopper();
    await shop.pay(await shop.held(sale, ann), ann);
    await shop.control('close', sale, vendor);
    await shop.isIn(sale, 'closed');
    const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(json).toMatchObject({ sold_out: true, claimed_share: 1 });
  });

  it('is not for a standing sale', async () => {
    const sale = await standingSaleOf(await shop.product(vendor));
    for (const what of ['pause', 'resume', 'close'] as const) {
      const answer = await shop.control(what, sale, vendor);
      expect(answer.json).toMatchObject({ status: 409, code: 'illegal_transition' });
    }
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
    let cursor: unknown = null;
    do {
      const query = cursor === null ? '' : `&cursor=${String(cursor)}`;
      const path = `/v1/vendor/sales?limit=2${query}`;
      const { json } = await shop.must(200, 'GET', path, { token: own });
      found.push(...(json['items'] as readonly { id: string }[]).map(({ id }) => id));
      cursor = json['next_cursor'];
    } while (cursor !== null);
    expect(found).toEqual([first, second, third]);
  });
});
