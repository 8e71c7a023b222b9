// A vendor steers a live sale: pause and resume, top-up, close; what is not sold returns.
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

const create = (body: object): Promise<Answer> => shop.create(vendor, body);

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

  it('have one effect by a key', async () => {
    const sale = await shop.liveSale(vendor);
    const key = ownName('pause');
    const pause = (): Promise<Answer> =>
      shop.command('POST', `/v1/sales/${sale}/pause`, { token: vendor, key });
    expect((await pause()).json).toMatchObject({ state: 'paused' });
    await shop.control('resume', sale, vendor);
    const again = await pause();
    expect(again).toMatchObject({ status: 200, json: { state: 'live' } });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect((await shop.must(200, 'GET', `/v1/sales/${sale}`)).json['state']).toBe('live');
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
    shop.command('POST', `/v1/sales/${sale}/top-up`, {
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
    expect(await shop.free(vendor, product)).toBe(25);
    const more = await topUp(sale, { units: 100, product_id: product, new_stock: true });
    expect(more).toMatchObject({ status: 200, json: { items: [{ allotted: 105 }] } });
    expect(await shop.free(vendor, product)).toBe(25);
    const later = ownName('top-up');
    const refusal = { status: 409, code: 'insufficient_supply', available: 25 };
    expect((await topUp(sale, { units: 26 }, later)).json).toMatchObject(refusal);
    expect(await shop.free(vendor, product)).toBe(25);
    // A refusal does not keep the key, not even for the body it came with.
    expect((await topUp(sale, { units: 25 }, later)).status).toBe(200);
    expect(await shop.free(vendor, product)).toBe(0);
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
    const sale = await shop.standingSaleOf(product);
    expect((await topUp(sale, { units: 1 })).json).toMatchObject({
      status: 400,
      param: 'new_stock',
    });
    expect((await topUp(sale, { units: 5, new_stock: true })).status).toBe(200);
    expect(await shop.free(vendor, product)).toBe(35);
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
    await until('five units are back', async () => (await shop.free(vendor, product)) === 25);
    expect((await shop.pay(paid, ann)).json).toMatchObject({ state: 'paid' });
    expect((await shop.release(released, bob)).json).toMatchObject({ state: 'released' });
    await shop.isIn(sale, 'closed');
    await until('eight units are back', async () => (await shop.free(vendor, product)) === 28);
    const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(json).toMatchObject({ state: 'closed', sold_out: false, claimed_share: 0.2 });
    expect(json['items']).toMatchObject([{ allotted: 10, claimed_share: 0.2 }]);
    expect(await shop.stats(sale, vendor)).toMatchObject({
      ...{ offered: 10, allotted: 2, available: 0, held: 0, sold: 2 },
      items: [{ offered: 10, allotted: 2 }],
    });
    expect((await shop.control('close', sale, vendor)).json['state']).toBe('closed');
    for (const what of ['pause', 'resume'] as const) {
      const answer = await shop.control(what, sale, vendor);
      expect(answer.json).toMatchObject({ status: 409, code: 'illegal_transition' });
    }
    const body = { units: 1 };
    const answer = await shop.command('POST', `/v1/sales/${sale}/top-up`, { token: vendor, body });
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

  it('is not for a sale before its bell, which is cancelled', async () => {
    const starts_at = new Date(Date.now() + 3_600_000).toISOString();
    const sale = await shop.sale(vendor, await shop.product(vendor), { starts_at });
    await shop.isIn(sale, 'scheduled');
    const answer = await shop.control('close', sale, vendor);
    expect(answer.json).toMatchObject({ status: 409, code: 'illegal_transition' });
    expect(answer.json['next_states']).toEqual(['live', 'cancelled']);
    const cancelled = await shop.command('DELETE', `/v1/sales/${sale}`, { token: vendor });
    expect(cancelled).toMatchObject({ status: 200, json: { state: 'cancelled' } });
  });

  it('is not for a standing sale', async () => {
    const sale = await shop.standingSaleOf(await shop.product(vendor));
    for (const what of ['pause', 'resume', 'close'] as const) {
      const answer = await shop.control(what, sale, vendor);
      expect(answer.json).toMatchObject({ status: 409, code: 'illegal_transition' });
    }
  });
});
