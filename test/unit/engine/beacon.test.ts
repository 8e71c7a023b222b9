// The beacon against a local stand-in of drand's HTTP relay: what it takes, waits for and refuses.
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drandBeacon, nameRound } from '../../../engine/beacon.ts';
import { checkBeacon } from '../../../engine/line/check-proof.ts';
import { readProofFile } from '../../../engine/line/read-proof.ts';
import { publishedRound } from '../../support/quicknet-round.ts';

const genesis = 1_692_803_367_000;
const { round, signature, randomness } = publishedRound;
const hashOf = (text: string): string =>
  createHash('sha256').update(Buffer.from(text, 'hex')).digest('hex');
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
const source = nameRound(genesis + (round - 1) * 3000 - 10_000);
/** The generator of its group: a point as good as any, and nobody's signature. */
const generator =
  '97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb';
const good = publishedRound;

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

  it('answers the signature of the round, of the pinned chain', async () => {
    expect(Buffer.from((await ask(200, good)) ?? []).toString('hex')).toBe(signature);
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
    [
      'a signature that is none',
      { ...good, signature: 'cd'.repeat(48), randomness: hashOf('cd'.repeat(48)) },
    ],
    [
      'one that is another point of the curve',
      { ...good, signature: generator, randomness: hashOf(generator) },
    ],
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

  it('of a proof is checked by whoever verifies it', () => {
    const published = genesis + (round - 1) * 3000;
    const proof = (beacon: string, beaconSource = source, bellAt = published - 10_000) =>
      readProofFile({
        ...{ sale_id: 'sal_a', mode: 'draw', seed_commitment: '', seed: '00'.repeat(32), root: '' },
        ...{ beacon, beacon_source: beaconSource, receipt_key: '', entrant_count: 0 },
        ...{ entries: [], entrants: [], bell_at: new Date(bellAt).toISOString() },
      });
    const later = nameRound(genesis + round * 3000 - 10_000);
    expect(checkBeacon(proof(signature), source)).toMatchObject({ ok: true });
    const wrong = [proof(randomness), proof(generator), proof(`${signature}00`)];
    for (const one of wrong) expect(checkBeacon(one, source).ok).toBe(false);
    // A true signature, of the round before the one that was named.
    expect(checkBeacon(proof(signature, later), later)).toMatchObject({
      ok: false,
      says: expect.stringContaining('not the signature of') as string,
    });
    // A bell that was late: what nobody should have known was public while others still joined.
    expect(checkBeacon(proof(signature, source, published + 4500), source)).toMatchObject({
      ok: null,
      says: expect.stringContaining('was public 5 s before the bell') as string,
    });
    expect(checkBeacon(proof(randomness, source, published + 4500), source).ok).toBe(false);
  });
});
