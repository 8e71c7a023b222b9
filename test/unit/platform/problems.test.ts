/** The table of problems: its codes, its JSON, its docs. */
import { describe, expect, it } from 'vitest';
import { AssertionFailed, Fault, invariant, isRetryable } from '../../../platform/fault.ts';
import { problemOf } from '../../../platform/http/failure.ts';
import {
  errorsMarkdown,
  problem,
  problemCodes,
  ProblemError,
  problemJson,
  problemTable,
  readied,
  refuse,
  retryAfterSeconds,
} from '../../../platform/http/problems.ts';

/** As the contract has them. */
const contract: Record<number, string[]> = {
  400: ['invalid_request', 'unknown_field', 'idempotency_key_required'],
  401: ['unauthenticated'],
  402: ['payment_declined'],
  403: ['forbidden', 'sale_not_started', 'not_admitted'],
  404: ['not_found'],
  405: ['method_not_allowed'],
  409: [
    'sold_out',
    'limit_reached',
    'lines_refused',
    'insufficient_supply',
    'illegal_transition',
    'idempotency_in_progress',
    'settling',
    'attempt_open',
    'draw_closed',
  ],
  410: ['sale_ended', 'hold_expired'],
  413: ['too_large'],
  415: ['unsupported_media_type'],
  422: ['undeliverable', 'details_required', 'idempotency_key_reused', 'unsupported'],
  429: ['rate_limited', 'line_full'],
  500: ['internal'],
  503: ['unavailable', 'sale_paused'],
};

describe('the table of problems', () => {
  it('has the codes and statuses of the contract, and no others', () => {
    const table: Record<number, string[]> = {};
    for (const code of problemCodes) (table[problemTable[code].status] ??= []).push(code);
    expect(table).toEqual(contract);
  });

  it('is what docs/errors.md is written from', () => {
    const text = errorsMarkdown();
    for (const code of problemCodes) expect(text).toContain(`<a id="${code}"></a>\`${code}\``);
  });
});

describe('a problem', () => {
  it('says the same of a problem whose text was made before', () => {
    const extra = { available: 0, may_return: true };
    const input = problem('sold_out', 'No “unit” is free.', { extra, retryAfterMs: 1.5 });
    const before = problemJson(input, 'r-1');
    expect(readied(input)).toBe(input);
    expect(problemJson(input, 'r-1')).toBe(before);
    expect(JSON.parse(problemJson(input, 'r-2'))).toMatchObject({ ...extra, request_id: 'r-2' });
  });

  it('has all its members', () => {
    const json = problemJson(problem('sold_out', 'No "unit" is free.'), 'r-1');
    expect(JSON.parse(json)).toEqual({
      type: '/docs/errors#sold_out',
      title: 'Sold out',
      status: 409,
      detail: 'No "unit" is free.',
      code: 'sold_out',
      request_id: 'r-1',
    });
  });

  it('carries param, errors, retry_after_ms and members of its own', () => {
    const input = problem('sold_out', 'x', {
      param: 'a.b',
      errors: [{ param: 'a' }],
      retryAfterMs: 10.4,
      extra: { available: 0, may_return: true },
    });
    expect(JSON.parse(problemJson(input, 'r'))).toMatchObject({
      param: 'a.b',
      errors: [{ param: 'a' }],
      retry_after_ms: 11,
      available: 0,
      may_return: true,
    });
    const bare = problem('sold_out', 'x', { extra: {} });
    expect(JSON.parse(problemJson(bare, 'r'))).toHaveProperty('code', 'sold_out');
  });

  it('waits at least a second by header', () => {
    expect([1, 999, 1000, 1001].map(retryAfterSeconds)).toEqual(['1', '1', '1', '2']);
  });

  it('can be thrown', () => {
    expect(() => refuse('not_found', 'gone')).toThrow(ProblemError);
  });
});

describe('what is thrown', () => {
  it('becomes a problem that tells nothing of our insides', () => {
    const secret = 'password=hunter2';
    const retryable = new Fault('redis', secret, { retryable: true });
    const final = new Fault('redis', secret, { retryable: false });
    expect(problemOf(retryable, true)).toMatchObject({ code: 'unavailable', retryAfterMs: 1000 });
    expect(problemOf(retryable, true).detail).toContain('ask again with the same key.');
    expect(problemOf(retryable, false).detail).toContain('ask again.');
    for (const error of [final, new Error(secret), new AssertionFailed(secret), 'text', null]) {
      expect(problemOf(error, true).code).toBe('internal');
      expect(JSON.stringify(problemOf(error, true))).not.toContain('hunter2');
    }
    const own = problem('line_full', 'x');
    expect(problemOf(new ProblemError(own), true)).toBe(own);
  });

  it('says whether to try again', () => {
    expect(isRetryable(new Fault('a', 'b', { retryable: true }))).toBe(true);
    expect(isRetryable(new Fault('a', 'b', { retryable: false }))).toBe(false);
    expect(isRetryable(new Error('x'))).toBe(false);
    expect(() => invariant(false, 'no')).toThrow(AssertionFailed);
  });
});
