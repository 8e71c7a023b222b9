// Good requests with bytes changed, doubled, lost and cut, from a seed: whatever comes of them is an
// answer of HTTP or none, never a 500, and no process ends.
import { beforeAll, expect, inject, it } from 'vitest';
import { raw, request } from '../support/raw-http.ts';
import { Rng } from '../support/rng.ts';
import { processes } from './running.ts';
import { laptop, Shop } from './shop.ts';

const { api, catalog } = inject('stack');
const rounds = 50;
const together = 30;
/** What does not answer in this time waits for more bytes, and is left. */
const patienceMs = 100;
const mutationsMax = 4;

/** To run a failure again: HIGHNOON_SEED in its environment. */
const seed = Number(process.env['HIGHNOON_SEED'] ?? Date.now() % 2 ** 31);
const rng = new Rng(seed);

let good: readonly string[];

beforeAll(async () => {
  const shop = await Shop.shared();
  const [vendor, ann] = [await shop.vendor(), await shop.shopper()];
  const product = await shop.product(vendor);
  const sale = await shop.sale(vendor, product, { allotted: 20, limit_per_shopper: 20 });
  await shop.isIn(sale, 'live');
  const order = await shop.held(sale, ann);
  const json = { 'Content-Type': 'application/json' };
  const shopper = { ...json, Authorization: `Bearer ${ann.token}`, 'Idempotency-Key': '"k"' };
  const seller = { ...json, Authorization: `Bearer ${vendor}` };
  const chunkedHead = [
    'POST /v1/sessions HTTP/1.1',
    'Host: x',
    'Content-Type: application/json',
    'Transfer-Encoding: chunked',
  ];
  const chunks = '5\r\n{"sho\r\n9\r\npper":"a"\r\n1\r\n}\r\n0\r\n\r\n';
  good = [
    request('GET /v1/sales?state=live&limit=5'),
    request(`GET /v1/orders/${order}`, shopper),
    request(`POST /v1/sales/${sale}/holds`, shopper, '{"quantity":1}'),
    request(`DELETE /v1/orders/${order}`, shopper),
    request('POST /register-product', seller, JSON.stringify(laptop)),
    request(`PUT /v1/cart/lines/${product}`, shopper, '{"quantity":1}'),
    `${chunkedHead.join('\r\n')}\r\n\r\n${chunks}`,
  ];
});

function mutated(bytes: Buffer): Buffer {
  const at = rng.whole(0, bytes.length);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (rng.whole(0, 4)) {
    case 0:
      return Buffer.concat([before, Buffer.from([rng.whole(0, 255)]), after.subarray(1)]);
    case 1:
      return Buffer.concat([before, after.subarray(rng.whole(1, 8))]);
    case 2:
      return Buffer.concat([before, Buffer.from([rng.whole(0, 255), rng.whole(0, 255)]), after]);
    case 3:
      return Buffer.concat([before, before.subarray(-30), after]);
    default:
      return before;
  }
}

it('survives good requests that were damaged on the way', async () => {
  const before = processes();
  const ports = [api, catalog].map((url) => Number(new URL(url).port));
  const seen = new Map<number, number>();
  for (let round = 0; round < rounds; round += 1) {
    const inputs = Array.from({ length: together }, () => {
      let input: Buffer = Buffer.from(rng.pick(good), 'latin1');
      for (let n = rng.whole(1, mutationsMax); n > 0; n -= 1) input = mutated(input);
      return { port: rng.pick(ports), input };
    });
    const answers = await Promise.all(
      inputs.map(({ port, input }) => raw(port, input, patienceMs)),
    );
    answers.forEach(({ status, text }, i) => {
      const sent = inputs[i]?.input.toString('latin1');
      expect(status === 505 || status < 500, `seed ${seed}: ${sent ?? ''}\n\n${text}`).toBe(true);
      seen.set(status, (seen.get(status) ?? 0) + 1);
    });
  }
  // It must have come past the parser, and been answered by it, by the checks and by handlers.
  expect([...seen.keys()]).toEqual(expect.arrayContaining([400, 401, 404, 505]));
  expect([...seen.keys()].some((status) => status >= 200 && status < 300)).toBe(true);
  expect(processes()).toEqual(before);
});
