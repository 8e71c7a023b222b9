// The socket of a real stack: a sale is watched, held, paid and released over it, changes come by
// themselves, the same id is the same command over HTTP, and a cut connection goes on where it was.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, expect, inject, it } from 'vitest';
import { SocketClient, type SocketAsked } from '../support/socket-client.ts';
import { details, Shop, testMethod, type Shopper } from './shop.ts';

const { api } = inject('stack');
let shop: Shop;
let vendor: string;
let sale: string;
let ann: Shopper;
let clients: SocketClient[] = [];

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
  sale = await shop.liveSale(vendor, { allotted: 5, limit_per_shopper: 5 });
  ann = await shop.shopper();
});
afterEach(() => {
  for (const client of clients) client.cut();
  clients = [];
});

async function open(asked: SocketAsked): Promise<SocketClient> {
  const client = await SocketClient.open(api, asked);
  clients.push(client);
  return client;
}

it('a sale is watched, held and paid; its orders are told at every change', async () => {
  const client = await open({ token: ann.token });
  const tab = await open({ token: ann.token, form: 'msgpack' });
  client.send({ type: 'subscribe', sale });
  expect(await client.next('snapshot')).toMatchObject({ sale, state: 'live', sold_out: false });
  const id = randomUUID();
  const outcome = await client.ask('hold', { sale, quantity: 2 }, id);
  expect(outcome).toMatchObject({ ok: true, status: 201 });
  const held = outcome['result'] as { id: string; units: number[] };
  for (const one of [client, tab]) {
    expect(await one.next('order')).toMatchObject({
      id: held.id,
      state: 'held',
      units: held.units,
    });
  }
  const overHttp = await shop.hold(sale, ann, 2, id);
  expect(overHttp.headers.get('idempotent-replayed')).toBe('true');
  expect(overHttp.json).toEqual(outcome['result']);
  const paid = await client.ask('pay', { order: held.id, ...testMethod, ...details });
  expect(paid).toMatchObject({ ok: true, result: { state: 'paid' } });
  for (const one of [client, tab]) {
    expect(await one.next('order')).toMatchObject({ id: held.id, state: 'paid' });
  }
  const other = await client.ask('hold', { sale, quantity: 1 });
  const { id: order } = other['result'] as { id: string };
  expect(await client.ask('cancel', { order })).toMatchObject({ result: { state: 'released' } });
  const tick = await client.next('tick', ({ claimed }) => claimed === 0.4);
  expect(tick).toMatchObject({ sale, available: 3 });
});

it('somebody else’s order, a forged and a stale command change nothing', async () => {
  const order = await shop.held(sale, ann);
  const bob = await shop.shopper();
  const client = await open({ token: bob.token });
  for (const type of ['pay', 'cancel']) {
    const more = type === 'pay' ? testMethod : {};
    expect(await client.ask(type, { order, ...more })).toMatchObject({
      problem: { code: 'not_found' },
    });
  }
  const forged = `${order.slice(0, -4)}0000`;
  expect(await client.ask('cancel', { order: forged })).toMatchObject({
    problem: { code: 'not_found' },
  });
  expect((await shop.order(order, ann)).json['state']).toBe('held');
  expect(client.count('order')).toBe(0);
  const own = await open({ token: ann.token });
  const id = randomUUID();
  expect(await own.ask('cancel', { order }, id)).toMatchObject({ ok: true });
  // The same command once more is answered as it was; a new one finds it ended.
  expect(await own.ask('cancel', { order }, id)).toMatchObject({ ok: true, replayed: true });
  expect(await own.ask('cancel', { order })).toMatchObject({
    problem: { code: 'illegal_transition' },
  });
  const paid = await shop.held(sale, ann);
  await shop.pay(paid, ann);
  expect(await own.ask('cancel', { order: paid })).toMatchObject({
    problem: { code: 'unsupported', status: 422 },
  });
});

it('what is missed in a cut is replayed', async () => {
  const cat = await shop.shopper();
  const first = await open({ token: cat.token });
  first.send({ type: 'subscribe', sale });
  await first.next('snapshot');
  first.cut();
  await first.closed;
  const order = await shop.held(sale, cat);
  await shop.release(order, cat);
  const { session, seq } = first;
  const again = await open({ token: cat.token, resume: { session, seq } });
  expect(again.messages[0]).toMatchObject({ session, resumed: 'replay' });
  await again.next('order', ({ state }) => state === 'released');
  const states = again.messages.filter(({ type }) => type === 'order').map(({ state }) => state);
  expect(states).toEqual(['held', 'released']);
  expect(await again.next('snapshot')).toMatchObject({ sale });
});

it('a pause is told at once to those who watch', async () => {
  const client = await open({ token: ann.token });
  client.send({ type: 'subscribe', sale });
  await client.next('snapshot');
  await shop.control('pause', sale, vendor);
  expect(await client.next('sale')).toMatchObject({ state: 'paused' });
  expect(await client.ask('hold', { sale, quantity: 1 })).toMatchObject({
    status: 503,
    problem: { code: 'sale_paused' },
  });
  await shop.control('resume', sale, vendor);
  expect(await client.next('sale')).toMatchObject({ state: 'live' });
});

it('its vendor sees what a sale counts', async () => {
  const client = await open({ token: vendor });
  client.send({ type: 'subscribe', sale });
  const stats = await client.next('stats');
  expect(stats).toMatchObject({ id: sale, allotted: 5 });
});
