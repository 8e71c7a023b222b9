// The beacon against a local stand-in of drand's HTTP relay: what it takes, waits for and refuses.
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drandBeacon, nameRound } from '../../../engine/beacon.ts';

const genesis = 1_692_803_367_000;
const signature = 'ab'.repeat(48);
const randomness = createHash('sha256').update(Buffer.from(signature, 'hex')).digest('hex');
let server: Server;
let url: string;
let answer: { status: number; body: unknown };
let asked: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const bell = Date.UTC(2030, 5, 1, 12);
const source = nameRound(bell);
const round = Number(source.split(':')[2]);
const good = { round, randomness, signature };

function ask(status: number, body: unknown, of = source): Promise<Uint8Array | null> {
  answer = { status, body };
  asked = [];
  return drandBeacon(`${url}/`)(of);
}

describe('the beacon', () => {
  it('names the first round ten seconds after a bell', () => {
    for (const at of [bell, bell + 1, bell + 1500, bell + 2999]) {
      const published = genesis + (Number(nameRound(at).split(':')[2]) - 1) * 3000;
      expect(published - at).toBeGreaterThanOrEqual(10_000);
      expect(published - at).toBeLessThan(13_000);
    }
  });

  it('answers the raw bytes of the round, of the pinned chain', async () => {
    expect(Buffer.from((await ask(200, good)) ?? []).toString('hex')).toBe(randomness);
    const [, chain = ''] = source.split(':');
    expect(asked).toEqual([`/${chain}/public/${round}`]);
  });

  it.each([404, 425])('waits while the relay says %i', async (status) => {
    expect(await ask(status, {})).toBeNull();
  });

  it.each([
    ['another round', { ...good, round: round + 1 }],
    ['randomness that is not the hash of its signature', { ...good, randomness: '00'.repeat(32) }],
    ['another signature', { ...good, signature: 'cd'.repeat(48) }],
    ['a short signature', { ...good, signature: 'ab' }],
    ['no randomness', { round, signature }],
    ['null', null],
    ['no JSON', 'oops'],
  ])('refuses %s', async (_what, body) => {
    await expect(ask(200, body)).rejects.toThrow();
  });

  it('refuses a fault of the relay, and a source of another chain', async () => {
    await expect(ask(500, {})).rejects.toThrow('500');
    await expect(ask(200, good, `drand:${'0'.repeat(64)}:${round}`)).rejects.toThrow('chain');
    await expect(ask(200, good, 'nist:1')).rejects.toThrow('chain');
    expect(asked).toEqual([]);
  });
});
