/** What a scenario found: rows of figures, facts beside them, and the bars they are held against. */
import type { CpuTimes } from './measure/cpu.ts';

export interface Row {
  readonly name: string;
  readonly operations: number;
  readonly perSecond: number;
  /** Null where a latency would say nothing. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Microseconds for each operation, by process. */
  readonly cpu: CpuTimes;
}

export interface Bar {
  readonly what: string;
  readonly value: number;
  readonly bar: number;
  /** `least`: the value may not be below the bar; `most`: not above it. */
  readonly side: 'least' | 'most';
  readonly unit: string;
}

export interface Findings {
  readonly scenario: string;
  /** One sentence: what an operation is. */
  readonly about: string;
  readonly settings: Readonly<Record<string, number>>;
  readonly rows: readonly Row[];
  readonly facts: readonly (readonly [name: string, text: string])[];
  readonly bars: readonly Bar[];
  /** CPUs of the machine that others kept busy, on average: above 0.2 a rate says little. */
  readonly othersCpus: number;
}

export const holds = ({ value, bar, side }: Bar): boolean =>
  side === 'least' ? value >= bar : value <= bar;

/** The middle value; of an even number the lower one of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error('the median of nothing');
  return middle;
}
