// Shoppers buy: hold, details, pay, release, expiry, resale, limits, cool-down, lists, counts.
import { beforeAll, describe, expect, it } from 'vitest';
import { ownName, until } from '../support/environment.ts';
import { details, Shop, testMethod, text } from './shop.ts';
import type { Shopper } from './shop.ts';

let shop: Shop;
let vendor: string;
let ann: Shopper;
let bob: Shopper;

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
  [ann, bob] = await Promise.all([shop.shopper(), shop.shopper()]);
});

const usd = (amount: number) => ({ amount, currency: 'USD' });
const order = async (id: string, shopper: Shopper) => (await shop.order(id, shopper)).json;

describe('a hold', () => {
  it('sets units aside until its deadline, and is the order', async () => {
    const sale = await shop.liveSale(vendor, { limit_per_shopper: 2, hold_seconds: 60 });
    const answer = await shop.hold(sale, ann, 2);
    expect(answer.status).toBe(201);
    const id = text(answer, 'id');
    expect(answer.json).toMatchObject({
      state: 'held',
      units: [1, 2],
      amount: usd(20_000),
      next_states: ['paid', 'released', 'expired'],
    });
    const [deadline, now] = ['hold_expires_at', 'server_time'].map((n) => text(answer, n));
    expect(Date.parse(deadline ?? '') - Date.parse(now ?? '')).toBe(60_000);
    expect(await order(id, ann)).toMatchObject({
      id,
      state: 'held',
      payment: 'none',
      parcel: 'none',
      sale_id: sale,
      lines: [{ sale_id: sale, units: [1, 2], price: usd(10_000) }],
      units: [1, 2],
      amount: usd(20_000),
      hold_expires_at: deadline,
      timeline: [{ type: 'held', at: now }],
      email: null,
      address: null,
    });
  });

  it('is replayed byte for byte by its key, whatever became of it', async () => {
    const sale = await shop.liveSale(vendor, { limit_per_shopper: 2 });
    const key = ownName('key');
    const first = await shop.hold(sale, ann, 1, key);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    const replay = async (): Promise<void> => {
      const again = await shop.hold(sale, ann, 1, `"${key}"`);
      expect(again).toMatchObject({ status: 201, text: first.text });
      expect(again.headers.get('idempotent-replayed')).toBe('true');
    };
    await replay();
    await shop.pay(text(first, 'id'), ann);
    await replay();
    const other = await shop.hold(sale, ann, 2, key);
    expect(other).toMatchObject({ status: 422, json: { code: 'idempotency_key_reused' } });
    await shop.control('close', sale, vendor);
    await replay();
    // The key is the caller's and the path's: elsewhere it means another hold.
    const elsewhere = await shop.liveSale(vendor);
    const [mine, theirs] = [
      await shop.hold(elsewhere, ann, 1, key),
      await shop.hold(elsewhere, bob, 1, key),
    ];
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(new Set([first, mine, theirs].map((answer) => text(answer, 'id'))).size).toBe(3);
  });

  it('is one hold of many at the same time', async () => {
    const sale = await shop.liveSale(vendor, { limit_per_shopper: 3 });
    const key = ownName('key');
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => shop.hold(sale, ann, 1, key)),
    );
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    expect(await shop.stats(sale, vendor)).toMatchObject({ held: 1, available: 2 });
  });

  it('counts holds and sales against the limit, for the whole sale', async () => {
    const [one, two] = await Promise.all([shop.product(vendor), shop.product(vendor)]);
    const items = [one, two].map((id) => ({ product_id: id, allotted: 5, discount_percent: 50 }));
    const body = { items, limit_per_shopper: 3 };
    const sale = text(await shop.create(vendor, body), 'id');
    await shop.isIn(sale, 'live');
    const unsaid = await shop.hold(sale, ann);
    expect(unsaid.json).toMatchObject({ status: 400, param: 'product_id' });
    const nothing = await shop.hold(sale, ann, 1, ownName('key'), {
      product_id: 'prd_0000000000000',
    });
    expect(nothing.json).toMatchObject({ status: 404, code: 'not_found' });
    await shop.pay(await shop.held(sale, ann, 2, { product_id: one }), ann);
    const over = await shop.hold(sale, ann, 2, ownName('key'), { product_id: two });
    expect(over.json).toMatchObject({ status: 409, code: 'limit_reached', limit: 3, owned: 2 });
    const last = await shop.held(sale, ann, 1, { product_id: two });
    expect(await order(last, ann)).toMatchObject({
      lines: [{ product_id: two, units: [1], price: usd(10_000) }],
    });
    expect(await shop.stats(sale, vendor)).toMatchObject({
      allotted: 10,
      available: 7,
      held: 1,
      sold: 2,
      items: [
        { product_id: one, allotted: 5, available: 3, held: 0, sold: 2 },
        { product_id: two, allotted: 5, available: 4, held: 1, sold: 0 },
      ],
    });
  });

  it('is refused when sold out: what is free, and whether more may return', async () => {
    const sale = await shop.liveSale(vendor, { allotted: 2, limit_per_shopper: 2 });
    const held = await shop.held(sale, ann);
    const two = await shop.hold(sale, bob, 2);
    const refusal = { status: 409, code: 'sold_out' };
    expect(two.json).toMatchObject({ ...refusal, available: 1, may_return: true });
    const paid = await shop.held(sale, bob);
    expect((await shop.hold(sale, bob)).json).toMatchObject({
      ...refusal,
      available: 0,
      may_return: true,
    });
    const sold = { state: 'live', sold_out: true, claimed_share: 1 };
    const before = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(before.json).toMatchObject({ ...sold, may_return: true });
    await shop.pay(held, ann);
    await shop.pay(paid, bob);
    const carol = await shop.shopper();
    expect((await shop.hold(sale, carol)).json).toMatchObject({
      ...refusal,
      available: 0,
      may_return: false,
    });
    const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(json).toMatchObject({ ...sold, may_return: false });
  });

  it('needs a verified shopper, unless the sale is for anyone', async () => {
    const guest = await shop.guest();
    const verified = await shop.liveSale(vendor);
    expect((await shop.hold(verified, guest)).json).toMatchObject({
      status: 403,
      code: 'forbidden',
    });
    const anyone = await shop.liveSale(vendor, { who: 'anyone' });
    const id = await shop.held(anyone, guest);
    expect((await shop.pay(id, guest)).json).toMatchObject({ state: 'paid' });
  });
});

describe('paying', () => {
  it('needs e-mail and address, before or with it', async () => {
    const sale = await shop.liveSale(vendor, { limit_per_shopper: 3 });
    const id = await shop.held(sale, ann);
    const bare = await shop.pay(id, ann, testMethod);
    expect(bare.json).toMatchObject({ status: 422, code: 'details_required' });
    const set = await shop.ask('PATCH', `/v1/orders/${id}`, { token: ann.token, body: details });
    expect(set).toMatchObject({ status: 200, json: { ...details, state: 'held' } });
    const { json } = await shop.pay(id, ann, testMethod);
    expect(json).toMatchObject({
      id,
      state: 'paid',
      payment: 'paid',
      next_states: [],
    });
    const at = text(json, 'server_time');
    expect(json['timeline']).toMatchObject([{ type: 'held' }, { type: 'paid', at }]);
    const with_ = await shop.held(sale, ann);
    expect((await shop.pay(with_, ann)).json).toMatchObject({ state: 'paid' });
    expect(await order(with_, ann)).toMatchObject(details);
  });

  it('takes the saved ones where none were sent', async () => {
    const sale = await shop.liveSale(vendor, { limit_per_shopper: 3 });
    const bea = await shop.shopper();
    const { token } = bea;
    const id = await shop.held(sale, bea);
    await shop.must(200, 'PUT', '/v1/me/addresses', { token, body: { country: 'DE' } });
    expect((await shop.pay(id, bea, testMethod)).json).toMatchObject({ code: 'details_required' });
    const body = { ...details.address, email: details.email };
    await shop.must(200, 'PUT', '/v1/me/addresses', { token, body });
    expect((await shop.pay(id, bea, testMethod)).json).toMatchObject({ id, state: 'paid' });
    expect(await order(id, bea)).toMatchObject(details);
  });

  it('is done once by a key, and for ever', async () => {
    const sale = await shop.liveSale(vendor, { limit_per_shopper: 3 });
    const id = await shop.held(sale, ann);
    const key = ownName('pay');
    const body = { ...testMethod, ...details };
    const first = await shop.pay(id, ann, body, key);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    const again = await shop.pay(id, ann, body, key);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again).toMatchObject({ status: 200, text: first.text });
    expect((await shop.pay(id, ann, testMethod, key)).json).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
    });
    const twice = await shop.pay(id, ann);
    expect(twice.json).toMatchObject({ status: 409, code: 'illegal_transition', next_states: [] });
    const cancelled = await shop.release(id, ann);
    expect(cancelled.json).toMatchObject({ status: 422, code: 'unsupported' });
    const late = await shop.ask('PATCH', `/v1/orders/${id}`, { token: ann.token, body: details });
    expect(late.json).toMatchObject({ status: 409, code: 'illegal_transition', state: 'paid' });
    expect(await order(id, ann)).toMatchObject({ state: 'paid', ...details });
  });

  it('knows cards, and says that it does not take them yet', async () => {
    const id = await shop.held(await shop.liveSale(vendor), ann);
    const { json } = await shop.pay(id, ann, { method: { type: 'card', token: 'tok_x' } });
    expect(json).toMatchObject({ status: 422, code: 'unsupported', param: 'method.type' });
    expect(await order(id, ann)).toMatchObject({ state: 'held', email: null });
  });
});

describe('letting go', () => {
  it('returns units, which go out again first and lowest first', async () => {
    const sale = await shop.liveSale(vendor, { allotted: 5, limit_per_shopper: 4 });
    const [one, two] = [await shop.held(sale, ann), await shop.held(sale, ann, 2)];
    await shop.held(sale, bob);
    const released = await shop.release(two, ann);
    expect(released).toMatchObject({
      status: 200,
      json: { id: two, state: 'released', units: [2, 3], next_states: [] },
    });
    await shop.release(one, ann);
    const again = await shop.hold(sale, ann, 4);
    expect(again.json['units']).toEqual([1, 2, 3, 5]);
    expect((await shop.release(one, ann)).json).toMatchObject({
      status: 409,
      code: 'illegal_transition',
      state: 'released',
    });
    expect((await shop.pay(one, ann)).json).toMatchObject({ status: 410, code: 'hold_expired' });
    expect(await order(one, ann)).toMatchObject({ state: 'released', payment: 'none' });
  });

  it('is replayed by its key', async () => {
    const sale = await shop.liveSale(vendor);
    const id = await shop.held(sale, ann);
    const asked = { token: ann.token, key: ownName('release') };
    const first = await shop.ask('DELETE', `/v1/orders/${id}`, asked);
    const again = await shop.ask('DELETE', `/v1/orders/${id}`, asked);
    expect(again).toMatchObject({ status: 200, text: first.text });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  it('keeps a late retry of its details from what came after', async () => {
    const sale = await shop.liveSale(vendor, {});
    const path = `/v1/orders/${await shop.held(sale, ann)}`;
    const asked = { token: ann.token, key: ownName('details'), body: details };
    expect(await shop.ask('PATCH', path, asked)).toMatchObject({ status: 200 });
    const body = { email: 'later@example.org' };
    expect(await shop.ask('PATCH', path, { token: ann.token, body })).toMatchObject({
      status: 200,
    });
    const late = await shop.ask('PATCH', path, asked);
    expect(late).toMatchObject({ status: 200, json: body });
    expect(late.headers.get('idempotent-replayed')).toBe('true');
    const other = await shop.ask('PATCH', path, { ...asked, body });
    expect(other.json).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  });

  it('happens by itself at the deadline, and the units are sold again', async () => {
    const sale = await shop.liveSale(vendor, { allotted: 1, hold_seconds: 1 });
    const id = await shop.held(sale, ann);
    await shop.ask('PATCH', `/v1/orders/${id}`, { token: ann.token, body: details });
    await shop.orderIsIn(id, ann, 'expired');
    for (const answer of [
      await shop.pay(id, ann),
      await shop.ask('PATCH', `/v1/orders/${id}`, { token: ann.token, body: details }),
    ]) {
      expect(answer.json).toMatchObject({ status: 410, code: 'hold_expired' });
    }
    expect((await shop.release(id, ann)).json).toMatchObject({ status: 409, state: 'expired' });
    const next = await shop.hold(sale, bob);
    expect(next.json).toMatchObject({ units: [1] });
    expect((await shop.pay(text(next, 'id'), bob)).json).toMatchObject({ state: 'paid' });
    expect(await shop.stats(sale, vendor)).toMatchObject({ expired: 1, released: 0, sold: 1 });
  });

  it('of a third hold makes the next one wait', async () => {
    const sale = await shop.liveSale(vendor, { limit_per_shopper: 3 });
    for (const _ of [1, 2, 3]) await shop.release(await shop.held(sale, ann), ann);
    const answer = await shop.hold(sale, ann);
    expect(answer.json).toMatchObject({ status: 429, code: 'rate_limited' });
    const waitMs = Number(answer.json['retry_after_ms']);
    expect(waitMs).toBeGreaterThan(0);
    expect(answer.headers.get('retry-after')).toBe(String(Math.ceil(waitMs / 1000)));
    // Others need not wait, nor she elsewhere.
    expect((await shop.hold(sale, bob)).status).toBe(201);
    expect((await shop.hold(await shop.liveSale(vendor), ann)).status).toBe(201);
  });
});

describe('one’s own orders', () => {
  it('are listed with how far the list has come, in pages, the latest first', async () => {
    const carol = await shop.shopper();
    const sale = await shop.liveSale(vendor, { allotted: 5, limit_per_shopper: 5 });
    const ids: string[] = [];
    for (const _ of [1, 2, 3]) ids.push(await shop.held(sale, carol));
    const [first = '', second = '', third = ''] = ids;
    const heldAt = Date.parse(text(await order(third, carol), 'held_at'));
    const list = async (query: string) =>
      (await shop.must(200, 'GET', `/v1/orders${query}`, { token: carol.token })).json;
    await until('the list has come so far', async () => {
      return Date.parse(text(await list(''), 'as_of')) >= heldAt;
    });
    await shop.pay(first, carol);
    await shop.release(second, carol);
    const found: { id: string; state: string }[] = [];
    const states = async (): Promise<readonly { id: string; state: string }[]> =>
      (await list(''))['items'] as readonly { id: string; state: string }[];
    await until('the ends have settled', async () => {
      found.splice(0, found.length, ...(await states()));
      return found.filter(({ state }) => state === 'held').length === 1;
    });
    expect(found.map(({ id, state }) => [id, state])).toEqual([
      [third, 'held'],
      [second, 'released'],
      [first, 'paid'],
    ]);
    const active = (await list('?state=active'))['items'] as readonly { id: string }[];
    expect(active.map(({ id }) => id)).toEqual([third, first]);
    const page = await list('?limit=2');
    expect((page['items'] as readonly { id: string }[]).map(({ id }) => id)).toEqual([
      third,
      second,
    ]);
    const rest = await list(`?limit=2&cursor=${text(page, 'next_cursor')}`);
    expect(rest['items']).toMatchObject([{ id: first, state: 'paid' }]);
    expect(rest['next_cursor']).toBeNull();
  });
});

describe('stats', () => {
  it('are exact: units, ends and refusals', async () => {
    const sale = await shop.liveSale(vendor, { allotted: 6, limit_per_shopper: 3 });
    const carol = await shop.shopper();
    const paid = await shop.held(sale, carol, 3);
    await shop.pay(paid, carol);
    const [a, b] = [await shop.shopper(), await shop.shopper()];
    await shop.release(await shop.held(sale, a, 2), a);
    await shop.held(sale, b);
    await shop.hold(sale, b, 3); // over her limit
    await shop.hold(sale, a, 3); // over what is free
    await shop.hold(sale, await shop.guest());
    expect(await shop.stats(sale, vendor)).toMatchObject({
      id: sale,
      state: 'live',
      allotted: 6,
      available: 2,
      held: 1,
      sold: 3,
      expired: 0,
      released: 2,
      attempts: 6,
      refused: { limit_reached: 1, sold_out: 1, forbidden: 1 },
    });
    await until('nothing is in doubt', async () => {
      const { in_doubt } = await shop.stats(sale, vendor);
      return (in_doubt as { count: number }).count === 0;
    });
  });
});
