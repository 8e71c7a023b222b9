/**
 * Where a message goes that no retry can make right: the original bytes under the original key,
 * with headers that say why, where and when. At least once, like everything else in Kafka.
 */
import type { IncomingMessage, KafkaPort, KafkaProducer } from '../platform/kafka/index.ts';

export interface DeadLetter {
  readonly message: IncomingMessage;
  readonly why: string;
}

export interface DeadLetters {
  /** Throws a retryable Fault when Kafka does not take them; then they are to be sent again. */
  send(topic: string, partition: number, letters: readonly DeadLetter[]): Promise<void>;
  close(): Promise<void>;
}

export const deadLetterTopic = (topic: string): string => `${topic}.dlq`;

const whyMax = 500;

/** The producer is made when the first letter comes: most processes never need one. */
export function createDeadLetters(kafka: KafkaPort, groupId: string, now: () => Date): DeadLetters {
  let producer: Promise<KafkaProducer> | null = null;
  return {
    async send(topic, partition, letters) {
      if (letters.length === 0) return;
      producer ??= kafka.producer();
      const made = producer;
      const open = await made.catch((error: unknown) => {
        if (producer === made) producer = null;
        throw error;
      });
      const when = now().toISOString();
      const messages = letters.map(({ message, why }) => ({
        key: message.key?.toString('utf8') ?? null,
        value: message.value,
        headers: {
          ...message.headers,
          'dlq-why': why.slice(0, whyMax),
          'dlq-where': `${topic}/${partition}/${message.offset} ${groupId}`,
          'dlq-when': when,
        },
      }));
      await open.send(deadLetterTopic(topic), messages);
    },
    async close() {
      const open = await producer?.catch(() => null);
      await open?.close();
    },
  };
}
