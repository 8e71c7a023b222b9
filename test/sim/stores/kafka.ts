/**
 * Kafka as the simulation has it: a log in memory behind the port, with its promises and no more: a
 * message may come twice, an answer may not come, a batch may arrive long after its sender has gone,
 * a partition moves while its old owner does not know it yet, a tail or the whole log may be lost.
 * test/sim/kafka-contract.ts holds it and the real one to the same cases.
 */
import { Fault } from '../../../platform/fault.ts';
import type {
  ConsumeOptions,
  IncomingBatch,
  IncomingMessage,
  KafkaConsumer,
  KafkaPort,
  KafkaProducer,
  OutgoingMessage,
  PartitionEnds,
  TopicPartition,
  TopicSpec,
} from '../../../platform/kafka/port.ts';
import type { Faults } from '../faults.ts';
import type { Actor, Scheduler } from '../scheduler.ts';

const usualMs = 1.5;
const fetchWaitMs = 250;
const batchMax = 40;
const sessionMs = 6000;
const watchMs = 1000;
const backoffMs = 200;

interface Partition {
  low: number;
  messages: IncomingMessage[];
}

const kafkaFault = (why: string): Fault => new Fault('kafka', `kafka: ${why}`, { retryable: true });

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

/** Members of a consumer group, and what they have committed. */
class Group {
  readonly #broker: SimKafka;
  readonly members: Member[] = [];
  readonly committed = new Map<string, bigint>();
  #turn = 0;
  #generation = 0;
  #watching = false;

  constructor(broker: SimKafka) {
    this.#broker = broker;
  }

  join(member: Member): void {
    this.members.push(member);
    this.rebalance(false);
    if (this.#watching) return;
    this.#watching = true;
    this.#watch();
  }

  leave(member: Member): void {
    const at = this.members.indexOf(member);
    if (at < 0) return;
    this.members.splice(at, 1);
    this.rebalance(false);
  }

  /** Whoever has been silent for a session's time is out; one who comes to again joins again. */
  #watch(): void {
    const { scheduler } = this.#broker;
    scheduler.after(
      watchMs,
      () => {
        const { now } = scheduler;
        const silent = this.members.filter((member) => {
          const { alive, stoppedUntil } = member.actor;
          if (alive && stoppedUntil <= now) member.heardAt = now;
          return now - member.heardAt > sessionMs;
        });
        for (const member of silent) {
          this.leave(member);
          scheduler.after(0, () => member.expelled(), member.actor);
        }
        this.#watch();
      },
      scheduler.world,
    );
  }

  /** Deals the partitions out. An old owner learns of it in its own time. */
  rebalance(turn: boolean): void {
    if (turn) this.#turn += 1;
    const generation = ++this.#generation;
    const { members } = this;
    const all = this.#partitions();
    const { scheduler, groupsLie } = this.#broker;
    for (const [i, member] of members.entries()) {
      const own = groupsLie ? all : all.filter((_, n) => (n + this.#turn) % members.length === i);
      const knowsAfter = scheduler.rng.chance(0.2)
        ? scheduler.rng.next() * 3000
        : scheduler.delay(20);
      scheduler.after(knowsAfter, () => member.assign(own, generation), member.actor);
    }
  }

  #partitions(): TopicPartition[] {
    const topics = new Set(this.members.flatMap((member) => [...member.options.topics]));
    return [...topics].flatMap((topic) =>
      (this.#broker.topics.get(topic) ?? []).map((_, partition) => ({ topic, partition })),
    );
  }
}

/** A consumer: a loop for each partition of its assignment, until the next one. */
class Member implements KafkaConsumer {
  readonly #broker: SimKafka;
  readonly actor: Actor;
  readonly options: ConsumeOptions;
  readonly #group: Group;
  readonly #positions = new Map<string, bigint>();
  heardAt: number;
  #generation = 0;
  #epoch = 0;
  #closed = false;

  constructor(broker: SimKafka, actor: Actor, options: ConsumeOptions) {
    this.#broker = broker;
    this.actor = actor;
    this.options = options;
    this.heardAt = broker.scheduler.now;
    this.#group = broker.group(options.groupId);
    this.#group.join(this);
  }

  /** News of an older generation may come after those of a newer one. */
  assign(assigned: readonly TopicPartition[], generation: number): void {
    if (this.#closed || generation < this.#generation) return;
    this.#generation = generation;
    this.#epoch += 1;
    this.#positions.clear();
    this.options.onAssigned?.(assigned);
    for (const one of assigned) void this.#consume(one, this.#epoch);
  }

  expelled(): void {
    this.assign([], this.#generation);
    if (!this.#closed) this.#group.join(this);
  }

  #isOver(epoch: number): boolean {
    return this.#closed || epoch !== this.#epoch;
  }

  async #consume({ topic, partition }: TopicPartition, epoch: number): Promise<void> {
    const name = `${topic}/${partition}`;
    await this.#untilDone(epoch, async () => {
      this.#positions.set(name, await this.#start(topic, partition));
    });
    while (!this.#isOver(epoch)) {
      await this.#untilDone(epoch, async () => {
        const batch = await this.#fetch(topic, partition, epoch);
        if (batch.messages.length === 0) {
          await this.#broker.news(fetchWaitMs);
          return;
        }
        // What fails comes again, the same batch.
        await this.#untilDone(epoch, () => this.options.onBatch(batch));
        const next = (batch.messages.at(-1)?.offset ?? 0n) + 1n;
        if (this.#isOver(epoch)) return;
        this.#positions.set(name, next);
        if (this.options.commit) await this.#commit(name, next);
      });
    }
  }

  async #untilDone(epoch: number, step: () => Promise<void>): Promise<void> {
    while (!this.#isOver(epoch)) {
      try {
        await step();
        return;
      } catch {
        await this.#broker.scheduler.sleep(backoffMs * (0.5 + this.#broker.scheduler.rng.next()));
      }
    }
  }

  async #start(topic: string, partition: number): Promise<bigint> {
    const wanted = await this.options.startOffset?.(topic, partition);
    const ends = await this.#call('ends', () => this.#broker.ends(topic).get(partition));
    if (ends === undefined) throw kafkaFault('no such partition');
    const start = wanted ?? this.#group.committed.get(`${topic}/${partition}`) ?? ends.low;
    return start < ends.low || start > ends.high ? ends.low : start;
  }

  #fetch(topic: string, partition: number, epoch: number): Promise<IncomingBatch> {
    const name = `${topic}/${partition}`;
    const most = this.#broker.scheduler.rng.whole(1, batchMax);
    return this.#call(`fetch ${name}`, () => {
      const { low, high } = this.#broker.ends(topic).get(partition) ?? { low: 0n, high: 0n };
      const at = this.#positions.get(name) ?? low;
      // Out of range: the client begins again where the log does.
      const from = at < low || at > high ? low : at;
      return {
        topic,
        partition,
        highWatermark: high,
        messages: this.#broker.slice(topic, partition, from, from + BigInt(most)),
        heartbeat: () =>
          this.#isOver(epoch) ? Promise.reject(kafkaFault('rebalanced')) : Promise.resolve(),
        isStale: () => this.#isOver(epoch),
        toJSON: () => `${from}+${most}/${high}`,
      };
    });
  }

  async #commit(name: string, next: bigint): Promise<void> {
    await this.#call(`commit ${name}`, () => {
      this.#group.committed.set(name, next);
      return null;
    });
  }

  #call<T>(what: string, run: () => T): Promise<T> {
    const broker = this.#broker;
    return broker.faults.call('kafka', what, usualMs, () => whenUp(broker, run), kafkaFault);
  }

  seek(topic: string, partition: number, offset: bigint): void {
    this.#positions.set(`${topic}/${partition}`, offset);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#group.leave(this);
    return Promise.resolve();
  }
}

function whenUp<T>(broker: SimKafka, run: () => T): Promise<T> {
  if (!broker.up) return Promise.reject(kafkaFault('the broker is away'));
  return Promise.resolve().then(run);
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
    const send = async (topic: string, messages: readonly OutgoingMessage[]): Promise<void> => {
      await this.#call(`send ${topic} ${messages.length}`, () => {
        this.#broker.append(topic, messages);
        return null;
      });
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
