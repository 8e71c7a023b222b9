// POST /v1/sales beyond its schema: one price, one form, a start that is not past.
import { describe, expect, it } from 'vitest';
import { newSaleOf, newScheduleOf } from '../../../api/new-sale.ts';
import type { SaleBody } from '../../../api/new-sale.ts';
import { ProblemError } from '../../../platform/http/problems.ts';
import { noon } from './fake-engine.ts';

const context = {
  vendor: 'ven_1',
  idempotencyKey: '',
  currency: 'USD',
  holdSecondsDefault: 300,
  now: noon,
};
const usd = (amount: number) => ({ amount, currency: 'USD' });
const terms = { duration_seconds: 3600, limit_per_shopper: 1, who: 'verified' } as const;
const one: SaleBody = { ...terms, product_id: 'prd_a', allotted: 5, price: usd(100) };
const { price: _price, ...unpriced } = one;
const at = (ms: number): string => new Date(ms).toISOString();

function refusal(body: SaleBody): { code: string; param: string | undefined } {
  try {
    newSaleOf(body, context);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { code: error.problem.code, param: error.problem.param };
  }
  throw new Error('it was not refused');
}

describe('newSaleOf', () => {
  it('makes a command of one product', () => {
    expect(newSaleOf(one, context)).toEqual({
      vendor: 'ven_1',
      admission: { mode: 'open', ratePerSecond: null, turnSeconds: 120, factor: 1 },
      items: [{ product: 'prd_a', allotted: 5, price: 100 }],
      durationSeconds: 3600,
      limitPerShopper: 1,
      holdSeconds: 300,
      who: 'verified',
      fingerprint: expect.any(String) as string,
    });
  });

  it('makes a command of several', () => {
    const items = [
      { product_id: 'prd_a', allotted: 5, price: usd(100) },
      { product_id: 'prd_b', allotted: 6, discount_percent: 50 },
    ];
    expect(newSaleOf({ ...terms, items, hold_seconds: 60 }, context)).toMatchObject({
      items: [
        { product: 'prd_a', allotted: 5, price: 100 },
        { product: 'prd_b', allotted: 6, discountPercent: 50 },
      ],
      holdSeconds: 60,
    });
  });

  it('carries the key, and a fingerprint that does not depend on the order of fields', () => {
    const keyed = newSaleOf(one, { ...context, idempotencyKey: 'k' });
    const reversed = Object.fromEntries(Object.entries(one).reverse()) as unknown as SaleBody;
    expect(keyed.idempotencyKey).toBe('k');
    expect(newSaleOf(reversed, context).fingerprint).toBe(keyed.fingerprint);
    expect(newSaleOf({ ...one, allotted: 6 }, context).fingerprint).not.toBe(keyed.fingerprint);
  });

  it('starts then, whenever that is: the engine judges', () => {
    const start = (starts_at: string) => newSaleOf({ ...one, starts_at }, context).startsAt;
    expect(start(at(noon + 5000))).toBe(noon + 5000);
    expect(start('2030-06-01T17:30:05+05:30')).toBe(noon + 5000);
    expect(start(at(noon - 1))).toBe(noon - 1);
    expect(newSaleOf(one, context)).not.toHaveProperty('startsAt');
  });

  it.each([
    ['a start beyond all calendars', { ...one, starts_at: '9999-12-31T23:59:59Z' }, 'starts_at'],
    ['no product', { ...terms, allotted: 5, price: usd(1) }, 'product_id'],
    ['no units', { ...terms, product_id: 'prd_a', price: usd(1) }, 'allotted'],
    ['no price', unpriced, 'price'],
    ['two prices', { ...one, discount_percent: 50 }, 'discount_percent'],
    ['another currency', { ...one, price: { amount: 1, currency: 'EUR' } }, 'price.currency'],
    [
      'items beside a product',
      { ...one, items: [{ product_id: 'prd_b', allotted: 1 }] },
      'product_id',
    ],
    [
      'items beside a price',
      { ...terms, price: usd(1), items: [{ product_id: 'prd_b', allotted: 1 }] },
      'price',
    ],
    [
      'a product twice',
      {
        ...terms,
        items: [
          { product_id: 'prd_a', allotted: 5, price: usd(100) },
          { product_id: 'prd_a', allotted: 5, price: usd(100) },
        ],
      },
      'items.1.product_id',
    ],
    [
      'an item without a price',
      { ...terms, items: [{ product_id: 'prd_a', allotted: 5 }] },
      'items.0.price',
    ],
    [
      'an item in another currency',
      {
        ...terms,
        items: [{ product_id: 'prd_a', allotted: 5, price: { amount: 1, currency: 'EUR' } }],
      },
      'items.0.price.currency',
    ],
    [
      'a rate without a line',
      { ...one, admission: { mode: 'open', rate_per_second: 2 } },
      'admission.rate_per_second',
    ],
    [
      'turns without a line',
      { ...one, admission: { mode: 'open', turn_seconds: 60 } },
      'admission.turn_seconds',
    ],
    [
      'a factor without a line',
      { ...one, admission: { mode: 'open', factor: 2 } },
      'admission.factor',
    ],
    [
      'a factor of three decimals',
      { ...one, admission: { mode: 'draw', factor: 1.125 } },
      'admission.factor',
    ],
  ] as [string, SaleBody, string][])('refuses %s', (_what, body, param) => {
    expect(refusal(body)).toEqual({ code: 'invalid_request', param });
  });

  it('takes a line with its terms, or with the defaults', () => {
    const admission = (body: SaleBody['admission']) =>
      newSaleOf({ ...one, ...(body === undefined ? {} : { admission: body }) }, context).admission;
    const open = { mode: 'open', ratePerSecond: null, turnSeconds: 120, factor: 1 };
    expect(admission(undefined)).toEqual(open);
    expect(admission({ mode: 'open', turn_seconds: 120, factor: 1 })).toEqual(open);
    expect(admission({ mode: 'queue' })).toEqual({ ...open, mode: 'queue' });
    expect(
      admission({ mode: 'draw', rate_per_second: 2.5, turn_seconds: 60, factor: 1.25 }),
    ).toEqual({ mode: 'draw', ratePerSecond: 2.5, turnSeconds: 60, factor: 1.25 });
  });

  it('makes a schedule, which has no start of its own', () => {
    const schedule = { local_time: '12:00', time_zone: 'Asia/Kolkata', rrule: 'FREQ=DAILY' };
    const made = newScheduleOf({ ...one, schedule }, schedule, context);
    expect(made).not.toHaveProperty('startsAt');
    expect(made).toMatchObject({
      items: [{ product: 'prd_a', allotted: 5, price: 100 }],
      schedule: { localTime: '12:00', timeZone: 'Asia/Kolkata', rrule: 'FREQ=DAILY' },
    });
    expect(made.fingerprint).not.toBe(newSaleOf(one, context).fingerprint);
    const both = { ...one, schedule, starts_at: at(noon) };
    expect(() => newScheduleOf(both, schedule, context)).toThrow(ProblemError);
  });
});
