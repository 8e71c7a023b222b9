/**
 * Recovery of one lane: takes the lane with a token, freezes it, settles all that
 * it has decided, ends its epoch at the watermark, rebuilds it from Postgres alone, and lets it
 * serve in a new epoch. Every step may be repeated and every one checks the token: a recovery that
 * was cut is started again, one that was paused cannot disturb a later one.
 */
import { clock } from '../platform/clock.ts';
import type { KafkaPort, KafkaProducer, TopicSpec } from '../platform/kafka/port.ts';
import type { Db, Query } from '../platform/postgres/db.ts';
import { serverRunId, type Redis } from '../platform/redis/connection.ts';
import type { Script } from '../platform/redis/scripts.ts';
import type { Position } from './domain/contiguity.ts';
import type { Millis } from './domain/types.ts';
import { laneKeys } from './lanes/keys.ts';
import { Drain, readMark, sawPosition } from './recover/drain.ts';
import {
  foundIn,
  isLoss,
  nothingUntold,
  seenOf,
  worse,
  type Found,
  type LostLane,
  type Untold,
} from './recover/found.ts';
import { LaneWriter, Overtaken } from './recover/lane-writer.ts';
import { addWitnesses, countLost } from './recover/loss.ts';
import { rebuildLane, type Rebuilt } from './recover/rebuild.ts';
import type { Settings } from './settings.ts';
import { copyRollback, whyFrozen, type FreezeReason } from './settle/quarantine.ts';
import { lockWatermark, readEpochs } from './settle/settlement.ts';

export const recoverSteps = [
  'take',
  'freeze',
  'drain',
  'end epoch',
  'put away',
  'rebuild',
  'open',
  'thaw',
] as const;

export type RecoverStep = (typeof recoverSteps)[number];

export interface RecoverOptions {
  readonly db: Db;
  readonly redis: Redis;
  readonly kafka: KafkaPort;
  readonly producer: KafkaProducer;
  /** The topic of decisions, and how to make it when it is gone. */
  readonly topic: string;
  readonly topics: readonly TopicSpec[];
  readonly settings: Settings;
  /** lua/rebuild.lua */
  readonly script: Script;
  /**
   * Changes in Postgres what the lane is made of, once all that it decided is settled or put away:
   * what it writes is in the lane, or nothing of it is.
   */
  readonly amend?: (q: Query) => Promise<void>;
  /** Told before each step. What it throws ends the recovery there. */
  readonly onStep: (step: RecoverStep) => void | Promise<void>;
  /** How far the step has come, in words. */
  readonly onProgress: (progress: string) => void;
}

export interface Recovered {
  readonly lane: number;
  readonly epoch: number;
  /** Last position that was kept: the watermark at which the epoch before was ended. */
  readonly end: Position;
  /** What Redis had: the worst that this recovery and those before it saw, since one was told. */
  readonly found: Found;
  /** Decisions settled by this recovery, and put into quarantine by it. */
  readonly settled: number;
  readonly quarantined: number;
  /** At least so many decisions are lost, counted as far back as `found`. */
  readonly lostAtLeast: number;
  /** Lane time of the last decision or look at the lane that was kept; 0 = none. */
  readonly keptUntil: Millis;
  readonly sales: number;
  readonly orders: number;
  readonly holds: number;
  /** Why the lane stays frozen; '' = it serves. */
  readonly frozen: string;
}

/**
 * Recovers a lane. Throws `Overtaken` when a later recovery has it, or its Redis went back
 * meanwhile; a retryable Fault when a store is away. Then the lane stays frozen: run it again. What it
 * found is kept until `recoveryTold`.
 */
export async function recoverLane(options: RecoverOptions, lane: number): Promise<Recovered> {
  const { db, redis, script, onStep } = options;
  await checkOwner(options, lane);
  await onStep('take');
  const { token, recovered, untold } = await takeToken(db, lane);
  await onStep('freeze');
  const flag = await keepFlag(options, lane);
  const writer = new LaneWriter(redis, script, lane, token);
  await writer.take();
  await freeze(db, lane, token);
  const runId = await serverRunId(redis);
  const lost = await lookAt(options, lane, flag);

  await onStep('drain');
  const { drain, rolledBack, mark: kept } = await settleAll(options, lane, untold);
  await onStep('end epoch');
  const before = { ...untold, seen: seenOf(drain.seen) };
  const end = await db.tx((q) => endEpoch(q, lane, token, lost.epoch, before));
  await onStep('put away');
  // Beyond the end now, so that the settlement puts it away: nothing that was decided just goes.
  if (drain.sawAbove(end)) await drain.pass({ ...kept, ...end });
  const looked = foundIn(lost, end, recovered, rolledBack, untold);
  const secured = { ...before, found: looked, secured: true };
  await db.tx((q) => giveUp(q, lane, token, secured, options.amend));

  await onStep('rebuild');
  const { settings, onProgress } = options;
  const rebuilt = await rebuildLane({
    db,
    redis,
    writer,
    settings,
    lane,
    token,
    runId,
    notBefore: lost.laneTime,
    onOrders: (orders) => onProgress(`${orders} orders`),
  });
  await onStep('open');
  // Again: a process may have told only now what it had found before.
  const isOlder = await addWitnesses(db, lane, drain.seen);
  const lostNow = await countLost(db, lane, end, drain.seen, drain.late);
  const found = isOlder || lostNow > 0 ? worse(looked, 'older') : looked;
  const lostAtLeast = untold.lost + lostNow;
  const keptUntil = untold.keptUntil ?? kept.lane_time;
  const told = { found, secured: false, seen: [], lost: lostAtLeast, keptUntil };
  const frozen = await db.tx((q) => release(q, lane, token, runId, rebuilt, told));
  await onStep('thaw');
  await thaw(writer, lane, frozen);
  const { epoch, sales, orders, holds } = rebuilt;
  const { settled, quarantined } = drain;
  return {
    lane,
    ...{ epoch, end, found, settled, quarantined, lostAtLeast },
    ...{ keptUntil, sales, orders, holds, frozen },
  };
}

async function checkOwner({ redis, settings }: RecoverOptions, lane: number): Promise<void> {
  const owner = await redis.hget(laneKeys(lane).marker, 'deployment');
  if (owner !== null && owner !== settings.deployment) {
    throw new Error(`REDIS_URL: lane ${lane} there belongs to another deployment`);
  }
}

interface Taken {
  readonly token: string;
  readonly recovered: number;
  readonly untold: Untold;
}

/** Takes the token, whoever had it before; verifiers give way to it from now on. */
async function takeToken(db: Db, lane: number): Promise<Taken> {
  const [row] = await db.query<Omit<Taken, 'untold'> & { untold: Untold | null }>(
    `UPDATE sale.lanes SET recoveries = recoveries + 1, token = recoveries + 1 || '-' || $2
      WHERE lane = $1 RETURNING token, recovered_epoch AS recovered, recovery_found AS untold`,
    [lane, clock.random(6).toString('hex')],
  );
  if (row === undefined) throw new Error(`lane ${lane} is not formatted`);
  return { ...row, untold: row.untold ?? nothingUntold };
}

/**
 * The lane's flag, which this recovery's own will replace: a rollback is first copied to Postgres, in
 * case nobody has. The lane is flagged already, so that freezes it there in the right order.
 */
async function keepFlag({ db, redis }: RecoverOptions, lane: number): Promise<string | null> {
  const { frozen, marker } = laneKeys(lane);
  const flag = await redis.get(frozen);
  const epoch = await redis.hget(marker, 'epoch');
  if (flag !== null && epoch !== null) await copyRollback(db, lane, flag, Number(epoch));
  return flag;
}

/** Freezes the lane in Postgres, after it was flagged: what Postgres says is frozen answers nobody. */
async function freeze(db: Db, lane: number, token: string): Promise<void> {
  const held = await db.run(
    `UPDATE sale.lanes SET state = 'frozen' WHERE lane = $1 AND token = $2`,
    [lane, token],
  );
  if (held !== 1) throw new Overtaken('another recovery has taken this lane over');
}

/** What Redis still has of the lane, now that it is frozen. `flag` = the one it had before. */
async function lookAt(
  { redis }: RecoverOptions,
  lane: number,
  flag: string | null,
): Promise<LostLane> {
  const keys = laneKeys(lane);
  const epoch = await redis.hget(keys.marker, 'epoch');
  const [seq, time] = await redis.hmget(keys.clock, 'seq', 't');
  return {
    ...{ epoch: Number(epoch ?? 0), seq: Number(seq ?? -1), laneTime: Number(time ?? 0) },
    flagged: flag?.startsWith('recover ') === true,
  };
}

async function settleAll(options: RecoverOptions, lane: number, { seen }: Untold) {
  const { db, redis, kafka, producer, topic, topics, settings, onProgress } = options;
  const { deployment } = settings;
  await kafka.ensureTopics(topics);
  const onSettled = (decisions: number): void => onProgress(`${decisions} decisions`);
  const ends = new Map((await readEpochs(db, lane)).map(({ epoch, end }) => [epoch, end]));
  const drain = new Drain({ db, redis, kafka, producer, topic, lane, deployment, ends, onSettled });
  for (const [epoch, seq] of seen) sawPosition(drain.seen, { epoch, seq });
  const rolledBack = await addWitnesses(db, lane, drain.seen);
  await drain.settle();
  return { drain, rolledBack, mark: await readMark(db, lane) };
}

/**
 * Ends the lane's epoch, and any after it, at the watermark, and begins a new one. `known` = an
 * epoch that the new one must be above, `untold` = what was seen, which the ends that were would tell.
 */
async function endEpoch(
  q: Query,
  lane: number,
  token: string,
  known: number,
  untold: Untold,
): Promise<Position> {
  const { epoch, seq } = await lockWatermark(q, lane);
  const [row] = await q.query<{ epoch: number }>(
    `UPDATE sale.lanes SET epoch = greatest(epoch, $3) + 1, recovery_found = $4
      WHERE lane = $1 AND token = $2 RETURNING epoch`,
    [lane, token, known, JSON.stringify(untold)],
  );
  if (row === undefined) throw new Overtaken('another recovery has taken this lane over');
  await q.run(
    `INSERT INTO sale.epochs AS e (lane, epoch, ended_at, ended_by)
     SELECT $1, n, CASE WHEN n = $2 THEN $3::bigint ELSE -1 END, 'recover'
       FROM generate_series($2::int, $4::int - 1) AS n
     ON CONFLICT (lane, epoch) DO UPDATE
        SET ended_at = excluded.ended_at, ended_by = 'recover'
      WHERE e.ended_at IS DISTINCT FROM excluded.ended_at`,
    [lane, epoch, seq, row.epoch],
  );
  await q.run('INSERT INTO sale.epochs (lane, epoch) VALUES ($1, $2)', [lane, row.epoch]);
  return { epoch, seq };
}

/** The lane that decided what is put away is gone: the new one counts anew from what has settled. */
async function giveUp(
  q: Query,
  lane: number,
  token: string,
  secured: Untold,
  amend: RecoverOptions['amend'],
): Promise<void> {
  await lockWatermark(q, lane);
  await amend?.(q);
  await q.run('UPDATE sale.quarantine SET in_doubt = false WHERE lane = $1', [lane]);
  // Last, as for every lock of this row: it keeps a later recovery out until this is committed.
  const own = 'UPDATE sale.lanes SET recovery_found = $3 WHERE lane = $1 AND token = $2';
  if ((await q.run(own, [lane, token, JSON.stringify(secured)])) !== 1) {
    throw new Overtaken('another recovery has taken this lane over');
  }
}

/**
 * Opens the lane in Postgres, but for what `quarantine resolve` ends. Answers why it stays shut. The
 * recovery counts from here: whoever has read the lane before still knows it as frozen, and must
 * not freeze it again. `told` = what is to be told, kept if it is a loss.
 */
async function release(
  q: Query,
  lane: number,
  token: string,
  runId: string,
  { now, outage }: Rebuilt,
  told: Untold,
): Promise<string> {
  await lockWatermark(q, lane);
  const [row] = await q.query<{ state: string; reasons: readonly FreezeReason[] }>(
    `UPDATE sale.lanes SET token = NULL, run_id = $3, recovered_epoch = epoch,
            recovery_found = $4, reasons = kept.reasons,
            state = CASE WHEN kept.reasons = '[]' THEN 'open' ELSE 'frozen' END
       FROM (SELECT CASE WHEN EXISTS (SELECT 1 FROM sale.quarantine
                                       WHERE lane = $1 AND resolved_at IS NULL)
                         THEN jsonb_path_query_array(reasons, '$[*] ? (@.code == "quarantine")')
                         ELSE '[]' END AS reasons
               FROM sale.lanes WHERE lane = $1) kept
      WHERE lane = $1 AND token = $2 RETURNING state, lanes.reasons`,
    [lane, token, runId, isLoss(told) ? JSON.stringify(told) : null],
  );
  if (row === undefined) throw new Overtaken('another recovery has taken this lane over');
  await q.run(
    `UPDATE sale.watermarks SET outage = greatest(outage, $2), lane_time = greatest(lane_time, $3)
      WHERE lane = $1`,
    [lane, outage, now],
  );
  return whyFrozen(row);
}

/** The last step in Redis: the lane serves, or is frozen as Postgres says. */
async function thaw(writer: LaneWriter, lane: number, why: string): Promise<void> {
  const { frozen } = laneKeys(lane);
  await writer.add(why === '' ? ['UNLINK', frozen] : ['SET', frozen, why]);
  await writer.flush();
}
