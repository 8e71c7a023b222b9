/** Token buckets: how many, how soon again, how much memory. */
import { describe, expect, it } from 'vitest';
import { isLoopback, Limiter, TokenBuckets } from '../../../platform/http/rate.ts';
import type { Ctx, Identity } from '../../../platform/http/route.ts';
import { route } from './http-fixture.ts';

describe('a token bucket', () => {
  it('lets so many through and refills evenly', () => {
    let nowMs = 0;
    const buckets = new TokenBuckets(() => nowMs);
    const take = (): number => buckets.take('a', 60);
    for (let i = 0; i < 60; i += 1) expect(take()).toBe(0);
    expect(take()).toBe(1000);
    nowMs += 400;
    expect(take()).toBe(600);
    nowMs += 600;
    expect(take()).toBe(0);
    expect(take()).toBe(1000);
    nowMs += 3_600_000;
    for (let i = 0; i < 60; i += 1) expect(take()).toBe(0);
    expect(take()).toBeGreaterThan(0);
    expect(buckets.take('b', 60)).toBe(0);
  });

  it('is forgotten when there are too many', () => {
    const buckets = new TokenBuckets(() => 0);
    for (let i = 0; i < 100_050; i += 1) buckets.take(String(i), 1);
    expect(buckets.size).toBe(100_000);
    expect(buckets.take('100049', 1)).toBeGreaterThan(0);
    expect(buckets.take('0', 1)).toBe(0);
  });
});

function ctx(ip: string, identity: Identity | null, by?: 'ip'): Ctx {
  const rateLimit = { name: 'x', perMinute: 1, ...(by === undefined ? {} : { by }) };
  const limited = route({ id: 'x', path: '/x', rateLimit, handle: () => {} });
  return { route: limited, ip, identity } as unknown as Ctx;
}

describe('a limiter', () => {
  const shopper = (id: string): Identity => ({ kind: 'shopper', shopper: id, verified: true });

  it('goes by identity, else by address', () => {
    const limiter = new Limiter('on');
    expect(limiter.check(ctx('1.1.1.1', shopper('a')))).toBe(0);
    expect(limiter.check(ctx('1.1.1.1', shopper('b')))).toBe(0);
    expect(limiter.check(ctx('2.2.2.2', shopper('a')))).toBeGreaterThan(0);
    expect(limiter.check(ctx('1.1.1.1', null))).toBe(0);
    expect(limiter.check(ctx('1.1.1.1', shopper('c'), 'ip'))).toBeGreaterThan(0);
  });

  it('may be off, or spare this machine', () => {
    for (const [mode, ip] of [
      ['off', '1.1.1.1'],
      ['loopback-exempt', '127.0.0.9'],
    ] as const) {
      const limiter = new Limiter(mode);
      for (let i = 0; i < 5; i += 1) expect(limiter.check(ctx(ip, null))).toBe(0);
    }
    const limiter = new Limiter('loopback-exempt');
    limiter.check(ctx('1.1.1.1', null));
    expect(limiter.check(ctx('1.1.1.1', null))).toBeGreaterThan(0);
  });

  it('knows this machine', () => {
    const own = [
      '127.0.0.1',
      '127.8.8.8',
      '::1',
      '0000:0000:0000:0000:0000:0000:0000:0001',
      '0000:0000:0000:0000:0000:ffff:7f00:0001',
    ];
    expect(own.every(isLoopback)).toBe(true);
    const others = ['128.0.0.1', '10.0.0.1', '', '0000:0000:0000:0000:0000:ffff:0a00:0001', '::2'];
    expect(others.some(isLoopback)).toBe(false);
  });
});
