/**
 * Decisions that can never settle: kept with their reason, in the watermark's transaction, so that
 * nothing of `orders` is ever skipped without a trace. Later events of such an order follow it.
 */
import { clock } from '../../platform/clock.ts';
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
  /** The lane counts it as decided, the watermark will not. */
  readonly inDoubt: boolean;
}

/**
 * Orders of a lane that have something unresolved in quarantine. What was put away before the last
 * recovery binds nobody: the lane was made anew from what had settled.
 */
export async function alreadyAway(q: Query, lane: number): Promise<ReadonlySet<OrderId>> {
  const rows = await q.query<{ order_id: OrderId | null }>(
    `SELECT DISTINCT order_id FROM sale.quarantine JOIN sale.lanes USING (lane)
      WHERE lane = $1 AND resolved_at IS NULL AND quarantine.epoch >= recovered_epoch`,
    [lane],
    'quarantine_orders',
  );
  return new Set(rows.map((r) => r.order_id).filter((id) => id !== null));
}

/** Postgres stores every character but one, and what is put away may be refused for that very one. */
export const storable = (text: string): string => text.replaceAll('\0', '\ufffd');

const storableJson = (event: unknown): string =>
  JSON.stringify(event, (_, value: unknown) =>
    typeof value === 'string' ? storable(value) : value,
  );

export async function putAway(q: Query, lane: number, away: readonly Away[]): Promise<void> {
  if (away.length === 0) return;
  await q.run(
    `INSERT INTO sale.quarantine (lane, epoch, seq, index, order_id, reason, event, in_doubt)
     SELECT $1, * FROM unnest($2::int[], $3::bigint[], $4::int[], $5::text[], $6::text[],
                              $7::jsonb[], $8::boolean[])
     ON CONFLICT DO NOTHING`,
    [
      lane,
      away.map((a) => a.entry.epoch),
      away.map((a) => a.entry.seq),
      away.map((a) => a.index),
      away.map((a) => (a.order === null ? null : storable(a.order))),
      away.map((a) => storable(a.reason)),
      away.map((a) => storableJson(a.event)),
      away.map((a) => a.inDoubt),
    ],
  );
}

/** One of `lanes.reasons`. A rollback is ended by `recover`, a quarantine by resolving it. */
export interface FreezeReason {
  readonly code: 'rolled_back' | 'quarantine';
  readonly detail: string;
}

/**
 * Freezes a lane in Postgres, where the truth of it is; the trimmer tells the lane. `epoch` = the
 * lane's when the reason was found, null = now: a recovery since then has ended it.
 */
export async function freezeLane(
  q: Query,
  lane: number,
  code: FreezeReason['code'],
  detail: string,
  epoch: number | null = null,
): Promise<void> {
  await q.run(
    `UPDATE sale.lanes SET state = 'frozen', reasons = reasons || $2::jsonb
      WHERE lane = $1 AND recovered_epoch <= coalesce($4, recovered_epoch)
        AND NOT reasons @> $3::jsonb`,
    [
      lane,
      JSON.stringify([{ code, detail, at: new Date(clock.wall()).toISOString() }]),
      JSON.stringify([{ code, detail }]),
      epoch,
    ],
  );
}

const rolledBack = 'rolled_back: ';

/**
 * A rollback that a script or a verifier has found is copied to Postgres by whoever saw it. `epoch`
 * = the lane's when it was found: a recovery since then has ended it.
 */
export async function copyRollback(
  q: Query,
  lane: number,
  flag: string,
  epoch: number,
): Promise<void> {
  if (!flag.startsWith(rolledBack)) return;
  await freezeLane(q, lane, 'rolled_back', flag.slice(rolledBack.length), epoch);
}

/** What Postgres says of a lane, read at one time. */
export interface LaneState {
  readonly state: string;
  readonly reasons: readonly FreezeReason[];
  readonly recovered_epoch: number;
  readonly state_version: number;
}

/** The same as the last arguments of the scripts that bring a lane's flag in line with it. */
export const flagArguments = (row: LaneState): [string, number, number] => [
  whyFrozen(row),
  row.recovered_epoch,
  row.state_version,
];

/** Why a lane is frozen, as its flag says it: a rollback first. '' = it is not. */
export function whyFrozen(row: Pick<LaneState, 'state' | 'reasons'>): string {
  if (row.state !== 'frozen') return '';
  const [first, last] = [
    row.reasons.filter((r) => r.code === 'rolled_back'),
    row.reasons.filter((r) => r.code !== 'rolled_back'),
  ];
  return [...first, ...last].map((r) => `${r.code}: ${r.detail}`).join('; ');
}
