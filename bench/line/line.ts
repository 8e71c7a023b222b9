/**
 * A line through the engine as a library. Joins before the bell, each with its own shopper and key,
 * written, fsynced and with its receipt; in a line that grows, what the next join, look, tick and turn
 * cost at each length; and how long after the bell the last of so many has its number. The worker stands
 * still while costs are measured.
 */
import type { Engine, HoldCommand, LineFigures, LineTicket, Outcome } from '../../engine/index.ts';
import { Histogram } from '../client/histogram.ts';
import { SpoiltRun } from '../client/load.ts';
import { median } from '../findings.ts';
import type { Bar, Findings, Row } from '../findings.ts';
import { decideAll } from '../micro/engine-load.ts';
import { withEngine, type OwnEngine } from '../micro/own-engine.ts';
import { Meter } from '../scenario.ts';
import type { Done, Say, Scenario, ScenarioOptions } from '../scenario.ts';
import { combined, inRounds } from '../scenarios/rounds.ts';
import { Setting } from '../scenarios/setting.ts';
import type { StackInfo } from '../stack-info.ts';
import { LineCalls } from '../baselines/line-calls.ts';
import { unfairness } from '../micro/fairness.ts';

const batchSize = 256;
/** Joins under way: one batch in flight, the next one full. */
const width = 2 * batchSize;
const joinsARound = 160 * batchSize;
/** Rounds that do not count: a join costs this process 24 µs in the first, 10 from the seventh on. */
const warmUps = 6;
/** Of each kind at each length of the line. */
const probe = 80 * batchSize;
/** The kernel counts CPU in hundredths of a second, and a tick is cheap. */
const ticks = 4 * probe;
const firstRung = 10_000;
/** No bell may ring before its line is there. */
const bellMs = 3_000_000;
/** A line is filled so many at a time: what is in doubt is bounded. */
const filledAtOnce = 100_000;
/** The bell of the draw, once its line is there. */
const ringMs = 2000;
const numberedMaxMs = 120_000;
const lookMs = 10;
const numbersBarSeconds = 10;
/** One fair draw of 7,000 is beyond it. */
const errorsBar = 4.5;

export const line: Scenario = {
  name: 'line',
  part: 'engine',
  async run(stack, options, say) {
    const rungs = rungsUpTo(options.tickets);
    const units = rungs.length * probe * 2;
    const held = (warmUps + options.rounds) * joinsARound;
    const setting = await Setting.open(stack, units + held + 2);
    const early = await setting.openLine(1, bellMs);
    const { sale: drawn } = await setting.openLineAt(1, bellMs, 'draw');
    const late = await setting.openLine(units, 0);
    const [open = ''] = await setting.openSales(1, held);
    await setting.untilLive(late);
    await setting.settled([early, late]);
    try {
      return await withEngine(stack, batchSize, async (own) => {
        const calls = await LineCalls.open(stack.redisUrl, late, own.log);
        try {
          const sales = { early, late, open, drawn };
          const run = new LineRun({ stack, options, say, own, setting, calls, ...sales });
          return await run.measure(rungs);
        } finally {
          calls.close();
        }
      });
    } finally {
      await setting.settled([early, late]);
      setting.close();
    }
  },
};

function rungsUpTo(tickets: number): number[] {
  const rungs: number[] = [];
  for (let rung = firstRung; rung < tickets; rung *= 10) rungs.push(rung);
  return [...rungs, tickets];
}

interface Parts {
  readonly stack: StackInfo;
  readonly options: ScenarioOptions;
  readonly say: Say;
  readonly own: OwnEngine;
  readonly setting: Setting;
  readonly calls: LineCalls;
  /** A sale before its bell, one after it, and one whose bell is moved once all have joined. */
  readonly early: string;
  readonly late: string;
  readonly drawn: string;
  /** Without a line. */
  readonly open: string;
}

type Ask = (engine: Engine, i: number) => Promise<Outcome<LineTicket | LineFigures>>;

/** Costs at one length of the line. */
interface Rung {
  readonly length: number;
  readonly join: Row;
  readonly look: Row;
  readonly tick: Row;
  readonly turn: Row;
}

interface Draw {
  /** From the bell until the last has a number. */
  readonly seconds: number;
  readonly errors: number;
}

class LineRun {
  readonly #parts: Parts;
  readonly #meter: Meter;
  #shoppers = 0;
  #length = 0;
  /** The first who joined the late sale: its numbers are theirs, in order. */
  #firstLate = 0;
  #admitted = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#meter = new Meter(parts.stack.processes.filter(({ name }) => name === 'redis'));
  }

  async measure(lengths: readonly number[]): Promise<Findings> {
    const { options, say, early } = this.#parts;
    const { engine } = this.#parts.own;
    const counted = { rounds: options.rounds, warmUps };
    const rounds = await inRounds('line: joins before the bell', counted, say, async () => {
      const ask = this.#joiner(early);
      const join = await this.#row('join before the bell', () => this.#ask(joinsARound, ask));
      const fill = () => decideAll(engine, this.#hold, joinsARound, width);
      const hold = await this.#row('hold without a line', fill);
      return { join, hold };
    });
    const joins = rounds.map(({ join }) => join);
    const holds = rounds.map(({ hold }) => hold);
    this.#firstLate = this.#shoppers;
    const rungs: Rung[] = [];
    for (const length of lengths) rungs.push(await this.#rung(length));
    const seconds = await this.#draw();
    const { stack, drawn } = this.#parts;
    const errors = await unfairness(stack.databaseUrl, drawn, options.tickets);
    return this.#findings(joins, holds, rungs, { seconds, errors });
  }

  /** So many join, while the worker settles them. */
  async #fill(sale: string, count: number): Promise<void> {
    const { own, setting } = this.#parts;
    await own.withWorker(async () => {
      for (let left = count; left > 0; left -= filledAtOnce) {
        await this.#ask(Math.min(left, filledAtOnce), this.#joiner(sale));
        await setting.settled([sale]);
      }
    });
  }

  /** Seconds from the bell until the last of the longest line has its number. */
  async #draw(): Promise<number> {
    const { options, say, own, setting, drawn } = this.#parts;
    say(`line: ${options.tickets} tickets are drawn`);
    await this.#fill(drawn, options.tickets);
    return own.withWorker(async () => {
      const { shop } = setting;
      const bell = await shop.move(drawn, ringMs);
      for (;;) {
        const line = await own.engine.line(drawn);
        const seconds = (shop.clock.now() - bell) / 1000;
        if (line.kind === 'done' && line.value.numbered) return seconds;
        if (seconds * 1000 > numberedMaxMs) throw new SpoiltRun('the line has no numbers');
        await new Promise((resolve) => setTimeout(resolve, lookMs));
      }
    });
  }

  async #rung(length: number): Promise<Rung> {
    const { say, late, calls, own } = this.#parts;
    say(`line: up to ${length} tickets`);
    const missing = length - this.#length;
    // Without the worker: its admitter would give the turns that are measured here.
    if (missing > 0) await this.#ask(missing, this.#joiner(late));
    await calls.rewriteFile();
    const at = (name: string): string => `${name}, ${length} in line`;
    const join = await this.#row(at('join'), () => this.#ask(probe, this.#joiner(late)));
    const waiting = this.#shoppers - this.#firstLate - this.#admitted;
    const step = Math.max(1, Math.floor(waiting / probe));
    const look = await this.#row(at('look'), () =>
      this.#ask(probe, (engine, i) => {
        const shopper = shopperOf(this.#firstLate + this.#admitted + ((i * step) % waiting));
        return engine.ticket({ sale: late, shopper, present: true });
      }),
    );
    const tick = await this.#row(at('tick'), () => this.#ask(ticks, (engine) => engine.line(late)));
    // Who joined long ago counts as away: they are seen before they are admitted.
    const from = this.#firstLate + this.#admitted;
    const next = Array.from({ length: probe }, (_, i) => shopperOf(from + i));
    await own.engine.seen(late, next);
    const turn = await this.#row(at('turn'), () => calls.admit(probe));
    this.#admitted += probe;
    this.#length = length + probe;
    return { length, join, look, tick, turn };
  }

  #row(name: string, phase: () => Promise<Done>): Promise<Row> {
    return this.#meter.measure(name, phase);
  }

  #joiner(sale: string): Ask {
    return (engine) => {
      const number = this.#shoppers++;
      const [shopper, idempotencyKey] = [shopperOf(number), String(number).padStart(24, '0')];
      return engine.join({ sale, shopper, verified: true, idempotencyKey });
    };
  }

  readonly #hold = (): HoldCommand => {
    const number = this.#shoppers++;
    const [shopper, idempotencyKey] = [shopperOf(number), String(number).padStart(24, '0')];
    const who = { sale: this.#parts.open, shopper, verified: true };
    return { ...who, quantity: 1, product: '', idempotencyKey };
  };

  /** A closed loop; every answer must be an accepted one. */
  async #ask(count: number, ask: Ask): Promise<Done> {
    const { engine } = this.#parts.own;
    const latency = new Histogram();
    const from = performance.now();
    let turn = 0;
    const worker = async (): Promise<void> => {
      for (let i = turn++; i < count; i = turn++) {
        const at = performance.now();
        const outcome = await ask(engine, i);
        if (outcome.kind !== 'done') throw new SpoiltRun(JSON.stringify(outcome));
        latency.add(performance.now() - at);
      }
    };
    await Promise.all(Array.from({ length: width }, worker));
    return { operations: count, seconds: (performance.now() - from) / 1000, latency };
  }

  #findings(joins: Row[], holds: Row[], rungs: Rung[], draw: Draw): Findings {
    const { options } = this.#parts;
    const [first] = rungs;
    const last = rungs.at(-1);
    if (first === undefined || last === undefined) throw new Error('a line without a length');
    const rate = median(joins.map(({ perSecond }) => perSecond));
    return {
      scenario: 'line',
      about: 'A place in a line: one shopper, one ticket, fsynced before it is answered.',
      settings: {
        rounds: options.rounds,
        warm_ups: warmUps,
        tickets: options.tickets,
        batch: batchSize,
        width,
      },
      rows: [
        combined(joins),
        combined(holds),
        ...rungs.flatMap(({ join, look, tick, turn }) => [join, look, tick, turn]),
      ],
      facts: [
        ['rounds', `${options.rounds} of joins and holds, after ${warmUps} that do not count`],
      ],
      bars: [
        {
          what: 'joins, of the rate of holds',
          value:
            median(joins.map(({ perSecond }, i) => perSecond / (holds[i]?.perSecond ?? 0))) * 100,
          bar: 60,
          side: 'least',
          unit: '%',
        },
        { what: 'joins each second', value: rate, bar: 60_000, side: 'least', unit: '/s' },
        ...(['join', 'look', 'tick', 'turn'] as const).map((kind) => growth(kind, first, last)),
        {
          what: `numbers of ${options.tickets} after the bell`,
          value: draw.seconds,
          bar: numbersBarSeconds,
          side: 'most',
          unit: 's',
        },
        {
          what: 'luck of a tenth of the joiners, standard errors',
          value: draw.errors,
          bar: errorsBar,
          side: 'most',
          unit: '',
        },
      ],
      othersCpus: this.#meter.othersCpus,
    };
  }
}

const shopperOf = (number: number): string => `shp_bb${String(number).padStart(24, '0')}`;

/** Redis's CPU for one, in the longest line over the shortest: no more than the logarithms are apart. */
function growth(kind: 'join' | 'look' | 'tick' | 'turn', first: Rung, last: Rung): Bar {
  const costOf = (rung: Rung): number => rung[kind].cpu.get('redis') ?? 0;
  const bar = Math.log(last.length) / Math.log(first.length);
  const what = `${kind} in ${last.length} ÷ in ${first.length}`;
  return { what, value: costOf(last) / costOf(first), bar, side: 'most', unit: '×' };
}
