// The checker that calls every route of a stack, tried on an api over a fake engine: it is content
// with good answers, and it sees each kind of bad one.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { callEveryRoute } from '../../e2e/api/every-route.ts';
import { standInCatalog } from './catalog-stand-in.ts';
import type { StandIn } from './catalog-stand-in.ts';
import { done, laneOrder, orderDocument, orderId, productId } from './fake-engine.ts';
import { startHarness } from './harness.ts';
import type { Harness } from './harness.ts';

let catalog: StandIn;
let harness: Harness;

const money = { amount: 20_000, currency: 'USD' };
const told = { deliverable: true, reason: null, eta_days: null, fee: null };
const delivery = { ...told, approximate: false };
const time = '2030-06-01T12:00:00.000Z';
const shown = { stale: false, server_time: time };
const page = {
  id: productId,
  vendor_id: 'vnd_1',
  name: 'KUHL Laptop',
  description: '',
  price: money,
  sku: null,
  category: null,
  brand: null,
  images: [],
  attributes: {},
  variant_of: null,
  options: {},
  variants: [],
  availability: 'in_stock',
  sales: [],
  delivery,
  registered_at: time,
  as_of: time,
  ...shown,
};
const lists = { category: [], brand: [], price: [], attributes: [] };
const facets = { ...lists, on_sale: 0, deliverable: null };
const totals = { total: 0, total_approximate: false, matched: 'every_word' };
const found = { hits: [], facets, ...totals, next_cursor: null };
const cart = { lines: [], total: money, stale: false, server_time: time };
const empty = { items: [], next_cursor: null };
/** What the catalog answers, by the beginning of the path. */
const answers: readonly (readonly [path: string, answer: object])[] = [
  ['/v1/products/', page],
  ['/v1/search', { ...found, ...shown }],
  ['/v1/suggest', { suggestions: [], ...shown }],
  ['/v1/delivery', { ...delivery, ...shown }],
  ['/v1/cart', cart],
  ['/v1/wishlist', { ...empty, stale: false, server_time: time }],
  ['/v1/me/addresses', empty],
];
/** In place of one of them. */
let instead: readonly [path: string, answer: object] | null = null;
const refusal = {
  type: '/docs/errors#unsupported',
  title: 't',
  status: 422,
  detail: 'd',
  code: 'unsupported',
  request_id: 'r',
};

beforeAll(async () => {
  catalog = await standInCatalog((request, response) => {
    const all = instead === null ? answers : [instead, ...answers];
    const built = all.find(([path]) => request.url?.startsWith(path) === true);
    response.writeHead(built ? 200 : 422, {
      'content-type': built ? 'application/json' : 'application/problem+json',
    });
    response.end(JSON.stringify(built?.[1] ?? refusal));
    request.resume();
  });
  harness = await startHarness({}, catalog.url);
  // Paid by anybody: the life of a sale waits for it.
  harness.answers = { order: done({ ...orderDocument, state: 'paid', payment: 'paid' }) };
});
afterAll(async () => {
  await harness.close();
  catalog.close();
});
const good = () => ({ order: done({ ...orderDocument, state: 'paid', payment: 'paid' }) });
afterEach(() => {
  harness.answers = good();
});

describe('callEveryRoute', () => {
  it('finds nothing where all is well, and leaves no route out', async () => {
    const { called, findings } = await callEveryRoute(harness.url, 500);
    expect(findings).toEqual([]);
    const api = (await harness.ask('GET', '/openapi.json')).json as {
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    const ids = Object.values(api.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(called)).toEqual(new Set(ids));
  });

  it('sees a status that is not promised', async () => {
    harness.answers = { ...good(), hold: { kind: 'unknown', reason: 'timeout' } };
    const { findings } = await callEveryRoute(harness.url, 500);
    expect(findings[0]).toMatch(/^POST \/v1\/sales\/\{id\}\/holds: answered 503, promised 201/);
  });

  it('sees an answer of another form', async () => {
    const units = ['seventeen'] as unknown as number[];
    harness.answers = { ...good(), pay: done({ ...laneOrder, state: 'paid', units, id: orderId }) };
    const { findings } = await callEveryRoute(harness.url, 500);
    expect(findings[0]).toMatch(/^POST \/v1\/orders\/\{id\}\/pay: .*must be integer/);
  });

  it.each([
    ['lacks a field', '/v1/search', { ...found, facets: lists, ...shown }, 'facets must have'],
    ['has one that nobody documented', '/v1/suggest', { suggestions: [], ...shown, q: 'x' }, 'NOT'],
  ])('sees an answer of the window that %s', async (_, path, answer, says) => {
    instead = [path, answer];
    const { findings } = await callEveryRoute(harness.url, 500);
    instead = null;
    expect(findings).toHaveLength(1);
    expect(findings[0]).toContain(`GET ${path}: `);
    expect(findings[0]).toContain(says);
  });
});
