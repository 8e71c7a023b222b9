/** What a fault is, and what it may use. Each heals itself: when `run` is over, the cause is gone. */
import type { Rng } from '../../support/rng.ts';
import type { Doubt } from '../doubt.ts';
import type { Asked } from '../history.ts';
import type { DrillStack } from '../stack.ts';
import type { Told } from '../told.ts';

export interface FaultContext {
  readonly stack: DrillStack;
  readonly rng: Rng;
  /** The vendor registers one more product. */
  readonly newProduct: () => Promise<void>;
  /** The vendor changes the name of each of the first products: catalogs must hear of it. */
  readonly rename: () => Promise<void>;
  /** Shoppers ask once for a hold, at both apis by chance; kept in the history as any other. */
  readonly probe: () => Promise<readonly Asked[]>;
  /** Redis's disk is about to be lost: what was in doubt may be lost with it, and nothing else. */
  readonly loses: (doubt: Doubt) => void;
  /** What `recover` said of each lane: it is held against what was lost. */
  readonly recovers: (told: readonly Told[]) => void;
  /** What shows that the fault has happened, for its row. */
  readonly shows: (sign: string) => void;
  readonly say: (line: string) => void;
}

export type Kind = 'process' | 'crash point' | 'store' | 'connection' | 'mixed';

export interface Fault {
  /** As on the command line and in the table. */
  readonly name: string;
  readonly kind: Kind;
  /** What it does, for people. */
  readonly does: string;
  /** What must be there: a command on PATH, or `root`. */
  readonly needs?: readonly string[];
  /** Faults in one: of mixed ones more than one. */
  readonly parts?: number;
  run(context: FaultContext): Promise<void>;
}

/** The fault could not be brought about: that is no broken promise, and no fault that was survived. */
export class NotMet extends Error {}

/** How long a process stands still. The last is long enough for every time-out of ours to pass. */
export const stopsMs = [1000, 5000, 12_000] as const;
export const longestStopMs = Math.max(...stopsMs);

/** How far Redis's clock is set. */
export const clockSetMs = 20_000;

export const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
