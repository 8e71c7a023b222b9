/** What a fault is, and what it may use. Each heals itself: when `run` is over, the cause is gone. */
import type { Rng } from '../../support/rng.ts';
import type { DrillStack } from '../stack.ts';

export interface FaultContext {
  readonly stack: DrillStack;
  readonly rng: Rng;
  /** The vendor registers one more product. */
  readonly newProduct: () => Promise<void>;
  readonly say: (line: string) => void;
}

export type Kind = 'process' | 'crash point' | 'store' | 'connection';

export interface Fault {
  /** As on the command line and in the table. */
  readonly name: string;
  readonly kind: Kind;
  /** What it does, for people. */
  readonly does: string;
  /** What must be there: a command on PATH, or `root`. */
  readonly needs?: readonly string[];
  /** The disk or the log itself was lost: what nobody outside had seen may be lost with it. */
  readonly mayLose?: boolean;
  run(context: FaultContext): Promise<void>;
}

export const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
