// Each refusal of the engine is one problem of the contract, with its status and its further fields.
import { describe, expect, it } from 'vitest';
import type { Rejection, VendorRejection } from '../../../engine/index.ts';
import { code } from '../../../engine/lanes/codes.ts';
import {
  outcomeProblem,
  refusedAsTold,
  rejectionProblem,
  vendorProblem,
  vendorRejectionProblem,
} from '../../../api/refusals.ts';
import { problemCodes, problemJson, statusOf } from '../../../platform/http/problems.ts';
import { noon } from './fake-engine.ts';

const rejections: Readonly<Record<Rejection['code'], [Rejection, number, string, object]>> = {
  sale_not_started: [
    { code: 'sale_not_started', startsAt: noon, now: noon - 1 },
    403,
    'sale_not_started',
    { starts_at: '2030-06-01T12:00:00.000Z', server_time: '2030-06-01T11:59:59.999Z' },
  ],
  sale_ended: [{ code: 'sale_ended' }, 410, 'sale_ended', {}],
  sale_paused: [
    { code: 'sale_paused', retryAfterMs: 2000 },
    503,
    'sale_paused',
    { retry_after_ms: 2000 },
  ],
  sold_out: [
    { code: 'sold_out', available: 1, mayReturn: true },
    409,
    'sold_out',
    { available: 1, may_return: true },
  ],
  limit_reached: [
    { code: 'limit_reached', limit: 2, owned: 1 },
    409,
    'limit_reached',
    { limit: 2, owned: 1 },
  ],
  rate_limited: [
    { code: 'rate_limited', retryAfterMs: 15_000 },
    429,
    'rate_limited',
    { retry_after_ms: 15_000 },
  ],
  forbidden: [{ code: 'forbidden' }, 403, 'forbidden', {}],
  not_found: [{ code: 'not_found' }, 404, 'not_found', {}],
  product_required: [{ code: 'product_required' }, 400, 'invalid_request', { param: 'product_id' }],
  undeliverable: [
    { code: 'undeliverable', needs: 'postal_code' },
    422,
    'undeliverable',
    { param: 'address.postal_code' },
  ],
  hold_expired: [{ code: 'hold_expired' }, 410, 'hold_expired', {}],
  illegal_transition: [
    { code: 'illegal_transition', state: 'paid' },
    409,
    'illegal_transition',
    { state: 'paid', next_states: [] },
  ],
  details_required: [{ code: 'details_required' }, 422, 'details_required', {}],
  idempotency_key_reused: [
    { code: 'idempotency_key_reused' },
    422,
    'idempotency_key_reused',
    { param: 'Idempotency-Key' },
  ],
  not_admitted: [{ code: 'not_admitted' }, 403, 'not_admitted', {}],
  line_full: [
    { code: 'line_full', retryAfterMs: 5000 },
    429,
    'line_full',
    { retry_after_ms: 5000 },
  ],
  draw_closed: [{ code: 'draw_closed' }, 409, 'draw_closed', {}],
  other_lane: [{ code: 'other_lane' }, 422, 'unsupported', {}],
  lines_refused: [
    {
      code: 'lines_refused',
      lines: [
        {
          line: 1,
          product: 'prd_a',
          rejection: { code: 'sold_out', available: 1, mayReturn: false },
        },
        { line: 2, rejection: { code: 'sale_ended' } },
      ],
    },
    409,
    'sold_out',
    {
      errors: [
        { line: 1, product_id: 'prd_a', code: 'sold_out', available: 1, may_return: false },
        { line: 2, code: 'sale_ended' },
      ],
    },
  ],
};

describe('a rejection', () => {
  it.each(Object.entries(rejections))('%s', (_code, [rejection, status, code, more]) => {
    const problem = rejectionProblem(rejection);
    expect(problem.code).toBe(code);
    expect(statusOf(problem.code)).toBe(status);
    const json = JSON.parse(problemJson(problem, 'r')) as object;
    expect(json).toMatchObject({ status, code, request_id: 'r', ...more });
  });

  it.each([0, 1, 63, 64, 65, 9_999_999])('says how many are available: %d', (available) => {
    for (const mayReturn of [true, false]) {
      const problem = rejectionProblem({ code: 'sold_out', available, mayReturn });
      expect(problem.extra).toEqual({ available, may_return: mayReturn });
    }
  });

  it.each([true, false])('says not how many where the sale has no end', (mayReturn) => {
    const problem = rejectionProblem({ code: 'sold_out', available: null, mayReturn });
    expect(problem.extra).toEqual({ may_return: mayReturn });
  });

  it('is never a fault, and a fault never a rejection', () => {
    const away = outcomeProblem({ kind: 'unavailable', reason: 'frozen', retryAfterMs: 500 });
    expect(away).toMatchObject({ code: 'unavailable', retryAfterMs: 500 });
    const timeout = { kind: 'unknown', reason: 'timeout' } as const;
    expect(outcomeProblem(timeout).code).toBe('unavailable');
    expect(outcomeProblem(timeout).detail).toContain('ask again with the same key.');
    expect(outcomeProblem(timeout, false).detail).toContain('ask again.');
    const rejected = outcomeProblem({ kind: 'rejected', rejection: { code: 'not_found' }, now: 1 });
    expect(rejected.code).toBe('not_found');
  });
});

describe('refusals in the stats of a sale', () => {
  const counted = Object.entries(code).filter(([name, n]) => n < 0 && name !== 'lines_refused');

  it.each(counted)('%s is counted by a code of the contract', (name) => {
    const [told] = Object.keys(refusedAsTold({ [name]: 1 }));
    expect(problemCodes).toContain(told);
    const known = rejections[name as Rejection['code']] as
      (typeof rejections)[Rejection['code']] | undefined;
    expect(told).toBe(known === undefined ? 'unavailable' : known[2]);
  });

  it('are added up where shoppers are told the same', () => {
    const counts = { sold_out: 3, overloaded: 2, sale_frozen: 1, fault: 4, product_required: 5 };
    expect(refusedAsTold(counts)).toEqual({ sold_out: 3, unavailable: 7, invalid_request: 5 });
  });
});

describe('a refusal of the vendor’s side', () => {
  it.each([
    [{ code: 'not_found' }, 'not_found', {}],
    [{ code: 'idempotency_key_reused' }, 'idempotency_key_reused', {}],
    [
      { code: 'insufficient_supply', available: 3, product: 'prd_a' },
      'insufficient_supply',
      { available: 3, product_id: 'prd_a' },
    ],
    [
      { code: 'illegal_transition', state: 'closed' },
      'illegal_transition',
      { state: 'closed', next_states: [] },
    ],
    [
      { code: 'illegal_transition', state: 'live', never: true },
      'illegal_transition',
      { state: 'live', next_states: [] },
    ],
    [
      { code: 'illegal_transition', state: 'creating' },
      'illegal_transition',
      { state: 'scheduled', next_states: ['live', 'cancelled'] },
    ],
    [
      { code: 'invalid_request', param: 'product_id', detail: 'not listed' },
      'invalid_request',
      { param: 'product_id', detail: 'not listed' },
    ],
  ] as [VendorRejection, string, object][])('%j', (rejection, code, more) => {
    const json = JSON.parse(problemJson(vendorRejectionProblem(rejection), 'r')) as object;
    expect(json).toMatchObject({ code, ...more });
  });

  it('is not what a late settlement is', () => {
    const late = vendorProblem({ kind: 'settling' }, true);
    expect(late).toMatchObject({ code: 'unavailable' });
    expect(late.detail).toContain('same key');
    expect(vendorProblem({ kind: 'settling' }, false).detail).not.toContain('key');
    const unwritten = vendorProblem({ kind: 'settling', unwritten: true }, true);
    expect(unwritten).toMatchObject({ code: 'unavailable', retryAfterMs: 1000 });
    expect(unwritten.detail).not.toContain('recorded');
  });
});
