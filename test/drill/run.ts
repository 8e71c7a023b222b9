/**
 * A run: sustained load, one fault after the other, each measured until the system is itself again,
 * and now and then the judgement. Results are appended one by one, so a run can be taken up again.
 */
import { Redis } from 'ioredis';
import { Rng } from '../support/rng.ts';
import { check, type Verdict } from './check.ts';
import type { Fault, FaultContext } from './faults/fault.ts';
import type { Asked, History } from './history.ts';
import { Load } from './load.ts';
import type { Result, Results } from './results.ts';
import type { DrillStack } from './stack.ts';

export interface RunOptions {
  readonly stack: DrillStack;
  readonly plan: readonly Fault[];
  readonly seed: number;
  /** Judge after so many faults at the connections; after every other fault at once. */
  readonly checkEvery: number;
  readonly results: Results;
  readonly say: (line: string) => void;
}

const recoveredMaxMs = 90_000;
const settleBeforeMs = 500;
const lookEveryMs = 50;
const calmMs = 1000;

export interface Outcome {
  /** Every promise held. */
  readonly held: boolean;
  readonly seen: History['seen'];
}

export async function runDrill(options: RunOptions): Promise<Outcome> {
  const { stack, plan, results, say, seed } = options;
  const load = await Load.prepare({
    apis: stack.apis,
    seed,
    shoppersAtOnce: 16,
    accounts: 200,
    thinkMs: 40,
  });
  const rng = new Rng(seed);
  // What was broken before a run was taken up again stays broken.
  let held = results.all.every((one) => one.violations.length === 0);
  let unjudged: Result[] = [];
  load.start();
  for (const [i, fault] of plan.entries()) {
    if (results.has(i)) continue;
    const result = await runOne(options, load, fault, i, rng);
    unjudged.push(result);
    const last = i === plan.length - 1;
    const judge = fault.kind !== 'connection' || unjudged.length >= options.checkEvery || last;
    if (judge) {
      await load.stop();
      const mayLose = unjudged.some((one) => one.mayLose);
      const verdict = await check(stack, load, { mayLose });
      held = record(unjudged, verdict) && held;
      say(verdictLine(verdict));
      for (const one of unjudged) results.add(one);
      unjudged = [];
      if (!held) break;
      if (!last) load.start();
    }
  }
  await load.stop();
  results.summarise(load.history.seen, load.history.commands.length);
  return { held, seen: load.history.seen };
}

/** The verdict counts for every fault since the last one. */
function record(faults: readonly Result[], verdict: Verdict): boolean {
  for (const one of faults) {
    one.judged = true;
    one.violations = verdict.violations;
  }
  const last = faults.at(-1);
  if (last !== undefined) {
    last.lost = verdict.lost.length;
    last.oversold = verdict.oversold.length;
  }
  return verdict.violations.length === 0;
}

function verdictLine({ violations, orders, lost, drainedMs }: Verdict): string {
  const head = `    judged: ${orders} orders, drained in ${(drainedMs / 1000).toFixed(1)} s`;
  if (violations.length === 0) return lost.length === 0 ? head : `${head}, ${lost.length} lost`;
  return [`${head}: BROKEN`, ...violations.map((one) => `      ${one}`)].join('\n');
}

async function runOne(
  options: RunOptions,
  load: Load,
  fault: Fault,
  index: number,
  rng: Rng,
): Promise<Result> {
  const { stack, say, seed } = options;
  await pause(settleBeforeMs);
  const begun = Date.now();
  const context: FaultContext = {
    stack,
    rng,
    say: (line) => say(`    ${line}`),
    newProduct: () => load.vendor.register(),
  };
  let failure = '';
  try {
    await fault.run(context);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  const healed = Date.now();
  const recovered = await untilRecovered(stack, load);
  await pause(calmMs);
  const seen = felt(load.history.since(begun - 1));
  const result: Result = {
    index,
    fault: fault.name,
    kind: fault.kind,
    seed,
    at: new Date(begun).toISOString(),
    faultMs: healed - begun,
    recoveredMs: recovered === null ? null : recovered - healed,
    mayLose: fault.mayLose ?? false,
    ...seen,
    judged: false,
    lost: 0,
    oversold: 0,
    violations: failure === '' ? [] : [failure],
  };
  say(lineOf(result, failure));
  if (failure !== '') load.history.blame(`${fault.name}: ${failure}`);
  if (recovered === null) load.history.blame(`I11: not itself again after ${fault.name}`);
  return result;
}

function lineOf(r: Result, failure: string): string {
  const back = r.recoveredMs === null ? 'NOT BACK' : `back ${(r.recoveredMs / 1000).toFixed(1)} s`;
  const number = String(r.index + 1).padStart(5);
  const felt = `${r.commands} commands, ${r.saw503} saw 503, ${r.unanswered} unanswered`;
  const worst = `longest ${(r.longestMs / 1000).toFixed(1)} s`;
  return `${number} ${r.fault.padEnd(32)} ${back}; ${felt}, ${worst}${failure === '' ? '' : ` — ${failure}`}`;
}

/** What the shoppers felt of it. */
function felt(asked: readonly Asked[]) {
  const done = asked.filter((one) => one.answeredAt > 0);
  const longest = done.reduce((most, one) => Math.max(most, one.answeredAt - one.startedAt), 0);
  return {
    commands: done.length,
    saw503: done.filter((one) => one.unavailable > 0).length,
    unanswered: done.filter((one) => one.outcome === 'unknown').length,
    longestMs: longest,
  };
}

/** Every api answers, every lane is open, little is in doubt. Null = it took too long. */
async function untilRecovered(stack: DrillStack, load: Load): Promise<number | null> {
  const redis = new Redis(stack.storeEnv().REDIS_URL, { maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  try {
    const until = Date.now() + recoveredMaxMs;
    while (Date.now() < until) {
      const apis = await Promise.all(stack.apis.map(isReady));
      const calm = apis.every(Boolean) && (await doubt(redis).catch(() => Infinity)) < 500;
      if (calm && load.vendor.openSales.length > 0) return Date.now();
      await pause(lookEveryMs);
    }
    return null;
  } finally {
    redis.disconnect();
  }
}

async function isReady(api: string): Promise<boolean> {
  try {
    const response = await fetch(`${api}/health/ready`, { signal: AbortSignal.timeout(500) });
    return response.status === 200;
  } catch {
    return false;
  }
}

/** Decisions that have not settled, over all lanes. */
async function doubt(redis: Redis): Promise<number> {
  let count = 0;
  for (const key of await redis.keys('{lane:*}:clock')) {
    const lane = key.slice(0, key.indexOf('}') + 1);
    const [decided, settled] = await Promise.all([
      redis.hget(key, 'decided'),
      redis.hget(`${lane}:watermark`, 'decided'),
    ]);
    count += Number(decided) - Number(settled);
  }
  return count;
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
