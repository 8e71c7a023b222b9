// The cache under a clock of its own: fresh, due, stale, dropped; bounded in size and loads.
import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../platform/fault.ts';
import { toFault } from '../../../platform/postgres/errors.ts';
import { ReadCache } from '../../../platform/read-cache.ts';
import type { ReadCacheOptions } from '../../../platform/read-cache.ts';

class Bench {
  time = 0;
  loads: string[] = [];
  fail: Error | null = null;
  absent = false;
  loadTakesMs = 0;
  gate: Promise<void> = Promise.resolve();
  readonly cache: ReadCache<string>;

  constructor(other: Partial<ReadCacheOptions<string>> = {}) {
    this.cache = new ReadCache<string>({
      maxSize: 100,
      freshMs: 1000,
      staleMs: 60_000,
      maxLoads: 2,
      pauseMs: 500,
      patienceMs: 10,
      load: (key) => this.#load(key),
      now: () => this.time,
      ...other,
    });
  }

  async #load(key: string): Promise<string | null> {
    this.loads.push(key);
    this.time += this.loadTakesMs;
    const value = this.absent ? null : `${key}@${this.time}`;
    await this.gate;
    if (this.fail !== null) throw this.fail;
    return value;
  }

  /** Loads that begin from now on go on when this is called. */
  shut(): () => void {
    let open = (): void => undefined;
    this.gate = new Promise((resolve) => (open = resolve));
    return () => {
      this.gate = Promise.resolve();
      open();
    };
  }

  async value(key = 'a'): Promise<string | undefined> {
    return (await this.cache.get(key))?.value;
  }
}

const byLength = { maxSize: 100, sizeOf: (value: string) => value.length };

const timedOut = Object.assign(new DatabaseError('canceling statement', 0, 'error'), {
  code: '57014',
  severity: 'ERROR',
});
const away = new Fault('postgres', 'connection refused', { retryable: true });

describe('what was read', () => {
  it('is the answer while it is fresh, then read again', async () => {
    const bench = new Bench();
    expect(await bench.cache.get('a')).toEqual({ value: 'a@0', ageMs: 0, stale: false });
    bench.time = 999;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@0', ageMs: 999, stale: false });
    bench.time = 1000;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@1000', ageMs: 0, stale: false });
    expect(bench.loads).toEqual(['a', 'a']);
  });

  it('is fresh for longer when it was dear to read', async () => {
    const bench = new Bench();
    bench.loadTakesMs = 200;
    await bench.cache.get('a');
    bench.time = 3999;
    await bench.cache.get('a');
    expect(bench.loads).toHaveLength(1);
    bench.time = 4000;
    await bench.cache.get('a');
    expect(bench.loads).toHaveLength(2);
  });

  it('is shown as stale while the source is away, and dropped when it is too old', async () => {
    const bench = new Bench();
    await bench.cache.get('a');
    bench.fail = away;
    bench.time = 30_000;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@0', ageMs: 30_000, stale: true });
    bench.time = 60_001;
    await expect(bench.cache.get('a')).rejects.toThrow('connection refused');
    expect(bench.cache.count).toBe(0);
    bench.fail = null;
    bench.time = 70_000;
    expect(await bench.cache.get('a')).toMatchObject({ value: 'a@70000', stale: false });
  });

  it('is shown when the source hangs, and what is new once it came', async () => {
    const bench = new Bench();
    await bench.cache.get('a');
    const open = bench.shut();
    bench.time = 2000;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@0', ageMs: 2000, stale: true });
    open();
    await expect.poll(() => bench.cache.get('a')).toMatchObject({ value: 'a@2000', stale: false });
    expect(bench.loads).toEqual(['a', 'a']);
  });

  it('is shown when the source hangs and then fails', async () => {
    const bench = new Bench();
    await bench.cache.get('a');
    let fail = (_error: Error): void => undefined;
    bench.gate = new Promise((_resolve, reject) => (fail = reject));
    bench.time = 2000;
    expect(await bench.cache.get('a')).toMatchObject({ stale: true });
    fail(away);
    expect(await bench.cache.get('a')).toMatchObject({ value: 'a@0', stale: true });
  });

  it('is shown without asking for a moment after the source was away', async () => {
    const bench = new Bench();
    await bench.cache.get('a');
    bench.fail = away;
    bench.time = 2000;
    await bench.cache.get('a');
    await bench.cache.get('a');
    await expect(bench.cache.get('b')).rejects.toThrow('away');
    expect(bench.loads).toEqual(['a', 'a']);
    bench.time = 2500;
    await bench.cache.get('a');
    expect(bench.loads).toEqual(['a', 'a', 'a']);
  });

  it('stops no others when it is a defect', async () => {
    const bench = new Bench();
    bench.fail = new Error('a defect');
    await expect(bench.cache.get('a')).rejects.toThrow('a defect');
    bench.fail = null;
    expect(await bench.cache.get('b')).toMatchObject({ value: 'b@0' });
  });

  it('stops no others when Postgres ended the statement', async () => {
    const bench = new Bench();
    bench.fail = toFault(timedOut) as Fault;
    await expect(bench.cache.get('a')).rejects.toMatchObject({ retryable: true });
    bench.fail = null;
    expect(await bench.cache.get('b')).toMatchObject({ value: 'b@0' });
  });

  it('is loaded once, however many ask for it', async () => {
    const bench = new Bench();
    const open = bench.shut();
    const answers = [bench.cache.get('a'), bench.cache.get('a'), bench.cache.get('a')];
    open();
    expect(new Set((await Promise.all(answers)).map((found) => found?.value))).toEqual(
      new Set(['a@0']),
    );
    expect(bench.loads).toEqual(['a']);
  });

  it('is refused beyond what may be loaded at a time', async () => {
    const bench = new Bench();
    const open = bench.shut();
    const first = [bench.cache.get('a'), bench.cache.get('b')];
    await expect(bench.cache.get('c')).rejects.toMatchObject({ retryable: true });
    open();
    await Promise.all(first);
    expect(await bench.cache.get('c')).toMatchObject({ value: 'c@0' });
  });

  it('is forgotten when it is gone, and asked for each time', async () => {
    const bench = new Bench();
    await bench.cache.get('a');
    bench.absent = true;
    bench.time = 1000;
    expect(await bench.cache.get('a')).toBeNull();
    expect(bench.cache.count).toBe(0);
    bench.absent = false;
    expect(await bench.cache.get('a')).toMatchObject({ value: 'a@1000' });
  });

  it('stays within its size, and what was used least recently goes', async () => {
    const bench = new Bench(byLength);
    const big = (name: string): string => name.repeat(38);
    await bench.cache.get(big('a'));
    await bench.cache.get(big('b'));
    await bench.cache.get(big('a'));
    await bench.cache.get(big('c'));
    expect(bench.cache.size).toBeLessThanOrEqual(100);
    bench.loads = [];
    await bench.cache.get(big('a'));
    expect(bench.loads).toEqual([]);
    await bench.cache.get(big('b'));
    expect(bench.loads).toEqual([big('b')]);
  });

  it('is shown but not kept when it is larger than all', async () => {
    const bench = new Bench(byLength);
    expect(await bench.cache.get('x'.repeat(200))).not.toBeNull();
    expect(bench.cache.size).toBe(0);
  });

  it('is what was put, and not what a load had begun to read before', async () => {
    const bench = new Bench();
    const open = bench.shut();
    const reading = bench.cache.get('a');
    bench.cache.put('a', 'put');
    open();
    expect((await reading)?.value).toBe('a@0');
    expect(await bench.cache.get('a')).toEqual({ value: 'put', ageMs: 0, stale: false });
  });

  it('is read again when it expired, and still there when that fails', async () => {
    const bench = new Bench();
    await bench.cache.get('a');
    bench.cache.expire('a');
    bench.time = 1;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@1', ageMs: 0, stale: false });
    bench.cache.expire('a');
    bench.fail = away;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@1', ageMs: 0, stale: true });
    expect(bench.loads).toHaveLength(3);
  });

  it('is not kept when it expired meanwhile', async () => {
    const bench = new Bench();
    const open = bench.shut();
    const reading = bench.cache.get('a');
    bench.cache.expire('a');
    open();
    await reading;
    expect(bench.cache.count).toBe(0);
  });
});

describe('what all expired', () => {
  it('is read again, and still there when that fails', async () => {
    const bench = new Bench();
    await bench.cache.get('a');
    bench.cache.expireAll();
    bench.time = 1;
    expect(await bench.value()).toBe('a@1');
    bench.cache.expireAll();
    bench.fail = away;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@1', ageMs: 0, stale: true });
  });

  it('is not what a load had begun to read before', async () => {
    const bench = new Bench();
    const open = bench.shut();
    const early = bench.value();
    bench.cache.expireAll();
    bench.gate = Promise.resolve();
    bench.time = 1;
    expect(await bench.value()).toBe('a@1');
    open();
    expect(await early).toBe('a@0');
    expect(await bench.value()).toBe('a@1');
  });

  it('may be, for those who ask until that load ends', async () => {
    const bench = new Bench();
    const open = bench.shut();
    const early = bench.value();
    bench.cache.expireAll('shown');
    const joined = bench.value();
    open();
    expect([await early, await joined]).toEqual(['a@0', 'a@0']);
    bench.time = 1;
    expect(await bench.value()).toBe('a@1');
    expect(bench.loads).toEqual(['a', 'a']);
  });
});

describe('what is never fresh', () => {
  it('is read each time, once by those who ask at once', async () => {
    const bench = new Bench({ freshMs: 0, costShare: 0 });
    await bench.cache.get('a');
    bench.time = 1;
    expect(await Promise.all([bench.value(), bench.value()])).toEqual(['a@1', 'a@1']);
    expect(bench.loads).toEqual(['a', 'a']);
  });
});

describe('who could be shown something older', () => {
  it('does not wait for a load that others have waited for', async () => {
    const bench = new Bench({ patienceMs: 30_000 });
    await bench.cache.get('a');
    const open = bench.shut();
    bench.time = 2000;
    const first = bench.value();
    bench.time = 32_000;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@0', ageMs: 32_000, stale: true });
    open();
    expect(await first).toBe('a@2000');
    expect(bench.loads).toEqual(['a', 'a']);
  });
});

describe('a load that failed', () => {
  const bench = async (): Promise<Bench> => {
    const made = new Bench({ retryMs: 500, pauseMs: 0 });
    await made.cache.get('a');
    made.time = 2000;
    made.fail = away;
    expect(await made.value()).toBe('a@0');
    made.loads = [];
    return made;
  };

  it('is not tried again for a while where there is something older, which is stale', async () => {
    const failed = await bench();
    failed.fail = null;
    failed.time = 2499;
    expect(await failed.cache.get('a')).toEqual({ value: 'a@0', ageMs: 2499, stale: true });
    expect(failed.loads).toEqual([]);
    failed.time = 2500;
    expect(await failed.cache.get('a')).toEqual({ value: 'a@2500', ageMs: 0, stale: false });
  });

  it('is tried again at once for what has expired', async () => {
    const failed = await bench();
    failed.fail = null;
    failed.cache.expire('a');
    expect(await failed.value()).toBe('a@2000');
    failed.fail = away;
    failed.cache.expireAll();
    expect(await failed.cache.get('a')).toMatchObject({ value: 'a@2000', stale: true });
    failed.fail = null;
    failed.time = 2001;
    failed.cache.expireAll();
    expect(await failed.value()).toBe('a@2001');
  });

  it('is tried again at once for what expired meanwhile', async () => {
    const failed = await bench();
    failed.time = 2500;
    const asked = failed.value();
    failed.cache.expireAll('shown');
    expect(await asked).toBe('a@0');
    failed.fail = null;
    expect(await failed.value()).toBe('a@2500');
  });

  it('is tried again at once by who knows nothing of it', async () => {
    const failed = await bench();
    await expect(failed.value('b')).rejects.toThrow('connection refused');
    failed.fail = null;
    expect(await failed.value('b')).toBe('b@2000');
  });

  it('does not make what is too old an answer', async () => {
    const failed = await bench();
    failed.time = 59_999;
    expect(await failed.value()).toBe('a@0');
    failed.time = 60_001;
    await expect(failed.value()).rejects.toThrow('connection refused');
  });
});

describe('what is not there', () => {
  const bench = async (): Promise<Bench> => {
    const made = new Bench({ absentMs: 1000, retryMs: 500, costShare: 0 });
    made.absent = true;
    expect(await made.cache.get('a')).toBeNull();
    return made;
  };

  it('is not asked for again for a while', async () => {
    const absent = await bench();
    absent.absent = false;
    absent.time = 999;
    expect(await absent.cache.get('a')).toBeNull();
    expect(absent.cache.fresh('a')).toBeNull();
    expect(absent.loads).toEqual(['a']);
    absent.time = 1000;
    expect(await absent.value()).toBe('a@1000');
  });

  it('is no answer while the source is away: it may be there by now', async () => {
    const absent = await bench();
    absent.cache.expire('a');
    absent.fail = away;
    await expect(absent.value()).rejects.toThrow('connection refused');
  });
});

describe('what has no size', () => {
  it('is counted, and what was used least recently goes', async () => {
    const bench = new Bench({ maxSize: 2 });
    for (const key of ['a', 'b', 'c']) await bench.cache.get(key);
    expect(bench.cache.count).toBe(2);
    bench.fail = away;
    await expect(bench.value('a')).rejects.toThrow('connection refused');
    expect(await bench.value('b')).toBe('b@0');
  });
});
