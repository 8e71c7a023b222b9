/**
 * Dead letters: messages that a subscriber could never take, read back out of `<topic>.dlq` and
 * sent again, their bytes untouched, to the topic that they were meant for. Subscribers know what
 * they have by its id, so sending twice is harmless; Postgres keeps what was sent again.
 */
import type {
  IncomingMessage,
  KafkaPort,
  KafkaProducer,
  OutgoingMessage,
} from '../platform/kafka/port.ts';
import type { Db } from '../platform/postgres/db.ts';
import { deadLetterTopic, jsonTopics, topicsOf } from './topics.ts';

export interface DeadLetterStores {
  readonly db: Db;
  readonly kafka: KafkaPort;
  readonly topicPrefix: string;
}

export interface DeadLetter {
  /** `topic/partition/offset` in the topic of dead letters; the topic is the original's name. */
  readonly id: string;
  /** Without the deployment's prefix. */
  readonly topic: string;
  readonly message: IncomingMessage;
  /** Why no subscriber took it; where it stood, and the group that gave it up; when. */
  readonly why: string;
  readonly where: string;
  readonly when: string;
  /** When it was last sent again; null = never. */
  readonly replayedAt: string | null;
}

const lettersPerSend = 100;
const ownHeaders = 'dlq-';

/** The topics that may have dead letters, without the prefix. */
export const letterTopics = (): readonly string[] => jsonTopics(topicsOf(''));

const markOf = (partition: number, offset: bigint | number, sentAt: number): string =>
  `${partition} ${offset} ${sentAt}`;

/** When each letter of a topic was last sent again. */
async function readMarks(db: Db, topic: string): Promise<Map<string, string>> {
  const rows = await db.query<{ partition: number; offset: number; sent: number; at: Date }>(
    `SELECT partition, "offset", sent_at AS sent, replayed_at AS at
       FROM platform.dead_letter_replays WHERE topic = $1`,
    [topic],
  );
  return new Map(
    rows.map((row) => [markOf(row.partition, row.offset, row.sent), row.at.toISOString()]),
  );
}

/** Reads every dead letter that Kafka keeps of a topic, partition by partition, oldest first. */
export async function eachDeadLetter(
  { db, kafka, topicPrefix }: DeadLetterStores,
  topic: string,
  onLetter: (letter: DeadLetter) => void | Promise<void>,
): Promise<void> {
  const marks = await readMarks(db, topic);
  const letters = deadLetterTopic(`${topicPrefix}${topic}`);
  for (const [partition, { low, high }] of await kafka.ends(letters)) {
    await kafka.read(letters, partition, low, high, (message) =>
      onLetter({
        id: `${topic}/${partition}/${message.offset}`,
        topic,
        message,
        why: message.headers['dlq-why'] ?? '',
        where: message.headers['dlq-where'] ?? '',
        when: message.headers['dlq-when'] ?? new Date(message.timestamp).toISOString(),
        replayedAt: marks.get(markOf(partition, message.offset, message.timestamp)) ?? null,
      }),
    );
  }
}

/** What is sent: the original key, bytes and headers, so the same partition as the first time. */
function originalOf({ message }: DeadLetter): OutgoingMessage {
  const headers = Object.entries(message.headers).filter(([name]) => !name.startsWith(ownHeaders));
  return {
    key: message.key?.toString('utf8') ?? null,
    value: message.value,
    headers: Object.fromEntries(headers),
  };
}

/**
 * Sends letters of a topic again that `wanted` chooses, and answers how many. `onSent` is told how
 * far it has come. Throws a retryable Fault with Kafka or Postgres away: what was sent by then
 * stays, and is sent once more at the worst.
 */
export async function replayDeadLetters(
  stores: DeadLetterStores,
  producer: KafkaProducer,
  topic: string,
  wanted: (letter: DeadLetter) => boolean,
  onSent: (letters: number) => void,
): Promise<number> {
  let sent = 0;
  let chunk: DeadLetter[] = [];
  const flush = async (): Promise<void> => {
    if (chunk.length === 0) return;
    await producer.send(`${stores.topicPrefix}${topic}`, chunk.map(originalOf));
    await mark(stores.db, topic, chunk);
    sent += chunk.length;
    chunk = [];
    onSent(sent);
  };
  await eachDeadLetter(stores, topic, async (letter) => {
    if (!wanted(letter)) return;
    chunk.push(letter);
    if (chunk.length >= lettersPerSend) await flush();
  });
  await flush();
  return sent;
}

async function mark(db: Db, topic: string, letters: readonly DeadLetter[]): Promise<void> {
  await db.run(
    `INSERT INTO platform.dead_letter_replays (topic, partition, "offset", sent_at)
     SELECT $1, * FROM unnest($2::int[], $3::bigint[], $4::bigint[])
     ON CONFLICT (topic, partition, "offset", sent_at) DO UPDATE SET replayed_at = now()`,
    [
      topic,
      letters.map(({ id }) => Number(id.split('/')[1])),
      letters.map(({ message }) => String(message.offset)),
      letters.map(({ message }) => message.timestamp),
    ],
  );
}
