/** Findings as people read them, and as programs do. Pure. */
import { holds } from './findings.ts';
import type { Bar, Findings, Row } from './findings.ts';
import type { Machine } from './measure/machine.ts';

const whole = new Intl.NumberFormat('en-US');
const nameWidth = 28;
const barCells = 24;
/** A process that takes less of an operation is not shown. */
const shownMicros = 0.05;
const disturbedCpus = 0.2;

const rate = (perSecond: number): string => whole.format(Math.round(perSecond));
const latency = (ms: number | null): string =>
  ms === null ? '–' : ms < 10 ? ms.toFixed(2) : ms.toFixed(1);

/** `█████▌`, a share (0–1) of `cells`. */
export function meter(share: number, cells = barCells): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * cells * 8);
  const part = eighths % 8;
  const rest = part === 0 ? '' : String.fromCharCode(0x2590 - part);
  return ('█'.repeat(Math.floor(eighths / 8)) + rest).padEnd(cells);
}

function rateLines(rows: readonly Row[]): string[] {
  const most = Math.max(...rows.map(({ perSecond }) => perSecond));
  const head = `  ${''.padEnd(nameWidth)}${'rate'.padStart(11)}${'p50 ms'.padStart(9)}${'p99 ms'.padStart(9)}`;
  const lines = rows.map(({ name, perSecond, p50Ms, p99Ms }) => {
    const figures = [`${rate(perSecond)}/s`.padStart(11)]
      .concat([latency(p50Ms).padStart(9), latency(p99Ms).padStart(9)])
      .join('');
    return `  ${name.padEnd(nameWidth)}${figures}  ${meter(perSecond / most)}`.trimEnd();
  });
  return [head, ...lines];
}

function cpuLines(rows: readonly Row[]): string[] {
  const names = [...new Set(rows.flatMap(({ cpu }) => [...cpu.keys()]))].filter((name) =>
    rows.some(({ cpu }) => (cpu.get(name) ?? 0) >= shownMicros),
  );
  const cell = (text: string): string => text.padStart(Math.max(9, text.length + 2));
  const head = `  ${'CPU, µs each'.padEnd(nameWidth)}${names.map(cell).join('')}`;
  const lines = rows.map(({ name, cpu }) => {
    const figures = names.map((process) => {
      const micros = cpu.get(process) ?? 0;
      return (micros < shownMicros ? '–' : micros.toFixed(1)).padStart(cell(process).length);
    });
    return `  ${name.padEnd(nameWidth)}${figures.join('')}`;
  });
  return [head, ...lines];
}

function barLine(bar: Bar): string {
  const { what, value, side, unit } = bar;
  const digits = value < 100 ? 1 : 0;
  const text = `${value >= 1000 ? rate(value) : value.toFixed(digits)} ${unit}`;
  const limit = bar.bar < 10 && !Number.isInteger(bar.bar) ? bar.bar.toFixed(2) : rate(bar.bar);
  const wanted = `${side === 'least' ? '≥' : '≤'} ${limit} ${unit}`;
  const verdict = holds(bar) ? 'holds' : 'DOES NOT HOLD';
  return `  ${what.padEnd(nameWidth)}${text.padStart(11)}   bar ${wanted.padEnd(12)} ${verdict}`;
}

export function textOf(findings: Findings): string {
  const { scenario, about, rows, facts, bars, othersCpus } = findings;
  const others = `${othersCpus.toFixed(2)} CPUs on average`;
  const disturbed = othersCpus > disturbedCpus ? ': rates and latencies say little' : '';
  return [
    `${scenario}: ${about}`,
    '',
    ...rateLines(rows),
    '',
    ...cpuLines(rows),
    '',
    ...facts.map(([name, text]) => `  ${name.padEnd(nameWidth - 1)} ${text}`),
    `  ${'others on this machine'.padEnd(nameWidth)}${others}${disturbed}`,
    '',
    ...bars.map(barLine),
    '',
  ].join('\n');
}

export function machineText(machine: Machine): string {
  const { cpu, cores, memoryGb, kernel, node, commit, disk } = machine;
  return (
    `${cores} × ${cpu}, ${memoryGb} GB, Linux ${kernel}, Node ${node}, commit ${commit ?? 'unknown'}\n` +
    `an append and its fdatasync: p50 ${latency(disk.p50Ms)} ms, p99 ${latency(disk.p99Ms)} ms`
  );
}

/** The same as plain data. */
export function jsonOf(findings: readonly Findings[], machine: Machine, at: Date): string {
  const scenarios = findings.map(({ rows, bars, facts, ...rest }) => ({
    ...rest,
    rows: rows.map(({ cpu, ...row }) => ({ ...row, cpu_us: Object.fromEntries(cpu) })),
    facts: Object.fromEntries(facts),
    bars: bars.map((bar) => ({ ...bar, holds: holds(bar) })),
  }));
  return JSON.stringify({ at: at.toISOString(), machine, audit: 'holds', scenarios }, null, 2);
}
