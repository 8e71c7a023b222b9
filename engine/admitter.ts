/**
 * Admitter: lets tickets of a lane's lines begin their turns, at each sale's rate, and ends turns
 * that ran out. It only says how many at most: the script keeps claims within the units, so two of
 * them admit nobody too many. It gets slower by itself while holds are late or too much is in doubt.
 */
import { clock } from '../platform/clock.ts';
import { crashPoint } from '../platform/crash.ts';
import { messageOf } from '../platform/fault.ts';
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
import { idle, startLoop, type Loop } from './loop.ts';
import type { Shop } from './shop.ts';

/** What the lane does for it. */
export interface Turns {
  /** `more` = it stopped at those who are away: there are others behind them. */
  admit(
    sale: SaleId,
    most: number,
  ): Promise<Outcome<{ readonly admitted: number; readonly more: boolean }>>;
  lapse(
    sale: SaleId,
    most: number,
  ): Promise<
    Outcome<{ readonly ended: number; readonly drained: boolean; readonly empty: boolean }>
  >;
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
  /** Lines that one look reads; when there are more it goes round. */
  readonly linesPerLook?: number;
}

const everyMs = 100;
/**
 * How often it asks which lines there are, and how its lane does. With nobody in any it does nothing
 * else: who joins meanwhile stirs it, and where another worker settles that, waits for so long.
 */
const lookMs = 500;
const linesPerLookMax = 1000;
const servedAtOnceMax = 100;
const lapsesPerCallMax = 200;
/** Sales asked, one after the other, for how their lane does. */
const witnessesMax = 8;
/** Calls of a round for one line: each passes by a thousand whose owners are away. */
const admitCallsMax = 4;

interface Line {
  readonly sale_id: SaleId;
  readonly rate_per_second: SetRate;
}

type Sight = Pick<PaceSight, 'holdP99Ms' | 'inDoubtAgeMs'>;

export interface AdmitterLoop extends Loop {
  /** Somebody may have joined, or a bell rung: an admitter that rests looks at once. */
  stir(): void;
}

/** What a line has for the next round: turns that have run out, somebody who may move, or nobody. */
type Left = 'more' | 'some' | 'none';

class Admitter {
  /** Nobody was in any line: the next round may wait. */
  rests = false;
  /** How often it was stirred: in a round, that may have looked before. */
  stirs = 0;
  readonly #options: AdmitterOptions;
  readonly #label: { readonly lane: string };
  #lines = new Map<SaleId, Line>();
  #paces = new Map<SaleId, Pace>();
  #sight: Sight = { holdP99Ms: null, inDoubtAgeMs: null };
  #sightAt = Number.NEGATIVE_INFINITY;
  /** Of which the lane was asked how it does: a frozen one does not say. */
  #witness = '';
  #looking: Promise<void> | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Where the next look goes on, and what this going round has found. */
  #after = '';
  #found = new Set<SaleId>();

  constructor(options: AdmitterOptions) {
    this.#options = options;
    this.#label = { lane: String(options.door.lane) };
  }

  /** Answers true when more turns have run out than were ended, `idle` when nobody is in line. */
  async round(): Promise<boolean | typeof idle> {
    const before = this.stirs;
    const next = await this.#round();
    this.rests = next === idle && this.stirs === before;
    return next === idle && !this.rests ? false : next;
  }

  async #round(): Promise<boolean | typeof idle> {
    const { lease, door } = this.#options;
    if (!(await lease.owned()) || !door.open) {
      this.#keepOnly(new Set());
      return idle;
    }
    if (this.#lines.size === 0 || clock.now() - this.#lookedAt >= lookMs) this.#startLook();
    // Postgres may hang: lines that are known do not wait for it. What they may do is the lane's to say.
    if (this.#lines.size === 0) await this.#looking;
    if (this.#lines.size === 0) return idle;
    if (clock.now() - this.#sightAt >= lookMs) await this.#lookAtLane();
    const lines = [...this.#lines.values()];
    const left = new Set<Left>();
    for (let at = 0; at < lines.length; at += servedAtOnceMax) {
      const some = lines.slice(at, at + servedAtOnceMax);
      for (const one of await Promise.all(some.map((line) => this.#serve(line)))) left.add(one);
    }
    if (left.has('more')) return true;
    return left.has('some') ? false : idle;
  }

  #startLook(): void {
    const { log } = this.#options;
    this.#looking ??= this.#look()
      .catch((error: unknown) => {
        metrics.loopErrors.inc({ loop: 'admitter' });
        log.warn({ ...this.#label, err: messageOf(error) }, 'lines are as they were known last');
      })
      .finally(() => {
        this.#looking = null;
        this.#lookedAt = clock.now();
      });
  }

  /** Reads lines that are open, and drops those that a whole going round has not found. */
  async #look(): Promise<void> {
    const { db, door, linesPerLook = linesPerLookMax } = this.#options;
    const lines = await db.query<Line>(
      `SELECT l.sale_id, l.rate_per_second FROM sale.lines l JOIN sale.sales s ON s.id = l.sale_id
        WHERE l.lane = $1 AND s.state IN ('live', 'paused', 'closing') AND l.bell_n IS NOT NULL
          AND l.sale_id > $2
        ORDER BY l.sale_id LIMIT $3`,
      [door.lane, this.#after, linesPerLook],
      'lines_live',
    );
    for (const line of lines) {
      this.#lines.set(line.sale_id, line);
      this.#found.add(line.sale_id);
    }
    const isLast = lines.length < linesPerLook;
    this.#after = isLast ? '' : (lines.at(-1)?.sale_id ?? '');
    if (!isLast) return;
    this.#keepOnly(this.#found);
    this.#found = new Set();
  }

  async #lookAtLane(): Promise<void> {
    const { gate, door } = this.#options;
    this.#sightAt = clock.now();
    const [holdP99Ms, inDoubtAgeMs] = await Promise.all([
      readHoldP99(gate.redis, door),
      this.#inDoubtAge(),
    ]);
    this.#sight = { holdP99Ms, inDoubtAgeMs };
  }

  /** What every sale of the lane says alike; null = none of some that were asked. */
  async #inDoubtAge(): Promise<number | null> {
    const sales = [...this.#lines.keys()];
    const from = Math.max(0, sales.indexOf(this.#witness));
    for (let i = 0; i < Math.min(sales.length, witnessesMax); i++) {
      this.#witness = sales[(from + i) % sales.length] ?? '';
      const counts = await this.#options.shop.count(this.#witness);
      if (counts.kind === 'done') return counts.value.inDoubt.ageMs;
      if (!this.#options.door.open) return null;
    }
    // The next look goes on behind them.
    this.#witness = sales[(from + witnessesMax) % sales.length] ?? '';
    return null;
  }

  /** Lines that are over are dropped; so is everything when another worker has the lane. */
  #keepOnly(known: ReadonlySet<SaleId>): void {
    for (const sale of this.#lines.keys()) {
      if (known.has(sale)) continue;
      this.#lines.delete(sale);
      this.#paces.delete(sale);
      metrics.admitRate.remove({ sale });
    }
  }

  async #serve({ sale_id: sale, rate_per_second: ratePerSecond }: Line): Promise<Left> {
    const { line, limits } = this.#options;
    const lapsed = await line.lapse(sale, lapsesPerCallMax);
    if (lapsed.kind === 'done') metrics.lineLapsed.inc(this.#label, lapsed.value.ended);
    if (lapsed.kind === 'done' && lapsed.value.ended > 0) crashPoint('admitter.lapsed');
    const sight = { ...this.#sight, now: clock.now(), ratePerSecond };
    const before = this.#paces.get(sale) ?? firstPace(ratePerSecond, sight.now);
    const { pace: next, most } = pace(before, sight, limits);
    this.#tell(sale, next, sight);
    const isEmpty = lapsed.kind === 'done' && lapsed.value.empty;
    const admitted = isEmpty ? 0 : await this.#admit(sale, most);
    metrics.lineAdmitted.inc(this.#label, admitted);
    this.#paces.set(sale, spend(next, admitted));
    if (lapsed.kind === 'done' && !lapsed.value.drained) return 'more';
    return isEmpty ? 'none' : 'some';
  }

  /** Answers how many turns have begun. */
  async #admit(sale: SaleId, most: number): Promise<number> {
    let admitted = 0;
    for (let calls = 0; calls < admitCallsMax && admitted < most; calls++) {
      const outcome = await this.#options.line.admit(sale, most - admitted);
      // Of an answer that did not come as many may have begun as were asked for.
      if (outcome.kind === 'unknown') return most;
      if (outcome.kind !== 'done') break;
      admitted += outcome.value.admitted;
      if (admitted > 0) crashPoint('admitter.admitted');
      if (!outcome.value.more) break;
    }
    return admitted;
  }

  #tell(sale: SaleId, { rate }: Pace, sight: PaceSight): void {
    const { limits } = this.#options;
    metrics.admitRate.set({ sale }, Math.min(rate, fullRate(sight.ratePerSecond)));
    if (!isOver(sight, limits)) return;
    const late = (sight.holdP99Ms ?? 0) > limits.holdP99Ms;
    metrics.admitSlowed.inc({ ...this.#label, why: late ? 'holds' : 'in_doubt' });
  }
}

export function startAdmitter(options: AdmitterOptions): AdmitterLoop {
  const { lease, log } = options;
  const admitter = new Admitter(options);
  const round = (): Promise<unknown> => admitter.round();
  const atEnd = (): Promise<void> => lease.release();
  const loop = startLoop({ name: 'admitter', log, everyMs, idleMs: lookMs, round, atEnd });
  return {
    ...loop,
    stir() {
      admitter.stirs += 1;
      if (admitter.rests) loop.wake();
    },
  };
}
