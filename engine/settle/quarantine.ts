/**
 * Decisions that can never settle: kept with their reason, in the watermark's transaction, so that
 * nothing of `orders` is ever skipped without a trace. Later events of such an order follow it.
 */
import type { Query } from '../../platform/postgres/db.ts';
import type { OrderId } from '../domain/types.ts';
import type { Entry } from '../lanes/codec.ts';

export interface Away {
  readonly entry: Entry;
  /** Of the event in its entry. */
  readonly index: number;
  readonly order: OrderId | null;
  readonly reason: string;
  readonly event: unknown;
}

/** Orders of a lane that have something unresolved in quarantine. */
export async function alreadyAway(q: Query, lane: number): Promise<ReadonlySet<OrderId>> {
  const rows = await q.query<{ order_id: OrderId | null }>(
    'SELECT DISTINCT order_id FROM sale.quarantine WHERE lane = $1 AND resolved_at IS NULL',
    [lane],
    'quarantine_orders',
  );
  return new Set(rows.map((r) => r.order_id).filter((id) => id !== null));
}

export async function putAway(q: Query, lane: number, away: readonly Away[]): Promise<void> {
  if (away.length === 0) return;
  await q.run(
    `INSERT INTO sale.quarantine (lane, epoch, seq, index, order_id, reason, event)
     SELECT $1, * FROM unnest($2::int[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::jsonb[])
     ON CONFLICT DO NOTHING`,
    [
      lane,
      away.map((a) => a.entry.epoch),
      away.map((a) => a.entry.seq),
      away.map((a) => a.index),
      away.map((a) => a.order),
      away.map((a) => a.reason),
      away.map((a) => JSON.stringify(a.event)),
    ],
  );
}

/** Freezes a lane in Postgres, where the truth of it is; the trimmer tells the lane. */
export async function freezeLane(
  q: Query,
  lane: number,
  code: 'rolled_back' | 'quarantine' | 'frozen',
  detail: string,
): Promise<void> {
  await q.run(
    `UPDATE sale.lanes SET state = 'frozen', reasons = reasons || $2::jsonb
      WHERE lane = $1 AND NOT reasons @> $3::jsonb`,
    [
      lane,
      JSON.stringify([{ code, detail, at: new Date().toISOString() }]),
      JSON.stringify([{ code, detail }]),
    ],
  );
}

/** A flag that a script set is copied to Postgres by whoever sees it. */
export async function copyFreeze(q: Query, lane: number, reason: string): Promise<void> {
  const code = reason.startsWith('rolled_back') ? 'rolled_back' : 'frozen';
  await freezeLane(q, lane, code, reason);
}
