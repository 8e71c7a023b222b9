/**
 * Decided holds through the engine as a library: unit, limit, order record, deadline and outbox
 * event written and fsynced, each with its own shopper and key. Batched, one call for each, and the
 * bare script with ready-made batches, interleaved. The worker stands still meanwhile, so that two
 * processes share the machine, ours and Redis; afterwards it settles everything for the audit.
 */
import type { Engine, HoldCommand } from '../../engine/index.ts';
import { ScriptCalls } from '../baselines/script-calls.ts';
import { median } from '../findings.ts';
import { leadSeconds } from '../measure/pace.ts';
import type { Findings, Row } from '../findings.ts';
import { Meter } from '../scenario.ts';
import type { Say, Scenario, ScenarioOptions } from '../scenario.ts';
import { combined, inRounds } from '../scenarios/rounds.ts';
import { Setting } from '../scenarios/setting.ts';
import type { StackInfo } from '../stack-info.ts';
import { decideAll, decideAt } from './engine-load.ts';
import { withEngine } from './own-engine.ts';

const batchSize = 256;
/** Holds under way: one batch in flight, the next one full. */
const width = 2 * batchSize;
const holdsARound = 160 * batchSize;
const singlesARound = 32 * batchSize;
/** Rounds that do not count. */
const warmUps = 1;
/** An open loop decides at most so many: they all have to be settled and audited. */
const openHoldsMost = 300_000;

export const micro: Scenario = {
  name: 'micro',
  part: 'engine',
  async run(stack, options, say) {
    const units = (warmUps + options.rounds) * (2 * holdsARound + singlesARound) + openHoldsMost;
    const setting = await Setting.open(stack, units);
    const [sale = ''] = await setting.openSales(1, units);
    await setting.settled([sale]);
    try {
      return await withEngine(stack, batchSize, async ({ engine, config, log }) => {
        const bounds = {
          inDoubtMax: config.inDoubtMax,
          inDoubtMaxAgeMs: config.inDoubtMaxAgeSeconds * 1000,
        };
        const calls = await ScriptCalls.open(stack.redisUrl, sale, bounds, log);
        try {
          return await new Micro({ stack, options, say, engine, calls, sale }).measure();
        } finally {
          calls.close();
        }
      });
    } finally {
      await setting.settled([sale]);
      setting.close();
    }
  },
};

interface Parts {
  readonly stack: StackInfo;
  readonly options: ScenarioOptions;
  readonly say: Say;
  readonly engine: Engine;
  readonly calls: ScriptCalls;
  readonly sale: string;
}

class Micro {
  readonly #parts: Parts;
  readonly #meter: Meter;
  #shoppers = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#meter = new Meter(parts.stack.processes.filter(({ name }) => name === 'redis'));
  }

  async measure(): Promise<Findings> {
    const { options, say } = this.#parts;
    const counted = { rounds: options.rounds, warmUps };
    const rounds = await inRounds('micro', counted, say, () => this.#round());
    const batched = rounds.map(({ batch }) => batch);
    const single = rounds.map(({ one }) => one);
    const bare = rounds.map(({ script }) => script);
    const half = median(batched.map(({ perSecond }) => perSecond)) / 2;
    say('micro: open loop at half of the rate');
    const seconds = Math.min(openHoldsMost / half - leadSeconds, options.seconds);
    const open = await this.#meter.measure('batched, half of the rate', () =>
      decideAt(this.#parts.engine, this.#hold, seconds, half),
    );
    return this.#findings(batched, single, bare, open);
  }

  /** The three kinds one after the other, on the same sale. */
  async #round(): Promise<{ batch: Row; one: Row; script: Row }> {
    const { engine, calls } = this.#parts;
    const made = (count: number) => Array.from({ length: count }, this.#hold);
    const batch = await this.#meter.measure('batched', () =>
      decideAll(engine, this.#hold, holdsARound, width),
    );
    const singles = made(singlesARound);
    const one = await this.#meter.measure('one call for each hold', () =>
      calls.oneByOne(singles, width),
    );
    const ready = made(holdsARound);
    const script = await this.#meter.measure('bare script, ready-made', () =>
      calls.inBatches(ready, batchSize),
    );
    return { batch, one, script };
  }

  /** Shopper id and key as long as real ones. */
  readonly #hold = (): HoldCommand => {
    const number = String(this.#shoppers++).padStart(24, '0');
    return {
      sale: this.#parts.sale,
      shopper: `shp_bb${number}`,
      verified: true,
      quantity: 1,
      product: '',
      idempotencyKey: number,
    };
  };

  #findings(batched: Row[], single: Row[], bare: Row[], open: Row): Findings {
    const { options } = this.#parts;
    const ratio = (to: readonly Row[]): number =>
      median(batched.map(({ perSecond }, i) => perSecond / (to[i]?.perSecond ?? Infinity)));
    return {
      scenario: 'micro',
      about: 'A decided hold: one shopper, one unit, fsynced before it is answered.',
      settings: {
        rounds: options.rounds,
        warm_ups: warmUps,
        seconds: options.seconds,
        batch: batchSize,
        width,
      },
      rows: [combined(batched), combined(single), combined(bare), open],
      facts: [],
      bars: [
        { what: 'batched ÷ one call each', value: ratio(single), bar: 4, side: 'least', unit: '×' },
        {
          what: 'batched, of the bare script',
          value: ratio(bare) * 100,
          bar: 60,
          side: 'least',
          unit: '%',
        },
        {
          what: 'p99 at half of the rate',
          value: open.p99Ms ?? Infinity,
          bar: 10,
          side: 'most',
          unit: 'ms',
        },
      ],
      othersCpus: this.#meter.othersCpus,
    };
  }
}
