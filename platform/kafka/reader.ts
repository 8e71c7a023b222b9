/**
 * Reads a stretch of one partition once. kafkajs reads only as a member of a group, so it gets a
 * group of its own, which is deleted afterwards.
 */
import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { Fault } from '../fault.ts';
import type { TopicAdmin } from './admin.ts';
import { toIncoming } from './batch-work.ts';
import { toFault, within } from './client.ts';
import type { IncomingMessage } from './port.ts';

const noProgressMs = 15_000;
const closeTimeoutMs = 5_000;
/** Of one answer: somebody waits for the end of the stretch. */
const answerBytesMax = 16 * 2 ** 20;

export interface Stretch {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  /** Exclusive. */
  readonly to: bigint;
}

type OnMessage = (message: IncomingMessage) => void | Promise<void>;

/**
 * Resolves after the last message of the stretch that exists. The group goes away meanwhile:
 * `leaving` gets that work.
 */
export async function readStretch(
  kafka: Kafka,
  admin: TopicAdmin,
  wanted: Stretch,
  onMessage: OnMessage,
  leaving: (work: Promise<void>) => void,
): Promise<void> {
  const stretch = await clip(admin, wanted);
  if (stretch.from >= stretch.to) return;
  const groupId = `highnoon-read-${randomUUID()}`;
  const consumer = kafka.consumer({
    groupId,
    maxWaitTimeInMs: 50,
    maxBytesPerPartition: answerBytesMax,
    maxBytes: answerBytesMax,
    allowAutoTopicCreation: false,
  });
  try {
    await readAll(consumer, stretch, onMessage);
  } catch (error) {
    throw isOurs(error) ? error.cause : toFault(error);
  } finally {
    leaving(leave(consumer, admin, groupId));
  }
}

async function leave(consumer: Consumer, admin: TopicAdmin, groupId: string): Promise<void> {
  await within(closeTimeoutMs, 'leaving', consumer.disconnect()).catch(() => undefined);
  // An empty group is forgotten by the broker anyway, after a week.
  await admin.deleteGroup(groupId).catch(() => undefined);
}

async function clip(admin: TopicAdmin, { topic, partition, from, to }: Stretch): Promise<Stretch> {
  const ends = (await admin.ends(topic)).get(partition);
  if (ends === undefined) {
    throw new Fault('kafka', `kafka: ${topic} has no partition ${partition}`, { retryable: false });
  }
  return {
    topic,
    partition,
    from: from > ends.low ? from : ends.low,
    to: to < ends.high ? to : ends.high,
  };
}

/** Marks what `onMessage` threw, which is not Kafka's fault and is handed on as it is. */
class HandlerFailed extends Error {}

function isOurs(error: unknown): error is HandlerFailed {
  return error instanceof HandlerFailed;
}

async function readAll(consumer: Consumer, stretch: Stretch, onMessage: OnMessage): Promise<void> {
  const { topic, partition, to } = stretch;
  let next = stretch.from;
  let lastProgressMs = performance.now();
  let watch: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      watch = setInterval(() => {
        if (performance.now() - lastProgressMs < noProgressMs) return;
        reject(new Error(`reading ${topic}/${partition} does not get on`));
      }, 1000);
      // After most errors kafkajs starts again by itself, and joins again.
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) reject(payload.error);
      });
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        const others = (payload.memberAssignment[topic] ?? []).filter((p) => p !== partition);
        if (others.length > 0) consumer.pause([{ topic, partitions: others }]);
        consumer.seek({ topic, partition, offset: String(next) });
      });
      const eachBatch = async (payload: EachBatchPayload): Promise<void> => {
        if (payload.batch.partition !== partition || payload.isStale()) return;
        for (const raw of payload.batch.messages) {
          const message = toIncoming(raw);
          if (message.offset < next || message.offset >= to) continue;
          lastProgressMs = performance.now();
          try {
            await onMessage(message);
          } catch (error) {
            reject(new HandlerFailed('handler', { cause: error }));
            return;
          }
          next = message.offset + 1n;
        }
        const after = BigInt(payload.batch.lastOffset()) + 1n;
        if (after > next) next = after;
        if (next >= to) resolve();
        await payload.heartbeat();
      };
      start(consumer, topic, eachBatch).catch(reject);
    });
  } finally {
    clearInterval(watch);
  }
}

async function start(
  consumer: Consumer,
  topic: string,
  eachBatch: (payload: EachBatchPayload) => Promise<void>,
): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: true, eachBatch });
}
