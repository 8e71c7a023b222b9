/** What every scenario is given, and the frame in which each of its phases is measured. */
import type { Findings, Row } from './findings.ts';
import type { Histogram } from './client/histogram.ts';
import { cpuTimes, perOperation, type CpuTimes } from './measure/cpu.ts';
import { busyMicros } from './measure/machine.ts';
import type { Part } from './measure/priority.ts';
import type { StackInfo, StackProcess } from './stack-info.ts';

export interface ScenarioOptions {
  /** Of each measured phase. */
  readonly seconds: number;
  /** Of the generator. */
  readonly connections: number;
  readonly shoppers: number;
  readonly rounds: number;
  /** In the longest line. */
  readonly tickets: number;
  /** Of the crowd that waits. */
  readonly sockets: number;
  /** In the shop that is searched. */
  readonly products: number;
}

export interface Scenario {
  readonly name: string;
  readonly part: Part;
  run(stack: StackInfo, options: ScenarioOptions, say: Say): Promise<Findings>;
}

export type Say = (line: string) => void;

/** What a phase did. */
export interface Done {
  readonly operations: number;
  readonly seconds: number;
  readonly latency: Histogram | null;
}

/** The process that makes the load is this one. */
export const generator = 'generator';

/** Measures phases: rate, latency, CPU by process, and what others took of the machine. */
export class Meter {
  readonly #processes: StackProcess[];
  #othersMicros = 0;
  #measuredMs = 0;

  constructor(processes: readonly StackProcess[]) {
    this.#processes = [...processes];
  }

  /** One that began later. */
  add(process: StackProcess): void {
    this.#processes.push(process);
  }

  /** CPU is counted until `settled` resolves: what follows an answer belongs to its operation. */
  async measure(
    name: string,
    phase: () => Promise<Done>,
    settled: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<Row> {
    const at = performance.now();
    const busy = busyMicros();
    const before = cpuTimes(this.#processes, generator);
    const { operations, seconds, latency } = await phase();
    await settled();
    const after = cpuTimes(this.#processes, generator);
    this.#othersMicros += busyMicros() - busy - usedBetween(before, after);
    this.#measuredMs += performance.now() - at;
    return {
      name,
      operations,
      perSecond: operations / seconds,
      p50Ms: latency?.quantile(0.5) ?? null,
      p99Ms: latency?.quantile(0.99) ?? null,
      cpu: perOperation(before, after, operations),
    };
  }

  get othersCpus(): number {
    return Math.max(0, this.#othersMicros / 1000 / Math.max(1, this.#measuredMs));
  }
}

function usedBetween(before: CpuTimes, after: CpuTimes): number {
  let micros = 0;
  for (const [name, value] of after) micros += value - (before.get(name) ?? 0);
  return micros;
}
