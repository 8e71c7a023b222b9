// What a socket may send: no query, and at most so much. The rest is refused by its id, a flood closed.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { SocketClient } from '../../support/socket-client.ts';
import { saleId } from './fake-engine.ts';
import { startHarness, tokens } from './harness.ts';
import { socketFixture } from './socket-fixture.ts';

const fixture = socketFixture();
const { open } = fixture;

it('takes no parameters in its query', async () => {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  };
  const asked = get(`${fixture.harness().url}/v1/socket?x=1`, { headers });
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  const json = JSON.parse(await text(answer)) as object;
  expect(json).toMatchObject({ status: 400, code: 'unknown_field', param: 'x' });
});

describe('too much', () => {
  it('a flood is closed, others go on', async () => {
    const [flood, other] = [await open(), await open({ token: tokens.guest })];
    for (let i = 0; i < 300; i += 1) flood.send({ type: 'ping' });
    expect((await flood.closed).code).toBe(4429);
    other.send({ type: 'ping' });
    await other.next('pong');
  });

  const hold = { sale: saleId, quantity: 1 };
  const refused = { ok: false, status: 429, problem: { code: 'rate_limited' } };

  it('commands beyond the rate are refused by their ids, and who goes on is closed', async () => {
    const client = await open();
    for (let i = 0; i < 220; i += 1) void client.ask('hold', hold).catch(() => undefined);
    expect(await client.ask('hold', hold)).toMatchObject({
      ...refused,
      problem: { retry_after_ms: expect.any(Number) as number },
    });
    for (let i = 0; i < 300; i += 1) client.send({ type: 'hold', id: randomUUID(), ...hold });
    expect((await client.closed).code).toBe(4429);
  });

  it('commands that wait for their answer: more are refused, and the socket stays', async () => {
    const slow = await startHarness();
    Object.assign(slow.engine, { hold: () => undefined });
    const client = await SocketClient.open(slow.url, { token: tokens.ann });
    for (let i = 0; i < 100; i += 1) client.send({ type: 'hold', id: randomUUID(), ...hold });
    expect(await client.ask('hold', hold)).toMatchObject(refused);
    client.send({ type: 'ping' });
    await client.next('pong');
    client.cut();
    await slow.close();
  });

  it('subscriptions that wait for their snapshot: more are refused', async () => {
    const slow = await startHarness();
    Object.assign(slow.engine, { sale: () => new Promise(() => undefined) });
    const client = await SocketClient.open(slow.url, { token: tokens.ann });
    for (let i = 0; i < 100; i += 1) client.send({ type: 'subscribe', sale: saleId });
    expect(await client.ask('subscribe', { sale: saleId })).toMatchObject(refused);
    client.cut();
    await slow.close();
  });

  it('is not what comes from this machine, where that is exempt', async () => {
    const exempt = await startHarness({ rateLimits: 'loopback-exempt' });
    const client = await SocketClient.open(exempt.url, { token: tokens.ann });
    for (let i = 0; i < 400; i += 1) client.send({ type: 'ping' });
    await client.ask('auth', { token: tokens.ann });
    expect(client.count('pong')).toBe(400);
    await client.close();
    await exempt.close();
  });
});
