// The line of a real stack, from outside: a draw over sockets and HTTP, from the first join to the proof
// that anybody can compute again; a queue; what is refused; what is told to whom.
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as pathOf } from 'node:path';
import { afterEach, beforeAll, expect, inject, it } from 'vitest';
import { highnoon, type Ended } from '../support/command.ts';
import { ownName, until } from '../support/environment.ts';
import { SocketClient, type Message, type SocketAsked } from '../support/socket-client.ts';
import { details, inMs, Shop, testMethod, text, type Shopper } from './shop.ts';

const { api } = inject('stack');
let shop: Shop;
let vendor: string;
let clients: SocketClient[] = [];

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
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

const sha = (...parts: readonly (string | Buffer)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

async function lined(mode: 'queue' | 'draw', more: object = {}): Promise<string> {
  const admission = { mode, turn_seconds: 30 };
  return shop.sale(vendor, await shop.product(vendor), { allotted: 2, admission, ...more });
}

const join = (sale: string, { token }: Shopper, key = ownName('join'), body?: object) =>
  shop.ask('POST', `/v1/sales/${sale}/tickets`, {
    token,
    key,
    ...(body === undefined ? {} : { body }),
  });

const mine = (sale: string, { token }: Shopper, method = 'GET') =>
  shop.ask(method, `/v1/sales/${sale}/tickets/me`, { token });

/** `npx highnoon verify` on the sale, with what these joins answered in files. */
async function verified(sale: string, joined: readonly Message[]): Promise<Ended> {
  const folder = mkdtempSync(pathOf(tmpdir(), 'receipts-'));
  const receipts = joined.flatMap((ticket, i) => {
    const file = pathOf(folder, `${i}.json`);
    writeFileSync(file, JSON.stringify(ticket));
    return ['--receipt', file];
  });
  const ended = await highnoon(['verify', `${api}/v1/sales/${sale}`, ...receipts]);
  rmSync(folder, { recursive: true });
  return ended;
}

it('a draw: joined before the bell, numbered, admitted, sold, proven', async () => {
  const sale = await lined('draw', { starts_at: inMs(4000) });
  const shoppers = await Promise.all(Array.from({ length: 4 }, () => shop.shopper()));
  const sockets = await Promise.all(shoppers.map(({ token }) => open({ token })));
  const joined: Message[] = [];
  for (const socket of sockets) {
    socket.send({ type: 'subscribe', sale });
    await socket.next('snapshot');
    const outcome = await socket.ask('join', { sale });
    expect(outcome).toMatchObject({ ok: true, status: 201 });
    joined.push(outcome['result'] as Message);
  }
  for (const ticket of joined) {
    expect(ticket).toMatchObject({ state: 'waiting', number: null, ahead: null, chance: null });
    expect(ticket['receipt']).toMatchObject({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  }
  const early = await shop.ask('GET', `/v1/sales/${sale}/proof`);
  expect([early.status, early.json['code']]).toEqual([403, 'sale_not_started']);
  const [ann] = shoppers as [Shopper];
  const again = await join(sale, ann);
  expect([again.status, again.json['id']]).toEqual([200, joined[0]?.['id']]);
  await until(
    'the receipt has settled',
    async () => (await mine(sale, ann)).json['receipt'] !== null,
  );
  expect((await mine(sale, ann)).json['receipt']).toEqual(joined[0]?.['receipt']);
  const tooEarly = await shop.hold(sale, ann);
  expect(tooEarly.json['code']).toBe('sale_not_started');

  const numbers = await Promise.all(
    sockets.map((socket) => socket.next('ticket', ({ number }) => number !== null)),
  );
  const given = numbers.map(({ number }) => number as number);
  expect([...given].sort()).toEqual([1, 2, 3, 4]);
  const inOrder = [1, 2, 3, 4].map((number) => given.indexOf(number));
  const [first = 0, second = 0, third = 0] = inOrder;
  for (const at of [first, second]) {
    const socket = sockets[at] as SocketClient;
    const told = socket.messages.filter(({ type }) => type === 'ticket');
    const turn =
      told.find(({ state }) => state === 'admitted') ??
      (await socket.next('ticket', ({ state }) => state === 'admitted'));
    expect(typeof turn['turn_ends_at']).toBe('string');
  }
  const waiting = sockets[third] as SocketClient;
  expect(await waiting.ask('hold', { sale, quantity: 1 })).toMatchObject({
    status: 403,
    problem: { code: 'not_admitted' },
  });
  const held = await (sockets[first] as SocketClient).ask('hold', { sale, quantity: 1 });
  expect(held).toMatchObject({ ok: true });
  await (sockets[first] as SocketClient).next('ticket', ({ state }) => state === 'finished');
  const { id: order } = held['result'] as { id: string };
  const paid = await (sockets[first] as SocketClient).ask('pay', {
    order,
    ...testMethod,
    ...details,
  });
  expect(paid).toMatchObject({ result: { state: 'paid' } });
  // One turn given up makes room for the next.
  const left = await (sockets[second] as SocketClient).ask('leave', { sale });
  expect(left).toMatchObject({ result: { state: 'left' } });
  await waiting.next('ticket', ({ state }) => state === 'admitted');
  const last = await waiting.ask('hold', { sale, quantity: 1 });
  expect(last).toMatchObject({ ok: true });
  const late = await join(sale, await shop.shopper());
  expect([late.status, late.json['code']]).toEqual([409, 'draw_closed']);
  expect(await waiting.next('sale', ({ sold_out }) => sold_out === true)).toMatchObject({
    id: sale,
    may_return: true,
  });

  const proof = await shop.must(200, 'GET', `/v1/sales/${sale}/proof`);
  const { seed, entrants, entries, root } = proof.json as unknown as {
    seed: string;
    root: string;
    entrants: string[];
    entries: { position: string; count: number }[];
  };
  const commitment = (await shop.must(200, 'GET', `/v1/sales/${sale}`)).json['seed_commitment'];
  expect(commitment).toBe(`sha256:${sha(Buffer.from(seed, 'hex')).toString('hex')}`);
  expect(entrants).toEqual(joined.map(({ id }) => sha(id as string).toString('hex')));
  let link: Buffer = Buffer.alloc(0);
  let at = 0;
  for (const { count } of entries) {
    const some = entrants.slice(at, at + count).map((entrant) => Buffer.from(entrant, 'hex'));
    link = sha(link, ...some);
    at += count;
  }
  expect(link.toString('hex')).toBe(root);
  const r = sha(Buffer.from(seed, 'hex'), link);
  const drawn = entrants
    .map((entrant, i) => ({ i, value: sha(r, Buffer.from(entrant, 'hex')).toString('hex') }))
    .sort((a, b) => (a.value < b.value ? -1 : 1))
    .map(({ i }) => i);
  expect(drawn).toEqual(inOrder);

  const { id: unpaid } = last['result'] as { id: string };
  expect(await waiting.ask('cancel', { order: unpaid })).toMatchObject({ ok: true });
  await shop.control('close', sale, vendor);
  await until('its units are listed', async () => {
    const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}/proof`);
    return json['units'] !== undefined;
  });
  const { code, out, err } = await verified(sale, joined);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/ok {5}numbers: 4 recomputed, all as published/);
  expect(out).toMatch(/ok {5}units: 1 sold, each once, signed/);
  expect(out.match(/ok {5}receipt /g)).toHaveLength(4);
  expect(out).toMatch(/verify passed\n$/);
}, 40_000);

it('a sale without a line has a proof too: its seed after the bell, its units after the end', async () => {
  const product = await shop.product(vendor);
  const sale = await shop.sale(vendor, product, { starts_at: inMs(3000) });
  const proof = () => shop.ask('GET', `/v1/sales/${sale}/proof`);
  expect((await proof()).json).toMatchObject({ status: 403, code: 'sale_not_started' });
  await shop.isIn(sale, 'live');
  const ann = await shop.shopper();
  await shop.pay(await shop.held(sale, ann), ann);
  await until('its bell has settled', async () => (await proof()).status === 200);
  const nobody = { entrants: [], entries: [], numbers: [], root: '', entrant_count: 0 };
  const { json } = await proof();
  expect(json).toMatchObject({ sale_id: sale, mode: 'open', beacon: '', ...nobody });
  const commitment = sha(Buffer.from(text(json, 'seed'), 'hex')).toString('hex');
  const shown = await shop.must(200, 'GET', `/v1/sales/${sale}`);
  expect(shown.json['seed_commitment']).toBe(`sha256:${commitment}`);
  expect(Date.parse(text(json, 'bell_at'))).toBeGreaterThanOrEqual(
    Date.parse(text(shown.json, 'starts_at')),
  );
  expect(json['units']).toBeUndefined();
  await shop.control('close', sale, vendor);
  await until('its units are listed', async () => (await proof()).json['units'] !== undefined);
  const { code, out, err } = await verified(sale, []);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^This sale had no line: .*\n/);
  expect(out).toMatch(/ok {5}list: the sale had no line/);
  expect(out).toMatch(/ok {5}units: 1 sold, each once, signed/);
  const later = await shop.sale(vendor, product, { starts_at: inMs(3_600_000) });
  await shop.command('DELETE', `/v1/sales/${later}`, { token: vendor });
  const cancelled = await shop.ask('GET', `/v1/sales/${later}/proof`);
  expect(cancelled.json).toMatchObject({ status: 409, code: 'illegal_transition' });
  // What has no seed shows no commitment.
  const standing = await shop.standingSaleOf(product);
  expect((await shop.ask('GET', `/v1/sales/${standing}/proof`)).status).toBe(404);
  expect((await shop.must(200, 'GET', `/v1/sales/${standing}`)).json['seed_commitment']).toBeNull();
});

async function productOf(sale: string): Promise<string> {
  const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
  return (json['items'] as { product_id: string }[])[0]?.product_id ?? '';
}

/** The sale by which the shopper's cart prices the product of this one. */
async function inCart(sale: string, { token }: Shopper): Promise<string | undefined> {
  const path = `/v1/cart/lines/${await productOf(sale)}`;
  const { json } = await shop.must(200, 'PUT', path, { token, body: { quantity: 1 } });
  return (json['lines'] as { sale_id: string }[])[0]?.sale_id;
}

async function checkedOut(sale: string, { token }: Shopper) {
  const lines = [{ product_id: await productOf(sale), quantity: 1 }];
  const asked = { token, key: ownName('key'), body: { ...details, lines } };
  const { json } = await shop.must(201, 'POST', '/v1/checkout', asked);
  const [line] = json['lines'] as { sale_id: string }[];
  return { order: String(json['id']), sale: line?.sale_id };
}

it('a queue: in the order received after the bell; polling says the same', async () => {
  const sale = await lined('queue', { allotted: 1 });
  await shop.isIn(sale, 'live');
  const [ann, bob] = [await shop.shopper(), await shop.shopper()];
  const key = ownName('join');
  const first = await join(sale, ann, key);
  expect(first.status).toBe(201);
  expect(first.json).toMatchObject({ number: 1, receipt: null });
  const replayed = await join(sale, ann, key);
  expect([replayed.status, replayed.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
  const second = await join(sale, bob);
  expect(second.json).toMatchObject({ state: 'waiting', number: 2 });
  await until(
    'the first has a turn',
    async () => (await mine(sale, ann)).json['state'] === 'admitted',
  );
  const waits = await mine(sale, bob);
  expect(waits.json).toMatchObject({ state: 'waiting', ahead: 0, serving: 1 });
  expect(waits.json['poll_after_ms']).toBeLessThanOrEqual(10_000);
  expect((await shop.hold(sale, bob)).json['code']).toBe('not_admitted');
  // Checkout takes what can be bought at once: for who waits that is the standing sale.
  expect((await checkedOut(sale, bob)).sale).not.toBe(sale);
  await until('the turn has settled', async () => (await inCart(sale, ann)) === sale);
  const { sale: chosen, order } = await checkedOut(sale, ann);
  expect(chosen).toBe(sale);
  expect((await mine(sale, ann)).json['state']).toBe('finished');
  expect((await shop.stats(sale, vendor))['line']).toMatchObject({ joined: 2, waiting: 1 });
  // A unit that comes back admits the next: the line goes on as the waitlist.
  await shop.release(order, ann);
  await until(
    'the second has a turn',
    async () => (await mine(sale, bob)).json['state'] === 'admitted',
  );
  await shop.held(sale, bob);
}, 40_000);

it('who waits when the sale ends is told that the ticket is over, watching it or not', async () => {
  const sale = await lined('queue', { allotted: 1 });
  await shop.isIn(sale, 'live');
  const shoppers = await Promise.all(Array.from({ length: 3 }, () => shop.shopper()));
  const sockets = await Promise.all(shoppers.map(({ token }) => open({ token })));
  sockets[0]?.send({ type: 'subscribe', sale });
  for (const socket of sockets) {
    expect(await socket.ask('join', { sale })).toMatchObject({ ok: true });
  }
  await sockets[0]?.next('ticket', ({ state }) => state === 'admitted');
  await shop.control('close', sale, vendor);
  const hadTurns = sockets.map(
    async (socket) => (await socket.next('ticket', ({ state }) => state === 'lapsed'))['had_turn'],
  );
  expect(await Promise.all(hadTurns)).toEqual([true, false, false]);
});

it('refusals of a join have no effect', async () => {
  const sale = await lined('queue', { starts_at: inMs(3_600_000) });
  const ann = await shop.shopper();
  expect((await mine(sale, ann)).status).toBe(404);
  expect((await mine(sale, ann, 'DELETE')).status).toBe(404);
  const noKey = await shop.ask('POST', `/v1/sales/${sale}/tickets`, { token: ann.token });
  expect(noKey.json['code']).toBe('idempotency_key_required');
  const guest = await join(sale, await shop.guest());
  expect([guest.status, guest.json['code']]).toEqual([403, 'forbidden']);
  const openSale = await shop.liveSale(vendor);
  expect((await join(openSale, ann)).status).toBe(404);
  expect((await mine(sale, ann)).status).toBe(404);
  const taken = await join(sale, ann);
  expect(taken.status).toBe(201);
  expect((await mine(sale, ann, 'DELETE')).json['state']).toBe('left');
  const anew = await join(sale, ann);
  expect([anew.status, anew.json['id'] === text(taken, 'id')]).toEqual([201, false]);
});

it('who cannot be served is told before taking a place', async () => {
  const delivery = { include: [{ country: 'DE' }] };
  const product = await shop.product(vendor, { delivery });
  const admission = { mode: 'queue' };
  const sale = await shop.sale(vendor, product, { admission, starts_at: inMs(3_600_000) });
  const ann = await shop.shopper();
  const there = { delivery: { country: 'FR', postal_code: '75001' } };
  const refused = await join(sale, ann, ownName('join'), there);
  expect([refused.status, refused.json['code']]).toEqual([422, 'undeliverable']);
  expect((await mine(sale, ann)).status).toBe(404);
  const here = { delivery: { country: 'DE', postal_code: '10115' } };
  const taken = await join(sale, ann, ownName('join'), here);
  expect([taken.status, taken.json['deliverable']]).toEqual([201, true]);
});

it('a second tab is told of the ticket, the id of another’s command is nobody’s ticket', async () => {
  const sale = await lined('queue', { starts_at: inMs(3_600_000) });
  const [ann, bob] = [await shop.shopper(), await shop.shopper()];
  const [one, two] = [await open({ token: ann.token }), await open({ token: ann.token })];
  const command = randomUUID();
  const outcome = await one.ask('join', { sale }, command);
  const { id } = outcome['result'] as { id: string };
  const other = await open({ token: bob.token });
  const his = await other.ask('join', { sale }, command);
  expect(his).toMatchObject({ ok: true, status: 201 });
  expect((his['result'] as { id: string }).id).not.toBe(id);
  expect(await other.ask('leave', { sale })).toMatchObject({ result: { state: 'left' } });
  expect((await mine(sale, ann)).json).toMatchObject({ id, state: 'waiting' });
  expect(await two.next('ticket')).toMatchObject({ id, state: 'waiting' });
  one.send({ type: 'subscribe', sale });
  expect(await one.next('snapshot')).toMatchObject({ ticket: { id } });
  const tick = await one.next('tick', ({ chain }) => typeof chain === 'string' && chain !== '');
  expect(tick).toMatchObject({ serving: 0, waiting: 1, eta: null });
  await one.ask('leave', { sale });
  expect(await two.next('ticket')).toMatchObject({ id, state: 'left' });
});
