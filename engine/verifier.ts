/**
 * Verifier: lets a lane serve again after its Redis server has started anew.
 * It ends the epoch at the outbox's head and begins the next one in Postgres, proves that no
 * position which anyone has seen is missing, and tells the lane. Where Kafka has more than the lane,
 * the epoch stays open, and that settles. Two at once: compare-and-set.
 */
import { clock } from '../platform/clock.ts';
import { crashPoint } from '../platform/crash.ts';
import type { KafkaPort, PartitionEnds } from '../platform/kafka/port.ts';
import { messageOf } from '../platform/fault.ts';
import type { Log } from '../platform/log.ts';
import type { Db, Query } from '../platform/postgres/db.ts';
import { serverRunId, type Redis } from '../platform/redis/connection.ts';
import { runScript, type Script } from '../platform/redis/scripts.ts';
import { isAbove, type EpochEnd, type Position } from './domain/contiguity.ts';
import { positionIn, readEntry } from './lanes/codec.ts';
import { laneKeys } from './lanes/keys.ts';
import { lookBackFrom } from './lanes/look-back.ts';
import { isOf } from './lanes/outbox.ts';
import { copyRollback } from './settle/quarantine.ts';
import { lockWatermark, readEpochs } from './settle/settlement.ts';

export interface VerifierOptions {
  readonly db: Db;
  /** The connection over which the lane was found unverified. */
  readonly redis: Redis;
  readonly kafka: KafkaPort;
  readonly topic: string;
  readonly deployment: string;
  /** Creates the topic when it is missing. */
  readonly ensureTopic: () => Promise<void>;
  readonly script: Script;
  readonly freezeScript: Script;
  readonly log: Log;
}

const outageMaxMs = 15 * 60_000;
const retryMs = 500;
/** Another is at it: to read Kafka beside it would only make both slower. */
const otherRetryMs = 2000;
/** Of lua/verify.lua. */
const refusals: ReadonlyMap<number, string> = new Map([
  [-1, 'the lane is not what was verified'],
  [-2, 'the lane is frozen'],
  [-3, 'redis has started once more'],
]);

interface LaneRow {
  readonly epoch: number;
  readonly recovered_epoch: number;
  readonly state_version: number;
  readonly run_id: string | null;
  readonly state: string;
  readonly token: string | null;
  readonly lane_time: number;
  readonly kafka_offset: number;
}

/** A message that no lane can have written names no position of it. */
function entryOf(value: Buffer): Position | null {
  try {
    return readEntry(value);
  } catch {
    return null;
  }
}

const inWords = ({ epoch, seq }: Position): string => `${epoch}-${seq}`;

/** By epoch, its end; of the open ones the one that a lane with this head gives them, null = none yet. */
function endsOf(
  epochs: readonly EpochEnd[],
  head: Position | null,
): ReadonlyMap<number, number | null> {
  const given = (epoch: number): number | null => {
    if (head === null || epoch < head.epoch) return null;
    return epoch === head.epoch ? head.seq : -1;
  };
  return new Map(epochs.map(({ epoch, end }) => [epoch, end ?? given(epoch)]));
}

/** Another verifier has begun an epoch for this server. */
class OtherWasFaster extends Error {}

/** The lane is not what its epochs in Postgres say: thrown to undo the transaction. */
class RolledBack extends Error {}

export class Verifier {
  #options: VerifierOptions;
  #busy = new Set<number>();
  #retryAt = new Map<number, number>();
  /** What a lane that stays shut waits for. */
  #waitsFor = new Map<number, string>();
  #closed = false;

  constructor(options: VerifierOptions) {
    this.#options = options;
  }

  /**
   * Called whenever a lane is found unverified; one attempt at a time for each lane. Answers what
   * the last one waited for, '' = it is the first.
   */
  verify(lane: number, runId: string): string {
    const waitsFor = this.#waitsFor.get(lane) ?? '';
    if (this.#closed || this.#busy.has(lane)) return waitsFor;
    if (clock.now() < (this.#retryAt.get(lane) ?? 0)) return waitsFor;
    this.#busy.add(lane);
    this.#attempt(lane, runId)
      .then(() => this.#waitsFor.delete(lane))
      .catch((error: unknown) => {
        const reason = messageOf(error);
        const pauseMs = error instanceof OtherWasFaster ? otherRetryMs : retryMs;
        this.#retryAt.set(lane, clock.now() + pauseMs);
        if (this.#waitsFor.get(lane) === reason) return;
        this.#waitsFor.set(lane, reason);
        this.#options.log.warn({ lane, err: reason }, 'lane not verified yet');
      })
      .finally(() => this.#busy.delete(lane));
    return waitsFor;
  }

  close(): void {
    this.#closed = true;
  }

  async #attempt(lane: number, runId: string): Promise<void> {
    const row = await this.#row(lane);
    if (row.state === 'frozen') throw new Error('frozen in postgres');
    if (row.token !== null) throw new Error('a recovery is under way');
    try {
      const epoch = row.run_id === runId ? row.epoch : await this.#begin(lane, row, runId);
      crashPoint('verifier.begun');
      // After the ends are stored and before the lane serves: what is published later, by a relay that
      // read it from a server of before, the settler judges by these ends.
      const beyond = await this.#beyond(lane, row, await this.#partition(lane), null);
      if (beyond !== null) throw new RolledBack(beyond);
      crashPoint('verifier.read');
      await this.#expectUnchanged(lane, epoch, runId);
      await this.#write(lane, epoch, runId);
      crashPoint('verifier.written');
      this.#options.log.info({ lane, epoch }, 'lane verified');
    } catch (error) {
      if (!(error instanceof RolledBack)) throw error;
      await this.#freeze(lane, row, error.message);
    }
  }

  /**
   * Ends the lane's epoch in Postgres and begins the next one for this server. Answers it. What Kafka
   * has beyond that end would never settle: where something of it has not settled yet, it is looked at
   * before. Kafka's end is read before the head: what stands below it the lane had decided by then.
   */
  async #begin(lane: number, row: LaneRow, runId: string): Promise<number> {
    const { db, redis } = this.#options;
    const partition = await this.#partition(lane);
    const head = await this.#head(lane);
    if ((await serverRunId(redis)) !== runId) throw new Error('redis has started once more');
    const isSettled = Number(partition.high) === row.kafka_offset;
    const beyond = isSettled ? null : await this.#beyond(lane, row, partition, head);
    await db.tx((q) => this.#beginIn(q, lane, row, { ...head, runId, beyond }));
    return row.epoch + 1;
  }

  async #head(lane: number): Promise<Position> {
    const { redis } = this.#options;
    const keys = laneKeys(lane);
    const [epoch, seq] = await Promise.all([
      redis.hget(keys.marker, 'epoch'),
      redis.hget(keys.clock, 'seq'),
    ]);
    if (epoch === null || seq === null) throw new Error('the lane has no marker');
    return { epoch: Number(epoch), seq: Number(seq) };
  }

  async #row(lane: number): Promise<LaneRow> {
    const [row] = await this.#options.db.query<LaneRow>(
      `SELECT l.epoch, l.recovered_epoch, l.state_version, l.run_id, l.state, l.token,
              w.lane_time, w.kafka_offset
         FROM sale.lanes l JOIN sale.watermarks w USING (lane) WHERE l.lane = $1`,
      [lane],
    );
    if (row === undefined) throw new Error(`lane ${lane} is not formatted`);
    return row;
  }

  /**
   * Ends the lane's epoch at its head and begins the next, or throws why the lane has gone back.
   * That is judged only when no other verifier has begun an epoch since `row` was read: what was
   * seen of the lane then belongs to that row. Epochs begun for servers that died before they were
   * told of it end empty; one that was not empty is missing here. `beyond` = what Kafka has above
   * the head, null = nothing: thrown, it leaves the epoch open, and the settler takes what Kafka has.
   */
  async #beginIn(
    q: Query,
    lane: number,
    { epoch: current, recovered_epoch: recovered }: LaneRow,
    { runId, beyond, ...head }: Position & { runId: string; beyond: string | null },
  ): Promise<void> {
    const watermark = await lockWatermark(q, lane);
    const changed = await q.run(
      `UPDATE sale.lanes SET epoch = $2 + 1, run_id = $3
        WHERE lane = $1 AND epoch = $2 AND state = 'open' AND token IS NULL
          AND run_id IS DISTINCT FROM $3`,
      [lane, current, runId],
    );
    if (changed !== 1) throw new OtherWasFaster('another verifier was faster');
    if (head.epoch < recovered || head.epoch > current) {
      throw new RolledBack(`the lane is of epoch ${head.epoch}, postgres of ${current}`);
    }
    if (isAbove(watermark, head)) {
      throw new RolledBack(`postgres has ${inWords(watermark)}, the lane ${inWords(head)}`);
    }
    if (beyond !== null) throw new RolledBack(beyond);
    await q.run(
      `UPDATE sale.epochs SET ended_at = CASE WHEN epoch = $2 THEN $3::bigint ELSE -1 END,
              ended_by = 'verifier'
        WHERE lane = $1 AND epoch >= $2 AND ended_at IS NULL`,
      [lane, head.epoch, head.seq],
    );
    const [other] = await q.query(
      `SELECT 1 FROM sale.epochs WHERE lane = $1 AND epoch >= $2
          AND ended_at <> CASE WHEN epoch = $2 THEN $3::bigint ELSE -1 END`,
      [lane, head.epoch, head.seq],
    );
    if (other !== undefined) {
      throw new RolledBack(`epoch ${head.epoch} did not end at ${head.seq}`);
    }
    await q.run('INSERT INTO sale.epochs (lane, epoch) VALUES ($1, $2)', [lane, current + 1]);
  }

  /** Ends of the lane's partition. */
  async #partition(lane: number): Promise<PartitionEnds> {
    const { kafka, topic, ensureTopic } = this.#options;
    // After a failure: a topic that was lost with nothing left to publish no relay makes anew.
    if (this.#waitsFor.has(lane)) await ensureTopic();
    const ends = (await kafka.ends(topic)).get(lane);
    if (ends === undefined) throw new Error(`kafka has no partition ${lane} of ${topic}`);
    return ends;
  }

  /**
   * Reads the partition from a bit before what the lane has settled to its end. Answers what lies
   * beyond the end of its epoch, in words; null = nothing. `head` = where the lane would end the epochs
   * that are open, null = these are not judged.
   */
  async #beyond(
    lane: number,
    row: LaneRow,
    ends: PartitionEnds,
    head: Position | null,
  ): Promise<string | null> {
    const { db, kafka, topic, deployment } = this.#options;
    if (ends.high === ends.low) return null;
    // After the partition's end is known: every epoch of what stands before it had begun by then.
    const lasts = endsOf(await readEpochs(db, lane), head);
    const from = await lookBackFrom(kafka, topic, lane, ends, row);
    const isKnown = ({ epoch, seq }: Position): boolean => {
      const last = lasts.get(epoch);
      return epoch < row.recovered_epoch || last === null || (last !== undefined && seq <= last);
    };
    let beyond: string | null = null;
    await kafka.read(topic, lane, from, ends.high, (message) => {
      if (beyond !== null || !isOf(deployment, message)) return;
      const position = positionIn(message.value);
      if (position !== null && isKnown(position)) return;
      const entry = entryOf(message.value);
      if (entry === null || isKnown(entry)) return;
      const last = lasts.get(entry.epoch);
      const end = last === undefined ? 'never began' : `ends at ${last}`;
      beyond = `kafka has ${inWords(entry)}, epoch ${entry.epoch} ${end}`;
    });
    return beyond;
  }

  /** What came to light since, above all by the settler, is heeded before the lane serves. */
  async #expectUnchanged(lane: number, epoch: number, runId: string): Promise<void> {
    const { state, token, ...row } = await this.#row(lane);
    if (state === 'open' && token === null && row.epoch === epoch && row.run_id === runId) return;
    throw new Error('the lane has changed in postgres');
  }

  /** Lets the lane serve, if it is on the server of this run id, with the end that Postgres has. */
  async #write(lane: number, epoch: number, runId: string): Promise<void> {
    const { redis, script, db } = this.#options;
    const keys = laneKeys(lane);
    const { epoch: from } = await this.#head(lane);
    if (from > epoch) throw new Error(`the lane is of epoch ${from}, postgres of ${epoch}`);
    const ends = await db.query<{ epoch: number; ended_at: number }>(
      `SELECT epoch, ended_at FROM sale.epochs
        WHERE lane = $1 AND epoch >= $2 AND epoch < $3 AND ended_at IS NOT NULL`,
      [lane, from, epoch],
    );
    const end = ends.find((e) => e.epoch === from)?.ended_at ?? -1;
    const written = await runScript(
      redis,
      script,
      [keys.marker, keys.frozen, keys.ends, keys.clock, keys.outbox, keys.verifiedRun],
      [from, end, epoch, runId, outageMaxMs, ...ends.flatMap((e) => [e.epoch, e.ended_at])],
    );
    const why = refusals.get(Number(written));
    if (why !== undefined) throw new Error(why);
  }

  /** `row` as it was read before the look: a recovery since then has ended what was seen. */
  async #freeze(lane: number, row: LaneRow, detail: string): Promise<void> {
    const { db, redis, freezeScript, log } = this.#options;
    const { marker, frozen } = laneKeys(lane);
    const reason = `rolled_back: ${detail}`;
    log.error({ lane, reason }, 'the lane was rolled back');
    await copyRollback(db, lane, reason, row.epoch);
    const look = [reason, row.recovered_epoch, row.state_version];
    await runScript(redis, freezeScript, [marker, frozen], look);
  }
}
