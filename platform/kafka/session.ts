/**
 * The life of one kafkajs consumer, from its first join until it is closed or crashes. Every
 * assignment is an epoch: a partition stays paused until its start is known, and what belongs to
 * an earlier epoch is stale.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, ConsumerGroupJoinEvent, EachBatchPayload, Kafka } from 'kafkajs';
import { Fault, messageOf } from '../fault.ts';
import type { Log } from '../log.ts';
import type { TopicAdmin } from './admin.ts';
import { BatchWork } from './batch-work.ts';
import { backoffMs, retry, within } from './client.ts';
import type { ConsumeOptions, TopicPartition } from './port.ts';
import { Positions } from './positions.ts';

const sessionTimeoutMs = 6_000;
const rebalanceTimeoutMs = 10_000;
const heartbeatIntervalMs = 1_000;
const metadataMaxAgeMs = 30_000;
/**
 * The broker answers at once when there is a message; this is how long it waits for one. Measured:
 * 50 ms brings nothing (p50 8 ms either way) and costs four times the CPU when idle that 250 does.
 */
const fetchWaitMs = 500;
/** Whoever keeps its offset itself commits one for those who watch the group only. */
const shownOffsetEveryMs = 1000;
const maxBytesPerPartition = 4 * 1024 * 1024;
const maxBytes = 16 * 1024 * 1024;
const closeTimeoutMs = 5_000;
/** A consumer that neither fetches nor works for so long is stuck, whatever it says. */
const stuckAfterMs = 30_000;

export class ConsumerSession {
  readonly #consumer: Consumer;
  readonly #admin: TopicAdmin;
  readonly #log: Log;
  readonly #options: ConsumeOptions;
  readonly #positions = new Positions();
  readonly #stop = new AbortController();
  #epoch = 0;
  #working = 0;
  #lastSignMs = performance.now();
  readonly #shownAt = new Map<string, number>();
  #end: (error: Error | null) => void = () => undefined;

  constructor(kafka: Kafka, admin: TopicAdmin, log: Log, options: ConsumeOptions) {
    this.#admin = admin;
    this.#log = log;
    this.#options = options;
    this.#consumer = kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      metadataMaxAge: metadataMaxAgeMs,
      allowAutoTopicCreation: false,
      minBytes: 1,
      maxWaitTimeInMs: fetchWaitMs,
      maxBytesPerPartition,
      maxBytes,
      // Restarts are ours: kafkajs' own leave out some of the errors of a broker that is away.
      retry: { ...retry, restartOnFailure: () => Promise.resolve(false) },
    });
  }

  /** Resolves when closed, rejects when the consumer crashed or is stuck. */
  async run(onJoined: () => void): Promise<void> {
    const consumer = this.#consumer;
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (error) => (error === null ? resolve() : reject(error));
    });
    // A crash while connecting shows in `connect` as well; this one is then nobody's.
    ended.catch(() => undefined);
    const { GROUP_JOIN, CRASH, FETCH_START } = consumer.events;
    consumer.on(GROUP_JOIN, (event) => {
      onJoined();
      this.#onJoin(event);
    });
    consumer.on(FETCH_START, () => (this.#lastSignMs = performance.now()));
    consumer.on(CRASH, ({ payload }) => this.#end(payload.error));
    const watch = setInterval(() => this.#watch(), stuckAfterMs / 6);
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true });
      if (this.#stop.signal.aborted) return;
      const started = consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: this.#options.concurrency ?? 1,
        eachBatch: (payload) => this.#onBatch(payload),
      });
      await Promise.race([started, ended]);
      await ended;
    } finally {
      clearInterval(watch);
      await this.close();
    }
  }

  #watch(): void {
    if (this.#working > 0 || performance.now() - this.#lastSignMs < stuckAfterMs) return;
    this.#end(new Fault('kafka', 'kafka: the consumer is stuck', { retryable: true }));
  }

  /** Runs inside kafkajs' join, before anything is fetched: so the pause comes first. */
  #onJoin({ payload }: ConsumerGroupJoinEvent): void {
    this.#epoch += 1;
    this.#lastSignMs = performance.now();
    const assigned: TopicPartition[] = Object.entries(payload.memberAssignment).flatMap(
      ([topic, partitions]) => partitions.map((partition) => ({ topic, partition })),
    );
    this.#positions.assign(assigned);
    this.#log.info({ assigned: assigned.length, epoch: this.#epoch }, 'partitions assigned');
    if (this.#options.startOffset !== undefined) {
      for (const tp of assigned) {
        this.#consumer.pause([{ topic: tp.topic, partitions: [tp.partition] }]);
        void this.#start(tp, this.#epoch);
      }
    }
    this.#options.onAssigned?.(assigned);
  }

  async #start({ topic, partition }: TopicPartition, epoch: number): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const offset = await this.#startOffset(topic, partition);
        if (this.#isOver(epoch)) return;
        if (offset !== null) this.seek(topic, partition, offset);
        this.#consumer.resume([{ topic, partitions: [partition] }]);
        return;
      } catch (error) {
        if (this.#isOver(epoch)) return;
        this.#log.warn({ topic, partition, err: messageOf(error) }, 'start not known yet');
        await this.#pause(backoffMs(attempt));
        if (this.#isOver(epoch)) return;
      }
    }
  }

  /** Beyond what the partition holds = from its beginning: the topic was made anew, or cut. */
  async #startOffset(topic: string, partition: number): Promise<bigint | null> {
    const wanted = (await this.#options.startOffset?.(topic, partition)) ?? null;
    if (wanted === null) return null;
    const ends = (await this.#admin.ends(topic)).get(partition);
    if (ends === undefined || (wanted >= ends.low && wanted <= ends.high)) return wanted;
    const { low, high } = ends;
    const fields = {
      topic,
      partition,
      wanted: String(wanted),
      low: String(low),
      high: String(high),
    };
    this.#log.warn(fields, 'start is outside of the partition, reading it from its beginning');
    return low;
  }

  seek(topic: string, partition: number, offset: bigint): void {
    this.#positions.expect(topic, partition, offset);
    this.#consumer.seek({ topic, partition, offset: String(offset) });
  }

  async #onBatch(payload: EachBatchPayload): Promise<void> {
    const epoch = this.#epoch;
    const { topic, partition } = payload.batch;
    if (this.#isOver(epoch) || payload.isStale()) return;
    const back = this.#positions.goBackTo(payload.batch);
    if (back !== null) {
      this.seek(topic, partition, back);
      return;
    }
    this.#working += 1;
    try {
      const work = new BatchWork(payload, this.#options, this.#log, this.#stop.signal, () =>
        this.#isOver(epoch),
      );
      const next = await work.run();
      if (next === null) return;
      this.#positions.advance(topic, partition, next);
      if (this.#options.commit && this.#isDue(topic, partition)) {
        await this.#consumer.commitOffsets([{ topic, partition, offset: String(next) }]);
      }
    } finally {
      this.#working -= 1;
      this.#lastSignMs = performance.now();
    }
  }

  /** True unless the offset is only for show, and was shown a moment ago. */
  #isDue(topic: string, partition: number): boolean {
    if (this.#options.startOffset === undefined) return true;
    const name = `${topic}/${partition}`;
    const now = performance.now();
    if (now - (this.#shownAt.get(name) ?? -Infinity) < shownOffsetEveryMs) return false;
    this.#shownAt.set(name, now);
    return true;
  }

  #isOver(epoch: number): boolean {
    return this.#stop.signal.aborted || epoch !== this.#epoch;
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  /** Whatever still runs becomes stale at once; what does not end in time is left behind. */
  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await within(closeTimeoutMs, 'leaving the group', this.#consumer.disconnect()).catch(
      (error: unknown) => this.#log.warn({ err: messageOf(error) }, 'left without a goodbye'),
    );
    this.#end(null);
  }
}
