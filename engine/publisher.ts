/**
 * Publisher: takes rows of `platform.outbox` to their Kafka topics. Read by row state with SKIP
 * LOCKED, never by "id greater than", because rows commit out of order. Receivers dedupe.
 */
import { crashPoint } from '../platform/crash.ts';
import type { KafkaProducer, OutgoingMessage } from '../platform/kafka/port.ts';
import type { Log } from '../platform/log.ts';
import type { Db } from '../platform/postgres/db.ts';
import { startLoop, type Loop } from './loop.ts';

const rowsMax = 500;
const everyMs = 100;

interface OutboxRow {
  readonly id: number;
  readonly topic: string;
  readonly key: string;
  readonly value: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

export function startPublisher(options: {
  readonly db: Db;
  readonly producer: KafkaProducer;
  readonly topicPrefix: string;
  readonly log: Log;
  /** Creates topics that are missing. */
  readonly ensureTopics: () => Promise<void>;
}): Loop {
  const { db, producer, topicPrefix, log } = options;
  let failed = false;
  const publish = (): Promise<boolean> =>
    db.tx(async (q) => {
      const rows = await q.query<OutboxRow>(
        `SELECT id, topic, key, value, headers FROM platform.outbox
          WHERE published_at IS NULL ORDER BY id LIMIT ${rowsMax} FOR UPDATE SKIP LOCKED`,
        [],
        'publisher_rows',
      );
      const byTopic = new Map<string, OutgoingMessage[]>();
      for (const row of rows) {
        const messages = byTopic.get(row.topic) ?? [];
        byTopic.set(row.topic, messages);
        messages.push({
          key: row.key,
          value: JSON.stringify(row.value),
          headers: { 'content-type': 'application/json', ...row.headers },
        });
      }
      for (const [topic, messages] of byTopic) {
        await producer.send(`${topicPrefix}${topic}`, messages);
        crashPoint('publisher.sent');
      }
      if (rows.length > 0) {
        await q.run('UPDATE platform.outbox SET published_at = now() WHERE id = ANY($1)', [
          rows.map((r) => r.id),
        ]);
      }
      return rows.length === rowsMax;
    });
  const round = async (): Promise<boolean> => {
    if (failed) await options.ensureTopics();
    failed = true;
    const more = await publish();
    failed = false;
    return more;
  };
  return startLoop({ name: 'publisher', log, everyMs, round });
}
