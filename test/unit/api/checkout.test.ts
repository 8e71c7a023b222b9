// POST /v1/checkout before the lane: what is wanted, from the body or the cart; what is in the way.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { timeText } from '../../../api/clock-text.ts';
import { orderLinesMax, orderUnitsMax } from '../../../engine/index.ts';
import type { Rejection } from '../../../engine/index.ts';
import { standInCatalog } from './catalog-stand-in.ts';
import type { StandIn } from './catalog-stand-in.ts';
import { noon, productId } from './fake-engine.ts';
import { startHarness } from './harness.ts';
import type { Answer, Harness } from './harness.ts';

let catalog: StandIn;
let harness: Harness;
/** What the catalog answers, by path. */
let cart: readonly [status: number, body: object] = [200, {}];
let delivery: readonly [status: number, body: object] = [200, {}];

beforeAll(async () => {
  catalog = await standInCatalog((request, response) => {
    const [status, body] = request.url?.startsWith('/v1/cart') === true ? cart : delivery;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  harness = await startHarness({}, catalog.url);
  harness.isNewCheckout = true;
});
afterAll(async () => {
  await harness.close();
  catalog.close();
});
afterEach(() => {
  harness.answers = {};
  harness.calls.length = 0;
  delivery = [200, { deliverable: null }];
});

const address = { name: 'Ann', line1: '1 High Street', city: 'Noonville', country: 'DE' };
const details = { email: 'ann@example.com', address };
const other = `${productId.slice(0, -1)}d`;
const line = (id: string, quantity: number) => ({ product_id: id, quantity });

const many = (products: number, quantity: number) =>
  Array.from({ length: products }, (_, i) => {
    const tail = `${Math.floor(i / 10)}${i % 10}`;
    return line(productId.slice(0, -tail.length) + tail, quantity);
  });

const ask = (body: object): Promise<Answer> =>
  harness.ask('POST', '/v1/checkout', { as: 'ann', key: 'k1', body: { ...details, ...body } });

/** The lines of `productId` and `other` are refused so. */
function refuses(rejections: readonly Rejection[]): void {
  const products = [productId, other];
  const lines = rejections.map((rejection, line) => ({ line, product: products[line], rejection }));
  const rejection = { code: 'lines_refused', lines };
  harness.answers = { checkout: { kind: 'rejected', rejection, now: noon } };
}

const asked = () => harness.calls.map(([, command]) => command);

describe('what is wanted', () => {
  it('counts a product over all lines', async () => {
    const answer = await ask({ lines: [line(productId, 2), line(productId, 3)] });
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({ state: 'held', lines: [{ product_id: productId }] });
    expect(asked()).toMatchObject([
      { lines: [{ product: productId, quantity: 5 }], shopper: 'ann', details },
    ]);
  });

  it('is what the cart holds, as its owner has it', async () => {
    cart = [200, { lines: [line(productId, 4)], stale: false }];
    expect((await ask({ cart: true })).status).toBe(201);
    expect(asked()).toMatchObject([{ lines: [{ product: productId, quantity: 4 }] }]);
  });

  it('may be several products', async () => {
    await ask({ lines: [line(productId, 1), line(other, 2), line(productId, 1)] });
    expect(asked()).toMatchObject([
      {
        lines: [
          { product: productId, quantity: 2 },
          { product: other, quantity: 2 },
        ],
      },
    ]);
  });

  it.each([
    ['nothing', {}, 'lines'],
    ['more products than an order takes', { lines: many(orderLinesMax + 1, 1) }, 'lines'],
    ['more units than an order takes', { lines: many(5, orderUnitsMax / 5 + 1) }, 'lines'],
    ['both', { cart: true, lines: [line(productId, 1)] }, 'lines'],
    ['an empty cart', { cart: true }, 'cart'],
  ])('is not %s', async (_, body, param) => {
    cart = [200, { lines: [], stale: false }];
    const { status, json } = await ask(body);
    expect([status, json['code'], json['param']]).toEqual([400, 'invalid_request', param]);
    expect(harness.calls).toEqual([]);
  });
});

describe('in the way', () => {
  it('is each line that the lane refuses, by its product and place', async () => {
    const rejection = {
      code: 'lines_refused',
      lines: [{ line: 1, product: other, rejection: { code: 'other_lane' } }],
    };
    harness.answers = { checkout: { kind: 'rejected', rejection, now: noon } };
    const lines = [line(productId, 1), line(productId, 1), line(other, 1)];
    const { status, json } = await ask({ lines });
    expect([status, json['code']]).toEqual([422, 'unsupported']);
    expect(json['errors']).toEqual([{ line: 2, product_id: other, code: 'unsupported' }]);
  });

  it('is each of them that is not delivered there', async () => {
    delivery = [200, { deliverable: false }];
    const lines = [line(productId, 1), line(productId, 1), line(other, 1)];
    const { json } = await ask({ lines });
    expect(json['errors']).toEqual([
      { line: 0, product_id: productId, code: 'undeliverable' },
      { line: 2, product_id: other, code: 'undeliverable' },
    ]);
  });

  it('is an address without the postal code by which it would be known', async () => {
    delivery = [200, { deliverable: null, reason: 'postal_code_needed' }];
    const { status, json } = await ask({ lines: [line(productId, 1)] });
    expect([status, json['code'], json['param']]).toEqual([
      ...[422, 'undeliverable', 'address.postal_code'],
    ]);
    expect(json['errors']).toEqual([{ line: 0, product_id: productId, code: 'undeliverable' }]);
  });

  it('is an address that it is not delivered to', async () => {
    delivery = [200, { deliverable: false }];
    const { status, json } = await ask({ lines: [line(productId, 1)] });
    expect([status, json['code']]).toEqual([422, 'undeliverable']);
    expect(json['errors']).toEqual([{ line: 0, product_id: productId, code: 'undeliverable' }]);
    expect(harness.calls).toEqual([]);
  });

  it('is not that nobody can say whether it is delivered', async () => {
    delivery = [404, {}];
    expect((await ask({ lines: [line(productId, 1)] })).status).toBe(201);
  });

  it('is what the lane refuses', async () => {
    refuses([{ code: 'sold_out', available: 1, mayReturn: false }]);
    const { status, json } = await ask({ lines: [line(productId, 2)] });
    expect([status, json['code'], json['available']]).toEqual([409, 'sold_out', 1]);
    expect(json['errors']).toEqual([
      { line: 0, product_id: productId, code: 'sold_out', available: 1, may_return: false },
    ]);
  });

  it.each<[Rejection, object]>([
    [{ code: 'not_found' }, {}],
    [{ code: 'sale_ended' }, {}],
    [{ code: 'forbidden' }, {}],
    [{ code: 'not_admitted' }, {}],
    [{ code: 'sale_paused', retryAfterMs: 1000 }, { retry_after_ms: 1000 }],
    [{ code: 'rate_limited', retryAfterMs: 1500 }, { retry_after_ms: 1500 }],
    [
      { code: 'sale_not_started', startsAt: noon, now: noon - 1000 },
      { starts_at: timeText(noon), server_time: timeText(noon - 1000) },
    ],
  ])('is 409 with the code of the line, whatever it is: $code', async (rejection, more) => {
    refuses([rejection, { code: 'sold_out', available: 0, mayReturn: false }]);
    const { status, json } = await ask({ lines: [line(productId, 2), line(other, 1)] });
    expect([status, json['code'], json['retry_after_ms']]).toEqual([
      ...[409, 'lines_refused', undefined],
    ]);
    expect(json['errors']).toMatchObject([
      { line: 0, product_id: productId, code: rejection.code, ...more },
      { line: 1, product_id: other, code: 'sold_out' },
    ]);
  });

  it('is worth asking again when the last of them is', async () => {
    const paused = { code: 'sale_paused', retryAfterMs: 1000 } as const;
    refuses([paused, { ...paused, retryAfterMs: 3000 }]);
    const { status, json, headers } = await ask({ lines: [line(productId, 2), line(other, 1)] });
    expect([status, json['retry_after_ms'], headers.get('retry-after')]).toEqual([409, 3000, '3']);
  });

  it('is a key that came with another body, which is no line’s', async () => {
    const rejection = { code: 'idempotency_key_reused' };
    harness.answers = { checkout: { kind: 'rejected', rejection, now: noon } };
    const { status, json } = await ask({ lines: [line(productId, 2)] });
    expect([status, json['code'], json['errors']]).toEqual([
      ...[422, 'idempotency_key_reused', undefined],
    ]);
  });

  it.each<[string, typeof cart, typeof delivery]>([
    ['a cart that cannot be read', [503, {}], [200, {}]],
    ['a cart that is only remembered', [200, { lines: [], stale: true }], [200, {}]],
    ['rules that cannot be read', [200, { lines: [line(productId, 1)], stale: false }], [503, {}]],
  ])('is %s: 503', async (_, theCart, theDelivery) => {
    [cart, delivery] = [theCart, theDelivery];
    const { status, json, headers } = await ask({ cart: true });
    expect([status, json['code'], headers.get('retry-after')]).toEqual([503, 'unavailable', '1']);
  });

  it('is a lane that does not answer: 503', async () => {
    harness.answers = { checkout: { kind: 'unknown', reason: 'timeout' } };
    expect((await ask({ lines: [line(productId, 1)] })).status).toBe(503);
  });
});
