/**
 * What is in doubt at this moment: decided, and not settled. Read from the stores themselves, past
 * the proxies; a disk that is lost now may take no more than this with it.
 */
import { Redis } from 'ioredis';
import { Client as Postgres } from 'pg';
import { orderIn, readLogEntry } from '../../engine/audit/entries.ts';
import { ticketIdOf } from '../../engine/domain/ids.ts';
import { laneKeys } from '../../engine/lanes/keys.ts';
import type { DrillStack } from './stack.ts';

export interface Doubt {
  readonly decisions: number;
  /** Orders and tickets that these decisions are about. */
  readonly orders: ReadonlySet<string>;
}

export const noDoubt: Doubt = { decisions: 0, orders: new Set() };

/** Nothing may be decided meanwhile. What settles meanwhile may be counted still. */
export async function readDoubt(stack: DrillStack): Promise<Doubt> {
  const { DATABASE_URL, REDIS_URL } = stack.storeEnv();
  const db = new Postgres({ connectionString: DATABASE_URL });
  const redis = new Redis(REDIS_URL);
  const orders = new Set<string>();
  let decisions = 0;
  try {
    await db.connect();
    const { rows } = await db.query<{ lane: number; epoch: number; seq: string }>(
      'SELECT lane, epoch, seq FROM sale.watermarks',
    );
    for (const { lane, epoch, seq } of rows) {
      const from = `${epoch}-${Number(seq) + 1}`;
      for (const [, fields] of await redis.xrangeBuffer(laneKeys(lane).outbox, from, '+')) {
        const entry = readLogEntry(fields[1] ?? Buffer.alloc(0));
        decisions += entry.count;
        for (const fact of entry.orders) orders.add(orderIn(fact));
        for (const { sale, key } of entry.tickets) orders.add(ticketIdOf(sale, key));
      }
    }
    return { decisions, orders };
  } finally {
    redis.disconnect();
    await db.end();
  }
}
