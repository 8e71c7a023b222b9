// A Kafka in memory, as far as the port goes: one partition a topic, retries as the port promises.
import type {
  ConsumeOptions,
  IncomingBatch,
  IncomingMessage,
  KafkaConsumer,
  KafkaPort,
  KafkaProducer,
  OutgoingMessage,
} from '../../../platform/kafka/index.ts';
import { Fault } from '../../../platform/fault.ts';

const unused = (): never => {
  throw new Error('not part of this test');
};

export class FakeKafka implements KafkaPort {
  failures = 0;
  heartbeats = 0;
  consumers = 0;
  /** Calls of consume, answered or not. */
  asked = 0;
  refuseSends = false;
  hang = false;
  readonly #topics = new Map<string, IncomingMessage[]>();
  readonly #commits = new Map<string, number>();
  #open: { options: ConsumeOptions; closed: boolean } | null = null;

  readonly ensureTopics = unused;
  readonly ends = unused;
  readonly offsetsAt = unused;
  readonly read = unused;
  readonly deleteTopic = unused;

  put(
    topic: string,
    key: string | null,
    value: Buffer | string,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    const list = this.messages(topic);
    list.push({
      offset: BigInt(list.length),
      key: key === null ? null : Buffer.from(key),
      value: Buffer.from(value),
      headers,
      timestamp: 0,
    });
    this.#topics.set(topic, list);
    setImmediate(() => void this.#deliver());
  }

  messages(topic: string): IncomingMessage[] {
    return this.#topics.get(topic) ?? [];
  }

  /** The group's offset: what it will be given next. */
  committed(topic: string): number {
    return this.#commits.get(topic) ?? 0;
  }

  crash(error: Error): void {
    const open = this.#open;
    if (open === null) throw new Error('nobody consumes');
    open.closed = true;
    this.#open = null;
    open.options.onCrash(error);
  }

  producer(): Promise<KafkaProducer> {
    const send = (topic: string, messages: readonly OutgoingMessage[]): Promise<void> => {
      if (this.refuseSends) {
        return Promise.reject(new Fault('kafka', 'no answer', { retryable: true }));
      }
      for (const { key, value, headers } of messages) this.put(topic, key, value, headers);
      return Promise.resolve();
    };
    return Promise.resolve({ send, close: () => Promise.resolve() });
  }

  consume(options: ConsumeOptions): Promise<KafkaConsumer> {
    this.asked += 1;
    if (this.hang) return new Promise(() => undefined);
    this.consumers += 1;
    const open = { options, closed: false };
    this.#open = open;
    options.onAssigned?.(options.topics.map((topic) => ({ topic, partition: 0 })));
    setImmediate(() => void this.#deliver());
    const close = (): Promise<void> => {
      open.closed = true;
      if (this.#open === open) this.#open = null;
      return Promise.resolve();
    };
    return Promise.resolve({ close, seek: unused });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #delivering = false;

  async #deliver(): Promise<void> {
    const open = this.#open;
    if (open === null || this.#delivering) return;
    this.#delivering = true;
    try {
      const [topic = ''] = open.options.topics;
      while (!open.closed && this.committed(topic) < this.messages(topic).length) {
        await this.#deliverBatch(open.options, topic);
      }
    } finally {
      this.#delivering = false;
    }
  }

  /** An error brings the same batch again, for ever. */
  async #deliverBatch(options: ConsumeOptions, topic: string): Promise<void> {
    const messages = this.messages(topic).slice(this.committed(topic));
    const batch: IncomingBatch = {
      topic,
      partition: 0,
      highWatermark: BigInt(this.messages(topic).length),
      messages,
      heartbeat: () => {
        this.heartbeats += 1;
        return Promise.resolve();
      },
      isStale: () => false,
    };
    try {
      await options.onBatch(batch);
      this.#commits.set(topic, this.committed(topic) + messages.length);
    } catch {
      this.failures += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
