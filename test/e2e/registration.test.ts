// A vendor registers: the answer, the event on the topic, the status, the page, the standing sale.
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createKafka } from '../../platform/kafka/index.ts';
import { ownName, silent, until } from '../support/environment.ts';
import { inMs, laptop, Shop, text } from './shop.ts';

const kafka = createKafka({
  brokers: inject('stack').kafka.split(','),
  clientId: ownName('e2e'),
  log: silent,
});
let shop: Shop;
let vendor: string;

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
});
afterAll(() => kafka.close());

const register = (body: object, key?: string, token = vendor) =>
  shop.ask('POST', '/register-product', { token, body, ...(key === undefined ? {} : { key }) });

/** All events of a product on the topic `new-product`, by any partition. */
async function eventsOf(id: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (const [partition, { low, high }] of (await kafka.ends('new-product')).entries()) {
    await kafka.read('new-product', partition, low, high, ({ key, value }) => {
      if (key?.toString() === id) {
        found.push(JSON.parse(value.toString()) as Record<string, unknown>);
      }
    });
  }
  return found;
}

describe('the seed’s own body', () => {
  it('is accepted, announced, and listed with its standing sale', async () => {
    const answer = await register(laptop);
    expect(answer.status).toBe(202);
    const id = text(answer, 'id');
    const statusUrl = text(answer, 'status_url');
    expect(answer.json).toEqual({ id, status: 'accepted', status_url: statusUrl });
    expect(answer.headers.get('location')).toBe(statusUrl);
    const status = await shop.must(200, 'GET', statusUrl, { token: vendor });
    expect(['accepted', 'listed']).toContain(status.json['status']);
    await shop.listed(vendor, statusUrl);

    const [event, ...more] = await eventsOf(id);
    expect(more).toEqual([]);
    expect(event).toMatchObject({ ...laptop, id, price: { amount: 20_000, currency: 'USD' } });
    expect(event).toMatchObject({ vendor_id: expect.stringMatching(/^ven_/) as string });
    expect(Date.parse(String(event?.['registered_at']))).toBeGreaterThan(Date.now() - 60_000);

    const page = await shop.must(200, 'GET', `/v1/products/${id}`);
    expect(page.json).toMatchObject({
      id,
      name: laptop.name,
      description: laptop.description,
      price: { amount: 20_000, currency: 'USD' },
      category: null,
      brand: null,
      images: [],
      attributes: {},
      variants: [],
      availability: 'in_stock',
      sales: [{ kind: 'standing', state: 'live', price: { amount: 20_000, currency: 'USD' } }],
    });
  });

  it('opens a standing sale for anyone: 30 units, 100 a shopper, 300 s', async () => {
    const id = await shop.product(vendor);
    const sale = await shop.standingSaleOf(id);
    const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(json).toMatchObject({
      kind: 'standing',
      state: 'live',
      sold_out: false,
      ends_at: null,
      limit_per_shopper: 100,
      hold_seconds: 300,
      who: 'anyone',
      seed_commitment: null,
      items: [{ product_id: id, allotted: 30, discount_percent: 0 }],
    });
    const answer = await shop.hold(sale, await shop.guest(), 30);
    expect(answer.json).toMatchObject({ amount: { amount: 600_000, currency: 'USD' } });
    expect(answer.json['units']).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    const ics = await shop.ask('GET', `/v1/sales/${sale}.ics`);
    expect(ics.status).toBe(404);
  });

  it('registers another product each time without a key', async () => {
    const [one, two] = [await register(laptop), await register(laptop)];
    expect(text(one, 'id')).not.toBe(text(two, 'id'));
  });
});

describe('with more fields', () => {
  it('keeps what was registered, free attributes above all', async () => {
    const more = {
      sku: 'KL-1',
      category: 'laptops',
      brand: 'KUHL',
      images: ['https://example.com/kuhl.jpg'],
      attributes: { ram: { gb: 10 }, tags: ['a', 'b'], refurbished: false, π: 3.14 },
      options: { size: '15' },
      delivery: { include: [{ country: 'DE' }], eta_days: [2, 4] },
    };
    const id = await shop.product(vendor, more);
    const { delivery, ...shown } = more;
    expect((await shop.must(200, 'GET', `/v1/products/${id}`)).json).toMatchObject(shown);
    expect(await eventsOf(id)).toMatchObject([{ ...laptop, ...shown, delivery }]);
  });

  it('takes money, or dollars with two decimals', async () => {
    const { price_usd: _usd, ...rest } = laptop;
    for (const [price, cents] of [
      [{ price: { amount: 1, currency: 'USD' } }, 1],
      [{ price_usd: 19.99 }, 1999],
      [{ price_usd: 0.07 }, 7],
    ] as const) {
      const answer = await register({ ...rest, ...price });
      expect(answer.status).toBe(202);
      await shop.listed(vendor, text(answer, 'status_url'));
      const page = await shop.must(200, 'GET', `/v1/products/${text(answer, 'id')}`);
      expect(page.json['price']).toEqual({ amount: cents, currency: 'USD' });
    }
  });

  it('lists a variant on the page of its product', async () => {
    const id = await shop.product(vendor);
    const variant = await shop.product(vendor, { variant_of: id, options: { size: '17' } });
    await until('the page tells of the variant', async () => {
      const { json } = await shop.must(200, 'GET', `/v1/products/${id}`);
      const [first] = json['variants'] as readonly Record<string, unknown>[];
      return first?.['id'] === variant;
    });
  });

  it('is a variant of a product of the same vendor only', async () => {
    const theirs = await shop.product(await shop.vendor());
    for (const variant_of of [theirs, 'prd_0000000000000']) {
      const answer = await register({ ...laptop, variant_of });
      expect(answer).toMatchObject({ status: 404, json: { code: 'not_found' } });
    }
  });

  it('lists a product without stock as sold out', async () => {
    const id = await shop.product(vendor, { remaining_supply: 0 });
    const { json } = await shop.must(200, 'GET', `/v1/products/${id}`);
    expect(json['availability']).toBe('sold_out');
    const sale = await shop.standingSaleOf(id);
    const answer = await shop.hold(sale, await shop.shopper());
    expect(answer).toMatchObject({
      status: 409,
      json: { code: 'sold_out', may_return: false },
    });
  });
});

describe('with an Idempotency-Key', () => {
  it('registers once, and answers the same each time', async () => {
    const key = ownName('key');
    const first = await register(laptop, key);
    const again = await register({ ...laptop }, `"${key}"`);
    expect(again.status).toBe(202);
    expect(again.text).toBe(first.text);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    await shop.listed(vendor, text(first, 'status_url'));
    expect((await register(laptop, key)).text).toBe(first.text);
    expect(await eventsOf(text(first, 'id'))).toHaveLength(1);
  });

  it('refuses the key for another body', async () => {
    const key = ownName('key');
    await register(laptop, key);
    const other = await register({ ...laptop, remaining_supply: 31 }, key);
    expect(other).toMatchObject({ status: 422, json: { code: 'idempotency_key_reused' } });
  });

  it('belongs to its vendor, and to its path', async () => {
    const key = ownName('key');
    const first = await register(laptop, key);
    const theirs = await register(laptop, key, await shop.vendor());
    expect(theirs.status).toBe(202);
    expect(text(theirs, 'id')).not.toBe(text(first, 'id'));
    await shop.listed(vendor, text(first, 'status_url'));
    const body = { product_id: text(first, 'id'), allotted: 1, discount_percent: 5 };
    const sale = { ...body, starts_at: inMs(3_600_000) };
    const answer = await shop.create(vendor, sale, key);
    expect(answer.status).toBe(201);
  });

  it('makes one product of many at the same time', async () => {
    const key = ownName('key');
    const answers = await Promise.all(Array.from({ length: 8 }, () => register(laptop, key)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
  });
});
