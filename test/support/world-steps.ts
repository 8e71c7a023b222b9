/**
 * The worker's loops one step at a time, with the real scripts, topics and settlements, so that a
 * test says itself what has been relayed, settled and trimmed, and what has not.
 */
import { scriptOf, type LaneSet } from '../../engine/lane-set.ts';
import { readEntry, unpack, type Entry } from '../../engine/lanes/codec.ts';
import { laneKeys } from '../../engine/lanes/keys.ts';
import { flagArguments, type LaneState } from '../../engine/settle/quarantine.ts';
import { settle } from '../../engine/settle/settlement.ts';
import type { KafkaProducer } from '../../platform/kafka/port.ts';
import type { Db } from '../../platform/postgres/db.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { runScript } from '../../platform/redis/scripts.ts';

export interface StepsOptions {
  readonly lanes: LaneSet;
  readonly db: Db;
  readonly redis: Redis;
  /** Null = decisions are settled straight from the outbox. */
  readonly producer: KafkaProducer | null;
  readonly topic: string;
}

interface LaneProgress {
  readonly lane: number;
  /** Id of the last outbox entry that was relayed; '' = none. */
  relayed: string;
  /** Relayed and not yet settled. */
  readonly waiting: Entry[];
  /** Messages in the partition. */
  sent: number;
}

const roundsMax = 200;

export class LaneSteps {
  readonly #options: StepsOptions;
  readonly #lanes: readonly LaneProgress[];

  constructor(options: StepsOptions) {
    this.#options = options;
    this.#lanes = options.lanes.gate.doors.map(({ lane }) => ({
      lane,
      relayed: '',
      waiting: [],
      sent: 0,
    }));
  }

  /** Of one lane, or of all. */
  #of(lane: number | undefined): readonly LaneProgress[] {
    return lane === undefined ? this.#lanes : this.#lanes.filter((one) => one.lane === lane);
  }

  /** Takes lane commands to their lanes. */
  async dispatch(only?: number): Promise<void> {
    const { caller } = this.#options.lanes;
    await Promise.all(this.#of(only).map(({ lane }) => caller.send(lane)));
  }

  /** Publishes what is new in the outboxes. Answers how many entries. */
  async relay(only?: number): Promise<number> {
    let entries = 0;
    for (const progress of this.#of(only)) entries += await this.#relayLane(progress);
    return entries;
  }

  async #relayLane(progress: LaneProgress): Promise<number> {
    const { redis, producer, topic } = this.#options;
    const { lane } = progress;
    const after = progress.relayed === '' ? '-' : `(${progress.relayed}`;
    const items = (await redis.xrangeBuffer(laneKeys(lane).outbox, after, '+')) as unknown as [
      Buffer,
      Buffer[],
    ][];
    if (items.length === 0) return 0;
    const values = items.map(([, fields]) => fields[1] ?? Buffer.alloc(0));
    await producer?.send(
      topic,
      values.map((value) => ({ partition: lane, key: String(lane), value })),
    );
    progress.waiting.push(...values.map(readEntry));
    progress.sent += values.length;
    progress.relayed = items.at(-1)?.[0].toString() ?? progress.relayed;
    return items.length;
  }

  /** Settles what was relayed. Answers how many entries. */
  async settle(only?: number): Promise<number> {
    const { db } = this.#options;
    let entries = 0;
    for (const { lane, waiting, sent } of this.#of(only)) {
      const batch = waiting.splice(0);
      if (batch.length === 0) continue;
      const { gap } = await db.tx((q) => settle(q, lane, batch, sent));
      if (gap) throw new Error(`lane ${lane}: a position is missing`);
      entries += batch.length;
    }
    return entries;
  }

  /** Copies watermark and state to the lanes and trims the outboxes up to it. */
  async trim(): Promise<void> {
    const { db, redis } = this.#options;
    for (const { lane } of this.#lanes) {
      const [row] = await db.query<{ epoch: number; seq: number; decided: number } & LaneState>(
        `SELECT w.epoch, w.seq, w.decided, l.state, l.reasons, l.recovered_epoch,
                l.state_version
           FROM sale.watermarks w JOIN sale.lanes l USING (lane) WHERE lane = $1`,
        [lane],
      );
      if (row === undefined) throw new Error(`lane ${lane} is not formatted`);
      const keys = laneKeys(lane);
      const { epoch, seq, decided } = row;
      const reply = await runScript(
        redis,
        scriptOf('trim'),
        [keys.marker, keys.frozen, keys.clock, keys.outbox, keys.watermark],
        [epoch, seq, decided, epoch, seq, ...flagArguments(row)],
      );
      unpack(reply as Buffer);
    }
  }

  /** All of it, until nothing is left to do. */
  async pump(): Promise<void> {
    for (let round = 0; round < roundsMax; round++) {
      await this.dispatch();
      const relayed = await this.relay();
      const settled = await this.settle();
      await this.trim();
      if (relayed === 0 && settled === 0 && (await this.#openCommands()) === 0) return;
    }
    throw new Error(`still not quiet after ${roundsMax} rounds`);
  }

  async #openCommands(): Promise<number> {
    const [row] = await this.#options.db.query<{ open: number }>(
      'SELECT count(*)::int AS open FROM sale.lane_commands WHERE outcome IS NULL',
    );
    return row?.open ?? 0;
  }
}
