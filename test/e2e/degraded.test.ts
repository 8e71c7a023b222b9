// What is left of the shop when one process of it stands still: sales go on without all but Redis,
// each refusal is the documented one, and nothing is lost once it is back.
import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { highnoon } from '../support/command.ts';
import { ownName, until } from '../support/environment.ts';
import { familyOf, signalAll } from '../support/processes.ts';
import type { Answer } from './client.ts';
import { expectProblem } from './problem.ts';
import { mustPidOf } from './running.ts';
import { details, laptop, Shop, testMethod, text } from './shop.ts';
import type { Shopper } from './shop.ts';

const { catalog, dir } = inject('stack');
let shop: Shop;
let vendor: string;
let product: string;
let sale: string;
/** Has a line, which serves whoever comes. */
let lined: string;
let ann: Shopper;
/** Held, with its details stored. */
let ready: string;
/** Held, without them. */
let bare: string;

let stopped: number[] = [];

/** Stops a process and all below it; each test begins with everything at work. */
function stop(name: string): void {
  stopped = familyOf(mustPidOf(name));
  signalAll(stopped, 'SIGSTOP');
}

function resume(): void {
  signalAll(stopped, 'SIGCONT');
  stopped = [];
}

const health = (): Promise<Answer> => shop.ask('GET', '/health/ready');

async function healthIs(status: number, word: string, checks: object): Promise<void> {
  await until(`the api is ${word}`, async () => (await health()).json['status'] === word);
  const answer = await health();
  expect(answer.status).toBe(status);
  expect(answer.json).toMatchObject({ status: word, checks });
}

/** Also in the window, which answers from memory for a while after Postgres is back. */
async function allWell(): Promise<void> {
  await healthIs(200, 'ok', {});
  await until('the catalog is ok', async () => {
    const response = await fetch(`${catalog}/health/ready`);
    return ((await response.json()) as { status: string }).status === 'ok';
  });
}

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
  product = await shop.product(vendor, { remaining_supply: 1000 });
  sale = await shop.sale(vendor, product, { allotted: 500, limit_per_shopper: 500 });
  lined = await shop.sale(vendor, product, { allotted: 100, admission: { mode: 'queue' } });
  for (const one of [sale, lined]) await shop.isIn(one, 'live');
});

const lineUp = ({ token }: Shopper, key = ownName('join')): Promise<Answer> =>
  shop.ask('POST', `/v1/sales/${lined}/tickets`, { token, key });

const ticket = ({ token }: Shopper, method = 'GET', key = ownName('ticket')): Promise<Answer> =>
  shop.ask(method, `/v1/sales/${lined}/tickets/me`, { token, key });

/** Takes a place, looks at it and gives it up: what needs no store but Redis. */
async function queues(): Promise<void> {
  const bob = await shop.shopper();
  const joined = await lineUp(bob);
  expect(joined.status).toBe(201);
  const read = await ticket(bob);
  expect(read.status).toBe(200);
  expect(read.json).toMatchObject({ id: text(joined, 'id'), number: joined.json['number'] });
  const left = await ticket(bob, 'DELETE');
  expect({ status: left.status, state: left.json['state'] }).toEqual({
    status: 200,
    state: 'left',
  });
}

/** A new shopper with two holds, for each test: who lets go too many has to wait. */
async function prepare(): Promise<void> {
  await allWell();
  ann = await shop.shopper();
  ready = await shop.held(sale, ann);
  bare = await shop.held(sale, ann);
  await shop.must(200, 'PATCH', `/v1/orders/${ready}`, { token: ann.token, body: details });
}

afterEach(async () => {
  resume();
  await allWell();
});

/** Holds, reads and pays: what needs no store but Redis. */
async function sells(): Promise<void> {
  const key = ownName('hold');
  const held = await shop.hold(sale, ann, 1, key);
  expect(held.status).toBe(201);
  const again = await shop.hold(sale, ann, 1, key);
  expect({ text: again.text, status: again.status }).toEqual({ text: held.text, status: 201 });
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  const order = text(held, 'id');
  expect((await shop.order(order, ann)).json).toMatchObject({ id: order, state: 'held' });
  expect((await shop.release(order, ann)).json['state']).toBe('released');
  expect((await shop.pay(ready, ann, testMethod)).json['state']).toBe('paid');
}

/** The window as it always is: found, kept, chosen. */
async function shows(): Promise<void> {
  const { token } = ann;
  const line = `/v1/cart/lines/${product}`;
  const put = await shop.must(200, 'PUT', line, { token, body: { quantity: 2 } });
  expect(put.json).toMatchObject({ lines: [{ product_id: product, quantity: 2 }], stale: false });
  expect((await shop.must(200, 'GET', '/v1/cart', { token })).json['lines']).toHaveLength(1);
  await shop.must(200, 'PUT', `/v1/wishlist/${product}`, { token });
  await shop.must(200, 'PUT', '/v1/me/addresses', { token, body: { country: 'DE' } });
  expect((await shop.must(200, 'GET', `/v1/products/${product}`)).json['id']).toBe(product);
}

const checkout = (key = ownName('checkout')): Promise<Answer> => {
  const body = { cart: true, ...details };
  return shop.ask('POST', '/v1/checkout', { token: ann.token, key, body });
};

describe('without Kafka', () => {
  it('sales go on, and registrations wait for it', async () => {
    await prepare();
    stop('kafka');
    await healthIs(200, 'degraded', { kafka: 'away', redis: 'ok', lanes: 'ok' });
    await sells();
    await shows();
    expect((await checkout()).status).toBe(201);
    expect((await shop.order(ready, ann)).json).toMatchObject({ state: 'paid', payment: 'paid' });

    const asked = { token: vendor, body: laptop, key: ownName('register') };
    const accepted = await shop.must(202, 'POST', '/register-product', asked);
    const statusUrl = text(accepted, 'status_url');
    const status = () => shop.must(200, 'GET', statusUrl, { token: vendor });
    expect((await status()).json['status']).toBe('accepted');

    const body = { product_id: product, allotted: 1, discount_percent: 10 };
    const creation = { token: vendor, body, key: ownName('sale') };
    const unsettled = await shop.ask('POST', '/v1/sales', creation);
    expectProblem(unsettled, 503, 'unavailable');
    expect(unsettled.json['retry_after_ms']).toBeGreaterThan(0);
    expect(unsettled.headers.get('retry-after')).toMatch(/^\d+$/);

    resume();
    await shop.listed(vendor, statusUrl);
    const settled = await shop.command('POST', '/v1/sales', creation);
    expect(settled.status).toBe(201);
    await until('the list has the payment', async () => {
      const { json } = await shop.must(200, 'GET', '/v1/orders?limit=100', { token: ann.token });
      const items = json['items'] as readonly { id: string; state: string }[];
      return items.some(({ id, state }) => id === ready && state === 'paid');
    });
  });
});

describe('without Postgres', () => {
  it('sales go on; what it owns is 503, and nothing is forgotten', async () => {
    await prepare();
    await shows();
    const shown = await shop.must(200, 'GET', salesPath);
    expect(idsOf(shown)).not.toHaveLength(0);
    expect(shown.json['stale']).toBe(false);
    stop('postgres');
    await healthIs(200, 'degraded', { postgres: 'away', redis: 'ok', lanes: 'ok' });
    await sells();
    await queues();
    // What it keeps cannot be asked of anything else.
    expectProblem(await shop.pay(bare, ann), 503, 'unavailable');
    const list = await shop.ask('GET', '/v1/orders', { token: ann.token });
    expectProblem(list, 503, 'unavailable');
    const asked = { token: vendor, body: laptop };
    expectProblem(await shop.ask('POST', '/register-product', asked), 503, 'unavailable');
    const page = await shop.must(200, 'GET', `/v1/products/${product}`);
    expect(page.json).toMatchObject({ id: product, stale: true });
    // The list as it was; its counts are the lanes'. One that nobody saw is not known.
    const remembered = await shop.must(200, 'GET', salesPath);
    expect(idsOf(remembered)).toEqual(idsOf(shown));
    expect(remembered.json['stale']).toBe(true);
    expectProblem(await shop.ask('GET', '/v1/sales?limit=97'), 503, 'unavailable');
    const { token } = ann;
    const cart = await shop.must(200, 'GET', '/v1/cart', { token });
    expect(cart.json).toMatchObject({ lines: [{ product_id: product, quantity: 2 }], stale: true });
    expect((await shop.must(200, 'GET', '/v1/wishlist', { token })).json['stale']).toBe(true);
    const line = `/v1/cart/lines/${product}`;
    const changed = await shop.ask('PUT', line, { token, body: { quantity: 3 } });
    expectProblem(changed, 503, 'unavailable');
    expectProblem(await checkout(), 503, 'unavailable');

    resume();
    await allWell();
    expect((await shop.pay(bare, ann)).json['state']).toBe('paid');
    expect((await shop.order(ready, ann)).json).toMatchObject({ state: 'paid', ...details });
  });
});

const salesPath = '/v1/sales?state=live&limit=99';
const idsOf = ({ json }: Answer): readonly string[] =>
  (json['items'] as readonly { id: string }[]).map(({ id }) => id);

async function joinedIn(of: string): Promise<number> {
  const { line } = await shop.stats(of, vendor);
  return (line as { joined: number }).joined;
}

describe('without Redis', () => {
  it('nothing is decided, and what was asked meanwhile has one effect', async () => {
    await prepare();
    const before = await shop.stats(sale, vendor);
    const [bob, eve] = [await shop.shopper(), await shop.shopper()];
    expect((await lineUp(bob)).status).toBe(201);
    const joinedBefore = await joinedIn(lined);
    stop('redis');
    await healthIs(503, 'unavailable', { redis: 'away', postgres: 'ok' });
    const [holdKey, payKey] = [ownName('hold'), ownName('pay')];
    const hold = () => shop.hold(sale, ann, 1, holdKey);
    const pay = () => shop.pay(ready, ann, testMethod, payKey);
    const [joinKey, leaveKey] = [ownName('join'), ownName('leave')];
    const leave = () => ticket(bob, 'DELETE', leaveKey);
    const ofShop = [await hold(), await pay(), await shop.order(ready, ann)];
    const ofLine = [await lineUp(eve, joinKey), await ticket(bob), await leave()];
    for (const answer of [...ofShop, ...ofLine]) {
      expectProblem(answer, 503, 'unavailable');
      expect(answer.json['retry_after_ms']).toBeGreaterThan(0);
    }
    const stats = await shop.ask('GET', `/v1/sales/${sale}/stats`, { token: vendor });
    expectProblem(stats, 503, 'unavailable');
    const shown = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(shown.json).toMatchObject({ id: sale, state: 'live', sold_out: null });
    await shows();
    const checkoutKey = ownName('checkout');
    expectProblem(await checkout(checkoutKey), 503, 'unavailable');
    const asked = { token: vendor, body: laptop };
    const accepted = await shop.must(202, 'POST', '/register-product', asked);

    resume();
    await allWell();
    // What was answered 503 may have been done; asked again by its key it is done once.
    expect((await hold()).status).toBe(201);
    expect((await pay()).json['state']).toBe('paid');
    // Two units, which the cart holds.
    expect((await checkout(checkoutKey)).status).toBe(201);
    expect(await shop.stats(sale, vendor)).toMatchObject({
      held: Number(before['held']) + 2,
      sold: Number(before['sold']) + 1,
    });
    const joined = await lineUp(eve, joinKey);
    expect(joined.status).toBe(201);
    expect((await ticket(eve)).json).toMatchObject({
      id: text(joined, 'id'),
      state: expect.stringMatching(/^(waiting|admitted)$/) as string,
    });
    expect((await leave()).json['state']).toBe('left');
    expect((await ticket(bob)).json['state']).toBe('left');
    expect(await joinedIn(lined)).toBe(joinedBefore + 1);
    await shop.listed(vendor, text(accepted, 'status_url'));
  });
});

describe('without the worker', () => {
  it('sales go on, and settle once it is back', async () => {
    await prepare();
    stop('worker');
    await healthIs(200, 'degraded', { worker: 'away', redis: 'ok', lanes: 'ok' });
    await sells();
    await shows();
    resume();
    await until('the payment is settled', async () => {
      const { in_doubt } = await shop.stats(sale, vendor);
      return (in_doubt as { count: number }).count === 0;
    });
  });
});

describe('without the catalog', () => {
  it('sales go on, and the window says that it is away', async () => {
    await prepare();
    stop('catalog');
    await healthIs(200, 'degraded', { catalog: 'away', redis: 'ok', lanes: 'ok' });
    await sells();
    // Nobody can say whether it is delivered there: that is no reason not to sell.
    expect((await shop.pay(bare, ann)).json['state']).toBe('paid');
    const { token } = ann;
    for (const path of [`/v1/products/${product}`, '/v1/search?q=laptop', '/v1/cart']) {
      const answer = await shop.ask('GET', path, { token });
      expectProblem(answer, 503, 'unavailable');
      expect(answer.json['retry_after_ms']).toBeGreaterThan(0);
    }
  });
});

describe('without the api', () => {
  it('the window goes on at its own address', async () => {
    await prepare();
    await shows();
    stop('api');
    const ask = async (method: string, path: string, body?: object) => {
      const headers = { authorization: `Bearer ${ann.token}`, 'content-type': 'application/json' };
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await fetch(catalog + path, { method, headers, ...sent });
      const text = await response.text();
      return { status: response.status, text };
    };
    expect((await ask('GET', `/v1/products/${product}`)).status).toBe(200);
    const put = await ask('PUT', `/v1/cart/lines/${product}`, { quantity: 4 });
    expect([put.status, put.text.includes('"quantity":4')]).toEqual([200, true]);
    expect((await ask('GET', '/v1/wishlist')).status).toBe(200);
    expect((await ask('GET', '/')).text).toContain('</html>');
  });
});

it('has lost nothing, as the audit says', async () => {
  const { code, out } = await highnoon(['audit'], { HIGHNOON_DIR: dir });
  expect(out).toContain('audit passed');
  expect(code).toBe(0);
});
