// Sales that the api remembers: asked once by a crowd, and answered while Postgres is away or hangs.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Remembered } from '../../../engine/remembered.ts';
import type { StoredSale } from '../../../engine/sales/read.ts';
import { clock, replaceClock } from '../../../platform/clock.ts';

const id = `sal_${'0'.repeat(16)}`;
const stored = (state: string): StoredSale =>
  ({ terms: { id, state }, cancelReason: null }) as never;

const real = clock;
afterEach(() => {
  replaceClock(real);
});

let answer: () => Promise<StoredSale | null>;
let reads = 0;
let cache: Remembered<StoredSale>;

beforeEach(() => {
  reads = 0;
  answer = () => Promise.resolve(stored('live'));
  cache = remembering(1000);
});

const remembering = (freshMs: number, most = 10, keptMs = Infinity): Remembered<StoredSale> =>
  new Remembered({
    read: () => {
      reads += 1;
      return answer();
    },
    freshMs,
    keptMs,
    most,
  });

const stateNow = async (): Promise<string | undefined> => (await cache.read(id))?.terms.state;

describe('a sale that is remembered', () => {
  it('is read once for a crowd, and once more when it has changed', async () => {
    await Promise.all([stateNow(), stateNow(), stateNow()]);
    await stateNow();
    expect(reads).toBe(1);
    answer = () => Promise.resolve(stored('paused'));
    cache.forget(id);
    expect(await stateNow()).toBe('paused');
    expect(reads).toBe(2);
  });

  it.each([
    ['is away', () => Promise.reject(new Error('away'))],
    ['hangs', () => new Promise<never>(() => undefined)],
  ])('is answered while Postgres %s', async (_, away) => {
    await stateNow();
    answer = away;
    cache.forget(id);
    expect(await stateNow()).toBe('live');
    const asked = reads;
    // The next ones do not wait, and do not all ask.
    expect(await Promise.all([stateNow(), stateNow()])).toEqual(['live', 'live']);
    expect(reads).toBe(asked);
  });

  it('is not what was read before it changed', async () => {
    let tell: (sale: StoredSale) => void = () => undefined;
    answer = () => new Promise((resolve) => (tell = resolve));
    const early = stateNow();
    cache.forget(id);
    answer = () => Promise.resolve(stored('closed'));
    expect(await stateNow()).toBe('closed');
    tell(stored('live'));
    expect(await early).toBe('live');
    expect(await stateNow()).toBe('closed');
  });

  it('that nobody knows of is asked for again once Postgres answers', async () => {
    answer = () => Promise.reject(new Error('away'));
    await expect(cache.read(id)).rejects.toThrow('away');
    answer = () => Promise.resolve(null);
    expect(await cache.read(id)).toBeNull();
    answer = () => Promise.reject(new Error('away'));
    cache.forget(id);
    await expect(cache.read(id)).rejects.toThrow('away');
    answer = () => Promise.resolve(stored('live'));
    expect(await stateNow()).toBe('live');
  });
});

describe('what is never fresh', () => {
  const other = `sal_${'1'.repeat(16)}`;
  beforeEach(() => {
    cache = remembering(0, 2);
  });

  it('is read each time, once by those who ask at once', async () => {
    await stateNow();
    answer = () => Promise.resolve(stored('paused'));
    expect(await Promise.all([stateNow(), stateNow()])).toEqual(['paused', 'paused']);
    expect(reads).toBe(2);
  });

  it('is answered as it was while Postgres is away', async () => {
    await stateNow();
    answer = () => Promise.reject(new Error('away'));
    expect(await stateNow()).toBe('live');
    expect(await stateNow()).toBe('live');
    expect(reads).toBe(2);
    await expect(cache.read(other)).rejects.toThrow('away');
  });

  it('is not joined by who asks after a change', async () => {
    let tell: (sale: StoredSale) => void = () => undefined;
    answer = () => new Promise((resolve) => (tell = resolve));
    const early = stateNow();
    answer = () => Promise.resolve(stored('closed'));
    cache.forgetAll();
    expect(await stateNow()).toBe('closed');
    tell(stored('live'));
    expect(await early).toBe('live');
    answer = () => Promise.reject(new Error('away'));
    expect(await stateNow()).toBe('closed');
  });

  it('is no answer any more when it was read too long ago', async () => {
    cache = remembering(0, 2, 600_000);
    await stateNow();
    answer = () => Promise.reject(new Error('away'));
    expect(await stateNow()).toBe('live');
    replaceClock({ ...real, now: () => real.now() + 600_001 });
    await expect(stateNow()).rejects.toThrow('away');
  });

  it('goes when there is too much of it, the oldest first', async () => {
    await cache.read(id);
    await cache.read(other);
    await cache.read('sal_third');
    answer = () => Promise.reject(new Error('away'));
    await expect(cache.read(id)).rejects.toThrow('away');
    expect((await cache.read(other))?.terms.state).toBe('live');
  });
});
