/**
 * Brings to Postgres what a frozen lane has decided: from Kafka, then from its outbox, again while
 * the watermark moves. It publishes what the outbox has before it settles it, so the log stays whole
 * also when no worker runs; beside running ones it is one more relay and settler, and harmless.
 */
import type { KafkaPort, KafkaProducer } from '../../platform/kafka/port.ts';
import type { Db } from '../../platform/postgres/db.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { isAbove, type Position } from '../domain/contiguity.ts';
import { readEntry, type Entry } from '../lanes/codec.ts';
import { laneKeys } from '../lanes/keys.ts';
import { lookBackFrom } from '../lanes/look-back.ts';
import { idOf, isOf, messageOf, readOutbox } from '../lanes/outbox.ts';
import { decisionsPerTxMax, settleRun } from '../settle/run.ts';

export interface DrainOptions {
  readonly db: Db;
  readonly redis: Redis;
  readonly kafka: KafkaPort;
  readonly producer: KafkaProducer;
  readonly topic: string;
  readonly lane: number;
  readonly deployment: string;
  /** Where the epochs of the lane ended. */
  readonly ends: ReadonlyMap<number, number | null>;
  /** Told of decisions settled, now and then. */
  readonly onSettled: (decisions: number) => void;
}

const outboxPage = 64;

export interface Mark extends Position {
  readonly lane_time: number;
  readonly kafka_offset: number;
}

export async function readMark(db: Db, lane: number): Promise<Mark> {
  const [row] = await db.query<Mark>(
    'SELECT epoch, seq, lane_time, kafka_offset FROM sale.watermarks WHERE lane = $1',
    [lane],
  );
  if (row === undefined) throw new Error(`lane ${lane} is not formatted`);
  return row;
}

/** Highest sequence that was seen of each epoch. */
export type Seen = Map<number, number>;

export function sawPosition(seen: Seen, { epoch, seq }: Position): void {
  if (seq > (seen.get(epoch) ?? -1)) seen.set(epoch, seq);
}

export class Drain {
  readonly #options: DrainOptions;
  readonly seen: Seen = new Map();
  /** Below the watermark and beyond the end of their epochs: not settled, and not gone either. */
  readonly late: Position[] = [];
  settled = 0;
  quarantined = 0;
  #entries: Entry[] = [];
  #decisions = 0;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** Settles until nothing of Kafka or the outbox can follow the watermark any more. */
  async settle(): Promise<void> {
    for (;;) {
      const before = await readMark(this.#options.db, this.#options.lane);
      await this.pass(before);
      const after = await readMark(this.#options.db, this.#options.lane);
      if (!isAbove(after, before) || !this.sawAbove(after)) return;
    }
  }

  /** True when something was seen above the position. */
  sawAbove(than: Position): boolean {
    return [...this.seen].some(([epoch, seq]) => isAbove({ epoch, seq }, than));
  }

  /** Hands everything above the watermark to the settlement, which judges it. */
  async pass(mark: Mark): Promise<void> {
    await this.#passKafka(mark);
    await this.#passOutbox(mark);
  }

  async #passKafka(mark: Mark): Promise<void> {
    const { kafka, topic, lane, deployment } = this.#options;
    const ends = (await kafka.ends(topic)).get(lane);
    if (ends === undefined || ends.high === ends.low) return;
    const from = await lookBackFrom(kafka, topic, lane, ends, mark);
    await kafka.read(topic, lane, from, ends.high, async (message) => {
      if (isOf(deployment, message)) await this.#take(message.value, mark);
    });
    await this.#flush();
  }

  async #passOutbox(mark: Mark): Promise<void> {
    const { redis, producer, topic, lane, deployment } = this.#options;
    for (let after = idOf(mark); ;) {
      const items = await readOutbox(redis, laneKeys(lane).outbox, after, outboxPage);
      const last = items.at(-1);
      if (last === undefined) break;
      await producer.send(
        topic,
        items.map((item) => messageOf(lane, deployment, item)),
      );
      for (const { value } of items) await this.#take(value, mark);
      after = last.id;
    }
    await this.#flush();
  }

  async #take(value: Buffer, mark: Mark): Promise<void> {
    const entry = entryOf(value);
    if (entry === null) return;
    sawPosition(this.seen, entry);
    if (!isAbove(entry, mark)) {
      const end = this.#options.ends.get(entry.epoch) ?? entry.seq;
      if (entry.seq > end) this.late.push({ epoch: entry.epoch, seq: entry.seq });
      return;
    }
    this.#entries.push(entry);
    this.#decisions += entry.count;
    if (this.#decisions >= decisionsPerTxMax) await this.#flush();
  }

  async #flush(): Promise<void> {
    const { db, lane, onSettled } = this.#options;
    if (this.#entries.length === 0) return;
    for (const done of await settleRun(db, lane, this.#entries, null, () => undefined)) {
      this.settled += done.decisions;
      this.quarantined += done.quarantined;
    }
    this.#entries = [];
    this.#decisions = 0;
    onSettled(this.settled);
  }
}

/** A message that no lane can have written holds no decision. */
function entryOf(value: Buffer): Entry | null {
  try {
    return readEntry(value);
  } catch {
    return null;
  }
}
