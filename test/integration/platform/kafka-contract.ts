/**
 * What every loop relies on of Kafka, as cases over the port: the broker and the simulation's log must
 * both hold them.
 */
import { expect } from 'vitest';
import type { IncomingMessage, KafkaPort } from '../../../platform/kafka/port.ts';

export interface KafkaCase {
  readonly name: string;
  /** `topic` = one of its own, with two partitions. `until` waits for a condition. */
  run(kafka: KafkaPort, topic: string, until: Until): Promise<void>;
}

export type Until = (what: string, condition: () => boolean) => Promise<void>;

const partition = 1;

async function fill(kafka: KafkaPort, topic: string, values: readonly string[]): Promise<void> {
  const producer = await kafka.producer();
  for (const value of values) {
    await producer.send(topic, [{ partition, key: 'k', value, headers: { place: value } }]);
  }
  await producer.close();
}

async function readAll(kafka: KafkaPort, topic: string): Promise<IncomingMessage[]> {
  const found: IncomingMessage[] = [];
  const ends = (await kafka.ends(topic)).get(partition);
  if (ends === undefined) throw new Error('no such partition');
  await kafka.read(topic, partition, ends.low, ends.high, (message) => void found.push(message));
  return found;
}

const onCrash = (error: Error): void => {
  throw error;
};

export const kafkaCases: readonly KafkaCase[] = [
  {
    name: 'keeps what was sent, in order, its bytes and headers untouched',
    async run(kafka, topic) {
      await fill(kafka, topic, ['a', 'b', 'c']);
      const found = await readAll(kafka, topic);
      expect(found.map(({ value }) => value.toString())).toEqual(['a', 'b', 'c']);
      expect(found.map(({ offset }) => offset)).toEqual([0n, 1n, 2n]);
      expect(found.map(({ headers }) => headers['place'])).toEqual(['a', 'b', 'c']);
      const ends = await kafka.ends(topic);
      expect(ends.get(partition)).toEqual({ low: 0n, high: 3n });
      expect(ends.get(0)).toEqual({ low: 0n, high: 0n });
    },
  },
  {
    name: 'finds offsets by time: the first for a time before all, the end for one after',
    async run(kafka, topic) {
      await fill(kafka, topic, ['a', 'b']);
      const last = (await readAll(kafka, topic)).at(-1)?.timestamp ?? 0;
      expect((await kafka.offsetsAt(topic, 1)).get(partition)).toBe(0n);
      expect((await kafka.offsetsAt(topic, last + 60_000)).get(partition)).toBe(2n);
    },
  },
  {
    name: 'makes topics that are there again without harm',
    async run(kafka, topic) {
      await fill(kafka, topic, ['a']);
      await kafka.ensureTopics([{ topic, partitions: 2, replication: 1 }]);
      expect(await readAll(kafka, topic)).toHaveLength(1);
    },
  },
  {
    name: 'starts a partition where it is told, and from the beginning when that is beyond the end',
    async run(kafka, topic, until) {
      await fill(kafka, topic, ['a', 'b', 'c']);
      for (const [start, first] of [
        [1n, 'b'],
        [99n, 'a'],
      ] as const) {
        const seen: string[] = [];
        const consumer = await kafka.consume({
          groupId: `${topic}-${start}`,
          topics: [topic],
          commit: true,
          startOffset: (_, of) => Promise.resolve(of === partition ? start : null),
          onBatch: ({ messages }) => {
            seen.push(...messages.map(({ value }) => value.toString()));
            return Promise.resolve();
          },
          onCrash,
        });
        await until('all was seen', () => seen.at(-1) === 'c');
        expect(seen[0]).toBe(first);
        await consumer.close();
      }
    },
  },
  {
    name: 'gives a batch that failed again, whole, and what is behind it only then',
    async run(kafka, topic, until) {
      await fill(kafka, topic, ['a', 'b']);
      const seen: string[][] = [];
      const consumer = await kafka.consume({
        groupId: `${topic}-fails`,
        topics: [topic],
        commit: true,
        onBatch: ({ messages }) => {
          seen.push(messages.map(({ value }) => value.toString()));
          if (seen.length < 3) throw new Error('not yet');
          return Promise.resolve();
        },
        onCrash,
      });
      await until('both are done', () => seen.length > 2 && seen.at(-1)?.at(-1) === 'b');
      expect(seen.slice(0, 3).map(([first]) => first)).toEqual(['a', 'a', 'a']);
      await consumer.close();
    },
  },
  {
    name: 'goes on after the commit of the group, in another consumer',
    async run(kafka, topic, until) {
      const consumeTo = async (last: string): Promise<string[]> => {
        const seen: string[] = [];
        let done = false;
        const consumer = await kafka.consume({
          groupId: `${topic}-commits`,
          topics: [topic],
          commit: true,
          onBatch: ({ messages, highWatermark }) => {
            seen.push(...messages.map(({ value }) => value.toString()));
            done = messages.at(-1)?.offset === highWatermark - 1n;
            return Promise.resolve();
          },
          onCrash,
        });
        await until(`${last} was seen`, () => done && seen.at(-1) === last);
        // What is committed is committed when the next batch comes: one more tells.
        await fill(kafka, topic, [`${last}'`]);
        await until('the next one was seen', () => seen.at(-1) === `${last}'`);
        await consumer.close();
        return seen;
      };
      await fill(kafka, topic, ['a', 'b']);
      expect(await consumeTo('b')).toEqual(['a', 'b', "b'"]);
      await fill(kafka, topic, ['c']);
      // The last of the first consumer may come twice: its commit may have been cut.
      expect((await consumeTo('c')).filter((value) => value !== "b'")).toEqual(['c', "c'"]);
    },
  },
];
