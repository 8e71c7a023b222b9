// The socket of the real server over a fake engine: who may open it, each message and its refusals,
// resuming, slow readers. What a lane decides is told by the test.
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NewsEvent } from '../../../engine/index.ts';
import { Fault } from '../../../platform/fault.ts';
import type { SocketAsked } from '../../support/socket-client.ts';
import {
  done,
  laneOrder,
  laneSale,
  orderId,
  productId,
  saleId,
  saleTerms,
  vendorId,
  vendorKey,
} from './fake-engine.ts';
import { issue, serverNow, tokens } from './harness.ts';
import type { Harness } from './harness.ts';
import { socketFixture } from './socket-fixture.ts';

const fixture = socketFixture();
const { open, tell } = fixture;
let harness: Harness;
beforeAll(() => {
  harness = fixture.harness();
});

const held: NewsEvent = {
  kind: 'held',
  sale: saleId,
  order: orderId,
  shopper: 'ann',
  item: 0,
  price: 9950,
  heldAt: laneOrder.heldAt,
  holdExpiresAt: laneOrder.holdExpiresAt,
  units: [17],
};

describe('opening', () => {
  it.each([
    ['the same host', (): string => harness.url],
    ['a host of the list', () => 'https://shop.example'],
  ])('is open to pages of %s', async (_, origin) => {
    const client = await open({ token: tokens.ann, headers: { origin: origin() } });
    expect(client.session).toMatch(/^ses_/);
  });

  it.each([
    ['a foreign page', { origin: 'https://evil.example' }, '403'],
    ['a page of no host', { origin: 'null' }, '403'],
    ['a host that only begins like ours', { origin: 'http://127.0.0.1.evil.example' }, '403'],
    ['a bad token', { authorization: 'Bearer x.y.z' }, '401'],
    ['no bearer', { authorization: 'Basic abc' }, '401'],
  ])('is shut to %s', async (_, headers, status) => {
    await expect(open({ silent: true, headers })).rejects.toThrow(status);
  });

  it('asks for one of the two protocols', async () => {
    const { status, json } = await harness.ask('GET', '/v1/socket');
    expect([status, json['code']]).toEqual([400, 'invalid_request']);
  });

  it('takes an identity by header as by hello, of shoppers and of vendors', async () => {
    const byHeader = await open({ token: tokens.ann, byHeader: true });
    expect(byHeader.messages[0]).toMatchObject({
      type: 'welcome',
      seq: 1,
      resumed: false,
      shopper_id: 'ann',
      server_time: new Date(serverNow).toISOString(),
    });
    const vendor = await open({ token: vendorKey });
    expect(vendor.messages[0]).toMatchObject({ shopper_id: null });
  });

  it.each([
    ['none', {}],
    ['a token that is not ours', { token: 'a.b.c' }],
    ['a key that nobody has', { token: `hnk_${'z'.repeat(40)}` }],
  ])('closes on hello with %s', async (_, fields) => {
    const client = await open({ silent: true });
    client.send({ type: 'hello', ...fields });
    expect((await client.closed).code).toBe(4401);
  });

  it('closes when no hello comes', async () => {
    const client = await open({ silent: true });
    expect((await client.closed).code).toBe(4401);
  }, 10_000);
});

describe('bad messages', () => {
  it.each<[string, string | Buffer]>([
    ['no JSON', '{"type":'],
    ['a list', '[]'],
    ['no type', '{}'],
    ['an unknown type', '{"type":"dance"}'],
    ['a name of every object', '{"type":"toString"}'],
    ['a frame of the other kind', Buffer.from('{"type":"ping"}')],
    ['more than fits', JSON.stringify({ type: 'ping', x: 'x'.repeat(9000) })],
    ['a command without an id', JSON.stringify({ type: 'hold', sale: saleId, quantity: 1 })],
    ['an id that is none', JSON.stringify({ type: 'hold', id: 'x', sale: saleId, quantity: 1 })],
    ['a second hello', '{"type":"hello"}'],
    [
      'depth',
      JSON.stringify({ type: 'ping', x: 1 }).replace('1', '['.repeat(100) + ']'.repeat(100)),
    ],
    ['NUL', '{"type":"ping\\u0000"}'],
  ])('close the socket: %s', async (_, bytes) => {
    const client = await open();
    client.raw(bytes);
    expect((await client.closed).code).toBe(4400);
  });

  it('close it before hello', async () => {
    const client = await open({ silent: true });
    client.send({ type: 'ping' });
    expect((await client.closed).code).toBe(4400);
  });

  it('are cut without a word when they are huge', async () => {
    const client = await open();
    client.raw('x'.repeat(100_000));
    expect((await client.closed).code).toBe(1006);
  });
});

describe.each(['json', 'msgpack'] as const)('commands by %s', (form) => {
  const asked = { token: tokens.ann, form } as const;

  it('hold as the route does, with the id as the key', async () => {
    const client = await open(asked);
    const id = randomUUID();
    const outcome = await client.ask('hold', { sale: saleId, quantity: 2 }, id);
    const route = await harness.ask('POST', `/v1/sales/${saleId}/holds`, {
      as: 'ann',
      key: id,
      body: { quantity: 2 },
    });
    expect(outcome).toMatchObject({ ok: true, status: 201, result: route.json });
    expect(harness.calls[0]).toEqual(harness.calls[1]);
  });

  it('say when it was done before', async () => {
    harness.answers = { hold: done(laneOrder, true) };
    const client = await open(asked);
    const outcome = await client.ask('hold', { sale: saleId, quantity: 2 });
    expect(outcome).toMatchObject({ ok: true, replayed: true });
  });

  it('pay and cancel', async () => {
    const client = await open(asked);
    const paid = await client.ask('pay', { order: orderId, method: { type: 'test' } });
    expect(paid).toMatchObject({ ok: true, status: 200, result: { state: 'paid' } });
    const released = await client.ask('cancel', { order: orderId });
    expect(released).toMatchObject({ ok: true, result: { state: 'released' } });
  });

  it('cannot cancel what is paid', async () => {
    const client = await open(asked);
    const rejection = { code: 'illegal_transition', state: 'paid' };
    harness.answers = { release: { kind: 'rejected', rejection, now: serverNow } };
    const outcome = await client.ask('cancel', { order: orderId });
    expect(outcome).toMatchObject({ ok: false, status: 422, problem: { code: 'unsupported' } });
  });

  it('are refused as over HTTP', async () => {
    const client = await open(asked);
    const rejection = { code: 'sold_out', available: 0, mayReturn: true };
    harness.answers = { hold: { kind: 'rejected', rejection, now: serverNow } };
    const id = randomUUID();
    const soldOut = await client.ask('hold', { sale: saleId, quantity: 2 }, id);
    expect(soldOut).toMatchObject({
      ok: false,
      status: 409,
      problem: { code: 'sold_out', available: 0, may_return: true, request_id: id },
    });
    for (const [fields, code] of [
      [{ sale: saleId, quantity: 0 }, 'invalid_request'],
      [{ sale: saleId }, 'invalid_request'],
      [{ sale: saleId, quantity: '1' }, 'invalid_request'],
      [{ sale: saleId, quantity: 1, colour: 'red' }, 'unknown_field'],
      [{ sale: 'sal_x', quantity: 1 }, 'not_found'],
      [{ sale: 5, quantity: 1 }, 'invalid_request'],
    ] as const) {
      const answer = await client.askAnyway('hold', fields);
      expect(answer).toMatchObject({ ok: false, problem: { code } });
    }
    const nobodys = { order: 'ord_1', method: { type: 'test' } };
    expect(await client.askAnyway('pay', nobodys)).toMatchObject({
      problem: { code: 'not_found' },
    });
    expect(harness.calls.filter(([name]) => name === 'hold')).toHaveLength(1);
  });

  it('are refused when the engine fails, without a stack trace', async () => {
    harness.answers = { storeDetails: new Error('boom') };
    const client = await open(asked);
    const method = { type: 'test' };
    const outcome = await client.ask('pay', { order: orderId, method, email: 'a@example.com' });
    expect(outcome).toMatchObject({ ok: false, status: 500, problem: { code: 'internal' } });
    expect(JSON.stringify(outcome)).not.toContain('boom');
  });

  it('show a sale, and its ticks', async () => {
    const client = await open(asked);
    client.send({ type: 'subscribe', sale: saleId });
    const snapshot = await client.next('snapshot');
    expect(snapshot).toMatchObject({
      sale: saleId,
      state: 'live',
      claimed_share: 0.4,
      orders: [],
      tick: { claimed: 0.4, available: 6, serving: null },
    });
    const first = await client.next('tick');
    const second = await client.next('tick');
    expect(second['version']).toBeGreaterThan(first['version'] as number);
    client.send({ type: 'unsubscribe', sale: saleId });
    client.send({ type: 'ping' });
    await client.next('pong');
  });
});

it('a vendor may not hold, a guest only what a guest may', async () => {
  const vendor = await open({ token: vendorKey });
  const refused = await vendor.ask('hold', { sale: saleId, quantity: 1 });
  expect(refused).toMatchObject({ problem: { code: 'forbidden' } });
  const guest = await open({ token: tokens.guest });
  await guest.ask('hold', { sale: saleId, quantity: 1 });
  expect(harness.calls.at(-1)?.[1]).toMatchObject({ shopper: 'gst_1', verified: false });
});

it('the vendor of a sale sees what it counts', async () => {
  harness.answers = { sale: { ...saleTerms, vendor: vendorId } };
  const vendor = await open({ token: vendorKey });
  vendor.send({ type: 'subscribe', sale: saleId });
  expect(await vendor.next('stats')).toMatchObject({
    available: 6,
    refused: { sold_out: 4, invalid_request: 2 },
  });
});

it('a sale that is not there is refused, and nothing else happens', async () => {
  harness.answers = { sale: null };
  const client = await open();
  const sale = `sal_${'0'.repeat(15)}2`;
  client.send({ type: 'subscribe', sale });
  expect(await client.next('outcome')).toMatchObject({ id: null, problem: { code: 'not_found' } });
  const id = randomUUID();
  client.send({ type: 'subscribe', id, sale });
  expect(await client.next('outcome')).toMatchObject({ id, ok: false });
});

describe('what changes', () => {
  it('an order is told to all its owner’s sockets, and to nobody else', async () => {
    const [one, two, other] = [await open(), await open(), await open({ token: tokens.guest })];
    tell(held);
    for (const client of [one, two]) {
      const order = await client.next('order');
      expect(order).toMatchObject({
        id: orderId,
        state: 'held',
        units: [17],
        lines: [{ product_id: productId }],
        amount: { amount: 9950 },
      });
    }
    harness.answers = { laneOrder: done({ ...laneOrder, state: 'paid', endedAt: serverNow }) };
    tell({ kind: 'ended', type: 'paid', sale: saleId, order: orderId, shopper: 'ann' });
    expect(await one.next('order')).toMatchObject({ state: 'paid', payment: 'paid' });
    other.send({ type: 'ping' });
    await other.next('pong');
    expect(other.count('order')).toBe(0);
  });

  it('a sale is told to those who watch it, once for each change', async () => {
    const client = await open();
    client.send({ type: 'subscribe', sale: saleId });
    const { version } = await client.next('snapshot');
    harness.answers = { laneSale: done({ ...laneSale, state: 'paused' }) };
    tell({ kind: 'sale', type: 'paused', sale: saleId });
    const sale = await client.next('sale');
    expect(sale).toMatchObject({ state: 'paused', id: saleId });
    expect(sale['version']).toBeGreaterThan(version as number);
    await client.next('tick');
    await client.next('tick');
    expect(client.count('sale')).toBe(1);
  });

  it('what was missed of the lane is looked at again', async () => {
    const client = await open();
    tell(held);
    await client.next('order');
    harness.answers = { laneOrder: done({ ...laneOrder, state: 'expired', endedAt: serverNow }) };
    for (const listener of harness.listeners) listener.lost(0);
    expect(await client.next('order')).toMatchObject({ state: 'expired' });
  });
});

describe('resuming', () => {
  it('replays what was missed, then a snapshot of each sale', async () => {
    const first = await open();
    first.send({ type: 'subscribe', sale: saleId });
    await first.next('snapshot');
    const { session, seq } = first;
    first.cut();
    await first.closed;
    tell(held);
    const again = await open({ token: tokens.ann, resume: { session, seq } });
    expect(again.messages[0]).toMatchObject({ resumed: 'replay', session });
    expect(await again.next('order')).toMatchObject({ id: orderId });
    const snapshot = await again.next('snapshot');
    expect(snapshot['orders']).toMatchObject([{ id: orderId, state: 'held' }]);
    await again.next('tick');
  });

  it('says so when it has to be a snapshot, which has the orders', async () => {
    const first = await open();
    first.send({ type: 'subscribe', sale: saleId });
    await first.next('snapshot');
    const { session, seq } = first;
    first.cut();
    await first.closed;
    for (let i = 0; i < 40; i += 1) {
      const order = orderId.slice(0, -2) + String(i).padStart(2, '0');
      tell({ ...held, order });
    }
    const again = await open({ token: tokens.ann, resume: { session, seq } });
    expect(again.messages[0]).toMatchObject({ resumed: 'snapshot', session });
    const snapshot = await again.next('snapshot');
    expect(snapshot['orders']).toHaveLength(16);
    expect(again.count('order')).toBe(0);
  });

  it('takes the place of a connection that is not known to be dead', async () => {
    const first = await open();
    const again = await open({
      token: tokens.ann,
      resume: { session: first.session, seq: first.seq },
    });
    expect(again.messages[0]).toMatchObject({ resumed: 'replay' });
    expect((await first.closed).code).toBe(1000);
    again.send({ type: 'ping' });
    await again.next('pong');
  });

  it('knows its shopper as the newest token does', async () => {
    const first = await open({ token: tokens.guest });
    const token = issue('gst_1', false, serverNow).token;
    const again = await open({ token, resume: { session: first.session, seq: first.seq } });
    expect(again.messages[0]).toMatchObject({ resumed: 'replay' });
    await again.ask('hold', { sale: saleId, quantity: 1 });
    expect(harness.calls.at(-1)?.[1]).toMatchObject({ shopper: 'gst_1', verified: true });
  });

  it.each<[string, () => Promise<SocketAsked>]>([
    ['somebody else’s', async () => ({ token: tokens.guest, resume: await sessionOf() })],
    ['unknown', () => Promise.resolve({ token: tokens.ann, resume: { session: 'ses_x', seq: 1 } })],
  ])('a session that is %s is a new one', async (_, asked) => {
    const client = await open(await asked());
    expect(client.messages[0]).toMatchObject({ resumed: false });
  });

  async function sessionOf(): Promise<{ session: string; seq: number }> {
    const { session, seq } = await open();
    return { session, seq };
  }
});

describe('tokens', () => {
  it('are renewed for the same caller only', async () => {
    const client = await open();
    expect(await client.ask('auth', { token: tokens.ann })).toMatchObject({ ok: true });
    expect(await client.ask('auth', { token: 'a.b.c' })).toMatchObject({
      problem: { code: 'unauthenticated' },
    });
    client.send({ type: 'auth', token: tokens.guest });
    expect((await client.closed).code).toBe(4403);
  });

  it('of vendors are looked up at hello only: while nobody can, the process goes on', async () => {
    harness.answers = { vendorOfKey: new Fault('postgres', 'away', { retryable: true }) };
    const vendor = await open({ token: vendorKey, byHeader: true, silent: true });
    vendor.send({ type: 'hello' });
    expect((await vendor.closed).code).toBe(4500);
    const client = await open();
    expect(await client.ask('auth', { token: vendorKey })).toMatchObject({
      problem: { code: 'unauthenticated' },
    });
  });
});
