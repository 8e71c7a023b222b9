/**
 * Consumers of the simulated Kafka: partitions are dealt out and move, an old owner learns of it late, who
 * is silent is out, what fails comes again.
 */
import { Fault } from '../../../platform/fault.ts';
import type {
  ConsumeOptions,
  IncomingBatch,
  IncomingMessage,
  KafkaConsumer,
  PartitionEnds,
  TopicPartition,
} from '../../../platform/kafka/port.ts';
import type { Faults } from '../faults.ts';
import type { Actor, Scheduler } from '../scheduler.ts';

/** Of one call. */
export const usualMs = 1.5;
const fetchWaitMs = 250;
const batchMax = 40;
const sessionMs = 6000;
const watchMs = 1000;
const backoffMs = 200;

export interface Partition {
  low: number;
  messages: IncomingMessage[];
}

/** What a consumer reads from. */
interface Broker {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly topics: ReadonlyMap<string, readonly Partition[]>;
  readonly up: boolean;
  readonly groupsLie: boolean;
  group(id: string): Group;
  ends(topic: string): Map<number, PartitionEnds>;
  slice(topic: string, index: number, from: bigint, to: bigint): IncomingMessage[];
  news(ms: number): Promise<void>;
}

export const kafkaFault = (why: string): Fault =>
  new Fault('kafka', `kafka: ${why}`, { retryable: true });

/** Members of a consumer group, and what they have committed. */
export class Group {
  readonly #broker: Broker;
  readonly members: Member[] = [];
  readonly committed = new Map<string, bigint>();
  #turn = 0;
  #generation = 0;
  #watching = false;

  constructor(broker: Broker) {
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
export class Member implements KafkaConsumer {
  readonly #broker: Broker;
  readonly actor: Actor;
  readonly options: ConsumeOptions;
  readonly #group: Group;
  readonly #positions = new Map<string, bigint>();
  heardAt: number;
  #generation = 0;
  #epoch = 0;
  #closed = false;

  constructor(broker: Broker, actor: Actor, options: ConsumeOptions) {
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

export function whenUp<T>(broker: Pick<Broker, 'up'>, run: () => T): Promise<T> {
  if (!broker.up) return Promise.reject(kafkaFault('the broker is away'));
  return Promise.resolve().then(run);
}
