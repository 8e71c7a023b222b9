/**
 * What the rest of Highnoon may know of Kafka. At least once everywhere: a message may come twice,
 * none is skipped; exactly-once is made in Postgres.
 */
import type { Log } from '../log.ts';

export interface KafkaOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly log: Log;
}

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number;
  /** Topic configuration, such as `{ 'retention.ms': '-1' }`. */
  readonly config?: Readonly<Record<string, string>>;
}

export interface OutgoingMessage {
  /** Undefined = chosen by the key. */
  readonly partition?: number;
  readonly key: string | null;
  readonly value: Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface KafkaProducer {
  /**
   * Resolves once all replicas in sync have every message. One call at a time: a second one waits
   * for the first. Throws a retryable `Fault` with code `kafka` when the broker does not answer;
   * then each message may or may not be there, so it is to be sent again.
   */
  send(topic: string, messages: readonly OutgoingMessage[]): Promise<void>;
  close(): Promise<void>;
}

export interface IncomingMessage {
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, by the producer's clock. */
  readonly timestamp: number;
}

export interface IncomingBatch {
  readonly topic: string;
  readonly partition: number;
  /** The offset after the last message in the partition when this batch was fetched. */
  readonly highWatermark: bigint;
  readonly messages: readonly IncomingMessage[];
  /** To be called between chunks of long work; throws when the partition was lost. */
  heartbeat(): Promise<void>;
  /** True once the partition was taken away, or sought elsewhere, or the consumer is closing. */
  isStale(): boolean;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface ConsumeOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Where to start a partition that was just assigned; null = the group's commit, else the start. */
  readonly startOffset?: (topic: string, partition: number) => Promise<bigint | null>;
  /** An error is retried with the same batch for ever, with back-off; nothing is ever skipped. */
  readonly onBatch: (batch: IncomingBatch) => Promise<void>;
  readonly onAssigned?: (assigned: readonly TopicPartition[]) => void;
  /** The consumer died and will not come back by itself: the process should exit. */
  readonly onCrash: (error: Error) => void;
  /** Partitions worked on at the same time; default 1. */
  readonly concurrency?: number;
  /** Commit last + 1 after `onBatch` resolves. */
  readonly commit: boolean;
}

export interface KafkaConsumer {
  close(): Promise<void>;
  /** The next batch of this partition starts at `offset`; a batch in work becomes stale. */
  seek(topic: string, partition: number, offset: bigint): void;
}

export interface PartitionEnds {
  /** First offset that still exists. */
  readonly low: bigint;
  /** Offset after the last message. */
  readonly high: bigint;
}

export interface KafkaPort {
  /** Creates what is missing; adds partitions where there are fewer; safe to repeat. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  producer(): Promise<KafkaProducer>;
  consume(options: ConsumeOptions): Promise<KafkaConsumer>;
  ends(topic: string): Promise<Map<number, PartitionEnds>>;
  /** First offset at or after the time; the high end where there is none. */
  offsetsAt(topic: string, timestampMs: number): Promise<Map<number, bigint>>;
  /** Reads `[from, to)` of one partition in order, then resolves. */
  read(
    topic: string,
    partition: number,
    from: bigint,
    to: bigint,
    onMessage: (message: IncomingMessage) => void | Promise<void>,
  ): Promise<void>;
  /** Nothing happens when it is not there. */
  deleteTopic(topic: string): Promise<void>;
  close(): Promise<void>;
}
