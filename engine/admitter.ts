/**
 * Admitter: lets tickets of a lane's lines begin their turns, at each sale's rate, and ends turns
 * that ran out. It only says how many at most: the script keeps claims within the units, so two of
 * them admit nobody too many. It gets slower by itself while holds are late or too much is in doubt.
 */
import { clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { metrics } from '../platform/metrics.ts';
import type { Db } from '../platform/postgres/db.ts';
import {
  firstPace,
  fullRate,
  isOver,
  pace,
  spend,
  type Pace,
  type PaceLimits,
  type PaceSight,
  type SetRate,
} from './domain/line/pace.ts';
import type { Outcome, SaleId } from './domain/types.ts';
import type { LaneDoor, LaneGate } from './lanes/gate.ts';
import type { Lease } from './lanes/lease.ts';
import { readHoldP99 } from './lanes/load.ts';
import { startLoop, type Loop } from './loop.ts';
import type { Shop } from './shop.ts';

/** What the lane does for it. */
export interface Turns {
  admit(sale: SaleId, most: number): Promise<Outcome<{ readonly admitted: number }>>;
  lapse(
    sale: SaleId,
    most: number,
  ): Promise<Outcome<{ readonly ended: number; readonly drained: boolean }>>;
}

export interface AdmitterOptions {
  readonly door: LaneDoor;
  readonly gate: LaneGate;
  readonly lease: Lease;
  readonly db: Db;
  readonly shop: Pick<Shop, 'count'>;
  readonly line: Turns;
  readonly limits: PaceLimits;
  readonly log: Log;
}

const everyMs = 100;
/** How often it asks which lines there are, and how its lane does. */
const lookMs = 500;
const linesMax = 200;
const lapsesPerCallMax = 200;

interface Line {
  readonly sale_id: SaleId;
  readonly rate_per_second: SetRate;
}

type Sight = Pick<PaceSight, 'holdP99Ms' | 'inDoubtAgeMs'>;

class Admitter {
  readonly #options: AdmitterOptions;
  readonly #label: { readonly lane: string };
  #lines: readonly Line[] = [];
  #paces = new Map<SaleId, Pace>();
  #sight: Sight = { holdP99Ms: null, inDoubtAgeMs: null };
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: AdmitterOptions) {
    this.#options = options;
    this.#label = { lane: String(options.door.lane) };
  }

  /** Answers true when more turns have run out than were ended. */
  async round(): Promise<boolean> {
    const { lease, door } = this.#options;
    if (!(await lease.owned()) || !door.open) {
      this.#forget([]);
      return false;
    }
    if (clock.now() - this.#lookedAt >= lookMs) await this.#look();
    const drained = await Promise.all(this.#lines.map((line) => this.#serve(line)));
    return drained.includes(false);
  }

  /** Without Postgres it goes on with the lines that it knows, and slower for what is in doubt. */
  async #look(): Promise<void> {
    const { db, door } = this.#options;
    this.#lookedAt = clock.now();
    try {
      this.#lines = await db.query<Line>(
        `SELECT l.sale_id, l.rate_per_second FROM sale.lines l JOIN sale.sales s ON s.id = l.sale_id
          WHERE l.lane = $1 AND s.state IN ('live', 'paused', 'closing') AND l.bell_n IS NOT NULL
          ORDER BY l.sale_id LIMIT ${linesMax}`,
        [door.lane],
        'lines_live',
      );
    } finally {
      this.#forget(this.#lines);
      this.#sight = await this.#lookAtLane();
    }
  }

  async #lookAtLane(): Promise<Sight> {
    const { gate, door, shop } = this.#options;
    const [line] = this.#lines;
    if (line === undefined) return { holdP99Ms: null, inDoubtAgeMs: null };
    const [holdP99Ms, counts] = await Promise.all([
      readHoldP99(gate.redis, door),
      shop.count(line.sale_id),
    ]);
    return { holdP99Ms, inDoubtAgeMs: counts.kind === 'done' ? counts.value.inDoubt.ageMs : null };
  }

  /** Lines that are over are dropped; so is everything when another worker has the lane. */
  #forget(lines: readonly Line[]): void {
    const known = new Set(lines.map((line) => line.sale_id));
    for (const sale of this.#paces.keys()) {
      if (known.has(sale)) continue;
      this.#paces.delete(sale);
      metrics.admitRate.remove({ sale });
    }
  }

  /** Answers false when more turns have run out than one call ends. */
  async #serve({ sale_id: sale, rate_per_second: ratePerSecond }: Line): Promise<boolean> {
    const { line, limits } = this.#options;
    const lapsed = await line.lapse(sale, lapsesPerCallMax);
    if (lapsed.kind === 'done') metrics.lineLapsed.inc(this.#label, lapsed.value.ended);
    const sight = { ...this.#sight, now: clock.now(), ratePerSecond };
    const before = this.#paces.get(sale) ?? firstPace(ratePerSecond, sight.now);
    const { pace: next, most } = pace(before, sight, limits);
    this.#tell(sale, next, sight);
    let admitted = 0;
    if (most > 0) {
      const outcome = await line.admit(sale, most);
      if (outcome.kind === 'done') ({ admitted } = outcome.value);
      // Of an answer that did not come as many may have begun as were asked for.
      else if (outcome.kind === 'unknown') admitted = most;
    }
    metrics.lineAdmitted.inc(this.#label, admitted);
    this.#paces.set(sale, spend(next, admitted));
    return lapsed.kind !== 'done' || lapsed.value.drained;
  }

  #tell(sale: SaleId, { rate }: Pace, sight: PaceSight): void {
    const { limits } = this.#options;
    metrics.admitRate.set({ sale }, Math.min(rate, fullRate(sight.ratePerSecond)));
    if (!isOver(sight, limits)) return;
    const late = (sight.holdP99Ms ?? 0) > limits.holdP99Ms;
    metrics.admitSlowed.inc({ ...this.#label, why: late ? 'holds' : 'in_doubt' });
  }
}

export function startAdmitter(options: AdmitterOptions): Loop {
  const { lease, log } = options;
  const admitter = new Admitter(options);
  const round = (): Promise<boolean> => admitter.round();
  return startLoop({ name: 'admitter', log, everyMs, round, atEnd: () => lease.release() });
}
