/**
 * Orders accepted through to Postgres, with everything running: each a hold of one unit by a shopper
 * of its own. By the lean client at the highest rate and at half of it, and by autocannon.
 */
import { connectionsTo, targetOf } from '../client/connection.ts';
import type { Connection } from '../client/connection.ts';
import { closedLoop, openLoop, SpoiltRun } from '../client/load.ts';
import type { LoadResult } from '../client/load.ts';
import { bucketQuantile } from '../client/scrape.ts';
import { cannonade } from '../client/cannon.ts';
import type { Bar, Findings, Row } from '../findings.ts';
import { sumOver } from '../measure/cpu.ts';
import { bucketsBetween, DoubtWatch, settleLags } from '../measure/doubt.ts';
import { leadSeconds } from '../measure/pace.ts';
import { Meter } from '../scenario.ts';
import type { Done, Say, Scenario, ScenarioOptions } from '../scenario.ts';
import type { StackInfo } from '../stack-info.ts';
import { startBareRoute } from './bare.ts';
import { holdLine, holdRests, holdsOf, Setting, Turns } from './setting.ts';

const server = ['api', 'redis', 'worker', 'kafka', 'postgres'];
const bareRoute = 'bare route';
const accepted = 201;
/** The worker's code is compiled anew while it is warming up: a quarter of its CPU at first. */
const warmUpSeconds = 5;
/** More than two cores will take: sales are made ahead for it. */
const perSecondMost = 60_000;
const bareWarmUpSeconds = 1;
/** Of the lean client's rate: what autocannon is sure to manage in the same time. */
const cannonShare = 0.4;

const done = ({ answers, seconds, latency }: LoadResult): Done => ({
  operations: answers,
  seconds,
  latency,
});

export const steady: Scenario = {
  name: 'steady',
  part: 'generator',
  async run(stack, options, say) {
    const run = await Steady.prepare(stack, options, say);
    try {
      return await run.measure();
    } finally {
      run.close();
    }
  },
};

class Steady {
  readonly #stack: StackInfo;
  readonly #options: ScenarioOptions;
  readonly #say: Say;
  readonly #setting: Setting;
  readonly #tokens: readonly string[];
  readonly #rests: readonly string[];
  readonly #turns: Turns;
  readonly #meter: Meter;
  readonly #connections: readonly Connection[];

  private constructor(
    stack: StackInfo,
    options: ScenarioOptions,
    say: Say,
    setting: Setting,
    tokens: readonly string[],
  ) {
    this.#stack = stack;
    this.#options = options;
    this.#say = say;
    this.#setting = setting;
    this.#tokens = tokens;
    this.#rests = holdRests(setting.host, tokens);
    this.#turns = new Turns(options.shoppers);
    this.#meter = new Meter(stack.processes);
    this.#connections = connectionsTo(targetOf(stack.apiUrl), options.connections);
  }

  static async prepare(stack: StackInfo, options: ScenarioOptions, say: Say): Promise<Steady> {
    const { seconds, shoppers } = options;
    const units = (warmUpSeconds + 4 * seconds) * perSecondMost + 6 * shoppers;
    const setting = await Setting.open(stack, units);
    say(`steady: ${shoppers} shoppers get their tokens`);
    return new Steady(stack, options, say, setting, await setting.tokens(shoppers));
  }

  async measure(): Promise<Findings> {
    const { seconds } = this.#options;
    const load = { connections: this.#connections, next: this.#next(), status: accepted };
    await Promise.all(this.#connections.map((connection) => connection.open()));
    await this.#stock(warmUpSeconds * perSecondMost);
    await closedLoop(load, warmUpSeconds);
    const watch = new DoubtWatch();
    const lags = await settleLags(this.#stack.opsUrl);
    const highest = await this.#phase('lean client, highest rate', watch, perSecondMost, () =>
      closedLoop(load, seconds),
    );
    const lag = bucketsBetween(lags, await settleLags(this.#stack.opsUrl));
    const bare = await this.#bareRoute();
    const half = await this.#phase('lean client, half of it', new DoubtWatch(), perSecondMost, () =>
      openLoop(load, highest.perSecond / 2, seconds),
    );
    const amount = Math.round(highest.perSecond * seconds * cannonShare);
    const cannon = await this.#phase('autocannon', new DoubtWatch(), amount / seconds, () =>
      cannonade(
        { ...load, connections: this.#options.connections, url: this.#stack.apiUrl },
        amount,
      ),
    );
    await this.#compare();
    const ms = (share: number): string =>
      `${((bucketQuantile(lag, share) ?? 0) * 1000).toFixed(0)} ms`;
    return {
      scenario: 'steady',
      about: 'An order: a hold of one unit, accepted and settled in Postgres.',
      settings: { ...this.#options, units: this.#options.shoppers },
      rows: [highest, bare, half, cannon],
      facts: [
        ['server CPU of an order', `${timesBare(highest, bare).toFixed(1)} × that of a bare route`],
        ['settlement', `p50 ${ms(0.5)}, p99 ${ms(0.99)} after the decision, at the highest rate`],
        [
          'in doubt',
          `${watch.most} orders at most, first of them p99 ${doubtMs(watch).toFixed(0)} ms`,
        ],
      ],
      bars: barsOf(highest, half, watch),
      othersCpus: this.#meter.othersCpus,
    };
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
    this.#setting.close();
  }

  /** The same requests and an accepted one's answer, with nothing behind it: the measure of this machine's speed. */
  async #bareRoute(): Promise<Row> {
    const { connections: count, seconds } = this.#options;
    const next = this.#next();
    const reply = await this.#connections[0]?.request(next() ?? '');
    if (reply?.status !== accepted) throw new SpoiltRun(`no hold: ${reply?.body ?? 'no answer'}`);
    this.#say('steady: a bare route');
    const bare = await startBareRoute(reply, this.#tokens);
    const connections = connectionsTo(targetOf(bare.url), count);
    try {
      this.#meter.add({ name: bareRoute, pid: bare.pid });
      await Promise.all(connections.map((connection) => connection.open()));
      const line = holdLine(this.#turns.sales[0] ?? '');
      let turn = 0;
      const again = () => line + (this.#rests[++turn % this.#rests.length] ?? '');
      const load = { connections, next: again, status: accepted };
      await closedLoop(load, bareWarmUpSeconds);
      return await this.#meter.measure(bareRoute, async () =>
        done(await closedLoop(load, seconds)),
      );
    } finally {
      for (const connection of connections) connection.close();
      await bare.close();
    }
  }

  #next() {
    return holdsOf(this.#turns, this.#rests);
  }

  /** Opens sales until so many orders can be taken. */
  async #stock(orders: number): Promise<void> {
    const { shoppers } = this.#options;
    const missing = Math.ceil((orders - this.#turns.left) / shoppers);
    if (missing > 0) this.#turns.add(await this.#setting.openSales(missing, shoppers));
  }

  async #phase(
    name: string,
    watch: DoubtWatch,
    perSecond: number,
    run: () => Promise<LoadResult>,
  ): Promise<Row> {
    await this.#stock(perSecond * (leadSeconds + this.#options.seconds));
    await this.#setting.settled(this.#turns.sales);
    this.#say(`steady: ${name}`);
    watch.start(async () => {
      const { sale } = this.#turns;
      return sale === undefined ? null : (await this.#setting.shop.stats(sale)).in_doubt;
    });
    const measured = async (): Promise<Done> => {
      const result = await run();
      await watch.stop();
      return done(result);
    };
    return this.#meter.measure(name, measured, () => this.#setting.settled(this.#turns.sales));
  }

  /** Every request was answered as accepted, so the sales must count as many. */
  async #compare(): Promise<void> {
    const held = await this.#setting.held(this.#turns.sales);
    if (held === this.#turns.taken) return;
    throw new Error(`the sales count ${held} held, their shoppers got ${this.#turns.taken}`);
  }
}

const timesBare = (order: Row, bare: Row): number =>
  sumOver(order.cpu, server) / sumOver(bare.cpu, [bareRoute]);

const doubtMs = (watch: DoubtWatch): number => watch.ages.quantile(0.99);

function barsOf(highest: Row, half: Row, watch: DoubtWatch): Bar[] {
  const most = (what: string, value: number, bar: number, unit: string): Bar => ({
    what,
    value,
    bar,
    side: 'most',
    unit,
  });
  return [
    most('server CPU of an order', sumOver(highest.cpu, server), 45, 'µs'),
    most('in-doubt age p99', doubtMs(watch), 150, 'ms'),
    most('p99 at the highest rate', highest.p99Ms ?? Infinity, 20, 'ms'),
    most('p99 at half of it', half.p99Ms ?? Infinity, 10, 'ms'),
    { what: 'orders', value: highest.perSecond, bar: 25_000, side: 'least', unit: '/s' },
  ];
}
