// What a crowd that waits over sockets sees when a process under it dies: everybody comes back to the
// ticket that was theirs, is told the number that the proof gives, and holds a unit that nobody else has.
import { createHash, randomUUID } from 'node:crypto';
import { afterEach, beforeAll, expect, inject, it } from 'vitest';
import { highnoon } from '../support/command.ts';
import { until } from '../support/environment.ts';
import { predictDraw } from '../support/line-draw.ts';
import { SocketClient, type Message } from '../support/socket-client.ts';
import { mustPidOf, pidOf } from './running.ts';
import { inMs, Shop, type Shopper } from './shop.ts';

const { api, dir } = inject('stack');
const crowdSize = 30;
const units = 8;
const killBeforeMs = 150;
/** A crowd has to have joined by then, on a slow machine too. */
const leadMs = 6000;
const farMs = 3_600_000;
const ended = 1001;

/** Somebody in the line, over one socket after the other. */
interface Waiter {
  readonly shopper: Shopper;
  readonly ticket: string;
  readonly receipt: unknown;
  socket: SocketClient;
}

let shop: Shop;
let vendor: string;
let crowd: Waiter[] = [];

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
});

/** Whatever was killed is back, for the next test and the next file. */
afterEach(async () => {
  for (const { socket } of crowd) socket.cut();
  crowd = [];
  await allWell();
});

async function allWell(): Promise<void> {
  await until('the api is ok', async () => {
    const health = await shop.ask('GET', '/health/ready').catch(() => null);
    return health?.json['status'] === 'ok';
  });
}

/** Ends a process. Answers a wait for the one that the starter puts in its place. */
function end(name: string, signal: NodeJS.Signals): () => Promise<void> {
  const pid = mustPidOf(name);
  process.kill(pid, signal);
  return () => until(`${name} was started again`, () => ![pid, undefined].includes(pidOf(name)));
}

/** A draw whose bell rings so many milliseconds from now, joined by a crowd. */
async function line(bellMs: number): Promise<string> {
  const product = await shop.product(vendor);
  const admission = { mode: 'draw', turn_seconds: 30 };
  const terms = { allotted: units, admission, starts_at: inMs(bellMs) };
  const sale = await shop.sale(vendor, product, terms);
  crowd = await Promise.all(
    Array.from({ length: crowdSize }, async (): Promise<Waiter> => {
      const shopper = await shop.shopper();
      const socket = await SocketClient.open(api, { token: shopper.token });
      socket.send({ type: 'subscribe', sale });
      await socket.next('snapshot');
      const outcome = await socket.ask('join', { sale });
      expect(outcome).toMatchObject({ ok: true, status: 201 });
      const { id, receipt } = outcome['result'] as { id: string; receipt: unknown };
      expect(receipt).toMatchObject({ digest: expect.any(String) as string });
      return { shopper, socket, ticket: id, receipt };
    }),
  );
  return sale;
}

/** Opens a new socket where the last one was, as soon as the api takes any. Answers its welcome. */
async function comesBack(waiter: Waiter): Promise<Message> {
  const { shopper, socket } = waiter;
  const { session, seq } = socket;
  socket.cut();
  await until('the api takes sockets', async () => {
    const asked = { token: shopper.token, resume: { session, seq } };
    const opened = await SocketClient.open(api, asked).catch(() => null);
    if (opened !== null) waiter.socket = opened;
    return opened !== null;
  });
  return waiter.socket.messages[0] ?? {};
}

/** All come back, watch the sale, and find in it the ticket that they had, with its receipt. */
async function allComeBack(sale: string): Promise<void> {
  const welcomes = await Promise.all(crowd.map(comesBack));
  await allWell();
  // A new process does not know the old one's sessions: what they missed is in a snapshot.
  for (const welcome of welcomes) {
    expect(welcome).toMatchObject({ type: 'welcome', resumed: false });
  }
  await Promise.all(
    crowd.map(async ({ socket, shopper, ticket, receipt }) => {
      socket.send({ type: 'subscribe', sale });
      const snapshot = await socket.next('snapshot', ({ sale: of }) => of === sale);
      expect(snapshot).toMatchObject({ ticket: { id: ticket, state: 'waiting', number: null } });
      const asked = { token: shopper.token };
      const mine = () => shop.must(200, 'GET', `/v1/sales/${sale}/tickets/me`, asked);
      await until('the receipt has settled', async () => (await mine()).json['receipt'] !== null);
      expect((await mine()).json).toMatchObject({ id: ticket, state: 'waiting', receipt });
    }),
  );
}

/** The last that was said of a ticket over this socket. */
function told({ socket, ticket }: Waiter): Message {
  const tickets = socket.messages.map((message): Message | null => {
    return message['type'] === 'snapshot' ? (message['ticket'] as Message | null) : message;
  });
  return tickets.findLast((message) => message?.['id'] === ticket) ?? {};
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Proof {
  readonly seed: string;
  readonly root: string;
  readonly entrants: readonly string[];
  readonly entries: readonly { readonly count: number }[];
}

/** The number of each ticket, computed from what the draw was committed to. */
async function drawnNumbers(sale: string): Promise<ReadonlyMap<string, number>> {
  const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}/proof`);
  const { seed, root, entrants, entries } = json as unknown as Proof;
  const byHash = new Map(crowd.map(({ ticket }) => [sha256(ticket), ticket]));
  const tickets = entrants.map((entrant) => byHash.get(entrant) ?? 'nobody’s');
  let first = 0;
  const placed = entries.map(({ count }) => ({ first: (first += count) - count, count }));
  const bell = tickets.length;
  const { numbers, wrong } = predictDraw({ tickets, entries: placed, bell, seed, root });
  expect(wrong).toEqual([]);
  return new Map(tickets.map((ticket, index) => [ticket, numbers.get(index) ?? 0]));
}

/** Holds, with the same id as often as nobody can say. Answers the units. */
async function holds({ socket }: Waiter, sale: string): Promise<readonly number[]> {
  const id = randomUUID();
  let outcome: Message = {};
  await until('a hold is decided', async () => {
    outcome = await socket.ask('hold', { sale, quantity: 1 }, id);
    return outcome['ok'] === true || outcome['status'] !== 503;
  });
  expect(outcome).toMatchObject({ ok: true, status: 201 });
  return (outcome['result'] as { units: readonly number[] }).units;
}

it('the api: all come back to their tickets when it is killed, and when it says goodbye', async () => {
  const sale = await line(farMs);
  const isBack = end('api', 'SIGKILL');
  for (const { socket } of crowd) await socket.closed;
  await isBack();
  await allComeBack(sale);

  const isBackAgain = end('api', 'SIGTERM');
  const waits = await Promise.all(
    crowd.map(async ({ socket }) => {
      const goodbye = await socket.next('goodbye');
      expect((await socket.closed).code).toBe(ended);
      return goodbye['reconnect_after_ms'] as number;
    }),
  );
  for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(0);
  // A thousand milliseconds to choose from: some meet, all do not.
  expect(new Set(waits).size).toBeGreaterThan(crowdSize / 2);
  await isBackAgain();
  await allComeBack(sale);
});

it('the api: a leave that comes again after its restart leaves no ticket of since', async () => {
  const sale = await line(farMs);
  const [waiter] = crowd;
  if (waiter === undefined) throw new Error('nobody');
  const { shopper } = waiter;
  const [path, key] = [`/v1/sales/${sale}/tickets`, randomUUID()];
  const leave = () => shop.must(200, 'DELETE', `${path}/me`, { token: shopper.token, key });
  const left = await leave();
  expect(left.json).toMatchObject({ id: waiter.ticket, state: 'left' });
  expect(left.headers.get('idempotent-replayed')).toBe(null);
  const joined = { token: shopper.token, key: randomUUID() };
  const { id } = (await shop.must(201, 'POST', path, joined)).json;
  const isBack = end('api', 'SIGKILL');
  await isBack();
  await allWell();
  const again = await leave();
  expect(again.json).toMatchObject({ id, state: 'waiting' });
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  await comesBack(waiter);
  expect(await waiter.socket.ask('leave', { sale }, key)).toMatchObject({
    replayed: true,
    result: { id, state: 'waiting' },
  });
});

it.each(['worker', 'redis'])('%s: killed at the bell, it changes nobody’s number', async (name) => {
  const sale = await line(leadMs);
  const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
  const bellAt = Date.parse(String(json['starts_at']));
  expect(json['state'], 'the crowd joined in time').toBe('scheduled');
  await until('the bell is near', () => Date.now() > bellAt - killBeforeMs);
  const isBack = end(name, 'SIGKILL');
  await isBack();
  await until('all have numbers', () =>
    crowd.every((one) => typeof told(one)['number'] === 'number'),
  );
  const drawn = await drawnNumbers(sale);
  for (const one of crowd) expect(told(one)['number']).toBe(drawn.get(one.ticket));
  expect(new Set(drawn.values()).size).toBe(crowdSize);

  const first = crowd.filter(({ ticket }) => (drawn.get(ticket) ?? 0) <= units);
  await until('turns have come', () => first.every((one) => told(one)['state'] === 'admitted'));
  const held = (await Promise.all(first.map((one) => holds(one, sale)))).flat();
  expect([...held].sort((a, b) => a - b)).toEqual(Array.from({ length: units }, (_, i) => i + 1));
  const verified = await highnoon(['verify', `${api}/v1/sales/${sale}`]);
  expect(verified.out).toContain(`${crowdSize} recomputed, all as published`);
  expect(verified.code).toBe(0);
});

it('nothing was lost, as the audit says', async () => {
  const { code, out } = await highnoon(['audit'], { HIGHNOON_DIR: dir });
  expect(out).toContain('audit passed');
  expect(code).toBe(0);
});
