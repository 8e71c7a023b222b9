// What a schema cannot say of a registration.
import { describe, expect, it } from 'vitest';
import {
  attributesMaxBytes,
  checkRegistration,
  priceOf,
} from '../../../engine/registration/rules.ts';
import type { RegistrationBody } from '../../../engine/registration/rules.ts';
import { ProblemError } from '../../../platform/http/problems.ts';

const laptop = { name: 'KUHL Laptop', description: '', remaining_supply: 30 };

function paramOf(check: () => unknown): string | undefined {
  try {
    check();
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'invalid_request') {
      return error.problem.param;
    }
    throw error;
  }
  throw new Error('it was not refused');
}

describe('the price', () => {
  it.each([
    [200, 20_000],
    [0.01, 1],
    [0.07, 7],
    [1.1, 110],
    [19.99, 1999],
    [1234567.89, 123_456_789],
    [4.35, 435],
    [1.15, 115],
  ])('of %d dollars is %d cents', (price_usd, amount) => {
    expect(priceOf({ ...laptop, price_usd }, 'USD')).toEqual({ amount, currency: 'USD' });
  });

  it.each([0.001, 1.005, 1e-7, 19.999, 1e21])(
    'of %d dollars has too many decimals',
    (price_usd) => {
      expect(paramOf(() => priceOf({ ...laptop, price_usd }, 'USD'))).toBe('price_usd');
    },
  );

  it('may be money', () => {
    const price = { amount: 5, currency: 'EUR' };
    expect(priceOf({ ...laptop, price }, 'EUR')).toEqual(price);
    expect(paramOf(() => priceOf({ ...laptop, price }, 'USD'))).toBe('price.currency');
  });

  it('is there once', () => {
    const price = { amount: 5, currency: 'USD' };
    expect(paramOf(() => priceOf({ ...laptop, price, price_usd: 0.05 }, 'USD'))).toBe('price_usd');
    expect(paramOf(() => priceOf(laptop, 'USD'))).toBe('price_usd');
  });

  it('in dollars is for dollars', () => {
    expect(paramOf(() => priceOf({ ...laptop, price_usd: 5 }, 'EUR'))).toBe('price_usd');
  });
});

describe('attributes', () => {
  const check = (attributes: Record<string, unknown>) => () => {
    checkRegistration({ ...laptop, attributes }, 'USD');
  };

  it('may be five deep and 16 KB, not more', () => {
    expect(check({ a: { b: { c: { d: { e: 1 } } } } })).not.toThrow();
    expect(check({ a: [[[[1]]]] })).not.toThrow();
    expect(paramOf(check({ a: { b: { c: { d: { e: {} } } } } }))).toBe('attributes');
    expect(paramOf(check({ a: [[[[[]]]]] }))).toBe('attributes');
    const fits = 'x'.repeat(attributesMaxBytes - '{"a":""}'.length);
    expect(check({ a: fits })).not.toThrow();
    expect(paramOf(check({ a: `${fits}x` }))).toBe('attributes');
    expect(paramOf(check({ a: '€'.repeat(attributesMaxBytes / 3) }))).toBe('attributes');
  });
});

describe('delivery', () => {
  const check = (delivery: NonNullable<RegistrationBody['delivery']>) => () => {
    checkRegistration({ ...laptop, delivery }, 'USD');
  };

  it('may be all that the contract shows', () => {
    const region = {
      postal_ranges: [['10000', '10999']] as const,
      eta_days: [2, 4] as const,
      fee: { amount: 0, currency: 'USD' },
    };
    expect(check({ include: [region], exclude: [region], eta_days: [1, 1] })).not.toThrow();
  });

  it.each([
    [{ eta_days: [4, 2] as const }, 'delivery.eta_days'],
    [{ fee: { amount: 1, currency: 'EUR' } }, 'delivery.fee.currency'],
    [{ include: [{}, { eta_days: [4, 2] as const }] }, 'delivery.include.1.eta_days'],
    [{ exclude: [{ fee: { amount: 1, currency: 'EUR' } }] }, 'delivery.exclude.0.fee.currency'],
    [
      {
        include: [
          {
            postal_ranges: [
              ['1', '2'],
              ['20', '10'],
            ] as const,
          },
        ],
      },
      'delivery.include.0.postal_ranges.1',
    ],
    [
      { exclude: [{ postal_ranges: [['9', '10']] as const }] },
      'delivery.exclude.0.postal_ranges.0',
    ],
  ])('refuses %j', (delivery, param) => {
    expect(paramOf(check(delivery))).toBe(param);
  });
});

describe('a range of postal codes', () => {
  const ranged = (range: readonly [string, string]) => () => {
    const region = { country: 'DE', postal_ranges: [range] };
    checkRegistration(
      {
        ...laptop,
        price_usd: 1,
        delivery: { include: [region] },
      },
      'USD',
    );
  };
  it.each<[string, string]>([
    ['10000', '10999'],
    ['10000', '10000'],
    // However they are written.
    ['10 000', '10-999'],
    ['sw1a 1aa', 'SW1A1AZ'],
  ])('may be from %s to %s', (from, to) => {
    expect(ranged([from, to])).not.toThrow();
  });
  it.each<[string, string]>([
    ['10999', '10000'],
    ['1000', '10999'],
    ['10 00', '1-0-9-9-9'],
  ])('may not be from %s to %s', (from, to) => {
    expect(paramOf(ranged([from, to]))).toBe('delivery.include.0.postal_ranges.0');
  });
});
