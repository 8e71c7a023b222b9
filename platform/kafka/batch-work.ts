/**
 * One batch, worked on until it is done: errors are retried for ever with back-off, the group is
 * told meanwhile that we live, and nothing is resolved that was not done.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EachBatchPayload, IHeaders, KafkaMessage } from 'kafkajs';
import { messageOf } from '../fault.ts';
import type { Log } from '../log.ts';
import { metrics } from '../metrics.ts';
import { backoffMs } from './client.ts';
import type { ConsumeOptions, IncomingBatch, IncomingMessage } from './port.ts';

const heartbeatEveryMs = 500;

export class BatchWork {
  readonly #payload: EachBatchPayload;
  readonly #options: ConsumeOptions;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #isOver: () => boolean;
  /** The group's answer that the partition is not ours any more, or that nobody answers. */
  #lost: Error | null = null;

  constructor(
    payload: EachBatchPayload,
    options: ConsumeOptions,
    log: Log,
    signal: AbortSignal,
    isOver: () => boolean,
  ) {
    this.#payload = payload;
    this.#options = options;
    this.#log = log;
    this.#signal = signal;
    this.#isOver = isOver;
  }

  /** The next offset, or null when the batch became stale. Throws when the group is lost. */
  async run(): Promise<bigint | null> {
    const batch = this.#incoming();
    const beat = setInterval(() => {
      if (this.#lost === null) this.#heartbeat().catch(() => undefined);
    }, heartbeatEveryMs);
    try {
      const done = await this.#untilDone(batch);
      if (this.#lost !== null) throw this.#lost;
      if (!done || batch.isStale()) return null;
    } finally {
      clearInterval(beat);
    }
    const last = this.#payload.batch.lastOffset();
    this.#payload.resolveOffset(last);
    const next = BigInt(last) + 1n;
    this.#showLag(batch, next);
    return next;
  }

  async #untilDone(batch: IncomingBatch): Promise<boolean> {
    for (let attempt = 0; !batch.isStale(); attempt += 1) {
      try {
        await this.#options.onBatch(batch);
        return true;
      } catch (error) {
        if (this.#lost !== null || batch.isStale()) return false;
        const { topic, partition } = batch;
        const offset = String(batch.messages[0]?.offset);
        this.#log.warn({ topic, partition, offset, attempt, err: error }, 'batch failed, again');
        await this.#pause(backoffMs(attempt));
      }
    }
    return false;
  }

  async #heartbeat(): Promise<void> {
    try {
      await this.#payload.heartbeat();
    } catch (error) {
      this.#lost = error instanceof Error ? error : new Error(messageOf(error));
      throw error;
    }
  }

  /** Ends early when the partition is lost or the consumer closes. */
  async #pause(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (this.#lost === null && !this.#isOver() && performance.now() < until) {
      const step = Math.min(heartbeatEveryMs, until - performance.now());
      await sleep(step, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }

  #incoming(): IncomingBatch {
    const { batch } = this.#payload;
    return {
      topic: batch.topic,
      partition: batch.partition,
      highWatermark: BigInt(batch.highWatermark),
      messages: batch.messages.map(toIncoming),
      heartbeat: () => this.#heartbeat(),
      isStale: () =>
        this.#lost !== null ||
        this.#isOver() ||
        this.#payload.isStale() ||
        !this.#payload.isRunning(),
    };
  }

  #showLag({ topic, partition, highWatermark }: IncomingBatch, next: bigint): void {
    const lag = highWatermark > next ? Number(highWatermark - next) : 0;
    metrics.kafkaLag.set({ group: this.#options.groupId, topic, partition }, lag);
  }
}

const noValue = Buffer.alloc(0);

export function toIncoming(message: KafkaMessage): IncomingMessage {
  return {
    offset: BigInt(message.offset),
    key: message.key,
    value: message.value ?? noValue,
    headers: toHeaders(message.headers),
    timestamp: Number(message.timestamp),
  };
}

function toHeaders(headers: IHeaders | undefined): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) texts[name] = first.toString();
  }
  return texts;
}
