/**
 * `npm run drill`: real processes and stores under sustained load, faults from a seed, and after
 * heal and drain the judgement. Exit 0 = every promise held under every fault that was run.
 */
import { Rng } from '../support/rng.ts';
import { allFaults, lacking, planOf } from './faults/all.ts';
import type { Fault } from './faults/fault.ts';
import { Results } from './results.ts';
import { runDrill } from './run.ts';
import { DrillStack, type StackModule } from './stack.ts';
import { missingSights } from './sights.ts';

export interface DrillArguments {
  /** Names of faults; none = a whole run. */
  readonly faults: readonly string[];
  readonly count: number;
  readonly seed: number;
  readonly checkEvery: number;
  /** File of results; what it holds of this seed is not run again. */
  readonly results: string;
  readonly list: boolean;
}

function chosen({ faults, count, seed }: DrillArguments): Fault[] {
  if (faults.length === 0) return planOf(new Rng(seed), count);
  return faults.flatMap((name) => {
    const found = allFaults.filter((one) => one.name === name || one.kind === name);
    if (found.length === 0) throw new Error(`there is no fault ${name}; --list names them`);
    return found;
  });
}

function list(say: (line: string) => void): void {
  for (const fault of allFaults) {
    const needs = lacking(fault);
    const note = needs.length === 0 ? '' : ` (needs ${needs.join(', ')}: not here)`;
    say(`${fault.name.padEnd(34)} ${fault.does}${note}`);
  }
}

/** Answers the exit code. */
export async function main(
  args: DrillArguments,
  module: StackModule,
  say: (line: string) => void,
): Promise<number> {
  if (args.list) {
    list(say);
    return 0;
  }
  const all = chosen(args);
  const plan = all.filter((fault) => lacking(fault).length === 0);
  for (const fault of new Set(all.filter((one) => lacking(one).length > 0))) {
    say(`  ! not run, and not passed: ${fault.name} needs ${lacking(fault).join(', ')}`);
  }
  const stack = await DrillStack.start(module, say);
  say(`\n${plan.length} faults, seed ${args.seed}; results go to ${args.results}\n`);
  try {
    const results = new Results(args.results, args.seed);
    const { seed, checkEvery } = args;
    const options = { stack, plan, seed, checkEvery, results, say };
    const { held, seen } = await runDrill(options);
    const unseen = args.faults.length === 0 ? missingSights(seen) : [];
    for (const sight of unseen) say(`never happened, so nothing was tested: ${sight}`);
    const done = results.all.length;
    say(held ? `\nEvery promise held: ${done} faults.` : `\nA promise was broken. Seed ${seed}.`);
    return held && unseen.length === 0 ? 0 : 1;
  } finally {
    await stack.stop();
  }
}
