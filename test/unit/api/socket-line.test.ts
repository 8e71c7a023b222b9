// The line over the socket of the real server, over a fake engine: joins, refusals, who is told what of
// which ticket.
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LineFigures, NewsEvent } from '../../../engine/index.ts';
import { done, laneSale, linedSaleId, lineFigures, lineTicket, saleId } from './fake-engine.ts';
import { serverNow, tokens } from './harness.ts';
import type { Harness } from './harness.ts';
import { socketFixture } from './socket-fixture.ts';

const fixture = socketFixture();
const { open, tell } = fixture;
let harness: Harness;
beforeAll(() => {
  harness = fixture.harness();
});

describe('the line', () => {
  const ticketed = (type: 'admitted' | 'lapsed' | 'joined'): NewsEvent => ({
    kind: 'ticket',
    type,
    sale: linedSaleId,
    shopper: 'ann',
  });

  it('is joined and left as by the routes', async () => {
    const client = await open();
    const id = randomUUID();
    const outcome = await client.ask('join', { sale: linedSaleId }, id);
    const route = await harness.ask('POST', `/v1/sales/${linedSaleId}/tickets`, {
      as: 'ann',
      key: id,
    });
    expect(outcome).toMatchObject({ ok: true, status: 201, result: route.json });
    expect(route.json).toMatchObject({ number: 17, ahead: 6, cut_line: 12, receipt: null });
    const joins = harness.calls.filter(([name]) => name === 'join');
    expect(joins[0]).toEqual(joins[1]);
    expect(await client.ask('leave', { sale: linedSaleId })).toMatchObject({
      result: { state: 'left' },
    });
    expect(await client.ask('join', { sale: saleId })).toMatchObject({
      problem: { code: 'not_found', detail: 'The sale has no line: hold its units directly.' },
    });
    expect(await client.askAnyway('join', { sale: linedSaleId, delivery: {} })).toMatchObject({
      problem: { code: 'invalid_request' },
    });
  });

  it.each([
    [{ code: 'line_full', retryAfterMs: 2000 }, 429, 'line_full'],
    [{ code: 'draw_closed' }, 409, 'draw_closed'],
    [{ code: 'forbidden' }, 403, 'forbidden'],
  ])('refuses a join: %j', async (rejection, status, code) => {
    harness.answers = { join: { kind: 'rejected', rejection, now: serverNow } };
    const client = await open();
    const outcome = await client.ask('join', { sale: linedSaleId });
    expect(outcome).toMatchObject({ ok: false, status, problem: { code } });
  });

  it('leaves by its id, as the route by its key, and says when that has left before', async () => {
    const client = await open();
    const id = randomUUID();
    const first = await client.ask('leave', { sale: linedSaleId }, id);
    expect(first).toMatchObject({ ok: true, result: { state: 'left' } });
    expect(first).not.toHaveProperty('replayed');
    harness.answers = { leave: done(lineTicket, true) };
    const again = await client.ask('leave', { sale: linedSaleId }, id);
    expect(again).toMatchObject({ replayed: true, result: { state: 'waiting' } });
    const path = `/v1/sales/${linedSaleId}/tickets/me`;
    const route = await harness.ask('DELETE', path, { as: 'ann', key: id });
    expect(route.headers.get('idempotent-replayed')).toBe('true');
    const keyless = await harness.ask('DELETE', path, { as: 'ann' });
    expect(keyless.status).toBe(200);
    const keys = harness.calls.flatMap(([name, asked]) =>
      name === 'leave' ? [(asked as { idempotencyKey: string }).idempotencyKey] : [],
    );
    expect(keys).toEqual([id, id, id, '']);
  });

  it('says how many tickets one may take, and of a limit of units that it is one', async () => {
    const client = await open();
    const detailOf = async (limit: number): Promise<unknown> => {
      const rejection = { code: 'limit_reached', limit, owned: limit };
      harness.answers = { join: { kind: 'rejected', rejection, now: serverNow } };
      const { problem } = await client.ask('join', { sale: linedSaleId });
      return (problem as { detail: string }).detail;
    };
    expect(await detailOf(16)).toMatch(/^A shopper takes 16 tickets/);
    expect(await detailOf(2)).toMatch(/exceed the limit/);
  });

  it.each([
    ['while its sale moves', {}, true, true],
    ['while its sale is paused', { state: 'paused' as const }, false, true],
    // Its 29 ahead have no numbers yet, and a draw may wait long for its beacon.
    ['behind a draw that is not over', { bell: 29, numbered: false }, false, false],
  ])(
    'a ticket %s is told its wait and its chance, or that nobody knows',
    async (_, more, wait, chance) => {
      const line = { ...lineFigures, available: 600, ...more };
      harness.answers = { ticket: done({ ...lineTicket, number: 30, ahead: 29, line }) };
      const path = `/v1/sales/${linedSaleId}/tickets/me`;
      const { json } = await harness.ask('GET', path, { as: 'ann' });
      expect(json['ahead']).toBe(29);
      expect(json['eta_seconds'] !== null).toBe(wait);
      expect(json['chance'] !== null).toBe(chance);
    },
  );

  it.each(['waiting', 'admitted'] as const)('%s is over with its sale', async (state) => {
    const line = { ...lineFigures, state: 'closed' as const };
    harness.answers = { ticket: done({ ...lineTicket, state, line }) };
    const path = `/v1/sales/${linedSaleId}/tickets/me`;
    const { json } = await harness.ask('GET', path, { as: 'ann' });
    expect(json).toMatchObject({
      state: 'lapsed',
      sale_state: 'closed',
      ahead: null,
      chance: null,
    });
  });

  it('asks those who came together to come back apart', async () => {
    const path = `/v1/sales/${linedSaleId}/tickets/me`;
    const waits = new Set<unknown>();
    for (let i = 0; i < 8; i += 1) {
      const id = `${lineTicket.id.slice(0, -1)}${i}`;
      harness.answers = { ticket: done({ ...lineTicket, number: null, ahead: null, id }) };
      const { json } = await harness.ask('GET', path, { as: 'ann' });
      waits.add(json['poll_after_ms']);
    }
    expect(waits.size).toBeGreaterThan(4);
    for (const wait of waits) expect(wait).toBeLessThanOrEqual(1000);
  });

  it('is 200 for the ticket that one has', async () => {
    harness.answers = { join: done({ ...lineTicket, known: true }) };
    const client = await open();
    expect(await client.ask('join', { sale: linedSaleId })).toMatchObject({ status: 200 });
  });

  it('tells a ticket to its owner, on the turn and in a snapshot', async () => {
    const [client, other] = [await open(), await open({ token: tokens.guest })];
    client.send({ type: 'subscribe', sale: linedSaleId });
    const snapshot = await client.next('snapshot');
    expect(snapshot).toMatchObject({
      ticket: { number: 17 },
      tick: { serving: 10, cut_line: 12, waiting: 30, chain: 'ab'.repeat(32) },
    });
    harness.answers = {
      ticket: done({ ...lineTicket, state: 'admitted', ahead: null, turnEndsAt: serverNow }),
    };
    tell(ticketed('admitted'));
    expect(await client.next('ticket')).toMatchObject({ state: 'admitted', ahead: null });
    other.send({ type: 'ping' });
    await other.next('pong');
    expect(other.count('ticket')).toBe(0);
  });

  it('shows no ticket as null, and says nothing of one while nobody can say', async () => {
    const client = await open();
    const ticketOf = async (answer: unknown): Promise<unknown> => {
      harness.answers = { ticket: answer };
      client.send({ type: 'subscribe', sale: linedSaleId });
      const snapshot = await client.next('snapshot');
      return 'ticket' in snapshot ? snapshot['ticket'] : 'left out';
    };
    const rejection = { code: 'not_found' };
    expect(await ticketOf({ kind: 'rejected', rejection, now: serverNow })).toBeNull();
    const busy = { kind: 'unavailable', reason: 'busy', retryAfterMs: 1 };
    expect(await ticketOf(busy)).toBe('left out');
    // Meanwhile it is taken for one who waits, and told of the ticket once somebody can say.
    harness.answers = { ticket: done(lineTicket) };
    for (const listener of harness.listeners) listener.lost(0);
    expect(await client.next('ticket')).toMatchObject({ number: 17 });
    expect(await ticketOf(done(lineTicket))).toMatchObject({ number: 17 });
  });

  it.each(['closing', 'closed'])('is told with its sale (%s) that it is over', async (type) => {
    const client = await open();
    await client.ask('join', { sale: linedSaleId });
    const line = { ...lineFigures, state: 'closed' as const };
    harness.answers = { ticket: done({ ...lineTicket, line }) };
    tell({ kind: 'sale', type, sale: linedSaleId });
    expect(await client.next('ticket')).toMatchObject({ state: 'lapsed', ahead: null });
    tell({ kind: 'sale', type, sale: linedSaleId });
    client.send({ type: 'ping' });
    await client.next('pong');
    expect(client.count('ticket')).toBe(1);
  });

  it('tells each number once, when all are given', async () => {
    harness.answers = { join: done({ ...lineTicket, number: null, ahead: null }) };
    const client = await open();
    await client.ask('join', { sale: linedSaleId });
    harness.answers = { line: done({ ...lineFigures, numbered: false }) };
    tell({ kind: 'sale', type: 'numbers', sale: linedSaleId });
    await expect.poll(() => harness.calls.some(([name]) => name === 'line')).toBe(true);
    harness.answers = { ticket: done(lineTicket) };
    tell({ kind: 'sale', type: 'numbers', sale: linedSaleId });
    tell({ kind: 'sale', type: 'numbers', sale: linedSaleId });
    expect(await client.next('ticket')).toMatchObject({
      number: 17,
      chance: expect.any(Number) as number,
    });
    client.send({ type: 'ping' });
    await client.next('pong');
    expect(client.count('ticket')).toBe(1);
  });

  const drawn = { ...lineTicket, number: null, ahead: null };
  const numbersCame: NewsEvent = { kind: 'sale', type: 'numbers', sale: linedSaleId };

  it('ticks while nobody answers for the head of the chain', async () => {
    const client = await open();
    client.send({ type: 'subscribe', sale: linedSaleId });
    await client.next('snapshot');
    harness.answers = { chainHead: new Promise(() => undefined) };
    for (let i = 0; i < 2; i += 1) await client.next('tick');
    client.messages.length = 0;
    await client.next('tick');
  });

  /** As the routes tell it to a ticket with so many before it. */
  async function etaOf(ahead: number, line: LineFigures): Promise<readonly number[] | null> {
    harness.answers = { ...harness.answers, ticket: done({ ...lineTicket, ahead, line }) };
    const path = `/v1/sales/${linedSaleId}/tickets/me`;
    const { json } = await harness.ask('GET', path, { as: 'ann' });
    return json['eta_seconds'] as readonly number[] | null;
  }

  const near = [0, 3, 10, 30, 100, 300, 1000, 3000, 10_000];
  const [many, waiting] = [1_000_000, 120_000];
  it.each([
    ['of every place', { available: many, waiting }, [...near, 30_000, 100_000], true],
    ['as far as the units go', { available: 60_006, waiting: waiting + 1 }, near, false],
    ['of none before the numbers', { available: many, waiting: 130, numbered: false }, [], false],
  ])('ticks the wait %s, as its ticket is told', async (_, more, places, ofLast) => {
    const line = { ...lineFigures, ...more };
    harness.answers = { line: done(line) };
    const client = await open();
    client.send({ type: 'subscribe', sale: linedSaleId });
    const tick = await client.next('tick', (told) => told['waiting'] === line.waiting);
    const rows: unknown[] = [];
    for (const ahead of places) rows.push([ahead, ...((await etaOf(ahead, line)) ?? [])]);
    expect(tick['eta_by_ahead']).toEqual(rows);
    expect(tick['eta']).toEqual(await etaOf(line.waiting, line));
    expect(tick['eta'] !== null).toBe(ofLast);
  });

  it('numbers who joined by HTTP beside an open socket', async () => {
    const client = await open({ token: tokens.bob });
    tell({ ...ticketed('joined'), shopper: 'bob' } as NewsEvent);
    harness.answers = { ticket: done(lineTicket) };
    tell(numbersCame);
    expect(await client.next('ticket')).toMatchObject({ number: 17 });
  });

  it('tells who joined elsewhere, and nobody twice who was told by the outcome', async () => {
    const client = await open();
    await client.ask('join', { sale: linedSaleId });
    const other = await open({ token: tokens.bob });
    tell(ticketed('joined'));
    tell({ ...ticketed('joined'), shopper: 'bob' } as NewsEvent);
    expect(await other.next('ticket')).toMatchObject({ number: 17 });
    const looks = harness.calls.filter(([name]) => name === 'ticket');
    expect(looks.map(([, who]) => (who as { shopper: string }).shopper)).toEqual(['bob']);
  });

  it('numbers who left and joined again on one socket', async () => {
    harness.answers = { join: done(drawn), ticket: done({ ...drawn, state: 'left' }) };
    const client = await open();
    await client.ask('join', { sale: linedSaleId });
    await client.ask('leave', { sale: linedSaleId });
    tell({ ...ticketed('joined'), type: 'left' } as NewsEvent);
    await client.next('ticket', ({ state }) => state === 'left');
    await client.ask('join', { sale: linedSaleId });
    harness.answers = { ticket: done(lineTicket) };
    tell(numbersCame);
    expect(await client.next('ticket')).toMatchObject({ number: 17 });
  });

  it('tells numbers again until they are told', async () => {
    harness.answers = { join: done(drawn) };
    const client = await open();
    await client.ask('join', { sale: linedSaleId });
    harness.answers = { ticket: { kind: 'unavailable', reason: 'busy', retryAfterMs: 1 } };
    tell(numbersCame);
    await expect.poll(() => harness.calls.some(([name]) => name === 'ticket')).toBe(true);
    harness.answers = { ticket: done(lineTicket) };
    expect(await client.next('ticket')).toMatchObject({ number: 17 });
  });

  it('looks again at every ticket that is not over when something was missed', async () => {
    const client = await open({ token: tokens.guest });
    await client.ask('join', { sale: linedSaleId });
    harness.answers = {
      ticket: done({ ...lineTicket, state: 'admitted', ahead: null, turnEndsAt: serverNow }),
    };
    const missed = (): void => {
      for (const listener of harness.listeners) listener.lost(0);
    };
    missed();
    expect(await client.next('ticket')).toMatchObject({ state: 'admitted' });
    harness.answers = { ticket: done({ ...lineTicket, state: 'finished', ahead: null }) };
    missed();
    expect(await client.next('ticket')).toMatchObject({ state: 'finished' });
    harness.calls.length = 0;
    missed();
    client.send({ type: 'ping' });
    await client.next('pong');
    const ofGuest = harness.calls.filter(
      ([name, asked]) => name === 'ticket' && (asked as { shopper: string }).shopper === 'gst_1',
    );
    expect(ofGuest).toEqual([]);
  });
});

describe('a session', () => {
  it('goes on over the other subprotocol', async () => {
    const first = await open({ token: tokens.ann, form: 'json' });
    first.send({ type: 'subscribe', sale: linedSaleId });
    await first.next('snapshot');
    const resume = { session: first.session, seq: first.seq };
    const again = await open({ token: tokens.ann, form: 'msgpack', resume });
    expect(again.messages[0]).toMatchObject({ resumed: 'replay' });
    await again.next('snapshot');
    await again.next('tick');
    expect(await again.ask('join', { sale: linedSaleId })).toMatchObject({ ok: true });
  });

  it('is told of its tickets when more was lost than is kept', async () => {
    const first = await open();
    await first.ask('join', { sale: linedSaleId });
    const resume = { session: first.session, seq: 1 };
    const cancel = { type: 'cancel', order: 'none' };
    for (let i = 0; i < 40; i += 1) first.sendAnyway({ ...cancel, id: randomUUID() });
    await expect.poll(() => first.count('outcome')).toBe(41);
    first.cut();
    await first.closed;
    const again = await open({ token: tokens.ann, resume });
    expect(again.messages[0]).toMatchObject({ resumed: 'snapshot' });
    expect(await again.next('ticket')).toMatchObject({ state: 'waiting' });
  });

  it('that unsubscribes before its snapshot gets nothing, and leaves no room behind', async () => {
    const sale = `sal_${'0'.repeat(15)}7`;
    let answer: (value: unknown) => void = () => undefined;
    harness.answers = { laneSale: new Promise((resolve) => (answer = resolve)) };
    const client = await open();
    client.send({ type: 'subscribe', sale });
    client.send({ type: 'unsubscribe', sale });
    client.send({ type: 'ping' });
    await client.next('pong');
    answer(done(laneSale));
    await new Promise((resolve) => setImmediate(resolve));
    client.send({ type: 'ping' });
    await client.next('pong');
    expect([client.count('snapshot'), client.count('tick')]).toEqual([0, 0]);
  });

  it('may ask for no more sales than fit, however fast it asks', async () => {
    const client = await open();
    for (let i = 0; i <= 50; i += 1) {
      client.send({ type: 'subscribe', sale: `sal_${String(i).padStart(16, '0')}` });
    }
    expect((await client.closed).code).toBe(4429);
  });

  it('looks once at a sale for all who come at once', async () => {
    const clients = await Promise.all([open(), open(), open()]);
    harness.calls.length = 0;
    for (const client of clients) client.send({ type: 'subscribe', sale: saleId });
    for (const client of clients) await client.next('snapshot');
    expect(harness.calls.filter(([name]) => name === 'laneSale').length).toBeLessThan(3);
  });
});
