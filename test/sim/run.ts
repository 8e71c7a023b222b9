/** One seed from its beginning to the auditor's verdict. */
import type { Admission } from '../../engine/engine.ts';
import { topicsOf, topicSpecs } from '../../engine/topics.ts';
import { replaceClock } from '../../platform/clock.ts';
import { auditRun } from './auditor.ts';
import { Crew, type SimStores } from './crew.ts';
import { Faults } from './faults.ts';
import { History, type SaleHistory } from './history.ts';
import { firstRunId, type Lab } from './lab.ts';
import { Losses } from './losses.ts';
import type { Mutant } from './mutants.ts';
import { Operator } from './operator.ts';
import { applyRates, planOf, strike, type Plan, type Scene } from './plan.ts';
import { Scheduler } from './scheduler.ts';
import type { Place } from './asking.ts';
import { Shopper } from './shopper.ts';
import { SimKafka } from './stores/kafka.ts';
import { SimPostgres } from './stores/postgres.ts';
import { SimRedis } from './stores/redis.ts';
import type { Rng } from '../support/rng.ts';
import { open, Vendor } from './vendor.ts';
import { Witness } from './witness.ts';

/** Virtual time: trouble until then, and all must be quiet by then. */
const troubleMs = 10_000;
const quietMs = 100_000;
/** From then on nothing new goes wrong by itself: whoever dies every few seconds gets nowhere. */
const healedMs = 25_000;
/** What comes between a bell and the last number takes about so long. */
const drawMs = 600;
/** Whoever was not seen for 30 s is passed by. A clock goes as fast as nobody can wait here. */
const absentMs = 31_000;

export interface RunResult {
  readonly seed: number;
  readonly wrong: readonly string[];
  /** How often each thing happened. */
  readonly seen: ReadonlyMap<string, number>;
  readonly events: number;
  readonly virtualMs: number;
}

export async function runSeed(
  lab: Lab,
  seed: number,
  trace: ((line: string) => void) | null = null,
  mutant: Mutant | null = null,
): Promise<RunResult> {
  const scheduler = new Scheduler(seed, trace);
  replaceClock(scheduler.clock());
  const faults = new Faults(scheduler);
  const plan = planOf(scheduler, seed, 2500, troubleMs);
  scheduler.note(JSON.stringify(plan));
  const config = lab.configOf(plan.lanes);
  const filled = await lab.reset(config);
  const stores: SimStores = {
    redis: await SimRedis.over(lab.redis, firstRunId, scheduler, faults),
    postgres: new SimPostgres(lab.seats, filled, scheduler, faults),
    kafka: new SimKafka(scheduler, faults),
  };
  if (mutant?.script !== undefined) stores.redis.change = mutant.script;
  if (mutant?.statement !== undefined) stores.postgres.change = mutant.statement;
  const { orders: topic } = topicsOf(config.topicPrefix);
  for (const spec of topicSpecs(config.topicPrefix, plan.lanes, 1)) stores.kafka.make(spec);
  const crew = new Crew(scheduler, faults, stores, config);
  const losses = new Losses(
    { redis: lab.redis, db: lab.db, kafka: stores.kafka },
    plan.lanes,
    topic,
    () => scheduler.now,
  );
  const scene: Scene = { scheduler, faults, stores, crew, topic, losses };
  const history = new History();
  const operator = new Operator(lab, scene);
  const witness = new Witness(lab, scene, plan.lanes);
  let wrong: readonly string[];
  try {
    begin(scene, plan);
    operator.watch();
    witness.watch();
    await live({ scheduler, crew, history }, scene, operator, plan);
    wrong = [...witness.wrong, ...(await auditRun({ lab, scene, history }))];
  } catch (error) {
    wrong = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
    wrong = [
      ...wrong,
      ...witness.wrong,
      ...(await operator.report().catch((e: unknown) => [String(e)])),
    ];
  } finally {
    await stores.postgres.leave(() => true);
  }
  const { events, now: virtualMs } = scheduler;
  return { seed, wrong, seen: faults.seen, events, virtualMs };
}

function begin(scene: Scene, plan: Plan): void {
  const { scheduler, faults, crew } = scene;
  crew.api('api-a');
  crew.api('api-b');
  for (let i = 1; i <= plan.workers; i++) crew.worker(`worker-${i}`);
  scheduler.after(1500, () => applyRates(faults, plan));
  scheduler.after(healedMs, () => faults.heal());
  for (const { at, blow } of plan.blows) scheduler.after(at, () => strike(scene, blow));
}

const lineOf = (rng: Rng): Admission => ({
  mode: rng.pick(['queue', 'draw']),
  ratePerSecond: rng.pick([null, null, 4]),
  turnSeconds: rng.whole(1, 2),
  factor: rng.pick([1, 1, 1.5, 3]),
});

/** A sale from its registration until nothing is left on its way. */
async function live(place: Place, scene: Scene, operator: Operator, plan: Plan): Promise<void> {
  const { scheduler, history } = place;
  const { rng } = scheduler;
  const { stores } = scene;
  const vendor = new Vendor(place);
  const crowd = rng.whole(3, 8) + (plan.line ? 3 : 0);
  const shoppers = Array.from({ length: crowd }, (_, i) => {
    // When Redis's clock goes past the time of absence, some are back at once and some are passed by.
    return new Shopper(place, `s${i}`, plan.absence && i % 2 === 1);
  });
  const story = async (): Promise<void> => {
    const products = [await vendor.register(rng.whole(10, 40))];
    if (plan.several) products.push(await vendor.register(rng.whole(10, 40)));
    const sales: SaleHistory[] = [];
    const count = rng.whole(1, 2);
    for (let i = plan.several ? 2 : count; i > 0; i--) {
      const units = rng.whole(1, 8);
      const [limit, seconds, holdSeconds] = [rng.whole(1, 4), rng.whole(2, 6), rng.whole(1, 2)];
      const inLine = plan.line && sales.length === 0;
      const admission = inLine ? lineOf(rng) : open;
      const longer = inLine && plan.absence ? absentMs / 1000 : 0;
      const terms = { units, limit, seconds: seconds + longer, holdSeconds, admission };
      sales.push(await vendor.sell(products[sales.length % products.length] ?? '', terms));
    }
    if (plan.line && rng.chance(0.7)) {
      const bell = (sales[0]?.startsAt ?? 0) - scheduler.wall;
      scheduler.after(
        bell + rng.next() * drawMs,
        () => strike(scene, 'kill a worker'),
        scheduler.world,
      );
    }
    const [front] = sales;
    if (plan.line && plan.absence && front !== undefined) {
      const at = front.startsAt - scheduler.wall + drawMs + rng.next() * drawMs;
      scheduler.after(at, () => stores.redis.setClock(absentMs), scheduler.world);
    }
    const longer = plan.line && plan.absence ? absentMs : 0;
    const until =
      Math.max(...sales.map((s) => s.endsAt - (s === front ? longer : 0))) -
      scheduler.wall +
      scheduler.now;
    await Promise.all([
      ...(plan.changes ? sales.map((sale) => vendor.change(sale)) : []),
      ...shoppers.map((shopper) => shopper.shop(sales, until, products)),
      ...sales.map((sale) => vendor.control(sale, until)),
    ]);
    if (scheduler.now < troubleMs) await scheduler.sleep(troubleMs - scheduler.now);
    scene.faults.heal();
    scene.stores.kafka.up = true;
    await Promise.all(shoppers.map((shopper) => shopper.settleUp()));
    await operator.untilQuiet([...history.sales.keys()]);
  };
  let ended = false;
  let failure: unknown = null;
  scheduler.after(0, () => {
    story()
      .catch((error: unknown) => {
        failure = error;
      })
      .finally(() => {
        ended = true;
      });
  });
  await scheduler.run(() => ended, quietMs);
  if (failure !== null) throw failure as Error;
}
