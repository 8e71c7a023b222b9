/** The benchmarks' own arithmetic: CPU time by process, open-loop pacing, medians, bars, deltas. */
import { describe, expect, it } from 'vitest';
import { partsOf } from '../../../bench/client/cannon.ts';
import { requestText } from '../../../bench/client/request-text.ts';
import { holds, median } from '../../../bench/findings.ts';
import type { Row } from '../../../bench/findings.ts';
import {
  cpuTimes,
  parseStat,
  perOperation,
  sumOver,
  treeMicros,
} from '../../../bench/measure/cpu.ts';
import { bucketsBetween } from '../../../bench/measure/doubt.ts';
import { parseBusy } from '../../../bench/measure/machine.ts';
import { dueAfter, pace } from '../../../bench/measure/pace.ts';
import { combined } from '../../../bench/scenarios/rounds.ts';
import { bareAnswer } from '../../../bench/scenarios/bare.ts';
import { Turns } from '../../../bench/scenarios/setting.ts';

/** pid (name) state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime … */
const stat = (pid: number, name: string, parent: number, times: string): string =>
  `${pid} (${name}) S ${parent} 1 1 0 -1 4194560 1 2 3 4 ${times} 20 0 11 0 1234 5678\n`;

describe('CPU time', () => {
  it('reads own and waited-for ticks as microseconds', () => {
    expect(parseStat(stat(12, 'node', 7, '3 4 5 6'))).toEqual({
      pid: 12,
      parent: 7,
      micros: 180_000,
    });
  });

  it('is not misled by a name with blanks and parentheses', () => {
    expect(parseStat(stat(12, 'postgres: io (idle) 1', 7, '1 0 0 0'))).toEqual({
      pid: 12,
      parent: 7,
      micros: 10_000,
    });
  });

  it.each(['', '12 node S 7', '12 (node) S 7 1 1'])('refuses %j', (text) => {
    expect(() => parseStat(text)).toThrow('/proc/<pid>/stat');
  });

  it('adds up a process and all below it, in whatever order they are listed', () => {
    const of = (pid: number, parent: number, micros: number) => ({ pid, parent, micros });
    const stats = [of(30, 20, 4), of(20, 10, 2), of(10, 1, 1), of(11, 1, 100), of(31, 20, 8)];
    expect(treeMicros(stats, 10)).toBe(15);
    expect(treeMicros(stats, 20)).toBe(14);
    expect(treeMicros(stats, 99)).toBe(0);
  });

  it('sees this process by its pid and as the generator', () => {
    const before = cpuTimes([{ name: 'self', pid: process.pid }], 'generator');
    let used = perOperation(before, before, 1);
    // The kernel's ticks are 10 ms, so what one shows at once the other shows a little later.
    while ((used.get('self') ?? 0) < 50_000) {
      used = perOperation(before, cpuTimes([{ name: 'self', pid: process.pid }], 'generator'), 1);
    }
    expect(used.get('generator')).toBeGreaterThanOrEqual(30_000);
  });

  it('is divided by the operations, and summed over the processes asked for', () => {
    const before = new Map([['api', 100]]);
    const after = new Map([
      ['api', 1100],
      ['redis', 500],
    ]);
    const each = perOperation(before, after, 100);
    expect([...each]).toEqual([
      ['api', 10],
      ['redis', 5],
    ]);
    expect(sumOver(each, ['api', 'redis', 'kafka'])).toBe(15);
  });

  it('counts the machine busy without idle and wait, with what the host took', () => {
    expect(parseBusy('cpu  1 2 3 1000 2000 4 5 6 0 0\ncpu0 1 2\n')).toBe(210_000);
    expect(() => parseBusy('intr 1')).toThrow();
  });
});

describe('the open loop', () => {
  it('is due by the clock, from the first at once to the last', () => {
    expect(dueAfter(0, 1000, 10)).toBe(1);
    expect(dueAfter(4.99, 1000, 10)).toBe(5);
    expect(dueAfter(1000, 1000, 10)).toBe(10);
    expect(dueAfter(10, 333, 10)).toBe(4);
  });

  it('fires each at its intended time, however late the tick', async () => {
    const intended: number[] = [];
    const from = performance.now();
    const total = await pace(2000, 0.02, (at) => {
      // A stall, as a long collection would be: nothing may be left out after it.
      if (intended.length === 5) while (performance.now() < from + 12);
      intended.push(at);
    });
    expect(total).toBe(40);
    expect(intended).toHaveLength(40);
    intended.forEach((at, i) => expect(at - (intended[0] ?? 0)).toBeCloseTo(i / 2, 6));
  });
});

describe('the lead of an open loop', () => {
  it('is fired at the same rate, and does not count', async () => {
    const counted: boolean[] = [];
    const total = await pace(1000, 0.02, (_, counts) => counted.push(counts), 0.01);
    expect(total).toBe(30);
    expect(counted).toEqual(Array.from({ length: 30 }, (_, i) => i >= 10));
  });
});

describe('findings', () => {
  it('takes the middle, the lower of two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2);
    expect(() => median([])).toThrow();
  });

  it('holds at the bar itself', () => {
    const bar = { what: '', bar: 10, unit: '' };
    expect(holds({ ...bar, side: 'least', value: 10 })).toBe(true);
    expect(holds({ ...bar, side: 'least', value: 9.99 })).toBe(false);
    expect(holds({ ...bar, side: 'most', value: 10 })).toBe(true);
    expect(holds({ ...bar, side: 'most', value: 10.01 })).toBe(false);
    expect(holds({ ...bar, side: 'most', value: NaN })).toBe(false);
  });

  it('makes one row of rounds, by medians', () => {
    const row = (perSecond: number, p50Ms: number | null, api: number): Row => ({
      name: 'x',
      operations: 10,
      perSecond,
      p50Ms,
      p99Ms: null,
      cpu: new Map([['api', api]]),
    });
    expect(combined([row(1, 5, 9), row(9, 4, 8), row(5, 6, 1)])).toEqual({
      name: 'x',
      operations: 30,
      perSecond: 5,
      p50Ms: 5,
      p99Ms: null,
      cpu: new Map([['api', 8]]),
    });
    expect(() => combined([])).toThrow();
  });

  it('takes what a histogram counted between two readings', () => {
    const before = new Map([[1, 2]]);
    const after = new Map([
      [1, 5],
      [Infinity, 7],
    ]);
    expect([...bucketsBetween(before, after)]).toEqual([
      [1, 3],
      [Infinity, 7],
    ]);
  });
});

describe('what is sent', () => {
  it('lets each shopper into each sale once, sale by sale', () => {
    const turns = new Turns(2);
    expect(turns.next()).toBeNull();
    turns.add(['a', 'b']);
    const taken = [1, 2, 3, 4].map(() => turns.next());
    expect(taken.map((turn) => `${turn?.sale ?? ''}${turn?.shopper ?? ''}`)).toEqual([
      'a0',
      'a1',
      'b0',
      'b1',
    ]);
    expect([turns.next(), turns.left, turns.taken]).toEqual([null, 0, 4]);
  });

  it('gives autocannon the same request in its own form', () => {
    const headers = { authorization: 'Bearer x', 'idempotency-key': 'k: 1' };
    const text = requestText({ method: 'POST', path: '/a', host: 'h:1', headers, body: '{"a":1}' });
    expect(partsOf(text)).toEqual({
      path: '/a',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"a":1}',
    });
  });

  it('asks in ASCII, so that a character is a byte', () => {
    const body = { name: 'Zoë 🎈', path: 'ü' };
    const text = requestText({ method: 'POST', path: '/a', host: 'h:1', body });
    const [head = '', json = ''] = text.split('\r\n\r\n');
    expect(JSON.parse(json)).toEqual(body);
    expect(Buffer.byteLength(text)).toBe(text.length);
    expect(head).toMatch(new RegExp(`content-length: ${json.length}$`));
  });

  it('takes from an answer what a bare route has to write itself', () => {
    const head =
      'HTTP/1.1 409 Conflict\r\nContent-Type: a: b\r\nuWebSockets: 20\r\nContent-Length: 1';
    expect(bareAnswer({ status: 409, head, body: 'x' })).toEqual({
      status: '409 Conflict',
      headers: [['Content-Type', 'a: b']],
      body: 'x',
    });
  });
});
