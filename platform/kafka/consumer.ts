/**
 * A group consumer that comes back by itself: waits for its topics, outlives broker restarts by
 * starting a new kafkajs consumer after each crash, and gives up only for what looks like a bug.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { messageOf } from '../fault.ts';
import type { Log } from '../log.ts';
import type { TopicAdmin } from './admin.ts';
import { backoffMs, isKafkaError, toFault } from './client.ts';
import type { ConsumeOptions, KafkaConsumer } from './port.ts';
import { ConsumerSession } from './session.ts';

const topicPollMs = 500;

export class GroupConsumer implements KafkaConsumer {
  readonly #kafka: Kafka;
  readonly #admin: TopicAdmin;
  readonly #log: Log;
  readonly #options: ConsumeOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #session: ConsumerSession | null = null;

  constructor(kafka: Kafka, admin: TopicAdmin, log: Log, options: ConsumeOptions) {
    this.#kafka = kafka;
    this.#admin = admin;
    this.#log = log.child({ group: options.groupId });
    this.#options = options;
    this.#running = this.#run();
  }

  /** Sessions one after the other; the failures in a row decide how long to wait between them. */
  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#isStopped()) {
      try {
        await this.#untilTopicsExist();
        const session = new ConsumerSession(this.#kafka, this.#admin, this.#log, this.#options);
        this.#session = session;
        await session.run(() => (failures = 0));
      } catch (error) {
        if (this.#isStopped()) return;
        if (!isKafkaError(error) && !toFault(error).retryable) {
          this.#giveUp(error);
          return;
        }
        this.#log.warn({ err: messageOf(error) }, 'consumer lost, starting again');
        failures += 1;
        await this.#pause(backoffMs(failures));
      }
    }
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  #giveUp(error: unknown): void {
    this.#log.error({ err: error }, 'consumer crashed');
    this.#options.onCrash(error instanceof Error ? error : new Error(String(error)));
  }

  async #untilTopicsExist(): Promise<void> {
    for (let told = false; !this.#isStopped(); told = true) {
      const there = new Set(await this.#admin.listTopics());
      const missing = this.#options.topics.filter((topic) => !there.has(topic));
      if (missing.length === 0) return;
      if (!told) this.#log.warn({ missing }, 'waiting for topics');
      await this.#pause(topicPollMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  seek(topic: string, partition: number, offset: bigint): void {
    this.#session?.seek(topic, partition, offset);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#session?.close();
    await this.#running;
  }
}
