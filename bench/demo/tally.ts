/** What the crowd has been answered so far: the numbers behind the picture and the summary. */
import { Histogram } from '../client/histogram.ts';

export const crowdStates = [
  'waiting',
  'in_line',
  'striking',
  'holding',
  'paid',
  'let_go',
  'hoping',
  'gone',
] as const;
export type CrowdState = (typeof crowdStates)[number];

export class Tally {
  readonly holdMs = new Histogram();
  readonly payMs = new Histogram();
  readonly refused = new Map<string, number>();
  readonly states = new Map<CrowdState, number>();
  /** Requests that ended without an answer; each was asked again with its key. */
  failures = 0;
  answers = 0;
  holds = 0;
  /** Holds whose payment was refused because they had ended. */
  tooLate = 0;
  /** Ms from the first strike to the last shopper's first answer; 0 until then. */
  firstWaveMs = 0;

  constructor(shoppers: number) {
    this.states.set('waiting', shoppers);
  }

  move(from: CrowdState, to: CrowdState): void {
    this.states.set(from, this.in(from) - 1);
    this.states.set(to, this.in(to) + 1);
  }

  in(state: CrowdState): number {
    return this.states.get(state) ?? 0;
  }

  refuse(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  /** Codes with their counts, most frequent first. */
  refusals(): [code: string, count: number][] {
    return [...this.refused].sort(([, a], [, b]) => b - a);
  }
}
