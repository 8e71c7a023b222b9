// What the engine refuses or cannot say, as it leaves by HTTP: never a 200, never a stack trace.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Rejection } from '../../../engine/index.ts';
import { BadCursor } from '../../../engine/index.ts';
import { Fault } from '../../../platform/fault.ts';
import { startHarness } from './harness.ts';
import type { Answer, Harness } from './harness.ts';
import {
  done,
  laneOrder,
  noon,
  orderDocument,
  orderId,
  productId,
  saleId,
  saleTerms,
} from './fake-engine.ts';

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());
afterEach(() => {
  harness.calls.length = 0;
  harness.answers = {};
});

const rejected = (rejection: Rejection) => ({ kind: 'rejected', rejection, now: noon });
const refused = (rejection: object) => ({ kind: 'rejected', rejection });

const address = { name: 'Ann', line1: '1', city: 'X', postal_code: '1', country: 'DE' };
const details = { email: 'ann@example.com', address };

const ask = {
  hold: () =>
    harness.ask('POST', `/v1/sales/${saleId}/holds`, {
      as: 'ann',
      key: 'k',
      body: { quantity: 1 },
    }),
  pay: (more: object = {}) =>
    harness.ask('POST', `/v1/orders/${orderId}/pay`, {
      as: 'ann',
      key: 'k',
      body: { method: { type: 'test' }, ...more },
    }),
  release: () => harness.ask('DELETE', `/v1/orders/${orderId}`, { as: 'ann' }),
  read: (id = orderId) => harness.ask('GET', `/v1/orders/${id}`, { as: 'ann' }),
  details: (body: object = details) =>
    harness.ask('PATCH', `/v1/orders/${orderId}`, { as: 'ann', body }),
  create: (key?: string) =>
    harness.ask('POST', '/v1/sales', {
      as: 'vendor',
      ...(key === undefined ? {} : { key }),
      body: { product_id: productId, allotted: 1, discount_percent: 50 },
    }),
};

function expectProblem(answer: Answer, status: number, code: string, more: object = {}): void {
  expect({ status: answer.status, ...answer.json }).toMatchObject({ status, code, ...more });
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
}

describe('a hold', () => {
  it('in a sold-out sale is 409 with what may return', async () => {
    harness.answers = { hold: rejected({ code: 'sold_out', available: 0, mayReturn: true }) };
    expectProblem(await ask.hold(), 409, 'sold_out', { available: 0, may_return: true });
  });

  it('before the bell is 403 with both clocks', async () => {
    harness.answers = {
      hold: rejected({ code: 'sale_not_started', startsAt: noon, now: noon - 5 }),
    };
    expectProblem(await ask.hold(), 403, 'sale_not_started', {
      starts_at: '2030-06-01T12:00:00.000Z',
      server_time: '2030-06-01T11:59:59.995Z',
    });
  });

  it('after too many let go is 429 with Retry-After', async () => {
    harness.answers = { hold: rejected({ code: 'rate_limited', retryAfterMs: 14_200 }) };
    const answer = await ask.hold();
    expectProblem(answer, 429, 'rate_limited', { retry_after_ms: 14_200 });
    expect(answer.headers.get('retry-after')).toBe('15');
  });

  it('in a paused sale is 503 with Retry-After', async () => {
    harness.answers = { hold: rejected({ code: 'sale_paused', retryAfterMs: 2000 }) };
    expectProblem(await ask.hold(), 503, 'sale_paused', { retry_after_ms: 2000 });
  });

  it('of which nobody knows is 503, to be asked again', async () => {
    harness.answers = { hold: { kind: 'unknown', reason: 'timeout' } };
    const answer = await ask.hold();
    expectProblem(answer, 503, 'unavailable');
    expect(answer.json['detail']).toContain('ask again with the same key');
    expect(answer.headers.has('retry-after')).toBe(true);
  });

  it('that cannot be decided is 503', async () => {
    harness.answers = { hold: { kind: 'unavailable', reason: 'frozen', retryAfterMs: 500 } };
    expectProblem(await ask.hold(), 503, 'unavailable', { retry_after_ms: 500 });
  });

  it('of a malformed answer is 500, and the server goes on', async () => {
    harness.answers = { hold: { kind: 'done', value: null, replayed: false, now: noon } };
    const answer = await ask.hold();
    expectProblem(answer, 500, 'internal');
    expect(answer.text).not.toContain('at ');
    harness.answers = {};
    expect((await ask.hold()).status).toBe(201);
  });
});

describe('an order that is not mine', () => {
  it('is the same 404 as one that is not there, and as an id that is none', async () => {
    const texts: string[] = [];
    const keep = (answer: Answer): void => {
      expectProblem(answer, 404, 'not_found');
      texts.push(answer.text.replace(/"request_id":"[^"]*"/, ''));
    };
    harness.answers = { order: done(null) };
    keep(await ask.read());
    harness.answers = { order: rejected({ code: 'not_found' }) };
    keep(await ask.read());
    keep(await ask.read('ord_x'));
    keep(await ask.read('%27'));
    harness.answers = {
      pay: rejected({ code: 'not_found' }),
      release: rejected({ code: 'not_found' }),
      storeDetails: rejected({ code: 'not_found' }),
    };
    keep(await ask.pay());
    keep(await ask.pay(details));
    keep(await ask.release());
    keep(await ask.details());
    expect(new Set(texts).size).toBe(1);
  });
});

describe('paying', () => {
  it('needs no details when they were stored before', async () => {
    const answer = await ask.pay();
    expect(answer.json).toMatchObject({ state: 'paid', payment: 'paid' });
    expect(harness.calls.map(([name]) => name)).toEqual(['pay']);
  });

  it('stores details first, and does not pay when that fails', async () => {
    harness.answers = { storeDetails: { kind: 'unknown', reason: 'timeout' } };
    expectProblem(await ask.pay(details), 503, 'unavailable');
    expect(harness.calls.map(([name]) => name)).toEqual(['order', 'storeDetails']);
  });

  it('of a hold that ended is the lane’s to answer: the same key may have paid it', async () => {
    harness.answers = {
      storeDetails: rejected({ code: 'illegal_transition', state: 'paid' }),
      pay: done({ ...laneOrder, state: 'paid' }, true),
      order: done({ ...orderDocument, state: 'paid', payment: 'paid' }),
    };
    const answer = await ask.pay(details);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('idempotent-replayed')).toBe('true');
    expect(answer.json).toMatchObject({ state: 'paid', id: orderId });
    harness.answers = {
      storeDetails: rejected({ code: 'hold_expired' }),
      pay: rejected({ code: 'hold_expired' }),
    };
    expectProblem(await ask.pay(details), 410, 'hold_expired');
  });

  it('is replayed to the last byte, by the lane alone', async () => {
    const paid = { ...laneOrder, state: 'paid', endedAt: noon + 9000 } as const;
    harness.answers = { pay: { ...done(paid), now: noon + 9000 } };
    const first = await ask.pay();
    harness.answers = { pay: { ...done(paid, true), now: noon + 60_000 } };
    const again = await ask.pay();
    expect(again).toMatchObject({ status: 200, text: first.text });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(harness.calls.map(([name]) => name)).toEqual(['pay', 'pay']);
  });

  it('has a fingerprint that only the body decides', async () => {
    await ask.pay(details);
    await ask.pay({ address: details.address, email: details.email });
    await ask.pay({ ...details, email: 'bob@example.com' });
    const prints = harness.calls.filter(([name]) => name === 'pay').map((call) => call[2]);
    expect(prints[0]).toBe(prints[1]);
    expect(prints[0]).not.toBe(prints[2]);
    expect(prints[0]).toBeTypeOf('number');
  });

  it.each([
    [{ method: { type: 'card', token: 'tok_1' } }, 422, 'unsupported'],
    [{ method: { type: 'card' } }, 400, 'invalid_request'],
    [{ method: { type: 'test', token: 'tok_1' } }, 400, 'invalid_request'],
  ])('by %j', async (body, status, code) => {
    expectProblem(await ask.pay(body), status, code);
    expect(harness.calls).toEqual([]);
  });

  it.each<[Rejection, number]>([
    [{ code: 'idempotency_key_reused' }, 422],
    [{ code: 'illegal_transition', state: 'paid' }, 409],
    [{ code: 'hold_expired' }, 410],
  ])('that is refused: %j', async (rejection, status) => {
    harness.answers = { pay: rejected(rejection) };
    expectProblem(await ask.pay(), status, rejection.code);
  });
});

describe('letting go', () => {
  it('of a paid order would be to cancel it, which is not built', async () => {
    harness.answers = { release: rejected({ code: 'illegal_transition', state: 'paid' }) };
    expectProblem(await ask.release(), 422, 'unsupported');
  });

  it('of what ended otherwise is 409', async () => {
    harness.answers = { release: rejected({ code: 'illegal_transition', state: 'expired' }) };
    expectProblem(await ask.release(), 409, 'illegal_transition', { next_states: [] });
  });
});

describe('details', () => {
  it('of an unknown option are 422 and change nothing', async () => {
    expectProblem(await ask.details({ delivery_option: 'fast' }), 422, 'unsupported');
    expect(harness.calls).toEqual([]);
  });

  it('may come one by one', async () => {
    await ask.details({ email: 'ann@example.com' });
    expect(harness.calls[0]?.[3]).toEqual({ email: 'ann@example.com' });
    expectProblem(await ask.details({}), 400, 'invalid_request');
  });
});

describe('a sale of a vendor', () => {
  it('without supply is 409 with what is there', async () => {
    harness.answers = {
      createSale: refused({ code: 'insufficient_supply', available: 3, product: productId }),
    };
    expectProblem(await ask.create(), 409, 'insufficient_supply', {
      available: 3,
      product_id: productId,
    });
  });

  it('names a field where the body has it', async () => {
    const param = 'items.0.product_id';
    harness.answers = { createSale: refused({ code: 'invalid_request', param, detail: 'no' }) };
    expectProblem(await ask.create(), 400, 'invalid_request', { param: 'product_id' });
    const items = [{ product_id: productId, allotted: 1, discount_percent: 50 }];
    const answer = await harness.ask('POST', '/v1/sales', { as: 'vendor', body: { items } });
    expectProblem(answer, 400, 'invalid_request', { param });
  });

  it('that settles late is 503, by key or without', async () => {
    harness.answers = { createSale: { kind: 'settling' } };
    expect((await ask.create('k')).json['detail']).toContain('same key');
    expect((await ask.create()).json['detail']).not.toContain('same key');
    expectProblem(await ask.create(), 503, 'unavailable');
  });

  it('is replayed with its header and place', async () => {
    harness.answers = { createSale: { kind: 'done', value: saleTerms, replayed: true } };
    const answer = await ask.create('k');
    expect(answer.status).toBe(201);
    expect(answer.headers.get('idempotent-replayed')).toBe('true');
    expect(answer.headers.get('location')).toBe(`/v1/sales/${saleId}`);
  });

  it('of somebody else shows no stats', async () => {
    harness.answers = { sale: { ...saleTerms, vendor: 'ven_other' } };
    const stats = await harness.ask('GET', `/v1/sales/${saleId}/stats`, { as: 'vendor' });
    expectProblem(stats, 404, 'not_found');
    harness.answers = { sale: null };
    const none = await harness.ask('GET', `/v1/sales/${saleId}/stats`, { as: 'vendor' });
    const plain = (answer: Answer) => answer.text.replace(/"request_id":"[^"]*"/, '');
    expect(plain(none)).toBe(plain(stats));
  });

  it('whose lane is closed has no stats, but is still shown', async () => {
    harness.answers = { laneSale: { kind: 'unavailable', reason: 'frozen', retryAfterMs: 500 } };
    const stats = await harness.ask('GET', `/v1/sales/${saleId}/stats`, { as: 'vendor' });
    expectProblem(stats, 503, 'unavailable');
    expect(stats.json['detail']).toMatch(/: ask again\.$/);
    const shown = await harness.ask('GET', `/v1/sales/${saleId}`);
    expect(shown.status).toBe(200);
    expect(shown.json).toMatchObject({ state: 'live', sold_out: null });
  });
});

describe('a key that was made before', () => {
  it('is replayed without itself', async () => {
    const vendor = { id: 'ven_1', keyId: 'key_1', key: null };
    harness.answers = {
      createVendor: { kind: 'done', value: vendor, replayed: true },
      createKey: { id: 'key_1', key: null },
    };
    const first = await harness.ask('POST', '/v1/vendors', { key: 'k', body: { name: 'Bob' } });
    expect(first.status).toBe(201);
    expect(first.headers.get('idempotent-replayed')).toBe('true');
    expect(first.json).toEqual({ id: 'ven_1', name: 'Bob', key_id: 'key_1', key: null });
    const key = await harness.ask('POST', '/v1/api-keys', { as: 'vendor', key: 'k' });
    expect(key.status).toBe(201);
    expect(key.headers.get('idempotent-replayed')).toBe('true');
    expect(key.json).toEqual({ id: 'key_1', key: null });
  });

  it('under another name is 422', async () => {
    harness.answers = {
      createVendor: { kind: 'rejected', rejection: { code: 'idempotency_key_reused' } },
    };
    const answer = await harness.ask('POST', '/v1/vendors', { key: 'k', body: { name: 'Bob' } });
    expectProblem(answer, 422, 'idempotency_key_reused', { param: 'Idempotency-Key' });
  });
});

it('a sale that was cancelled has no proof, and says why', async () => {
  harness.answers = { proof: { kind: 'cancelled' } };
  const answer = await harness.ask('GET', `/v1/sales/${saleId}/proof`);
  expectProblem(answer, 409, 'illegal_transition', { state: 'cancelled', next_states: [] });
  expect(answer.json['detail']).toContain('nothing was drawn');
});

describe('faults', () => {
  it('that may pass are 503', async () => {
    harness.answers = { order: new Fault('postgres', 'connection refused', { retryable: true }) };
    const answer = await ask.read();
    expectProblem(answer, 503, 'unavailable');
    expect(answer.json['detail']).toMatch(/; ask again\.$/);
    expect(answer.text).not.toContain('connection refused');
  });

  it('that are bugs are 500 and say nothing of themselves', async () => {
    harness.answers = { order: new TypeError('x.secret is not a function') };
    const answer = await ask.read();
    expectProblem(answer, 500, 'internal');
    expect(answer.text).not.toContain('secret');
  });

  it('of a cursor that is not ours are 400', async () => {
    harness.answers = { sales: new BadCursor('no'), orders: new BadCursor('no') };
    const sales = await harness.ask('GET', '/v1/sales?cursor=abc');
    expectProblem(sales, 400, 'invalid_request', { param: 'cursor' });
    const orders = await harness.ask('GET', '/v1/orders?cursor=abc', { as: 'ann' });
    expectProblem(orders, 400, 'invalid_request', { param: 'cursor' });
    const keys = await harness.ask('GET', '/v1/api-keys?cursor=abc', { as: 'vendor' });
    expectProblem(keys, 400, 'invalid_request', { param: 'cursor' });
  });
});

describe('readiness', () => {
  it('is 503 while a lane is closed', async () => {
    harness.answers = { lanesNotReady: [{ lane: 0, reason: 'frozen' }] };
    const answer = await harness.ask('GET', '/health/ready');
    expect(answer.status).toBe(503);
    expect(answer.json).toMatchObject({ status: 'unavailable', checks: { lanes: 'closed' } });
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });
});

describe('in production', () => {
  let production: Harness;
  beforeAll(async () => {
    production = await startHarness({ nodeEnv: 'production' });
  });
  afterAll(() => production.close());

  it.each([
    ['/v1/sessions', {}],
    ['/v1/vendors', { name: 'Bob' }],
  ])('%s is 403', async (path, body) => {
    expectProblem(await production.ask('POST', path, { body }), 403, 'forbidden');
    expect(production.calls).toEqual([]);
  });

  it('an invitation is known, but not there yet', async () => {
    const body = { name: 'Bob', invite_code: 'abc' };
    for (const where of [production, harness]) {
      where.calls.length = 0;
      expectProblem(await where.ask('POST', '/v1/vendors', { body }), 422, 'unsupported');
      expect(where.calls).toEqual([]);
    }
  });

  it('guests are welcome, the test payment is not', async () => {
    expect((await production.ask('POST', '/v1/guest-sessions')).status).toBe(201);
    const body = { method: { type: 'test' } };
    const path = `/v1/orders/${orderId}/pay`;
    const answer = await production.ask('POST', path, { as: 'ann', key: 'k', body });
    expectProblem(answer, 422, 'unsupported');
    expect(production.calls).toEqual([]);
  });
});
