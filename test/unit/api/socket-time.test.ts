// What time does to open sockets, on the real server over a fake engine: readers that do not read,
// tokens that expire, sales and servers that end. The test moves the clocks.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { presenceMs } from '../../../api/socket/limits.ts';
import { metrics } from '../../../platform/metrics.ts';
import type { NewsEvent } from '../../../engine/index.ts';
import { until } from '../../support/environment.ts';
import { SocketClient } from '../../support/socket-client.ts';
import {
  done,
  laneOrder,
  laneSale,
  lineTicket,
  linedSaleId,
  noon,
  orderId,
  saleId,
} from './fake-engine.ts';
import { issue, serverNow, startHarness, tokens } from './harness.ts';
import type { Harness } from './harness.ts';

let harness: Harness;
let clients: SocketClient[] = [];
let now = serverNow;

beforeEach(async () => {
  now = serverNow;
  harness = await startHarness({}, undefined, () => now);
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const client of clients.splice(0)) client.cut();
  clients = [];
  await harness.close();
});

async function open(token = tokens.ann): Promise<SocketClient> {
  const client = await SocketClient.open(harness.url, { token });
  clients.push(client);
  return client;
}

const tell = (event: NewsEvent): void => {
  for (const listener of harness.listeners) listener.event(event);
};

/** Of this process: whoever does not read does not see that it was closed. */
const untilClosed = (code: number): Promise<void> =>
  vi.waitFor(
    async () => {
      const { values } = await metrics.socketsClosed.get();
      if (!values.some(({ labels }) => labels.code === code)) throw new Error('not yet');
    },
    { timeout: 8000, interval: 10 },
  );

describe('who waits', () => {
  it('is here while their socket is open, and no longer', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const own = await startHarness();
    const here = (): unknown[] => own.calls.filter(([name]) => name === 'seen');
    try {
      const client = await SocketClient.open(own.url, { token: tokens.ann });
      clients.push(client);
      await client.ask('join', { sale: linedSaleId });
      expect(here()).toEqual([]);
      vi.advanceTimersByTime(presenceMs);
      expect(here()).toEqual([['seen', linedSaleId, ['ann']]]);
      client.cut();
      await until('its server knows', () => {
        const before = here().length;
        vi.advanceTimersByTime(presenceMs);
        return here().length === before;
      });
    } finally {
      vi.useRealTimers();
      await own.close();
    }
  });
});

describe('a reader that does not read', () => {
  /** More than any buffer between the two takes. */
  const manyMore = 20_000;

  /** Tells changes of orders until the server keeps them back. */
  async function flood(client: SocketClient): Promise<number> {
    client.ws.pause();
    for (let told = 0; told < manyMore; told += 1) {
      const order = `${orderId.slice(0, -5)}${String(told).padStart(5, '0')}`;
      tell({
        ...{ kind: 'held', sale: saleId, order, shopper: 'ann', item: 0, price: 9950 },
        ...{ heldAt: laneOrder.heldAt, holdExpiresAt: laneOrder.holdExpiresAt, units: [17] },
      });
      if (told % 500 === 499) await new Promise(setImmediate);
    }
    return manyMore;
  }

  it('gets the latest state and no backlog, once it reads again', async () => {
    const client = await open();
    client.send({ type: 'subscribe', sale: saleId });
    await client.next('snapshot');
    const told = await flood(client);
    client.ws.resume();
    const welcome = await client.next('welcome', ({ resumed }) => resumed === 'snapshot');
    expect(welcome).toMatchObject({ session: client.session });
    const snapshot = await client.next('snapshot');
    expect((snapshot['orders'] as unknown[]).length).toBeGreaterThan(0);
    expect(client.count('order')).toBeLessThan(told);
    client.send({ type: 'ping' });
    await client.next('pong');
  });

  it('is closed with 4408 when it stays behind; the others go on', async () => {
    const [slow, other] = [await open(), await open(tokens.bob)];
    await flood(slow);
    const real = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => real() + 11_000);
    await untilClosed(4408);
    slow.ws.resume();
    expect((await slow.closed).code).toBe(4408);
    other.send({ type: 'ping' });
    await other.next('pong');
  });
});

describe('a token that expires on an open socket', () => {
  it('stops commands and costs no place; `auth` goes on with it', async () => {
    const client = await open();
    client.send({ type: 'subscribe', sale: linedSaleId });
    expect(await client.next('snapshot')).toMatchObject({ ticket: { number: 17 } });
    now = serverNow + 365 * 86_400_000;
    expect(await client.ask('hold', { sale: saleId, quantity: 1 })).toMatchObject({
      ok: false,
      problem: { code: 'unauthenticated' },
    });
    // Its place goes on, and it is told of its turn.
    harness.answers = { ticket: done({ ...lineTicket, state: 'admitted', ahead: null }) };
    tell({ kind: 'ticket', type: 'admitted', sale: linedSaleId, shopper: 'ann' });
    expect(await client.next('ticket')).toMatchObject({ state: 'admitted' });
    expect(harness.calls.filter(([name]) => name === 'leave')).toEqual([]);
    const { token } = issue('ann', false, now);
    expect(await client.ask('auth', { token })).toMatchObject({ ok: true });
    expect(await client.ask('hold', { sale: saleId, quantity: 1 })).toMatchObject({ ok: true });
  });
});

describe('a sale that ends', () => {
  it.each([
    ['closed', noon],
    ['cancelled', noon + 60_000],
  ])('is told as %s, with the last tick', async (state, startsAt) => {
    const client = await open();
    client.send({ type: 'subscribe', sale: saleId });
    await client.next('snapshot');
    harness.answers = { laneSale: done({ ...laneSale, startsAt, state: 'closed' }) };
    tell({ kind: 'sale', type: 'closed', sale: saleId });
    expect(await client.next('sale')).toMatchObject({ state });
    await client.next('tick');
    const ticks = client.count('tick');
    const looks = (): number => harness.calls.filter(([name]) => name === 'laneSale').length;
    const before = looks();
    await expect.poll(looks, { timeout: 5000 }).toBeGreaterThan(before + 1);
    client.send({ type: 'ping' });
    await client.next('pong');
    expect([client.count('tick'), client.count('sale')]).toEqual([ticks, 1]);
  });
});

describe('a server that ends', () => {
  it('says goodbye to every socket, each with a wait of its own, then closes', async () => {
    const crowd = await Promise.all(Array.from({ length: 12 }, () => open()));
    await harness.close();
    const waits = await Promise.all(
      crowd.map(async (client) => (await client.next('goodbye'))['reconnect_after_ms'] as number),
    );
    for (const wait of waits) {
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThan(20_000);
    }
    expect(new Set(waits).size).toBeGreaterThan(6);
    const codes = await Promise.all(crowd.map(async (client) => (await client.closed).code));
    expect(new Set(codes)).toEqual(new Set([1001]));
  });
});
