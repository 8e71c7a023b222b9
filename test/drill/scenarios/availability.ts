/**
 * Availability in numbers: at the rated load, in a rolling restart and with any one process killed,
 * the client asking again by key for up to ten seconds. Rated = half of what these shoppers reach on
 * this machine in a closed loop, measured first; then they come by the clock, however it goes. In the end
 * the whole is judged as a drill is.
 */
import { pace } from '../../../bench/measure/pace.ts';
import { check } from '../check.ts';
import { noDoubt } from '../doubt.ts';
import { allFaults } from '../faults/all.ts';
import type { Fault } from '../faults/fault.ts';
import { patienceMs } from '../client.ts';
import { Load } from '../load.ts';
import { felt, untilRecovered } from '../measure.ts';
import { Rng } from '../../support/rng.ts';
import { DrillStack } from '../stack.ts';
import { judgeRows, type Row } from './rows.ts';
import { seconds, type Scenario, type ScenarioContext } from './scenario.ts';

const shoppersAtOnce = 32;
const accounts = 1000;
const ratingMs = 10_000;
const secondsEach = 12;
/** Into the load, when the fault begins. */
const calmBeforeMs = 3000;

const isMeant = ({ name }: Fault): boolean =>
  name === 'rolling-restart' || name.startsWith('kill-');

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Visits per second of a closed loop, once sales are open. */
async function rate(load: Load): Promise<number> {
  load.start();
  while (load.history.commands.length < shoppersAtOnce) await pause(50);
  const before = load.visits;
  await pause(ratingMs);
  const after = load.visits;
  await load.stop();
  return ((after - before) * 1000) / ratingMs;
}

async function measureFault(
  { seed, say }: ScenarioContext,
  stack: DrillStack,
  load: Load,
  fault: Fault,
  visitsPerSecond: number,
): Promise<Row> {
  const begun = Date.now();
  const visits: Promise<void>[] = [];
  const selling = load.sell(secondsEach * 1000);
  const came = pace(visitsPerSecond, secondsEach, () => void visits.push(load.visit()));
  await pause(calmBeforeMs);
  const context = { stack, rng: new Rng(seed), say };
  const { vendor } = load;
  const asks = { newProduct: () => vendor.register(), rename: () => vendor.rename() };
  const none = (): void => undefined;
  const tells = { loses: none, recovers: none, shows: none, probe: () => load.probe() };
  await fault.run({ ...context, ...asks, ...tells });
  await came;
  await Promise.all([selling, ...visits]);
  const healed = Date.now();
  const recovered = await untilRecovered(stack, load);
  const row = felt(load.history.since(begun), begun);
  const back =
    recovered === null ? 'NOT BACK' : `back ${seconds(recovered - healed)} after the load`;
  const untrue = `without a true answer in ${patienceMs / 1000} s: ${row.untrue}`;
  const times = `felt for ${seconds(row.feltMs)}, longest ${seconds(row.longestMs)}`;
  const counts = `${row.commands} commands, ${row.saw503} saw 503`;
  say(`${fault.name.padEnd(16)} ${counts}, ${times}, ${untrue}, ${back}`);
  return { fault: fault.name, ...row, isBack: recovered !== null };
}

async function measure(context: ScenarioContext, stack: DrillStack): Promise<boolean> {
  const { say, seed } = context;
  const load = await Load.prepare({
    ...{ apis: stack.apis, seed, shoppersAtOnce, accounts, thinkMs: 0 },
    allotted: [2000, 4000],
  });
  const most = await rate(load);
  say(`closed loop of ${shoppersAtOnce}: ${most.toFixed(0)} visits/s; rated: half of it`);
  const rows: Row[] = [];
  for (const fault of allFaults.filter(isMeant)) {
    rows.push(await measureFault(context, stack, load, fault, most / 2));
  }
  return judgeRows(rows, await check(stack, load, noDoubt), say);
}

export const availability: Scenario = {
  name: 'availability',
  does: 'a rolling restart, and each process killed, at the rated load',
  async run(context) {
    const stack = await DrillStack.start(context.module, context.say);
    try {
      return await measure(context, stack);
    } finally {
      await stack.stop();
    }
  },
};
