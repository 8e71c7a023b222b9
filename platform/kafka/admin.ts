/** Topics and offsets. One connection, made when first needed, dropped after any failure. */
import type { Admin, Kafka } from 'kafkajs';
import { backoffMs, toFault, typesOf, within } from './client.ts';
import type { PartitionEnds, TopicSpec } from './port.ts';

const connectTimeoutMs = 5_000;
const callTimeoutMs = 15_000;
const createTimeoutMs = 10_000;
/** A broker that just started does not know its controller yet. */
const ensureForMs = 30_000;
const closeTimeoutMs = 3_000;
/** A partition that was just made, or whose broker just came back, has no leader for a moment. */
const leaderTypes = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE']);
const leaderRetriesMax = 4;

export class TopicAdmin {
  readonly #kafka: Kafka;
  #admin: Promise<Admin> | null = null;

  constructor(kafka: Kafka) {
    this.#kafka = kafka;
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    const deadlineMs = performance.now() + ensureForMs;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#call('creating topics', (admin) => createMissing(admin, topics));
        return;
      } catch (error) {
        const fault = toFault(error);
        if (!fault.retryable || performance.now() > deadlineMs) throw fault;
        await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt)));
      }
    }
  }

  listTopics(): Promise<string[]> {
    return this.#call('listing topics', (admin) => admin.listTopics());
  }

  async ends(topic: string): Promise<Map<number, PartitionEnds>> {
    const list = await this.#call('asking for offsets', (admin) => admin.fetchTopicOffsets(topic));
    return new Map(
      list.map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }]),
    );
  }

  async offsetsAt(topic: string, timestampMs: number): Promise<Map<number, bigint>> {
    const list = await this.#call('asking for offsets', (admin) =>
      admin.fetchTopicOffsetsByTimestamp(topic, timestampMs),
    );
    return new Map(list.map(({ partition, offset }) => [partition, BigInt(offset)]));
  }

  /** Asking to delete what is not there would be retried for ten seconds. */
  async deleteTopic(topic: string): Promise<void> {
    await this.#call('deleting a topic', async (admin) => {
      const there = await admin.listTopics();
      if (there.includes(topic)) await admin.deleteTopics({ topics: [topic] });
    });
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#call('deleting a group', (admin) => admin.deleteGroups([groupId]));
  }

  async #call<T>(what: string, fn: (admin: Admin) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const admin = await this.#connected();
        return await within(callTimeoutMs, what, fn(admin));
      } catch (error) {
        await this.close();
        const moving = typesOf(error).some((type) => leaderTypes.has(type));
        if (!moving || attempt >= leaderRetriesMax) throw toFault(error);
        await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt)));
      }
    }
  }

  #connected(): Promise<Admin> {
    this.#admin ??= (async () => {
      const admin = this.#kafka.admin();
      try {
        await within(connectTimeoutMs, 'connecting', admin.connect());
      } catch (error) {
        admin.disconnect().catch(() => undefined);
        throw error;
      }
      return admin;
    })();
    return this.#admin;
  }

  async close(): Promise<void> {
    const admin = this.#admin;
    this.#admin = null;
    if (admin === null) return;
    const disconnect = admin.then((a) => a.disconnect());
    await within(closeTimeoutMs, 'disconnecting', disconnect).catch(() => undefined);
  }
}

async function createMissing(admin: Admin, topics: readonly TopicSpec[]): Promise<void> {
  const there = new Set(await admin.listTopics());
  const missing = topics.filter(({ topic }) => !there.has(topic));
  if (missing.length > 0) {
    await admin.createTopics({
      waitForLeaders: true,
      timeout: createTimeoutMs,
      topics: missing.map(({ topic, partitions, replication, config }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: replication,
        configEntries: Object.entries(config ?? {}).map(([name, value]) => ({ name, value })),
      })),
    });
  }
  const old = topics.filter(({ topic }) => there.has(topic));
  if (old.length > 0) await growTopics(admin, old);
}

async function growTopics(admin: Admin, topics: readonly TopicSpec[]): Promise<void> {
  const { topics: found } = await admin.fetchTopicMetadata({ topics: topics.map((t) => t.topic) });
  const counts = new Map(found.map(({ name, partitions }) => [name, partitions.length]));
  const short = topics.filter(({ topic, partitions }) => (counts.get(topic) ?? 0) < partitions);
  if (short.length === 0) return;
  await admin.createPartitions({
    timeout: createTimeoutMs,
    topicPartitions: short.map(({ topic, partitions }) => ({ topic, count: partitions })),
  });
}
