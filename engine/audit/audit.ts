/**
 * The audit: recounts all three stores from raw keys, records, rows and messages, a lane at a time,
 * so that its memory is that of the largest lane. It changes nothing, and may run at any time: a
 * lane at work is judged at a cut (audit-lane.ts, cut.ts).
 */
import type { Db } from '../../platform/postgres/db.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import {
  auditLane,
  laneChecks,
  type AuditStores,
  type AuditTotals,
  type LaneAudit,
  type LaneBegun,
} from './audit-lane.ts';
import { checkLines } from './check-lines.ts';
import { postgresChecks, runPostgresCheck } from './check-postgres.ts';
import { Findings, type Check } from './findings.ts';
import { readLaneState } from './lane-scan.ts';
import { countOf, spansBetween } from './positions.ts';
import { readLanes, type LaneRow } from './tables.ts';

export interface AuditOptions {
  /** The only sale to audit; null = everything. */
  readonly sale: string | null;
  /** So long it waits until what was accepted before it began has settled. */
  readonly waitMs: number;
  /** Told how long work gets on. */
  readonly say: (line: string) => void;
}

export interface AuditReport {
  readonly sale: string | null;
  readonly checks: readonly Check[];
  readonly totals: AuditTotals;
  readonly seconds: number;
}

const lookEveryMs = 100;

/** Throws when there is nothing to audit, or a store does not even tell which lanes there are. */
export async function audit(stores: AuditStores, options: AuditOptions): Promise<AuditReport> {
  const startedMs = performance.now();
  const { db, redis } = stores;
  const { sale: only } = options;
  const lanes = await readLanes(db);
  if (lanes.size === 0) throw new Error('this Postgres has no lanes: nothing was formatted');
  const chosen = only === null ? [...lanes.keys()] : [await laneOf(db, only)];
  const [secret] = await db.query<{ value: string }>(
    `SELECT value FROM platform.settings WHERE name = 'id_secret'`,
  );
  const begun: LaneBegun[] = [];
  for (const lane of chosen) {
    const { head } = await readLaneState(redis, lane);
    begun.push({ lane, head, issued: lanes.get(lane)?.last_command ?? 0 });
  }
  await untilSettled(stores, begun, options);
  const totals: AuditTotals = { lanes: chosen.length, sales: 0, orders: 0, units: 0 };
  const findings = new Findings();
  const idSecret = secret?.value ?? '';
  const { say } = options;
  const all: LaneAudit = { stores, lanes: lanes.size, idSecret, only, findings, totals, say };
  for (const lane of begun) await findings.attempt(laneChecks, () => auditLane(all, lane));
  for (const check of postgresChecks) {
    await findings.attempt([check.name], () => runPostgresCheck(db, check, only, findings));
  }
  await findings.attempt(['pg.lines'], () => checkLines(db, only, findings));
  const seconds = (performance.now() - startedMs) / 1000;
  return { sale: only, checks: findings.all, totals, seconds };
}

/** Throws when Postgres has no such sale. */
async function laneOf(db: Db, sale: string): Promise<number> {
  const [row] = await db.query<{ lane: number }>('SELECT lane FROM sale.sales WHERE id = $1', [
    sale,
  ]);
  if (row === undefined) throw new Error(`there is no sale ${sale}`);
  return row.lane;
}

/** Waits until every lane has settled what it had when the audit began, or the time is up. */
async function untilSettled(
  { db, redis }: AuditStores,
  begun: readonly LaneBegun[],
  { waitMs, say }: AuditOptions,
): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const rows = await readLanes(db);
    let open = 0;
    for (const lane of begun) open += await unsettled(db, redis, lane, rows.get(lane.lane));
    if (open === 0 || performance.now() > deadline) return;
    say(`waiting for ${open} entries and lane commands to settle`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

async function unsettled(
  db: Db,
  redis: Redis,
  { lane, head, issued }: LaneBegun,
  row: LaneRow | undefined,
): Promise<number> {
  const copy = (await readLaneState(redis, lane)).watermark;
  if (head === null || copy === null || row === undefined) return 0;
  const [commands] = await db.query<{ open: number }>(
    `SELECT count(*) AS open FROM sale.lane_commands
      WHERE lane = $1 AND number <= $2 AND outcome IS NULL`,
    [lane, issued],
  );
  const entries = [row.watermark, copy].map((from) => countOf(spansBetween(from, head, row.ends)));
  return Math.max(...entries) + (commands?.open ?? 0);
}

/** 0 = everything holds, 1 = something does not, 2 = something could not be checked. */
export function exitCodeOf({ checks }: AuditReport): 0 | 1 | 2 {
  if (checks.some((check) => check.violations > 0)) return 1;
  return checks.some((check) => check.failure !== null) ? 2 : 0;
}
