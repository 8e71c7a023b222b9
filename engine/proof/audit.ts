/**
 * The audit: recounts all three stores from raw keys, records, rows and messages. What must match
 * across stores is judged when nothing is in doubt; on a system at work a finding counts only if
 * it is there again when everything has been read anew.
 */
import type { KafkaPort } from '../../platform/kafka/port.ts';
import type { Db } from '../../platform/postgres/db.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { laneKeys } from '../lanes/keys.ts';
import { checkLane, laneChecks, laneResults } from './lane-checks.ts';
import { checkItems, checkLanes, checkLog, checkMatch } from './match-checks.ts';
import { checkPostgres } from './postgres-checks.ts';
import { readLane, type RawLane } from './raw-lane.ts';
import type { CheckResult } from './report.ts';

export interface AuditStores {
  readonly db: Db;
  readonly redis: Redis;
  readonly kafka: KafkaPort;
  readonly topic: string;
}

export interface AuditOptions {
  readonly sale: string | null;
  readonly waitMs: number;
  readonly say: (line: string) => void;
}

export interface AuditReport {
  readonly passed: boolean;
  readonly checks: readonly CheckResult[];
  readonly orders: number;
  readonly units: number;
  readonly inDoubt: number;
  readonly attempts: number;
}

const attemptsMax = 3;
const lookEveryMs = 100;

async function inDoubt(stores: AuditStores, lanes: number): Promise<number> {
  let count = 0;
  for (let lane = 0; lane < lanes; lane++) {
    const decided = Number(await stores.redis.hget(laneKeys(lane).clock, 'decided'));
    const settled = Number(await stores.redis.hget(laneKeys(lane).watermark, 'decided'));
    count += decided - settled;
  }
  return count;
}

async function untilSettled(stores: AuditStores, lanes: number, o: AuditOptions): Promise<number> {
  const until = performance.now() + o.waitMs;
  for (let said = 0; ; said++) {
    const count = await inDoubt(stores, lanes);
    if (count === 0 || performance.now() > until) return count;
    if (said % 10 === 0) o.say(`waiting for ${count} decisions in doubt`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

async function look(
  stores: AuditStores,
  lanes: number,
  o: AuditOptions,
): Promise<{ checks: CheckResult[]; raw: RawLane[] }> {
  const raw: RawLane[] = [];
  for (let lane = 0; lane < lanes; lane++) raw.push(await readLane(stores.redis, lane, o.sale));
  const own = laneChecks();
  for (const lane of raw) checkLane(own, lane);
  const checks = await stores.db.tx(
    async (q) => [
      ...laneResults(own),
      ...(await checkPostgres(q, o.sale)),
      await checkItems(q, raw),
      await checkMatch(q, raw),
      await checkLanes(q, raw),
      await checkLog(q, stores.kafka, stores.topic, raw),
    ],
    { isolation: 'repeatable read', readOnly: true },
  );
  return { checks, raw };
}

export async function audit(stores: AuditStores, o: AuditOptions): Promise<AuditReport> {
  const [row] = await stores.db.query<{ n: number }>('SELECT count(*)::int AS n FROM sale.lanes');
  const lanes = row?.n ?? 0;
  if (lanes === 0) throw new Error('this Postgres has no lanes: nothing was formatted');
  for (let attempt = 1; ; attempt++) {
    const doubt = await untilSettled(stores, lanes, o);
    const { checks, raw } = await look(stores, lanes, o);
    const passed = doubt === 0 && checks.every((c) => c.violations === 0);
    if (passed || attempt === attemptsMax) {
      const orders = raw.flatMap((l) => l.sales).flatMap((s) => s.orders);
      const live = orders.filter((x) => x.state <= 2);
      const units = live.reduce((sum, x) => sum + x.units.length, 0);
      return { passed, checks, orders: orders.length, units, inDoubt: doubt, attempts: attempt };
    }
    o.say('something does not match; reading everything once more');
  }
}
