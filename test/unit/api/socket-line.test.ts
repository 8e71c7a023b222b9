// The line over the socket of the real server, over a fake engine: joins, refusals, who is told what of
// which ticket.
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NewsEvent } from '../../../engine/index.ts';
import { done, linedSaleId, lineFigures, lineTicket, saleId } from './fake-engine.ts';
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
      problem: { code: 'not_found' },
    });
    expect(await client.ask('join', { sale: linedSaleId, delivery: {} })).toMatchObject({
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
});
