// What the starter makes of a `/health/ready`.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readiness } from '../../../stack/base/probe.mjs';

let answer: { status: number; checks: Record<string, unknown> };
const server = createServer((_, response) => {
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ checks: answer.checks }));
});
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const lane = (reason: string): object => ({ lane: 0, reason });
const frozen = lane('frozen: rolled_back: seen 1-5, lane has 1-3');

it.each([
  ['all is well', 200, { redis: 'ok', lanes: 'ok' }, true, false],
  ['a frozen lane', 503, { redis: 'ok', lanes: [frozen] }, false, true],
  ['a worker that waits for it too', 503, { worker: 'away', lanes: [frozen] }, false, true],
  ['what a worker says of it', 503, { loops: 'ok', lanes: 'lane 0: no marker: …' }, false, true],
  [
    'a worker of lanes that are frozen for several reasons',
    503,
    { loops: 'ok', lanes: 'lane 0: frozen: quarantine: a; quarantine: b; lane 1: frozen: x; y' },
    false,
    true,
  ],
  [
    'a worker one of whose lanes opens by itself',
    503,
    { loops: 'ok', lanes: 'lane 0: frozen: a; lane 1: not verified since Redis started' },
    false,
    false,
  ],
  ['a lane of another version', 503, { lanes: [lane('… version: run recover')] }, false, true],
  ['a lane that opens by itself', 503, { lanes: [lane('not verified'), frozen] }, false, false],
  ['a store that is away too', 503, { redis: 'away', lanes: [frozen] }, false, false],
  ['only the worker is away', 200, { worker: 'away', lanes: 'ok' }, false, false],
])('%s', async (_, status, checks, ready, shut) => {
  answer = { status, checks };
  expect(await readiness(url)).toMatchObject({ serves: status === 200, ready, shut });
});

it('nobody answers', async () => {
  const nobody = { serves: false, ready: false, shut: false, waitingFor: 'no answer yet' };
  expect(await readiness('http://127.0.0.1:1')).toEqual(nobody);
});
