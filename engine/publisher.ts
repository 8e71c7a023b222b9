/**
 * Publisher: takes rows of `platform.outbox` to their Kafka topics. Read by row state with SKIP
 * LOCKED, never by "id greater than", because rows commit out of order. Receivers dedupe. Rows that
 * were published a day ago are deleted.
 */
import { clock } from '../platform/clock.ts';
import { crashPoint } from '../platform/crash.ts';
import type { KafkaProducer, OutgoingMessage } from '../platform/kafka/port.ts';
import type { Log } from '../platform/log.ts';
import type { Db } from '../platform/postgres/db.ts';
import { idle, startLoop, type Loop } from './loop.ts';

const rowsMax = 500;
/**
 * Of what is sent in one transaction: Postgres ends one that stands idle for 10 s, and then the same rows
 * would be sent again, for as long as Kafka takes that long for them.
 */
const bytesMax = 2_000_000;
const everyMs = 100;
const idleMs = 250;
const sweepEveryMs = 60_000;

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
  // One statement, not a transaction: nearly every round finds nothing.
  const isEmpty = async (): Promise<boolean> => {
    const found = await db.query(
      'SELECT 1 FROM platform.outbox WHERE published_at IS NULL LIMIT 1',
      [],
      'publisher_look',
    );
    return found.length === 0;
  };
  const publish = (): Promise<boolean> =>
    db.tx(async (q) => {
      const rows = await q.query<OutboxRow>(
        `SELECT id, topic, key, value, headers FROM platform.outbox
          WHERE published_at IS NULL ORDER BY id LIMIT ${rowsMax} FOR UPDATE SKIP LOCKED`,
        [],
        'publisher_rows',
      );
      const { ids, byTopic } = firstOf(rows);
      for (const [topic, messages] of byTopic) {
        await producer.send(`${topicPrefix}${topic}`, messages);
        crashPoint('publisher.sent');
      }
      if (ids.length > 0) {
        await q.run('UPDATE platform.outbox SET published_at = now() WHERE id = ANY($1)', [ids]);
      }
      return rows.length === rowsMax || ids.length < rows.length;
    });
  let sweptAt = -Infinity;
  const round = async (): Promise<boolean | typeof idle> => {
    if (failed) await options.ensureTopics();
    failed = true;
    const empty = await isEmpty();
    const more = !empty && (await publish());
    failed = false;
    if (more) return true;
    if (clock.now() - sweptAt >= sweepEveryMs) {
      const swept = await sweep(db);
      if (swept === rowsMax) return true;
      sweptAt = clock.now();
    }
    return empty ? idle : false;
  };
  return startLoop({ name: 'publisher', log, everyMs, idleMs, round });
}

/** As many of the rows as may be sent at once, one at least; their messages by topic. */
function firstOf(rows: readonly OutboxRow[]) {
  const ids: number[] = [];
  const byTopic = new Map<string, OutgoingMessage[]>();
  let bytes = 0;
  for (const row of rows) {
    const value = JSON.stringify(row.value);
    bytes += value.length;
    if (ids.length > 0 && bytes > bytesMax) break;
    ids.push(row.id);
    const messages = byTopic.get(row.topic) ?? [];
    byTopic.set(row.topic, messages);
    const headers = { 'content-type': 'application/json', ...row.headers };
    messages.push({ key: row.key, value, headers });
  }
  return { ids, byTopic };
}

/** Deletes of the oldest rows those that went out a day ago. Answers how many. */
const sweep = (db: Db): Promise<number> =>
  db.run(
    `DELETE FROM platform.outbox WHERE id IN (
       SELECT id FROM (SELECT id, published_at FROM platform.outbox ORDER BY id LIMIT ${rowsMax}) o
        WHERE published_at < now() - interval '1 day')`,
    [],
    'publisher_sweep',
  );
