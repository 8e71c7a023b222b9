/** A scenario measures instead of judging: it prints numbers, and bars that they must hold. */
import type { StackModule } from '../stack.ts';

export interface ScenarioContext {
  readonly module: StackModule;
  readonly seed: number;
  /** Orders in the lane, where that matters. */
  readonly orders: number;
  readonly say: (line: string) => void;
}

export interface Scenario {
  readonly name: string;
  /** What it does, for people. */
  readonly does: string;
  /** True when every bar held. */
  run(context: ScenarioContext): Promise<boolean>;
}

/** Says a bar, and answers whether it holds. */
export function bar(say: ScenarioContext['say'], holds: boolean, text: string): boolean {
  say(`${holds ? 'holds' : 'FAILS'}  ${text}`);
  return holds;
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)} %`;
