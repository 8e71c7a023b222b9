/**
 * What a run may have lost: a decision of a lane, when neither its outbox nor Kafka had it any more and
 * Postgres had not settled it yet. Recounted from the raw stores before and after each blow; the rest
 * must survive. An order may be gone with its hold; one that only lost its end must be there as it was held.
 */
import { readLogEntry, type LogEntry } from '../../engine/audit/entries.ts';
import { compare, type Position } from '../../engine/audit/positions.ts';
import { decidedIn } from '../support/decided.ts';
import type { Db } from '../../platform/postgres/pool.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { laneKeys } from '../../engine/lanes/keys.ts';
import type { SimKafka } from './stores/kafka.ts';

/** Names one decision's entry for good: no position is given twice. */
export const placeOf = ({ lane, epoch, seq }: Position & { readonly lane: number }): string =>
  `lane ${lane} ${epoch}-${seq}`;

interface Logged {
  readonly bytes: Buffer;
  readonly inOutbox: boolean;
}

type Log = ReadonlyMap<string, Logged>;

/** An entry that a blow took from every store before it had settled. */
export interface Loss {
  readonly lane: number;
  /** Virtual ms. */
  readonly at: number;
  readonly place: string;
  /** Orders and tickets that it began. */
  readonly begun: readonly string[];
}

export class Losses {
  readonly #redis: Redis;
  readonly #db: Db;
  readonly #kafka: SimKafka;
  readonly #lanes: number;
  readonly #topic: string;
  readonly #now: () => number;
  #before: readonly Log[] = [];
  /** Orders and tickets of which any decision may be gone. */
  readonly orders = new Set<string>();
  /** Those of them that may be gone whole, because their first decision may be. */
  readonly begun = new Set<string>();
  readonly taken: Loss[] = [];
  /**
   * Places (`placeOf`) of decisions that were gone from the outbox, or from both, before they had
   * settled: what Kafka still has of them lies beyond the end of its epoch and is put away.
   */
  readonly places = new Set<string>();
  /** Blows by which a store lost anything at all. */
  count = 0;

  /** `now` = virtual ms. */
  constructor(
    stores: { redis: Redis; db: Db; kafka: SimKafka },
    lanes: number,
    topic: string,
    now: () => number,
  ) {
    this.#redis = stores.redis;
    this.#db = stores.db;
    this.#kafka = stores.kafka;
    this.#lanes = lanes;
    this.#topic = topic;
    this.#now = now;
  }

  async before(): Promise<void> {
    this.count += 1;
    this.#before = await this.#logs();
  }

  async after(): Promise<void> {
    const logs = await this.#logs();
    const settled = await this.#db.query<Position & { lane: number }>(
      'SELECT lane, epoch, seq FROM sale.watermarks ORDER BY lane',
    );
    for (const [lane, log] of this.#before.entries()) {
      const watermark = settled[lane];
      for (const [name, { bytes, inOutbox }] of log) {
        const left = logs[lane]?.get(name);
        if (left?.inOutbox === inOutbox) continue;
        const entry = readLogEntry(bytes);
        if (watermark !== undefined && compare(entry, watermark) <= 0) continue;
        this.places.add(placeOf({ lane, ...entry }));
        if (left === undefined) this.#take(lane, entry);
      }
    }
  }

  #take(lane: number, entry: LogEntry): void {
    const { begun, later } = decidedIn(entry);
    const place = placeOf({ lane, ...entry });
    this.taken.push({ lane, at: this.#now(), place, begun });
    for (const id of begun) this.begun.add(id);
    for (const id of [...begun, ...later]) this.orders.add(id);
  }

  /** By lane, every decision that its outbox or Kafka has, by its bytes. */
  async #logs(): Promise<Log[]> {
    const logs: Log[] = [];
    for (let lane = 0; lane < this.#lanes; lane++) {
      const log = new Map<string, Logged>();
      for (const [, [, bytes]] of await this.#redis.xrangeBuffer(laneKeys(lane).outbox, '-', '+')) {
        if (bytes !== undefined) log.set(bytes.toString('latin1'), { bytes, inOutbox: true });
      }
      for (const { value } of this.#kafka.topics.get(this.#topic)?.[lane]?.messages ?? []) {
        const name = value.toString('latin1');
        if (!log.has(name)) log.set(name, { bytes: value, inOutbox: false });
      }
      logs.push(log);
    }
    return logs;
  }
}
