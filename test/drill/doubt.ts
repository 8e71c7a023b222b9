/**
 * What only Redis has at this moment: decided, not settled, and not in Kafka either. Read from the
 * stores themselves, past the proxies; a disk that is lost now may take no more than this with it.
 */
import { Redis } from 'ioredis';
import { Client as Postgres } from 'pg';
import { readLogEntry } from '../../engine/audit/entries.ts';
import { laneKeys } from '../../engine/lanes/keys.ts';
import { topicsOf } from '../../engine/topics.ts';
import { createKafka } from '../../platform/kafka/index.ts';
import type { KafkaPort } from '../../platform/kafka/port.ts';
import { decidedIn } from '../support/decided.ts';
import { silent } from '../support/environment.ts';
import type { DrillStack } from './stack.ts';

export interface Doubt {
  readonly decisions: number;
  /** Entries of each lane's outbox, with these decisions in them. */
  readonly entries: ReadonlyMap<number, number>;
  /** Orders and tickets of which these decisions are the beginning, and so the whole. */
  readonly begun: ReadonlySet<string>;
  /** Orders and tickets of which they are only what came later: these themselves are safe. */
  readonly later: ReadonlySet<string>;
}

export const noDoubt: Doubt = {
  ...{ decisions: 0, entries: new Map<number, number>() },
  ...{ begun: new Set<string>(), later: new Set<string>() },
};

/** A lane's log above the watermark as the outbox has it, and its whole partition. */
export interface LaneCopies {
  readonly lane: number;
  readonly outbox: readonly Buffer[];
  readonly kafka: readonly Buffer[];
}

/** Entries whose bytes Kafka has survive the disk: a settler takes them from there. */
export function onlyInRedis(lanes: readonly LaneCopies[]): Doubt {
  const [begun, touched] = [new Set<string>(), new Set<string>()];
  let decisions = 0;
  const entries = new Map<number, number>();
  for (const { lane, outbox, kafka } of lanes) {
    const published = new Set(kafka.map((bytes) => bytes.toString('latin1')));
    for (const bytes of outbox) {
      if (published.has(bytes.toString('latin1'))) continue;
      const entry = readLogEntry(bytes);
      decisions += entry.count;
      entries.set(lane, (entries.get(lane) ?? 0) + 1);
      const decided = decidedIn(entry);
      for (const id of decided.begun) begun.add(id);
      for (const id of decided.later) touched.add(id);
    }
  }
  return { decisions, entries, begun, later: new Set([...touched].filter((id) => !begun.has(id))) };
}

/**
 * Nothing may be decided meanwhile. What settles or is published meanwhile may be counted still.
 * Throws when a store does not answer: then nothing is excused.
 */
export async function readDoubt(stack: DrillStack): Promise<Doubt> {
  const { DATABASE_URL, REDIS_URL, KAFKA_BROKERS } = stack.storeEnv();
  const db = new Postgres({ connectionString: DATABASE_URL });
  const redis = new Redis(REDIS_URL);
  const kafka = createKafka({
    ...{ brokers: KAFKA_BROKERS.split(','), clientId: 'drill-doubt', log: silent },
  });
  try {
    await db.connect();
    const { rows } = await db.query<{ lane: number; epoch: number; seq: string }>(
      'SELECT lane, epoch, seq FROM sale.watermarks',
    );
    const lanes = rows.map(async ({ lane, epoch, seq }): Promise<LaneCopies> => {
      const from = `${epoch}-${Number(seq) + 1}`;
      const entries = await redis.xrangeBuffer(laneKeys(lane).outbox, from, '+');
      const outbox = entries.map(([, fields]) => fields[1] ?? Buffer.alloc(0));
      return { lane, outbox, kafka: outbox.length === 0 ? [] : await partitionOf(kafka, lane) };
    });
    return onlyInRedis(await Promise.all(lanes));
  } finally {
    redis.disconnect();
    await Promise.all([db.end(), kafka.close()]);
  }
}

/** From its beginning to its end as it is now. */
async function partitionOf(kafka: KafkaPort, lane: number): Promise<Buffer[]> {
  const { orders } = topicsOf('');
  const messages: Buffer[] = [];
  const end = (await kafka.ends(orders)).get(lane);
  if (end === undefined) return messages;
  await kafka.read(orders, lane, end.low, end.high, ({ value }) => {
    messages.push(value);
  });
  return messages;
}
