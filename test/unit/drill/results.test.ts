// Results of a drill: written fault by fault, judged later, taken up on the same code only.
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../../bench/arguments.ts';
import { main } from '../../drill/main.ts';
import { Results, type Result } from '../../drill/results.ts';

const plan = [{ name: 'kill-redis' }, { name: 'kafka-cut' }, { name: 'kafka-hole' }];
const seed = 5;

const row = (n: number, more: Partial<Result> = {}): Result => ({
  ...{ index: n, fault: plan[n]?.name ?? '', kind: 'process', seed, commit: 'abc' },
  ...{ at: `2026-01-01T00:00:0${n}.000Z`, faultMs: 1, recoveredMs: 1, parts: 1, inDoubt: null },
  ...{ commands: 9, saw503: 0, feltMs: 0, unanswered: 0, longestMs: 1, notMet: '' },
  ...{ judged: false, lost: 0, oversold: 0, violations: [], ...more },
});

const verdict = (rows: readonly Result[], violations: readonly string[] = []) => ({
  ...{ seed, judged: rows.map(({ at }) => at), lost: 2, oversold: 0, violations },
});

let dir = '';
let file = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'highnoon-results-'));
  file = join(dir, 'results.ndjson');
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const open = (): Results => new Results(file, seed);
const leftOf = (results: Results): string[] => results.left(plan).map(([, { name }]) => name);

describe('results of a drill', () => {
  it('have a fault as soon as it is over, and its judgement when there is one', () => {
    const results = open();
    results.add(row(0));
    results.add(row(1));
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
    results.judge(verdict([row(0), row(1)]));
    const again = open();
    expect(leftOf(again)).toEqual(['kafka-hole']);
    expect(again.survived.map(({ judged, lost }) => [judged, lost])).toEqual([
      [true, 0],
      [true, 2],
    ]);
  });

  it('have nothing survived that was not judged, was not met, or broke a promise', () => {
    const results = open();
    const rows = [row(0), row(1, { notMet: 'no evidence' })];
    for (const one of rows) results.add(one);
    expect(leftOf(open())).toHaveLength(3);
    results.judge(verdict(rows));
    results.add(row(2));
    results.judge(verdict([row(2)], ['I2: sold twice']));
    expect(leftOf(open())).toEqual(['kafka-cut', 'kafka-hole']);
  });

  it('judge no fault of an earlier part that was cut off before its judgement', () => {
    open().add(row(0));
    const results = open();
    results.add(row(1));
    results.judge(verdict([row(1)]));
    expect(leftOf(open())).toEqual(['kill-redis', 'kafka-hole']);
  });

  it('of before there were commits are read as they are', () => {
    const { commit: _, ...old } = row(0, { judged: true });
    appendFileSync(file, `${JSON.stringify(old)}\n{"seed":5,"seen":{"limit":3},"commands":9}\n`);
    const results = open();
    expect(results.count).toBe(1);
    expect(results.seen).toEqual({ limit: 3 });
    results.mustContinue('def');
  });

  it('are not taken up on another commit', () => {
    open().add(row(0));
    open().mustContinue('abc');
    expect(() => {
      open().mustContinue('def');
    }).toThrow(UsageError);
    expect(() => {
      new Results(file, 6).mustContinue('def');
    }).not.toThrow();
  });

  it('stop a run before it starts anything, and say their commit with the table', async () => {
    const results = open();
    results.add(row(0));
    results.judge(verdict([row(0)]));
    const said: string[] = [];
    const nothing = { startStack: unexpected, freePorts: unexpected };
    const args = ['--seed', '5', '--results', file];
    const run = (...more: string[]) => main([...args, ...more], nothing, (line) => said.push(line));
    expect(await run('kafka-cut')).toBe(2);
    expect(said.join()).toContain('at commit abc');
    expect(await run('--table')).toBe(0);
    expect(said.at(-1)).toBe('\n1 faults, at commit abc.');
  });
});

function unexpected(): never {
  throw new Error('nothing is to be started');
}
