/**
 * Trimmer: brings each lane's copies of watermark and state up to date from Postgres, trims its
 * outbox up to the watermark, and beats its clock. An old watermark trims nothing, so two trimmers
 * are harmless.
 */
import { clock } from '../platform/clock.ts';
import { crashPoint } from '../platform/crash.ts';
import type { Log } from '../platform/log.ts';
import type { Db } from '../platform/postgres/db.ts';
import { runScript, type Script } from '../platform/redis/scripts.ts';
import { unpack } from './lanes/codec.ts';
import type { LaneGate } from './lanes/gate.ts';
import { startLoop, type Loop } from './loop.ts';
import { copyRollback, flagArguments, freezeLane, type LaneState } from './settle/quarantine.ts';

export interface TrimmerOptions {
  readonly db: Db;
  readonly gate: LaneGate;
  readonly script: Script;
  readonly freezeScript: Script;
  readonly outboxKeepMs: number;
  readonly log: Log;
  /** Default 10 s. See `StrayFlags`. */
  readonly strayFlagMs?: number;
}

/** The settler wakes it; this is for what changed elsewhere, and for the clocks of idle lanes. */
const everyMs = 400;
/** How far a lane's settled time may lie behind with nothing in doubt. */
const beatMs = 1000;
/** Watermarks that are remembered for `outboxKeepMs`: with more of them it trims more evenly. */
const keptMax = 1000;

const strayFlagDefaultMs = 10_000;

interface LaneRow extends LaneState {
  readonly lane: number;
  /** Of a recovery under way. */
  readonly token: string | null;
  readonly epoch: number;
  readonly seq: number;
  readonly decided: number;
  readonly lane_time: number;
  readonly lane_epoch: number;
}

interface Passed {
  readonly at: number;
  readonly epoch: number;
  readonly seq: number;
}

export function startTrimmer(options: TrimmerOptions): Loop {
  /** Watermarks of the last `outboxKeepMs`, oldest first, by lane. */
  const passed = new Map<number, Passed[]>();
  const stray = new StrayFlags(options.strayFlagMs ?? strayFlagDefaultMs);
  const round = async (): Promise<void> => {
    const rows = await options.db.query<LaneRow>(
      `SELECT l.lane, w.epoch, w.seq, w.decided, w.lane_time, l.state, l.reasons, l.recovered_epoch,
              l.state_version, l.epoch AS lane_epoch, l.token
         FROM sale.lanes l JOIN sale.watermarks w USING (lane) WHERE l.lane < $1`,
      [options.gate.doors.length],
      'trimmer_lanes',
    );
    crashPoint('trimmer.read');
    // One lane's trouble is its own: the others are looked at all the same.
    const done = await Promise.allSettled(rows.map((row) => trimLane(options, row, passed, stray)));
    const failed = done.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  };
  return startLoop({ name: 'trimmer', log: options.log, everyMs, round });
}

/**
 * Flags of a recovery that Postgres knows nothing of. One stands for a moment while a recovery ends;
 * one that stays came back with a Redis that forgot the recovery's end, or belongs to a recovery that
 * died in its last step. Nobody but a new recovery can say what that lane is.
 */
class StrayFlags {
  readonly #standsMs: number;
  readonly #since = new Map<number, { readonly flag: string; readonly at: number }>();

  constructor(standsMs: number) {
    this.#standsMs = standsMs;
  }

  /** True once the lane's flag has stood for long enough. `flag` '' = it has none of that kind. */
  hasStood(lane: number, flag: string): boolean {
    const since = this.#since.get(lane);
    if (flag === '') this.#since.delete(lane);
    else if (since?.flag !== flag) this.#since.set(lane, { flag, at: clock.now() });
    else return clock.now() - since.at >= this.#standsMs;
    return false;
  }
}

/** The last watermark that is at least `keepMs` old. */
function keepSince(list: Passed[], keepMs: number): Passed {
  const now = clock.now();
  while (list.length > 1 && (list[1]?.at ?? now) <= now - keepMs) list.shift();
  const first = list[0];
  if (first !== undefined && first.at <= now - keepMs) return first;
  return { at: now, epoch: 0, seq: -1 };
}

async function trimLane(
  options: TrimmerOptions,
  row: LaneRow,
  passed: Map<number, Passed[]>,
  stray: StrayFlags,
): Promise<void> {
  const { gate } = options;
  const { keys, open, ours, reason } = gate.door(row.lane);
  const look = flagArguments(row);
  if (!open) {
    // Nothing of a lane that is not verified may change but this; above all not its clock, by
    // which the verifier measures the outage.
    if (!ours || (look[0] === '' && !reason.startsWith('frozen'))) return;
    const flag = await runScript(
      gate.redis,
      options.freezeScript,
      [keys.marker, keys.frozen],
      look,
    );
    if (row.state !== 'frozen') {
      await copyRollback(options.db, row.lane, String(flag), row.lane_epoch);
    }
    const isStray =
      String(flag).startsWith('recover ') && row.state !== 'frozen' && row.token === null;
    if (stray.hasStood(row.lane, isStray ? String(flag) : '')) {
      const why = `the flag of a recovery that is over: ${String(flag)}`;
      options.log.error({ lane: row.lane, flag }, 'the lane is frozen: recover it');
      await freezeLane(options.db, row.lane, 'rolled_back', why, row.lane_epoch);
    }
    return;
  }
  stray.hasStood(row.lane, '');
  const list = passed.get(row.lane) ?? [];
  passed.set(row.lane, list);
  const newest = list.at(-1);
  const apartMs = options.outboxKeepMs / keptMax;
  const moved = newest?.epoch !== row.epoch || newest.seq !== row.seq;
  if (moved && clock.now() - (newest?.at ?? -Infinity) >= apartMs) {
    list.push({ at: clock.now(), epoch: row.epoch, seq: row.seq });
  }
  const trim = keepSince(list, options.outboxKeepMs);
  const reply = unpack(
    (await runScript(
      gate.redis,
      options.script,
      [keys.marker, keys.frozen, keys.clock, keys.outbox, keys.watermark],
      [row.epoch, row.seq, row.decided, trim.epoch, trim.seq, ...look],
      () => gate.door(row.lane).open,
    )) as Buffer,
  ) as [number, number, number, number, string, number];
  crashPoint('trimmer.trimmed');
  const [epoch, decided, settled, now, frozen, outage] = reply;
  if (epoch === 0) return;
  if (decided <= settled && row.lane_time < now - beatMs) {
    await beatSettledTime(options, row, now, outage);
  }
  if (frozen !== '' && row.state !== 'frozen') {
    options.log.error({ lane: row.lane, reason: frozen }, 'the lane is frozen');
    await copyRollback(options.db, row.lane, frozen, epoch);
  }
  if (frozen !== '') {
    gate.shut(row.lane, `frozen: ${frozen}`);
  }
}

/** With nothing in doubt everything up to now has settled: lists say so (`as_of`). */
async function beatSettledTime(
  options: TrimmerOptions,
  row: LaneRow,
  now: number,
  outage: number,
): Promise<void> {
  await options.db.run(
    `UPDATE sale.watermarks SET lane_time = $4::bigint, outage = greatest(outage, $5)
      WHERE lane = $1 AND epoch = $2 AND seq = $3 AND lane_time < $4::bigint`,
    [row.lane, row.epoch, row.seq, now, outage],
    'trimmer_beat',
  );
}
