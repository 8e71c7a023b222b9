// The cache under a clock of its own: fresh, due, stale, dropped; bounded in bytes and loads.
import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { PageCache } from '../../../catalog/page-cache.ts';
import { Fault } from '../../../platform/fault.ts';
import { toFault } from '../../../platform/postgres/errors.ts';

class Bench {
  time = 0;
  loads: string[] = [];
  fail: Error | null = null;
  absent = false;
  loadTakesMs = 0;
  gate: Promise<void> = Promise.resolve();
  readonly cache = new PageCache<string>({
    maxBytes: 100,
    freshMs: 1000,
    staleMs: 60_000,
    maxLoads: 2,
    pauseMs: 500,
    patienceMs: 10,
    sizeOf: (value) => value.length,
    load: async (key) => {
      this.loads.push(key);
      this.time += this.loadTakesMs;
      await this.gate;
      if (this.fail !== null) throw this.fail;
      return this.absent ? null : `${key}@${this.time}`;
    },
    now: () => this.time,
  });
}

const timedOut = Object.assign(new DatabaseError('canceling statement', 0, 'error'), {
  code: '57014',
  severity: 'ERROR',
});
const away = new Fault('postgres', 'connection refused', { retryable: true });

describe('a page cache', () => {
  it('answers from memory while the page is fresh, then reads again', async () => {
    const bench = new Bench();
    expect(await bench.cache.get('a')).toEqual({ value: 'a@0', ageMs: 0, stale: false });
    bench.time = 999;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@0', ageMs: 999, stale: false });
    bench.time = 1000;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@1000', ageMs: 0, stale: false });
    expect(bench.loads).toEqual(['a', 'a']);
  });

  it('keeps a page that was dear to read for longer', async () => {
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

  it('shows what it has as stale while the source is away, and drops it when it is too old', async () => {
    const bench = new Bench();
    await bench.cache.get('a');
    bench.fail = away;
    bench.time = 30_000;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@0', ageMs: 30_000, stale: true });
    bench.time = 60_001;
    await expect(bench.cache.get('a')).rejects.toThrow('connection refused');
    expect(bench.cache.size).toBe(0);
    bench.fail = null;
    bench.time = 70_000;
    expect(await bench.cache.get('a')).toMatchObject({ value: 'a@70000', stale: false });
  });

  it('shows what it has when the source hangs, and the new page once it came', async () => {
    const bench = new Bench();
    await bench.cache.get('a');
    let open = (): void => undefined;
    bench.gate = new Promise((resolve) => (open = resolve));
    bench.time = 2000;
    expect(await bench.cache.get('a')).toEqual({ value: 'a@0', ageMs: 2000, stale: true });
    open();
    await expect.poll(() => bench.cache.get('a')).toMatchObject({ value: 'a@2000', stale: false });
    expect(bench.loads).toEqual(['a', 'a']);
  });

  it('survives a source that hangs and then fails', async () => {
    const bench = new Bench();
    await bench.cache.get('a');
    let fail = (_error: Error): void => undefined;
    bench.gate = new Promise((_resolve, reject) => (fail = reject));
    bench.time = 2000;
    expect(await bench.cache.get('a')).toMatchObject({ stale: true });
    fail(away);
    expect(await bench.cache.get('a')).toMatchObject({ value: 'a@0', stale: true });
  });

  it('asks nothing for a moment after the source failed', async () => {
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

  it('does not let a defect of one page stop the others', async () => {
    const bench = new Bench();
    bench.fail = new Error('a defect');
    await expect(bench.cache.get('a')).rejects.toThrow('a defect');
    bench.fail = null;
    expect(await bench.cache.get('b')).toMatchObject({ value: 'b@0' });
  });

  it('does not let a statement that Postgres ended stop the others', async () => {
    const bench = new Bench();
    bench.fail = toFault(timedOut) as Fault;
    await expect(bench.cache.get('a')).rejects.toMatchObject({ retryable: true });
    bench.fail = null;
    expect(await bench.cache.get('b')).toMatchObject({ value: 'b@0' });
  });

  it('loads a page once, however many ask for it', async () => {
    const bench = new Bench();
    let open = (): void => undefined;
    bench.gate = new Promise((resolve) => (open = resolve));
    const answers = [bench.cache.get('a'), bench.cache.get('a'), bench.cache.get('a')];
    open();
    expect(new Set((await Promise.all(answers)).map((found) => found?.value))).toEqual(
      new Set(['a@0']),
    );
    expect(bench.loads).toEqual(['a']);
  });

  it('refuses what is more than it may load at a time', async () => {
    const bench = new Bench();
    let open = (): void => undefined;
    bench.gate = new Promise((resolve) => (open = resolve));
    const first = [bench.cache.get('a'), bench.cache.get('b')];
    await expect(bench.cache.get('c')).rejects.toMatchObject({ retryable: true });
    open();
    await Promise.all(first);
    expect(await bench.cache.get('c')).toMatchObject({ value: 'c@0' });
  });

  it('remembers no absence, and forgets a page that is gone', async () => {
    const bench = new Bench();
    await bench.cache.get('a');
    bench.absent = true;
    bench.time = 1000;
    expect(await bench.cache.get('a')).toBeNull();
    expect(bench.cache.size).toBe(0);
    bench.absent = false;
    expect(await bench.cache.get('a')).toMatchObject({ value: 'a@1000' });
  });

  it('stays within its bytes and lets go what was used least recently', async () => {
    const bench = new Bench();
    const big = (name: string): string => name.repeat(38);
    await bench.cache.get(big('a'));
    await bench.cache.get(big('b'));
    await bench.cache.get(big('a'));
    await bench.cache.get(big('c'));
    expect(bench.cache.bytes).toBeLessThanOrEqual(100);
    bench.loads = [];
    await bench.cache.get(big('a'));
    expect(bench.loads).toEqual([]);
    await bench.cache.get(big('b'));
    expect(bench.loads).toEqual([big('b')]);
  });

  it('shows but does not keep a page larger than all of it', async () => {
    const bench = new Bench();
    expect(await bench.cache.get('x'.repeat(200))).not.toBeNull();
    expect(bench.cache.bytes).toBe(0);
  });

  it('shows what was put, and not what a read had begun to read before', async () => {
    const bench = new Bench();
    let open = (): void => undefined;
    bench.gate = new Promise<void>((resolve) => (open = resolve));
    const reading = bench.cache.get('a');
    bench.cache.put('a', 'put');
    open();
    expect((await reading)?.value).toBe('a@0');
    expect(await bench.cache.get('a')).toEqual({ value: 'put', ageMs: 0, stale: false });
  });

  it('reads again what was expired, and has it still when that fails', async () => {
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

  it('does not keep what was read before it expired', async () => {
    const bench = new Bench();
    let open = (): void => undefined;
    bench.gate = new Promise<void>((resolve) => (open = resolve));
    const reading = bench.cache.get('a');
    bench.cache.expire('a');
    open();
    await reading;
    expect(bench.cache.size).toBe(0);
  });
});
