/**
 * Sends one batch at a time, to all replicas in sync. Never idempotent: kafkajs then loses messages
 * after a lost response. After any failure the connection is dropped, so that nothing that was
 * given up can still arrive between what is sent later.
 */
import { Partitioners } from 'kafkajs';
import type { Kafka, Message, Producer } from 'kafkajs';
import { toFault, within } from './client.ts';
import type { KafkaProducer, OutgoingMessage } from './port.ts';

const connectTimeoutMs = 5_000;
const ackTimeoutMs = 4_000;
const sendTimeoutMs = 15_000;
const closeTimeoutMs = 3_000;
/**
 * Of one request: kafkajs makes one batch of what it has for a partition, however large, and a broker
 * refuses one of more than a megabyte, each time it comes. Beyond a message's bytes: its own fields.
 */
const requestBytes = 512 * 1024;
const messageExtraBytes = 100;

export class SerialProducer implements KafkaProducer {
  readonly #kafka: Kafka;
  #producer: Producer | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(kafka: Kafka) {
    this.#kafka = kafka;
  }

  send(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    const turn = this.#tail.then(() => this.#send(topic, messages));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async #send(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return;
    try {
      const producer = await this.#connected();
      for (const some of requestsOf(messages)) {
        const record = { topic, messages: some.map(toMessage), acks: -1, timeout: ackTimeoutMs };
        await within(sendTimeoutMs, `sending to ${topic}`, producer.send(record));
      }
    } catch (error) {
      await this.#drop();
      throw toFault(error);
    }
  }

  async #connected(): Promise<Producer> {
    if (this.#closed) throw new Error('the producer is closed');
    if (this.#producer !== null) return this.#producer;
    const producer = this.#kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: false,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    this.#producer = producer;
    await within(connectTimeoutMs, 'connecting', producer.connect());
    return producer;
  }

  async #drop(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    if (producer === null) return;
    await within(closeTimeoutMs, 'disconnecting', producer.disconnect()).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#tail;
    this.#closed = true;
    await this.#drop();
  }
}

function bytesOf({ key, value, headers = {} }: OutgoingMessage): number {
  const texts = [key ?? '', value, ...Object.entries(headers).flat()];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), messageExtraBytes);
}

/** In the order given, each as large as a request may be; a message that is larger goes alone. */
function requestsOf(messages: readonly OutgoingMessage[]): OutgoingMessage[][] {
  const requests: OutgoingMessage[][] = [];
  let bytes = Infinity;
  for (const message of messages) {
    const own = bytesOf(message);
    if (bytes + own > requestBytes) {
      requests.push([]);
      bytes = 0;
    }
    requests.at(-1)?.push(message);
    bytes += own;
  }
  return requests;
}

function toMessage({ partition, key, value, headers }: OutgoingMessage): Message {
  const message: Message = { key, value };
  if (partition !== undefined) message.partition = partition;
  if (headers !== undefined) message.headers = { ...headers };
  return message;
}
