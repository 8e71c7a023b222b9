/** The port to Kafka on a real broker: nothing lost, nothing skipped, order kept. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKafka } from '../../../platform/kafka/index.ts';
import { createLog } from '../../../platform/log.ts';
import type {
  ConsumeOptions,
  IncomingBatch,
  KafkaConsumer,
  KafkaPort,
  KafkaProducer,
} from '../../../platform/kafka/index.ts';
import { needed, ownName, until } from './stores.ts';

const brokers = needed('TEST_KAFKA_BROKERS').split(',');
const log = createLog('test', 'silent');
const made: string[] = [];
let kafka: KafkaPort;
let producer: KafkaProducer;

beforeAll(async () => {
  kafka = createKafka({ brokers, clientId: 'test', log });
  producer = await kafka.producer();
});
afterAll(async () => {
  for (const topic of made) await kafka.deleteTopic(topic).catch(() => undefined);
  await kafka.close();
});

async function topicOf(partitions: number): Promise<string> {
  const topic = ownName('topic');
  made.push(topic);
  await kafka.ensureTopics([{ topic, partitions, replication: 1 }]);
  return topic;
}

/** Numbers from..to as messages of a partition. */
async function put(topic: string, partition: number, from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
  await producer.send(
    topic,
    numbers.map((value) => ({ partition, key: 'k', value, headers: { n: value } })),
  );
}

interface Seen {
  readonly values: string[];
  readonly offsets: bigint[];
  readonly consumer: KafkaConsumer;
}

async function consume(
  topic: string,
  more: Partial<ConsumeOptions> = {},
  before: (batch: IncomingBatch) => Promise<void> | void = () => undefined,
): Promise<Seen> {
  const values: string[] = [];
  const offsets: bigint[] = [];
  const consumer = await kafka.consume({
    groupId: ownName('group'),
    topics: [topic],
    commit: true,
    onCrash: (error) => {
      throw error;
    },
    onBatch: async (batch) => {
      await before(batch);
      for (const message of batch.messages) {
        values.push(message.value.toString());
        offsets.push(message.offset);
      }
    },
    ...more,
  });
  return { values, offsets, consumer };
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

describe('topics', () => {
  it('are made once, and grow', async () => {
    const topic = await topicOf(1);
    const spec = { topic, replication: 1, config: { 'retention.ms': '-1' } };
    await kafka.ensureTopics([{ ...spec, partitions: 1 }]);
    await kafka.ensureTopics([{ ...spec, partitions: 3 }]);
    await until('three partitions', async () => (await kafka.ends(topic)).size === 3);
    await kafka.deleteTopic(topic);
    await kafka.deleteTopic(topic);
    await expect(kafka.ends(topic)).rejects.toMatchObject({ code: 'kafka' });
  });

  it('that cannot be are refused for good', async () => {
    const topic = ownName('topic');
    const wanted = kafka.ensureTopics([{ topic, partitions: 1, replication: 7 }]);
    await expect(wanted).rejects.toMatchObject({ code: 'kafka', retryable: false });
  });

  it('tell their ends, also by time', async () => {
    const topic = await topicOf(2);
    await put(topic, 1, 1, 5);
    expect(await kafka.ends(topic)).toEqual(
      new Map([
        [0, { low: 0n, high: 0n }],
        [1, { low: 0n, high: 5n }],
      ]),
    );
    const later = await kafka.offsetsAt(topic, Date.now() + 60_000);
    expect(later.get(1)).toBe(5n);
    expect((await kafka.offsetsAt(topic, 0)).get(1)).toBe(0n);
  });
});

describe('a producer', () => {
  it('keeps bytes, key, headers and the order of overlapping sends', async () => {
    const topic = await topicOf(1);
    const value = Buffer.from([0, 255, 128]);
    const sends = [0, 1, 2, 3].map((i) =>
      producer.send(topic, [{ partition: 0, key: `k${i}`, value, headers: { i: String(i) } }]),
    );
    await Promise.all(sends);
    const keys: string[] = [];
    await kafka.read(topic, 0, 0n, 100n, (message) => {
      expect(message.value.equals(value)).toBe(true);
      expect(message.timestamp).toBeGreaterThan(Date.now() - 60_000);
      keys.push(`${message.key?.toString()}:${message.headers['i']}`);
    });
    expect(keys).toEqual(['k0:0', 'k1:1', 'k2:2', 'k3:3']);
  });

  it('says when the topic is not there, and goes on', async () => {
    const nowhere = producer.send(ownName('nowhere'), [{ key: 'a', value: 'b' }]);
    await expect(nowhere).rejects.toMatchObject({ code: 'kafka', retryable: true });
    const topic = await topicOf(1);
    await put(topic, 0, 1, 1);
  });

  it('says when no broker answers', async () => {
    const away = createKafka({ brokers: ['127.0.0.1:1'], clientId: 'away', log });
    const lost = await away.producer();
    const sent = lost.send('x', [{ key: 'a', value: 'b' }]);
    await expect(sent).rejects.toMatchObject({ code: 'kafka', retryable: true });
    await expect(away.ends('x')).rejects.toMatchObject({ code: 'kafka', retryable: true });
    await away.close();
  });
});

describe('reading a stretch', () => {
  it('gives exactly that, and ends', async () => {
    const topic = await topicOf(2);
    await put(topic, 0, 100, 120);
    await put(topic, 1, 1, 50);
    const read = async (from: bigint, to: bigint): Promise<string[]> => {
      const values: string[] = [];
      await kafka.read(topic, 1, from, to, (m) => void values.push(m.value.toString()));
      return values;
    };
    expect(await read(10n, 13n)).toEqual(['11', '12', '13']);
    expect(await read(48n, 1000n)).toEqual(['49', '50']);
    expect(await read(50n, 60n)).toEqual([]);
    expect(await read(5n, 5n)).toEqual([]);
    const failing = kafka.read(topic, 1, 0n, 5n, () => Promise.reject(new Error('mine')));
    await expect(failing).rejects.toThrow('mine');
    const none = kafka.read(topic, 9, 0n, 5n, () => undefined);
    await expect(none).rejects.toMatchObject({ retryable: false });
  });
});

describe('a consumer', () => {
  it('waits for a topic that is not there yet', async () => {
    const topic = ownName('topic');
    made.push(topic);
    const seen = await consume(topic);
    await new Promise((resolve) => setTimeout(resolve, 700));
    await kafka.ensureTopics([{ topic, partitions: 1, replication: 1 }]);
    await put(topic, 0, 1, 3);
    await until('all came', () => seen.values.length >= 3);
    expect(seen.values).toEqual(numbers(1, 3));
    await seen.consumer.close();
  });

  it('goes on where it committed', async () => {
    const topic = await topicOf(1);
    const groupId = ownName('group');
    await put(topic, 0, 1, 10);
    const first = await consume(topic, { groupId });
    await until('ten', () => first.values.length === 10);
    await first.consumer.close();
    await put(topic, 0, 11, 20);
    const second = await consume(topic, { groupId });
    await until('ten more', () => second.values.length === 10);
    expect(second.values).toEqual(numbers(11, 20));
    expect(second.offsets[0]).toBe(10n);
    await second.consumer.close();
  });

  it('without commits begins anew', async () => {
    const topic = await topicOf(1);
    const options = { groupId: ownName('group'), commit: false };
    await put(topic, 0, 1, 5);
    for (let round = 0; round < 2; round += 1) {
      const seen = await consume(topic, options);
      await until('five', () => seen.values.length === 5);
      await seen.consumer.close();
    }
  });

  it('retries a batch that fails, for as long as it takes, and skips nothing', async () => {
    const topic = await topicOf(1);
    await put(topic, 0, 1, 5);
    let failures = 0;
    const seen = await consume(topic, {}, () => {
      failures += 1;
      if (failures === 2) throw new TypeError('kafkajs would crash of this one');
      if (failures < 6) throw new Error('not now');
    });
    await until('five', () => seen.values.length >= 5);
    await put(topic, 0, 6, 9);
    await until('nine', () => seen.values.length >= 9);
    expect(seen.values).toEqual(numbers(1, 9));
    expect(failures).toBeGreaterThanOrEqual(7);
    await seen.consumer.close();
  });

  it('asks where to start, and starts there', async () => {
    const topic = await topicOf(2);
    await put(topic, 0, 1, 10);
    await put(topic, 1, 101, 110);
    let asked = 0;
    const seen = await consume(topic, {
      concurrency: 2,
      startOffset: async (_, partition) => {
        asked += 1;
        if (asked === 1) throw new Error('not now');
        await new Promise((resolve) => setTimeout(resolve, 200));
        return partition === 0 ? 7n : null;
      },
    });
    await until('thirteen', () => seen.values.length >= 13);
    expect(seen.values.filter((v) => Number(v) < 100)).toEqual(numbers(8, 10));
    expect(seen.values.filter((v) => Number(v) > 100)).toEqual(numbers(101, 110));
    await seen.consumer.close();
  });

  it('told to start beyond the end starts at the beginning', async () => {
    const topic = await topicOf(1);
    await put(topic, 0, 1, 4);
    const seen = await consume(topic, { startOffset: () => Promise.resolve(1000n) });
    await until('four', () => seen.values.length >= 4);
    expect(seen.values).toEqual(numbers(1, 4));
    await put(topic, 0, 5, 6);
    await until('six', () => seen.values.length >= 6);
    await seen.consumer.close();
  });

  it('told to start at the end waits for what comes', async () => {
    const topic = await topicOf(1);
    await put(topic, 0, 1, 4);
    let assigned = false;
    const seen = await consume(topic, {
      startOffset: () => Promise.resolve(4n),
      onAssigned: () => (assigned = true),
    });
    await until('it is assigned', () => assigned);
    await put(topic, 0, 5, 6);
    await until('two', () => seen.values.length >= 2);
    expect(seen.values).toEqual(['5', '6']);
    await seen.consumer.close();
  });

  it('may be sent back, also from inside of a batch', async () => {
    const topic = await topicOf(1);
    await put(topic, 0, 1, 10);
    let back = false;
    let stale = false;
    const seen = await consume(topic, {}, (batch) => {
      if (back) return;
      back = true;
      seen.consumer.seek(topic, 0, 3n);
      stale = batch.isStale();
    });
    await until('the first round and the second', () => seen.values.length >= 17);
    expect(stale).toBe(true);
    expect(seen.values.slice(-7)).toEqual(numbers(4, 10));
    seen.consumer.seek(topic, 0, 8n);
    await until('two more', () => seen.values.length >= 19);
    expect(seen.values.slice(-2)).toEqual(['9', '10']);
    await seen.consumer.close();
  });

  it('sent beyond the end begins anew', async () => {
    const topic = await topicOf(1);
    await put(topic, 0, 1, 3);
    const seen = await consume(topic);
    await until('three', () => seen.values.length >= 3);
    seen.consumer.seek(topic, 0, 500n);
    await until('three again', () => seen.values.length >= 6);
    expect(seen.values).toEqual([...numbers(1, 3), ...numbers(1, 3)]);
    await seen.consumer.close();
  });

  it('keeps its partitions while a batch takes longer than the session', async () => {
    const topic = await topicOf(1);
    await put(topic, 0, 1, 1);
    let batches = 0;
    const seen = await consume(topic, {}, async (batch) => {
      batches += 1;
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      expect(batch.isStale()).toBe(false);
    });
    await until('the first', () => seen.values.length >= 1);
    await put(topic, 0, 2, 2);
    await until('the second', () => seen.values.length >= 2);
    expect(batches).toBe(2);
    expect(seen.values).toEqual(['1', '2']);
    await seen.consumer.close();
  });

  it('shares with others, loses nothing when one leaves or comes', async () => {
    const topic = await topicOf(4);
    const groupId = ownName('group');
    const options = { groupId };
    const first = await consume(topic, options);
    let sent = 0;
    const send = async (count: number): Promise<void> => {
      for (let partition = 0; partition < 4; partition += 1) {
        await put(topic, partition, sent + 1, sent + count);
        sent += count;
      }
    };
    await send(10);
    const second = await consume(topic, options);
    await send(10);
    await until('both work', async () => {
      await send(1);
      return first.values.length > 0 && second.values.length > 0;
    });
    await first.consumer.close();
    await send(10);
    const third = await consume(topic, options);
    await send(5);
    const all = (): Set<string> => new Set([...first.values, ...second.values, ...third.values]);
    await until('all came', () => all().size === sent);
    await Promise.all([second.consumer.close(), third.consumer.close()]);
  });

  it('closes quickly although a batch fails all the time', async () => {
    const topic = await topicOf(1);
    await put(topic, 0, 1, 1);
    let tried = 0;
    const seen = await consume(topic, {}, () => {
      tried += 1;
      throw new Error('never');
    });
    await until('it tried', () => tried > 2);
    const startedAtMs = performance.now();
    await seen.consumer.close();
    expect(performance.now() - startedAtMs).toBeLessThan(3_000);
    const before = tried;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(tried).toBe(before);
  });
});
