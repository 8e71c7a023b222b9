/** What the benchmarks are told and what they say: options, tables, JSON. */
import { describe, expect, it } from 'vitest';
import type { Findings } from '../../../bench/findings.ts';
import { UsageError, usageCode } from '../../../bench/arguments.ts';
import { connectionsIn, readOptions, scenarioNames, usage } from '../../../bench/options.ts';
import { jsonOf, machineText, meter, textOf } from '../../../bench/report.ts';
import { exitCode } from '../../../stack/base/errors.mjs';

describe('options', () => {
  it('runs all scenarios unless told otherwise', () => {
    expect(readOptions([]).scenarios).toEqual(scenarioNames);
    expect(readOptions(['all']).scenarios).toEqual(scenarioNames);
  });

  it('takes one scenario and its sizes', () => {
    const args = ['steady', '--seconds', '7', '--connections=9', '--json', '--stack', '/x'];
    expect(readOptions(args)).toMatchObject({
      scenarios: ['steady'],
      seconds: 7,
      connections: 9,
      json: true,
      strict: false,
      stack: '/x',
    });
  });

  it('are refused with the exit code that every script has for it', () => {
    expect(usageCode).toBe(exitCode.usage);
  });

  it('leaves the number of connections to the scenario', () => {
    expect(readOptions(['steady']).connections).toBeNull();
    const own = (['sold-out', 'steady', 'line'] as const).map(connectionsIn);
    expect(own).toEqual([512, 192, 128]);
    expect(usage).toContain('(default 512 in sold-out, 192 in steady, else 128)');
  });

  it.each([
    ['stedy'],
    ['micro', 'steady'],
    ['--seconds', '0'],
    ['--seconds', '1.5'],
    ['--seconds', '-1'],
    ['--seconds', '121'],
    ['--rounds', 'many'],
    ['--connections', '10001'],
    ['--shoppers', '99'],
    ['--fast'],
  ])('refuses %s %s', (...args) => {
    expect(() => readOptions(args.filter((arg) => typeof arg === 'string'))).toThrow(UsageError);
  });
});

const findings: Findings = {
  scenario: 'steady',
  about: 'An order.',
  settings: { seconds: 5 },
  rows: [
    {
      name: 'lean',
      operations: 9,
      perSecond: 30_000,
      p50Ms: 4,
      p99Ms: 12.3,
      cpu: new Map([
        ['api', 12.34],
        ['catalog', 0.01],
      ]),
    },
    {
      name: 'bare',
      operations: 9,
      perSecond: 15_000,
      p50Ms: null,
      p99Ms: null,
      cpu: new Map([['api', 6]]),
    },
  ],
  facts: [['in doubt', '7 orders']],
  bars: [
    { what: 'rate', value: 30_000, bar: 25_000, side: 'least', unit: '/s' },
    { what: 'p99', value: 21.2, bar: 20, side: 'most', unit: 'ms' },
  ],
  othersCpus: 0.5,
};

describe('the report', () => {
  it('tells rates, latencies, CPU, bars and who else was there', () => {
    const text = textOf(findings);
    expect(text).toMatch(/lean +30,000\/s +4\.00 +12\.3 +█{24}\n/);
    expect(text).toMatch(/bare +15,000\/s +– +– +█{12}\n/);
    expect(text).toMatch(/CPU, µs each +api\n +lean +12\.3\n +bare +6\.0\n/);
    expect(text).toMatch(/rate +30,000 \/s +bar ≥ 25,000 \/s +holds\n/);
    expect(text).toMatch(/p99 +21\.2 ms +bar ≤ 20 ms +DOES NOT HOLD\n/);
    expect(text).toMatch(/0\.50 CPUs on average: rates and latencies say little\n/);
    expect(textOf({ ...findings, othersCpus: 0.1 })).not.toContain('say little');
  });

  it('is data for programs', () => {
    const disk = { p50Ms: 1.9, p99Ms: 9.8 };
    const machine = {
      cpu: 'x',
      cores: 2,
      memoryGb: 8,
      kernel: '6',
      node: 'v20',
      commit: 'abc',
      disk,
    };
    expect(machineText(machine)).toMatch(/fdatasync: p50 1\.90 ms, p99 9\.80 ms$/);
    expect(JSON.parse(jsonOf([findings], machine, new Date(0)))).toMatchObject({
      at: '1970-01-01T00:00:00.000Z',
      machine,
      audit: 'holds',
      scenarios: [
        {
          scenario: 'steady',
          rows: [{ name: 'lean', cpu_us: { api: 12.34 } }, { p99Ms: null }],
          facts: { 'in doubt': '7 orders' },
          bars: [{ holds: true }, { holds: false }],
        },
      ],
    });
  });

  it('draws shares in eighths of a cell', () => {
    expect([meter(0, 2), meter(0.5, 2), meter(1, 2), meter(2, 2)]).toEqual([
      '  ',
      '█ ',
      '██',
      '██',
    ]);
    expect(meter(1 / 8, 1)).toBe('▏');
    expect(meter(7 / 8, 1)).toBe('▉');
  });
});
