/**
 * Kafka as the simulation has it: a log in memory behind the port, with its promises and no more: a
 * message may come twice, an answer may not come, a batch may arrive long after its sender has gone,
 * a partition moves while its old owner does not know it yet, a tail or the whole log may be lost.
 * test/sim/kafka-contract.ts holds it and the real one to the same cases.
 */
import type {
  ConsumeOptions,
  IncomingMessage,
  KafkaConsumer,
  KafkaPort,
  KafkaProducer,
  OutgoingMessage,
  PartitionEnds,
  TopicSpec,
} from '../../../platform/kafka/port.ts';
import type { Faults } from '../faults.ts';
import type { Actor, Scheduler } from '../scheduler.ts';
import { Group, kafkaFault, Member, usualMs, whenUp, type Partition } from './kafka-group.ts';

export class SimKafka {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly topics = new Map<string, Partition[]>();
  readonly #groups = new Map<string, Group>();
  readonly #wakeful = new Set<() => void>();
  up = true;
  /** Every consumer of a group has every partition: two owners of each. */
  groupsLie = false;

  constructor(scheduler: Scheduler, faults: Faults) {
    this.scheduler = scheduler;
    this.faults = faults;
  }

  port(actor: Actor): KafkaPort {
    return new SimKafkaPort(this, actor);
  }

  /** The auditor's way: nothing of it takes time or fails. */
  raw(): Pick<KafkaPort, 'ends' | 'read'> {
    return {
      ends: (topic) => Promise.resolve(this.ends(topic)),
      read: async (topic, partition, from, to, onMessage) => {
        for (const message of this.slice(topic, partition, from, to)) await onMessage(message);
      },
    };
  }

  partition(topic: string, index: number): Partition {
    const found = this.topics.get(topic)?.[index];
    if (found === undefined) throw kafkaFault(`no partition ${index} of ${topic}`);
    return found;
  }

  make({ topic, partitions }: TopicSpec): void {
    const there = this.topics.get(topic) ?? [];
    while (there.length < partitions) there.push({ low: 0, messages: [] });
    this.topics.set(topic, there);
  }

  append(topic: string, messages: readonly OutgoingMessage[]): void {
    for (const { key, partition, value, headers } of messages) {
      const count = this.topics.get(topic)?.length ?? 0;
      const to = this.partition(topic, partition ?? hashOf(key ?? '') % Math.max(1, count));
      to.messages.push({
        offset: BigInt(to.low + to.messages.length),
        key: key === null ? null : Buffer.from(key),
        value: Buffer.from(value),
        headers: headers ?? {},
        timestamp: this.scheduler.wall,
      });
    }
    for (const wake of this.#wakeful) wake();
  }

  /** Messages `[from, to)` that still exist. */
  slice(topic: string, index: number, from: bigint, to: bigint): IncomingMessage[] {
    return this.partition(topic, index).messages.filter((m) => m.offset >= from && m.offset < to);
  }

  ends(topic: string): Map<number, PartitionEnds> {
    const all = this.topics.get(topic) ?? [];
    return new Map(all.map(({ low, messages }, i) => [i, endsOf(low, messages.length)]));
  }

  /** Loses the last messages of a partition: their offsets are given out again. */
  loseTail(topic: string, index: number, count: number): void {
    const { messages } = this.partition(topic, index);
    messages.splice(Math.max(0, messages.length - count));
  }

  /** The topic is made anew, empty. */
  loseAll(topic: string): void {
    for (const partition of this.topics.get(topic) ?? []) {
      partition.low = 0;
      partition.messages = [];
    }
  }

  group(id: string): Group {
    const group = this.#groups.get(id) ?? new Group(this);
    this.#groups.set(id, group);
    return group;
  }

  /** Partitions go round. */
  shuffle(): void {
    for (const group of this.#groups.values()) group.rebalance(true);
  }

  /** Resolves when something was appended, or after so long. */
  news(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wakeful.delete(wake);
        this.scheduler.after(0, resolve, actor);
      };
      const { actor } = this.scheduler;
      this.#wakeful.add(wake);
      this.scheduler.after(ms, wake, this.scheduler.world);
    });
  }
}

const endsOf = (low: number, count: number): PartitionEnds => ({
  low: BigInt(low),
  high: BigInt(low + count),
});

function hashOf(key: string): number {
  let hash = 7;
  for (const char of key) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return hash;
}

class SimKafkaPort implements KafkaPort {
  readonly #broker: SimKafka;
  readonly #actor: Actor;

  constructor(broker: SimKafka, actor: Actor) {
    this.#broker = broker;
    this.#actor = actor;
  }

  #call<T>(what: string, run: () => T): Promise<T> {
    const broker = this.#broker;
    return broker.faults.call('kafka', what, usualMs, () => whenUp(broker, run), kafkaFault);
  }

  async ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    await this.#call('topics', () => {
      for (const spec of specs) this.#broker.make(spec);
      return null;
    });
  }

  producer(): Promise<KafkaProducer> {
    let tail: Promise<void> = Promise.resolve();
    const { faults, scheduler } = this.#broker;
    const once = async (topic: string, messages: readonly OutgoingMessage[]): Promise<void> => {
      await this.#call(`send ${topic} ${messages.length}`, () => {
        this.#broker.append(topic, messages);
        return null;
      });
    };
    const send = async (topic: string, messages: readonly OutgoingMessage[]): Promise<void> => {
      await once(topic, messages);
      const againMs = faults.resendMs();
      if (againMs === null) return;
      // As kafkajs does that was not told in time: its caller waits, and others may send meanwhile.
      await scheduler.sleep(againMs);
      await once(topic, messages);
      faults.count('a batch was sent twice');
    };
    return Promise.resolve({
      send: (topic, messages) => {
        const sent = tail.catch(() => undefined).then(() => send(topic, messages));
        tail = sent;
        return sent;
      },
      close: () => Promise.resolve(),
    });
  }

  consume(options: ConsumeOptions): Promise<KafkaConsumer> {
    return Promise.resolve(new Member(this.#broker, this.#actor, options));
  }

  async ends(topic: string): Promise<Map<number, PartitionEnds>> {
    return this.#call('ends', () => this.#broker.ends(topic));
  }

  offsetsAt(topic: string, timestampMs: number): Promise<Map<number, bigint>> {
    return this.#call('offsets', () => {
      const all = this.#broker.topics.get(topic) ?? [];
      return new Map(
        all.map(({ low, messages }, i) => {
          const first = messages.find(({ timestamp }) => timestamp >= timestampMs);
          return [i, first?.offset ?? BigInt(low + messages.length)];
        }),
      );
    });
  }

  async read(
    topic: string,
    partition: number,
    from: bigint,
    to: bigint,
    onMessage: (message: IncomingMessage) => void | Promise<void>,
  ): Promise<void> {
    const messages = await this.#call(`read ${topic}`, () => ({
      list: this.#broker.slice(topic, partition, from, to),
      toJSON: () => `${from}-${to}`,
    }));
    for (const message of messages.list) await onMessage(message);
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#call('delete', () => this.#broker.topics.delete(topic));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
