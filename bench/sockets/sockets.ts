/**
 * A crowd that waits in a line, each over a socket: the memory of one, how soon a tick and a number
 * reach all, what happens when all are cut at once; then holds over sockets beside a bare echo.
 */
import { readFileSync } from 'node:fs';
import { connectionsAllowed } from '../demo/gather.ts';
import { connectionsTo, targetOf } from '../client/connection.ts';
import { closedLoop, SpoiltRun } from '../client/load.ts';
import type { Load, LoadResult } from '../client/load.ts';
import { median } from '../findings.ts';
import type { Bar, Findings, Row } from '../findings.ts';
import { Meter } from '../scenario.ts';
import type { Done, Say, Scenario, ScenarioOptions } from '../scenario.ts';
import { holdRests, holdsOf, Setting, Turns } from '../scenarios/setting.ts';
import { pidOf } from '../stack-info.ts';
import type { StackInfo } from '../stack-info.ts';
import type { CutSeen, NumbersSeen, TickSeen } from './calls.ts';
import { CrowdProcess } from './crowd-process.ts';
import { holdsOverSockets } from './holds.ts';
import type { HoldsFound } from './holds.ts';

const accepted = 201;
const ticksWatched = 10;
/** An idle api that has worked: its heap has grown, its code is compiled. */
const warmUpSeconds = 3;
/** Before memory is read: what came and went is gone then. */
const restMs = 5000;
/** The crowd has to be in line before the bell, also on a slow machine. */
const joinsPerSecond = 1000;
const leadMinMs = 15_000;
/** Who holds meanwhile, in open sales. */
const holders = 4000;
const holdConnections = 32;
const perSecondMost = 20_000;
/** Enough for the longest run. */
const units = 9_900_000;
const pieceSeconds = 0.25;
const rssPattern = /^VmRSS:\s+(\d+) kB/m;

type HoldResult = Pick<LoadResult, 'answers' | 'seconds'> & Pick<Done, 'latency'>;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

export const sockets: Scenario = {
  name: 'sockets',
  part: 'generator',
  async run(stack, options, say) {
    const count = fitting(stack, options.sockets, say);
    const startBytes = apiBytes(stack);
    const setting = await Setting.open(stack, units);
    say(`sockets: ${count} shoppers get their tokens`);
    const tokens = await setting.tokens(count);
    const crowd = new CrowdProcess();
    const run = new SocketsRun({ stack, options, say, setting, crowd, startBytes }, tokens);
    try {
      return await run.measure();
    } finally {
      crowd.close();
      setting.close();
    }
  },
};

/** As many as both ends may have, room for the holders left. */
function fitting(stack: StackInfo, wanted: number, say: Say): number {
  const apiPid = pidOf(stack, 'api');
  const allowed = Math.min(
    connectionsAllowed('self'),
    apiPid === null ? Infinity : connectionsAllowed(apiPid) - holdConnections,
  );
  if (wanted <= allowed) return wanted;
  say(`sockets: ${allowed} fit here (ulimit -n), fewer than ${wanted}`);
  return allowed;
}

/** Resident memory of the api. */
function apiBytes(stack: StackInfo): number {
  const status = readFileSync(`/proc/${pidOf(stack, 'api') ?? 0}/status`, 'utf8');
  return Number(rssPattern.exec(status)?.[1] ?? NaN) * 1024;
}

interface Parts {
  readonly stack: StackInfo;
  readonly options: ScenarioOptions;
  readonly say: Say;
  readonly setting: Setting;
  readonly crowd: CrowdProcess;
  /** Of the api when the scenario began: idle since its start where it runs alone. */
  readonly startBytes: number;
}

interface Seen {
  /** Of the api's memory: over what it took when it had served holds, and when it had started. */
  readonly bytesEach: number;
  readonly bytesEachOfAll: number;
  readonly ticks: readonly TickSeen[];
  readonly numbers: NumbersSeen;
  readonly bellAt: number;
  readonly cut: CutSeen;
  /** Holds each second before the cut, and until all were back. */
  readonly before: number;
  readonly meanwhile: number;
}

interface Holding {
  readonly load: Load;
  readonly turns: Turns;
  readonly close: () => void;
}

class SocketsRun {
  readonly #parts: Parts;
  readonly #tokens: readonly string[];
  readonly #meter: Meter;
  readonly #rows: Row[] = [];

  constructor(parts: Parts, tokens: readonly string[]) {
    this.#parts = parts;
    this.#tokens = tokens;
    const { stack, crowd } = parts;
    this.#meter = new Meter([...stack.processes, { name: 'crowd', pid: crowd.pid }]);
  }

  async measure(): Promise<Findings> {
    const { stack, say, setting, crowd } = this.#parts;
    const tokens = this.#tokens;
    const holding = await this.#holding();
    await closedLoop(holding.load, warmUpSeconds);
    await pause(restMs);
    const idle = apiBytes(stack);
    await crowd.ask('begin', { url: stack.apiUrl, tokens });
    say(`sockets: ${tokens.length} open`);
    await this.#crowd('open a socket', () => crowd.ask('open'));
    const leadMs = Math.max(leadMinMs, (tokens.length / joinsPerSecond) * 1000);
    const { sale, startsAt: bellAt } = await setting.openLineAt(1, leadMs);
    say('sockets: all watch a sale and join its line');
    await this.#crowd('subscribe and join', () => crowd.ask('join', sale));
    if (performance.timeOrigin + performance.now() > bellAt - restMs) {
      throw new SpoiltRun('the bell came before the crowd was in line: fewer --sockets fit here');
    }
    await pause(restMs);
    const waiting = apiBytes(stack);
    const bytesEach = (waiting - idle) / tokens.length;
    const bytesEachOfAll = (waiting - this.#parts.startBytes) / tokens.length;
    say('sockets: the bell');
    await pause(bellAt - performance.timeOrigin - performance.now());
    const numbers = await this.#crowd('a number', () => crowd.ask('numbers'));
    say(`sockets: ${ticksWatched} ticks`);
    await setting.settled([sale]);
    const ticks = await crowd.ask('ticks', ticksWatched);
    const held = await this.#cut(holding);
    holding.close();
    await setting.settled(holding.turns.sales);
    await crowd.ask('end');
    const holds = await holdsOverSockets(this.#parts, tokens.slice(0, holders));
    return this.#findings({ bytesEach, bytesEachOfAll, ticks, numbers, bellAt, ...held }, holds);
  }

  /** Holds of others, over HTTP, in open sales. */
  async #holding(): Promise<Holding> {
    const { stack, options, setting } = this.#parts;
    const tokens = await setting.tokens(holders);
    const orders = (2 * options.seconds + 15) * perSecondMost;
    const turns = new Turns(holders);
    turns.add(await setting.openSales(Math.ceil(orders / holders), holders));
    const target = targetOf(stack.apiUrl);
    const connections = connectionsTo(target, holdConnections);
    await Promise.all(connections.map((connection) => connection.open()));
    const next = holdsOf(turns, holdRests(setting.host, tokens));
    const load: Load = { connections, next, status: accepted };
    const close = (): void => {
      for (const connection of connections) connection.close();
    };
    return { load, turns, close };
  }

  /** The crowd comes back while others hold in another sale. */
  async #cut({ load }: Holding): Promise<Pick<Seen, 'cut' | 'before' | 'meanwhile'>> {
    const { options, say, crowd } = this.#parts;
    say('sockets: holds while all wait');
    const calm = await this.#holdRow('hold, all waiting', () => closedLoop(load, options.seconds));
    say('sockets: all are cut at once');
    let back = false;
    const cutting = crowd.ask('cut').finally(() => (back = true));
    const stormy = await this.#holdRow('hold, all coming back', async () => {
      const from = performance.now();
      let answers = 0;
      while (!back) answers += (await closedLoop(load, pieceSeconds)).answers;
      return { answers, seconds: (performance.now() - from) / 1000, latency: null };
    });
    const cut = await cutting;
    return { cut, before: calm.perSecond, meanwhile: stormy.perSecond };
  }

  /** Something that all of the crowd does, as a row. */
  async #crowd<T>(name: string, act: () => Promise<T>): Promise<T> {
    const from = performance.now();
    const { value, row } = await this.#row(name, async () => {
      const value = await act();
      const seconds = (performance.now() - from) / 1000;
      return { value, done: { operations: this.#tokens.length, seconds, latency: null } };
    });
    this.#rows.push(row);
    return value;
  }

  async #row<T>(name: string, act: () => Promise<{ value: T; done: Done }>) {
    let found: { readonly value: T } | null = null;
    const row = await this.#meter.measure(name, async () => {
      const { value, done } = await act();
      found = { value };
      return done;
    });
    return { row, value: (found as unknown as { readonly value: T }).value };
  }

  async #holdRow(name: string, load: () => Promise<HoldResult>): Promise<Row> {
    const row = await this.#meter.measure(name, async () => {
      const { answers, ...rest } = await load();
      return { operations: answers, ...rest };
    });
    this.#rows.push(row);
    return row;
  }

  #findings(seen: Seen, holds: HoldsFound): Findings {
    const { options } = this.#parts;
    const { ticks, numbers, bellAt, cut } = seen;
    const spread = median(ticks.map(({ spreadMs }) => spreadMs));
    const worst = Math.max(...ticks.map(({ lastMs }) => lastMs));
    const after = (at: number): string => `${((at - bellAt) / 1000).toFixed(2)} s`;
    return {
      scenario: 'sockets',
      about: 'A crowd waits in a line, each over a socket; an operation is one of them, or a hold.',
      settings: {
        sockets: this.#tokens.length,
        seconds: options.seconds,
        rounds: options.rounds,
      },
      rows: [...this.#rows, ...holds.rows],
      facts: [
        [
          'memory over the started api',
          `${(seen.bytesEachOfAll / 1000).toFixed(1)} KB a socket, served holds and code included`,
        ],
        [
          'a tick',
          `${spread.toFixed(0)} ms from the first to the last, at worst ${worst.toFixed(0)} ms`,
        ],
        [
          'numbers after the bell',
          `first ${after(numbers.firstAt)}, half ${after(numbers.halfAt)}, all ${after(numbers.lastAt)}`,
        ],
        [
          'all cut at once',
          `back after ${(cut.ms / 1000).toFixed(1)} s: ${cut.replayed} by replay, ${cut.snapshots} by a snapshot`,
        ],
        ...(cut.errors === 0 ? [] : [['first error', cut.firstError] as const]),
      ],
      bars: this.#bars(seen, holds),
      othersCpus: this.#meter.othersCpus,
    };
  }

  #bars({ bytesEach, ticks, numbers, bellAt, cut, before, meanwhile }: Seen, holds: HoldsFound) {
    const most = { side: 'most' } as const;
    const bars: readonly Bar[] = [
      { what: 'memory of a socket', value: bytesEach / 1000, bar: 10, ...most, unit: 'KB' },
      {
        what: 'a tick to the last of all',
        value: median(ticks.map(({ lastMs }) => lastMs)),
        bar: 250,
        ...most,
        unit: 'ms',
      },
      {
        what: 'all numbers after the bell',
        value: numbers.lastAt - bellAt,
        bar: 1000,
        ...most,
        unit: 'ms',
      },
      { what: 'errors when all are cut', value: cut.errors, bar: 0, ...most, unit: '' },
      {
        what: 'holds meanwhile, of before',
        value: (meanwhile / before) * 100,
        bar: 50,
        side: 'least',
        unit: '%',
      },
      holds.bar,
    ];
    return bars;
  }
}
