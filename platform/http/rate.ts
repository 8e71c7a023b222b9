/**
 * Token buckets in memory, one per limit and caller. Bounded: past the bound the oldest is
 * forgotten, which at worst lets somebody ask again early.
 */

import type { RateLimits } from '../config.ts';
import type { Ctx, Identity } from './route.ts';

const bucketsMax = 100_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

export class TokenBuckets {
  readonly #buckets = new Map<string, Bucket>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /**
   * Takes one token of a bucket that holds `perMinute` and refills evenly. Returns 0, or the
   * milliseconds until there is one again.
   */
  take(key: string, perMinute: number): number {
    const nowMs = this.#nowMs();
    const perMs = perMinute / 60_000;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= bucketsMax) this.#forgetOldest();
      bucket = { tokens: perMinute, atMs: nowMs };
      this.#buckets.set(key, bucket);
    }
    bucket.tokens = Math.min(perMinute, bucket.tokens + (nowMs - bucket.atMs) * perMs);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / perMs);
    bucket.tokens -= 1;
    return 0;
  }

  get size(): number {
    return this.#buckets.size;
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) {
      this.#buckets.delete(key);
      return;
    }
  }
}

/** The rate limits of routes, by identity or address. */
export class Limiter {
  readonly #mode: RateLimits;
  readonly #buckets: TokenBuckets;

  constructor(mode: RateLimits, buckets = new TokenBuckets()) {
    this.#mode = mode;
    this.#buckets = buckets;
  }

  /** Milliseconds until the caller may ask again; 0 = now. */
  check(ctx: Ctx): number {
    const limit = ctx.route.rateLimit;
    if (limit === undefined || !isLimited(this.#mode, ctx.ip)) return 0;
    const caller = limit.by === 'ip' ? null : ctx.identity;
    const key = caller === null ? `ip:${ctx.ip}` : nameOf(caller);
    return this.#buckets.take(`${limit.name}:${key}`, limit.perMinute);
  }
}

function nameOf(identity: Identity): string {
  switch (identity.kind) {
    case 'vendor':
      return `v:${identity.vendor}`;
    case 'shopper':
      return `s:${identity.shopper}`;
    case 'operator':
      return 'operator';
  }
}

/** Whether who asks from this address is limited. */
export function isLimited(mode: RateLimits, ip: string): boolean {
  return mode === 'on' || (mode === 'loopback-exempt' && !isLoopback(ip));
}

/** Whether an address, as uWS writes it, is this machine's own. */
export function isLoopback(ip: string): boolean {
  return (
    ip.startsWith('127.') ||
    ip === '::1' ||
    ip === '0000:0000:0000:0000:0000:0000:0000:0001' ||
    ip.startsWith('0000:0000:0000:0000:0000:ffff:7f')
  );
}
