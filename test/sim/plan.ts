/** What goes wrong in a run, drawn from its seed: how unreliable the ways are, and which blows fall. */
import { Rng } from '../support/rng.ts';
import type { Crew, SimStores } from './crew.ts';
import type { Faults, StoreName } from './faults.ts';
import type { Losses } from './losses.ts';
import type { Scheduler } from './scheduler.ts';

export interface Plan {
  readonly lanes: number;
  readonly workers: number;
  /** The first sale has a line, and often a worker dies while it is drawn. */
  readonly line: boolean;
  /** Of a line: Redis's clock goes past the time after which whoever was not seen is passed by. */
  readonly absence: boolean;
  /** Two products, and shoppers who want both in one order. */
  readonly several: boolean;
  /** Sales are changed around their bell. */
  readonly changes: boolean;
  readonly blows: readonly { readonly at: number; readonly blow: Blow }[];
  readonly rates: number;
  readonly dies: number;
}

export type Blow = (typeof blowNames)[number];

/** Those that a seed's own chance picks from. */
const drawnBlows = [
  'kill a worker',
  'kill an api',
  'stop a worker',
  'restart redis',
  'roll redis back',
  'empty the script cache',
  'cut redis',
  'restart postgres',
  'kafka away',
  'kafka loses its tail',
  'kafka loses all',
  'move the partitions',
  'two owners',
  'recover',
  'set the clock back',
  'set the clock forward',
] as const;

export const blowNames = [...drawnBlows, 'stop an api'] as const;

/** Under and over what the reaper takes for drift. */
const clockStepsMs = [300, 2500, 7000];

/** Where nothing may be lost. */
export const losing: ReadonlySet<Blow> = new Set<Blow>([
  'roll redis back',
  'kafka loses its tail',
  'kafka loses all',
]);

export function planOf(scheduler: Scheduler, seed: number, fromMs: number, toMs: number): Plan {
  const { rng } = scheduler;
  const count = rng.pick([1, 1, 2, 3, 4, 6]);
  const chosen = Array.from({ length: rng.whole(1, 4) }, () => rng.pick(drawnBlows));
  const drawn = Array.from({ length: count }, () => ({
    at: fromMs + rng.next() * (toMs - fromMs),
    blow: rng.pick(chosen),
  }));
  // By chance of its own, so that the other seeds stay what they are.
  const own = new Rng(seed ^ 0x570b);
  const stops = own.chance(0.15)
    ? [{ at: fromMs + own.next() * (toMs - fromMs), blow: 'stop an api' as const }]
    : [];
  return {
    lanes: rng.pick([1, 1, 2]),
    workers: rng.pick([1, 2, 2]),
    line: rng.chance(0.25),
    // These too.
    absence: new Rng(~seed).chance(0.25),
    several: new Rng(seed ^ 0x5e7e).chance(0.25),
    changes: new Rng(seed ^ 0xc4a9).chance(0.3),
    blows: [...drawn, ...stops],
    rates: rng.pick([0, 0, 0.001, 0.004]),
    dies: rng.pick([0, 0, 0.0002, 0.001]),
  };
}

export function applyRates(faults: Faults, plan: Plan): void {
  for (const store of ['redis', 'postgres', 'kafka'] as const satisfies readonly StoreName[]) {
    const rates = faults.rates[store];
    rates.dropped = rates.lost = rates.late = plan.rates;
    rates.dies = plan.dies;
  }
  faults.sendsRepeated = 5 * plan.rates;
}

export interface Scene {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly stores: SimStores;
  readonly crew: Crew;
  readonly topic: string;
  readonly losses: Losses;
}

const isWorker = ({ name }: { name: string }): boolean => name.startsWith('worker');

export async function strike(scene: Scene, blow: Blow): Promise<void> {
  const { scheduler, faults, stores, crew, topic, losses } = scene;
  const { rng } = scheduler;
  const { redis, postgres, kafka } = stores;
  scheduler.note(`blow: ${blow}`);
  faults.count(blow);
  const workers = crew.actors.filter(isWorker);
  const apis = crew.actors.filter((actor) => !isWorker(actor));
  const lane = rng.whole(0, (kafka.topics.get(topic)?.length ?? 1) - 1);
  switch (blow) {
    case 'kill a worker':
      if (workers.length > 0) crew.kill(rng.pick(workers));
      return;
    case 'kill an api':
      if (apis.length > 0) crew.kill(rng.pick(apis));
      return;
    case 'stop a worker':
      if (workers.length > 0) crew.stop(rng.pick(workers), rng.pick([500, 3500, 8000]));
      return;
    case 'stop an api':
      if (apis.length === 0) return;
      // Half of them for longer than a client waits for an answer.
      crew.stop(rng.pick(apis), rng.pick([500, 3500, 8000, 8000]));
      return;
    case 'restart redis':
      return redis.restart(rng.next() * 1500);
    case 'roll redis back':
      await losses.before();
      await redis.restart(
        rng.next() * 800,
        Math.max(0, redis.writes - rng.pick([1, 3, 20, 200, 5000])),
      );
      return losses.after();
    case 'empty the script cache':
      redis.forgetScripts();
      return;
    case 'cut redis':
      redis.cut();
      return;
    case 'restart postgres':
      return postgres.restart(rng.next() * 3000);
    case 'kafka away':
      kafka.up = false;
      scheduler.after(rng.next() * 4000, () => void (kafka.up = true), scheduler.world);
      return;
    case 'kafka loses its tail':
      await losses.before();
      kafka.loseTail(topic, lane, rng.whole(1, 30));
      return losses.after();
    case 'kafka loses all':
      await losses.before();
      kafka.loseAll(topic);
      return losses.after();
    case 'move the partitions':
      kafka.shuffle();
      return;
    case 'two owners':
      redis.leasesLie = true;
      kafka.groupsLie = true;
      kafka.shuffle();
      return;
    case 'recover':
      crew.recover(lane);
      return;
    case 'set the clock back':
      redis.setClock(-rng.pick(clockStepsMs));
      return;
    case 'set the clock forward':
      redis.setClock(rng.pick(clockStepsMs));
  }
}
