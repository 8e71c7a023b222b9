/**
 * `npm run drill`: real processes and stores under sustained load, faults from a seed, and after
 * heal and drain the judgement. Exit 0 = every promise held under every fault that was run.
 */
import { UsageError, usageCode } from '../../bench/arguments.ts';
import { Rng } from '../support/rng.ts';
import { commitOf } from './commit.ts';
import { allFaults, lacking, planOf, together } from './faults/all.ts';
import type { Fault } from './faults/fault.ts';
import { readOptions, type DrillOptions } from './options.ts';
import { Results } from './results.ts';
import { runDrill } from './run.ts';
import { scenarios } from './scenarios/all.ts';
import { DrillStack, type StackModule } from './stack.ts';
import { missingSights } from './sights.ts';
import { tableOf } from './table.ts';

function chosen({ faults, count, seed }: DrillOptions): Fault[] {
  if (faults.length === 0) return planOf(new Rng(seed), count);
  return faults.flatMap((name) => {
    const parts = name.split('+').map(ofName);
    return parts.length === 1 ? parts.flat() : [together(parts.flat())];
  });
}

/** By its name, or all of its kind. */
function ofName(name: string): Fault[] {
  const found = allFaults.filter((one) => one.name === name || one.kind === name);
  if (found.length === 0) throw new UsageError(`there is no fault ${name}; --list names them`);
  return found;
}

function list(say: (line: string) => void): void {
  for (const fault of allFaults) {
    const needs = lacking(fault);
    const note = needs.length === 0 ? '' : ` (needs ${needs.join(', ')}: not here)`;
    say(`${fault.name.padEnd(34)} ${fault.does}${note}`);
  }
  say('\nscenarios, which print numbers and bars:');
  for (const { name, does } of scenarios) say(`${name.padEnd(34)} ${does}`);
}

function show({ results: file, seed }: DrillOptions, say: (line: string) => void): void {
  const results = new Results(file, seed);
  for (const line of tableOf(results.survived)) say(line);
  const commits = results.commits.map((one) =>
    one === '' ? 'one that was not written down' : one,
  );
  say(`\n${results.count} faults, at commit ${commits.join(', ')}.`);
}

/** Answers the exit code. */
export async function main(
  args: readonly string[],
  module: StackModule,
  say: (line: string) => void,
): Promise<number> {
  try {
    const options = readOptions(args);
    if (options.list || options.table) {
      if (options.list) list(say);
      else show(options, say);
      return 0;
    }
    const scenario = scenarios.find(({ name }) => name === options.faults[0]);
    if (scenario === undefined) return await drill(options, module, say);
    if (options.faults.length > 1) throw new UsageError('one scenario at a time, without faults');
    return (await scenario.run({ ...options, module, say })) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(error.message);
    return usageCode;
  }
}

async function drill(
  options: DrillOptions,
  module: StackModule,
  say: (line: string) => void,
): Promise<number> {
  const { seed, checkEvery, faults } = options;
  const all = chosen(options);
  const plan = all.filter((fault) => lacking(fault).length === 0);
  const left = new Set(all.filter((fault) => lacking(fault).length > 0));
  for (const fault of left) {
    say(`  ! not run, and not passed: ${fault.name} needs ${lacking(fault).join(', ')}`);
  }
  // Who asked for a fault by its name must not be told that all is well without it.
  if (plan.length === 0 || (faults.length > 0 && left.size > 0)) return 1;
  const results = new Results(options.results, seed);
  const commit = commitOf();
  results.mustContinue(commit);
  const stack = await DrillStack.start(module, say);
  say(
    `\n${plan.reduce((n, { parts = 1 }) => n + parts, 0)} faults, seed ${seed}, commit ${commit}; results go to ${options.results}\n`,
  );
  try {
    const held = await runDrill({ stack, plan, seed, commit, checkEvery, results, say });
    if (!held) {
      const logs = `${options.results}.logs`;
      stack.keepLogs(logs);
      say(`\nA promise was broken. Seed ${seed}. Logs: ${logs}`);
      return 1;
    }
    const unseen = faults.length === 0 ? missingSights(results.seen) : [];
    for (const sight of unseen) say(`never happened, so nothing was tested: ${sight}`);
    const notMet = results.left(plan);
    for (const [, { name }] of notMet) say(`could not be brought about: ${name}`);
    const notRun = left.size > 0 ? `, ${left.size} not run` : '';
    say(`\nEvery promise held: ${results.count} faults${notRun}.`);
    return unseen.length + notMet.length === 0 ? 0 : 1;
  } finally {
    await stack.stop();
  }
}
