// Every route of the contract is there: built, or 422 `unsupported` for whoever may ask.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routeTable, startHarness } from './harness.ts';
import type { Harness } from './harness.ts';

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

const built = `
  PATCH /v1/products/{id} · DELETE /v1/products/{id} · GET /v1/vendor/products
  POST /v1/products/import · GET /v1/jobs/{id}
  POST /register-product · GET /v1/registrations/{id} · POST /v1/vendors · GET /v1/api-keys
  POST /v1/api-keys · DELETE /v1/api-keys/{id} · POST /v1/sales · GET /v1/sales
  GET /v1/sales/{id} · POST /v1/sales/{id}/pause · POST /v1/sales/{id}/resume
  POST /v1/sales/{id}/close · POST /v1/sales/{id}/top-up · GET /v1/vendor/sales
  PATCH /v1/sales/{id} · DELETE /v1/sales/{id} · GET /v1/schedules
  GET /v1/schedules/{id} · DELETE /v1/schedules/{id}
  GET /v1/sales/{id}/stats · POST /v1/sessions · POST /v1/guest-sessions
  POST /v1/checkout · POST /v1/sales/{id}/holds · PATCH /v1/orders/{id} · POST /v1/orders/{id}/pay
  DELETE /v1/orders/{id} · GET /v1/orders · GET /v1/orders/{id} · GET /health/ready
  GET /v1/socket · GET /asyncapi.json · GET /v1/sales/{id}/proof
  POST /v1/sales/{id}/tickets · GET /v1/sales/{id}/tickets/me
  DELETE /v1/sales/{id}/tickets/me`;

const window = `
  GET /v1/products/{id} · GET /v1/search · GET /v1/suggest · GET /v1/delivery · GET /v1/cart
  PUT /v1/cart/lines/{product_id} · DELETE /v1/cart/lines/{product_id} · POST /v1/cart/merge
  GET /v1/wishlist · PUT /v1/wishlist/{product_id} · DELETE /v1/wishlist/{product_id}
  GET /v1/me/addresses · PUT /v1/me/addresses`;

const later = {
  vendor: `
    GET /v1/sales/{id}/orders · POST /v1/orders/{id}/pack · POST /v1/orders/{id}/ship
    POST /v1/orders/{id}/deliver · POST /v1/orders/{id}/refunds · POST /v1/webhook-endpoints
    GET /v1/webhook-endpoints · PATCH /v1/webhook-endpoints/{id}
    DELETE /v1/webhook-endpoints/{id} · GET /v1/webhook-endpoints/{id}/deliveries
    POST /v1/webhook-endpoints/deliveries/{id}/redeliver · POST /v1/webhook-endpoints/{id}/test`,
  nobody: `
    POST /v1/orders/lookup · POST /v1/payments/webhooks/{provider}`,
} as const;

const linesOf = (text: string): string[] =>
  text
    .split(/·|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

const table = routeTable();

it('the table is the contract, no more and no less', () => {
  const all = [built, window, ...Object.values(later)].flatMap(linesOf).sort();
  expect(table.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(all);
});

it('the halves are told apart', () => {
  const lines = table.filter(({ half }) => half === 'window').map((r) => `${r.method} ${r.path}`);
  expect(lines.sort()).toEqual(linesOf(window).sort());
});

const cases = Object.entries(later).flatMap(([as, text]) =>
  linesOf(text).map((line) => [line, as as keyof typeof later] as const),
);

describe.each(cases)('%s', (line, as) => {
  const [method = '', pattern = ''] = line.split(' ');
  const path = pattern.replace(/\{\w+\}/g, 'anything');

  it('is known, but not there yet', async () => {
    for (const body of [undefined, {}, '{"nonsense', 'x'.repeat(16 * 1024)]) {
      if (method === 'GET' && body !== undefined) continue;
      const answer = await harness.ask(method, path, { as, body, key: 'k1' });
      const { status, json } = answer;
      expect({ status, code: json['code'] }).toEqual({ status: 422, code: 'unsupported' });
      expect(json['detail']).toContain(pattern);
    }
  });

  it('refuses what every route refuses', async () => {
    if (method === 'GET') return;
    const large = await harness.ask(method, path, { as, body: 'x'.repeat(100_000), key: 'k1' });
    expect([large.status, large.json['code']]).toEqual([413, 'too_large']);
    const { status, json } = await harness.ask(method, path, { as, body: {} });
    const isRefund = pattern.endsWith('/refunds');
    expect([status, json['code']]).toEqual(
      isRefund ? [400, 'idempotency_key_required'] : [422, 'unsupported'],
    );
  });

  it('asks who it is', async () => {
    if (as === 'nobody') return;
    for (const stranger of ['nobody', 'ann'] as const) {
      expect((await harness.ask(method, path, { as: stranger })).status).toBe(401);
    }
  });
});
