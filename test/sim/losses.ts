/**
 * What a run may have lost: an order that a lane had decided, when neither its outbox nor Kafka had the
 * decision any more and Postgres had not settled it yet. Recounted from the raw stores before and after
 * each blow; the rest must survive.
 */
import { readLogEntry, orderIn } from '../../engine/audit/entries.ts';
import { compare, type Position } from '../../engine/audit/positions.ts';
import type { Db } from '../../platform/postgres/pool.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { ticketIdOf } from '../../engine/domain/ids.ts';
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

export class Losses {
  readonly #redis: Redis;
  readonly #db: Db;
  readonly #kafka: SimKafka;
  readonly #lanes: number;
  readonly #topic: string;
  #before: readonly Log[] = [];
  /** Orders and tickets of which a decision may be gone. */
  readonly orders = new Set<string>();
  /**
   * Places (`placeOf`) of decisions that were gone from the outbox, or from both, before they had
   * settled: what Kafka still has of them lies beyond the end of its epoch and is put away.
   */
  readonly places = new Set<string>();
  /** Blows by which a store lost anything at all. */
  count = 0;
  /** Of these, how many took decisions away. */
  entries = 0;

  constructor(stores: { redis: Redis; db: Db; kafka: SimKafka }, lanes: number, topic: string) {
    this.#redis = stores.redis;
    this.#db = stores.db;
    this.#kafka = stores.kafka;
    this.#lanes = lanes;
    this.#topic = topic;
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
        if (left !== undefined) continue;
        this.entries += 1;
        for (const fact of entry.orders) this.orders.add(orderIn(fact));
        for (const { sale, key } of entry.tickets) this.orders.add(ticketIdOf(sale, key));
      }
    }
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
