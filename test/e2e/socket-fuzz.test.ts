// Whatever is sent to the socket, by seed: truncated, oversized, of the wrong type, in the wrong order, in
// floods, and frames that are none. The process stays the same one, sockets beside it notice nothing,
// and the sale counts what it counted. FUZZ_SEED repeats a run.
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { clientMessages } from '../../api/socket/messages.ts';
import { SocketClient } from '../support/socket-client.ts';
import { Rng } from '../support/rng.ts';
import { pidOf } from './running.ts';
import { Shop, type Shopper } from './shop.ts';

const { api } = inject('stack');
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);
const rounds = 150;

let shop: Shop;
let vendor: string;
let sale: string;
let ann: Shopper;
let neighbour: SocketClient;

beforeAll(async () => {
  shop = await Shop.shared();
  vendor = await shop.vendor();
  sale = await shop.liveSale(vendor, { allotted: 5 });
  ann = await shop.shopper();
  neighbour = await SocketClient.open(api, { token: ann.token });
});
afterAll(() => {
  neighbour.cut();
});

const values = (random: Rng): unknown[] => [
  null,
  true,
  -1,
  0,
  1e308,
  2 ** 53,
  '',
  '\u0000',
  '\ud800',
  'x'.repeat(random.whole(0, 3000 - 1)),
  [],
  [[[[[]]]]],
  {},
  { __proto__: 1 },
  randomUUID(),
  sale,
];

/** A message of the table with some of its fields spoilt. */
function spoilt(random: Rng): Record<string, unknown> {
  const type = random.pick(Object.keys(clientMessages));
  const schema = clientMessages[type as keyof typeof clientMessages].schema;
  const message: Record<string, unknown> = { type };
  for (const name of Object.keys(schema['properties'] as object)) {
    if (name !== 'type' && random.whole(0, 4 - 1) > 0) message[name] = random.pick(values(random));
  }
  if (random.whole(0, 3 - 1) === 0) message['id'] = randomUUID();
  // Nothing that would be accepted.
  if (message['quantity'] === 1) delete message['quantity'];
  if (random.whole(0, 6 - 1) === 0) message['surplus'] = random.pick(values(random));
  return message;
}

const bytes = (random: Rng, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random.whole(0, 256 - 1)));

async function mischief(random: Rng): Promise<void> {
  const form = random.pick(['json', 'msgpack'] as const);
  const silent = random.whole(0, 4 - 1) === 0;
  const token = (await shop.shopper()).token;
  const client = await SocketClient.open(api, { token, form, silent });
  const text = JSON.stringify(spoilt(random));
  const kind = random.whole(0, 7 - 1);
  const open = (): boolean => client.ws.readyState === client.ws.OPEN;
  if (kind === 0) client.raw(text.slice(0, random.whole(0, text.length - 1)));
  else if (kind === 1) client.raw(bytes(random, random.whole(0, 500 - 1)));
  else if (kind === 2) client.raw('x'.repeat(random.whole(0, 200_000 - 1)));
  else if (kind === 3) for (let i = 0; i < 400 && open(); i += 1) client.send({ type: 'ping' });
  else for (let i = 0; i < 20 && open(); i += 1) client.sendAnyway(spoilt(random));
  await Promise.race([client.closed, new Promise((resolve) => setTimeout(resolve, 100))]);
  client.cut();
}

/** Frames that no client sends: unmasked, of reserved kinds, cut off, or with lengths that lie. */
function badFrames(random: Rng): Promise<void> {
  const { hostname, port } = new URL(api);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.write(
      `GET /v1/socket HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\n` +
        'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: highnoon.v1.json\r\n\r\n',
    );
    socket.once('data', () => {
      socket.write(bytes(random, 2 + random.whole(0, 200 - 1)));
      setTimeout(() => socket.destroy(), 50);
    });
  });
}

it(`stays up whatever comes (FUZZ_SEED=${seed})`, async () => {
  const random = new Rng(seed);
  const before = pidOf('api');
  for (let round = 0; round < rounds; round += 1) {
    await (random.whole(0, 5 - 1) === 0 ? badFrames(random) : mischief(random));
    if (round % 10 === 0) {
      neighbour.send({ type: 'ping' });
      await neighbour.next('pong');
    }
  }
  expect(pidOf('api')).toBe(before);
  const counts = await shop.stats(sale, vendor);
  expect(counts).toMatchObject({ available: 5, held: 0, sold: 0 });
  expect(await neighbour.ask('hold', { sale, quantity: 1 })).toMatchObject({ ok: true });
}, 120_000);
