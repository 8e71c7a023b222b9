/**
 * A run: sustained load, one fault after the other, each measured until the system is itself again,
 * and now and then the judgement. Both are appended as they come, so a run can be taken up again.
 */
import { Rng } from '../support/rng.ts';
import { check, type Verdict } from './check.ts';
import { noDoubt, type Doubt } from './doubt.ts';
import { NotMet, type Fault, type FaultContext } from './faults/fault.ts';
import { Load } from './load.ts';
import { felt, untilAnswered, untilRecovered } from './measure.ts';
import type { Judgement, Result, Results } from './results.ts';
import type { DrillStack } from './stack.ts';
import type { Told } from './told.ts';

export interface RunOptions {
  readonly stack: DrillStack;
  readonly plan: readonly Fault[];
  readonly seed: number;
  readonly commit: string;
  /** Judge after so many faults at the connections; after every other fault at once. */
  readonly checkEvery: number;
  readonly results: Results;
  readonly say: (line: string) => void;
}

const settleBeforeMs = 500;
const calmMs = 1000;

/** True when every promise held. */
export async function runDrill(options: RunOptions): Promise<boolean> {
  const { stack, plan, results, say, seed } = options;
  const load = await Load.prepare({
    apis: stack.apis,
    seed,
    shoppersAtOnce: 16,
    accounts: 200,
    thinkMs: 40,
    inLine: 8,
  });
  const rng = new Rng(seed);
  let held = true;
  let unjudged: Result[] = [];
  load.start();
  const left = results.left(plan);
  for (const [n, [i, fault]] of left.entries()) {
    const { result, doubt, told } = await runOne(options, load, fault, i, rng);
    unjudged.push(result);
    results.add(result);
    const last = n === left.length - 1;
    const judge = fault.kind !== 'connection' || unjudged.length >= options.checkEvery || last;
    if (judge) {
      await load.stop();
      const verdict = await check(stack, load, doubt, told);
      held = verdict.violations.length === 0;
      say(verdictLine(verdict));
      results.judge(judgementOf(unjudged, seed, verdict));
      unjudged = [];
      if (!held) break;
      if (!last) load.start();
    }
  }
  await load.stop();
  results.summarise({ seed, seen: load.history.seen, commands: load.history.commands.length });
  return held;
}

/** The verdict counts for every fault since the last one. */
const judgementOf = (
  faults: readonly Result[],
  seed: number,
  { lost, oversold, violations }: Verdict,
): Judgement => ({
  seed,
  judged: faults.map(({ at }) => at),
  lost: lost.length,
  oversold: oversold.length,
  violations,
});

function verdictLine({ violations, orders, lost, drainedMs }: Verdict): string {
  const head = `    judged: ${orders} orders, drained in ${(drainedMs / 1000).toFixed(1)} s`;
  if (violations.length === 0) return lost.length === 0 ? head : `${head}, ${lost.length} lost`;
  return [`${head}: BROKEN`, ...violations.map((one) => `      ${one}`)].join('\n');
}

/** A fault that is over, what it may have lost, and what `recover` said of it; null = none was run. */
interface Broken {
  readonly result: Result;
  readonly doubt: Doubt;
  readonly told: readonly Told[] | null;
}

async function runOne(
  options: RunOptions,
  load: Load,
  fault: Fault,
  index: number,
  rng: Rng,
): Promise<Broken> {
  const { stack, say, seed, commit } = options;
  await pause(settleBeforeMs);
  const begun = Date.now();
  let doubt: Doubt = noDoubt;
  let told: Broken['told'] = null;
  const signs: string[] = [];
  const context: FaultContext = {
    stack,
    rng,
    loses: (now) => (doubt = now),
    recovers: (now) => (told = now),
    shows: (sign) => void signs.push(sign),
    say: (line) => say(`    ${line}`),
    newProduct: () => load.vendor.register(),
    rename: () => load.vendor.rename(),
    probe: () => load.probe(),
  };
  let [failure, notMet] = ['', ''];
  try {
    await fault.run(context);
  } catch (error) {
    if (error instanceof NotMet) notMet = error.message;
    else failure = error instanceof Error ? error.message : String(error);
  }
  const healed = Date.now();
  const recovered = await untilRecovered(stack, load);
  await pause(calmMs);
  await untilAnswered(load.history, healed);
  const seen = felt(load.history.since(begun), begun);
  const result: Result = {
    index,
    fault: fault.name,
    kind: fault.kind,
    seed,
    commit,
    at: new Date(begun).toISOString(),
    faultMs: healed - begun,
    recoveredMs: recovered === null ? null : recovered - healed,
    parts: fault.parts ?? 1,
    inDoubt: doubt === noDoubt ? null : doubt.decisions,
    ...seen,
    notMet,
    sign: signs.join('; '),
    judged: false,
    lost: 0,
    oversold: 0,
    violations: failure === '' ? [] : [failure],
  };
  say(lineOf(result, failure === '' ? notMet : failure));
  if (failure !== '') load.history.blame(`${fault.name}: ${failure}`);
  if (recovered === null) load.history.blame(`I11: not itself again after ${fault.name}`);
  return { result, doubt, told };
}

function lineOf(r: Result, failure: string): string {
  const back = r.recoveredMs === null ? 'NOT BACK' : `back ${(r.recoveredMs / 1000).toFixed(1)} s`;
  const number = String(r.index + 1).padStart(5);
  const felt = `${r.commands} commands, ${r.saw503} saw 503, felt ${(r.feltMs / 1000).toFixed(1)} s`;
  const worst = `longest ${(r.longestMs / 1000).toFixed(1)} s, ${r.unanswered} unanswered`;
  return `${number} ${r.fault.padEnd(32)} ${back}; ${felt}, ${worst}${failure === '' ? '' : ` — ${failure}`}`;
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
