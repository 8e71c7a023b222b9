/**
 * The audit of one lane. The order of reading is what makes it right on a lane at work: Postgres's
 * snapshot, then the sales at their cuts, the outbox, Postgres's watermark now, and Kafka. So what
 * a sale shows and the snapshot does not have stands in the log, and is taken on (cut.ts).
 */
import type { KafkaPort } from '../../platform/kafka/port.ts';
import type { Db, Query } from '../../platform/postgres/db.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { checkCommands, checkDoubt, checkOpen, checkWatermark } from './check-lanes.ts';
import { checkDense, readLog } from './check-log.ts';
import { checkOrders } from './check-orders.ts';
import { checkSale, checkStraySale } from './check-sales.ts';
import { checkTickets } from './check-tickets.ts';
import { checkSaleUnits } from './check-units.ts';
import { expectedSale, rewind, upTo } from './cut.ts';
import type { CheckName, Findings } from './findings.ts';
import { LaneLog } from './lane-log.ts';
import { readLaneState, scanLane, type LaneReading } from './lane-scan.ts';
import { LogOrders } from './log-orders.ts';
import { deploymentOf } from '../settings.ts';
import { keyOf, tagOf } from './names.ts';
import type { Position } from './positions.ts';
import { readAway, readLanes, readSales, type LaneRow, type SaleRow } from './tables.ts';

export interface AuditStores {
  /** With at least two connections, and transactions that may rest while other stores are read. */
  readonly db: Db;
  readonly redis: Redis;
  readonly kafka: Pick<KafkaPort, 'ends' | 'read'>;
  /** The topic of decisions. */
  readonly topic: string;
}

export interface AuditTotals {
  lanes: number;
  sales: number;
  orders: number;
  /** Held or sold. */
  units: number;
}

/** What this fills. */
export const laneChecks = [
  'lane.open',
  'lane.watermark',
  'lane.doubt',
  'lane.commands',
  'lane.records',
  'lane.conservation',
  'lane.counters',
  'lane.unique',
  'lane.limits',
  'lane.deadlines',
  'lane.lines',
  'log.dense',
  'log.entries',
  'log.orders',
  'match.orders',
  'match.sales',
  'match.details',
  'match.tickets',
] as const satisfies readonly CheckName[];

/** Where a lane stood when the audit began: that must have settled. */
export interface LaneBegun {
  readonly lane: number;
  /** Null = it has no marker or no clock. */
  readonly head: Position | null;
  /** Its last command. */
  readonly issued: number;
}

export interface LaneAudit {
  readonly stores: AuditStores;
  readonly lanes: number;
  readonly idSecret: string;
  readonly only: string | null;
  readonly findings: Findings;
  readonly totals: AuditTotals;
  readonly say: (line: string) => void;
}

export async function auditLane(audit: LaneAudit, begun: LaneBegun): Promise<void> {
  await audit.stores.db.tx((q) => auditInSnapshot(q, audit, begun), {
    isolation: 'repeatable read',
    readOnly: true,
  });
}

async function auditInSnapshot(q: Query, audit: LaneAudit, begun: LaneBegun): Promise<void> {
  const { stores, findings, only, say } = audit;
  const { lane } = begun;
  const before = await laneRow(q, lane);
  const rows = await readSales(q, lane, only);
  const away = await readAway(q, lane);
  const reading = await scanLane(stores.redis, lane, only, (n) =>
    say(`lane ${lane}: ${n} orders read from Redis`),
  );
  const after = await laneRow(stores.db, lane);
  const logOrders = new LogOrders(
    reading.sales,
    away,
    before.watermark,
    only,
    findings.of('log.orders'),
  );
  const { log, keptSince } = await auditLog(q, audit, reading, before, after, logOrders);
  rewind(reading.sales, log);
  for (const id of away.keys()) {
    const order = reading.sales.get(tagOf(id))?.orders.get(keyOf(id));
    if (order !== undefined) order.wasAway = true;
  }
  auditSales(rows, reading, log, findings);
  const context = {
    ...audit,
    ...begun,
    before,
    after,
    reading,
    log,
  };
  checkOpen(context, findings);
  checkWatermark(context, findings);
  checkDoubt(context, findings);
  await checkCommands(q, context, findings);
  const found = await checkOrders({
    q,
    now: stores.db,
    findings,
    lane,
    only,
    sales: reading.sales,
    log,
    away,
    onRows: (n) => say(`lane ${lane}: ${n} orders compared with Postgres`),
  });
  await checkTickets({ q, sales: reading.sales.values(), log, findings });
  audit.totals.orders += found.orders;
  audit.totals.units += found.units;
  audit.totals.sales += reading.sales.size;
  await logOrders.lookUp(q);
  logOrders.checkRecords(keptSince);
}

async function laneRow(q: Query, lane: number): Promise<LaneRow> {
  const row = (await readLanes(q)).get(lane);
  if (row === undefined) throw new Error(`Postgres has no lane ${lane}`);
  return row;
}

/** Reads the log from Kafka and the outbox; and the lane time from which on Kafka keeps it. */
async function auditLog(
  q: Query,
  { stores, idSecret, findings, say }: LaneAudit,
  reading: LaneReading,
  before: LaneRow,
  after: LaneRow,
  logOrders: LogOrders,
): Promise<{ readonly log: LaneLog; readonly keptSince: number }> {
  const { lane } = reading;
  const { kafka, topic, redis } = stores;
  const range = (await kafka.ends(topic)).get(lane);
  if (range === undefined) throw new Error(`Kafka has no partition ${lane} of ${topic}`);
  const { head } = await readLaneState(redis, lane);
  const bounds = {
    settled: before.watermark,
    // Without a clock nothing tells where the lane is: lane.watermark says so.
    head: head ?? { epoch: after.epoch, seq: Number.MAX_SAFE_INTEGER },
    ends: after.ends,
    recovered: after.recovered,
  };
  const log = new LaneLog(lane, bounds, findings.of('log.entries'));
  const source = { kafka, topic, deployment: deploymentOf(idSecret) };
  await readLog(source, range, reading, log, async (entry) => {
    await logOrders.take(q, entry);
    say(`lane ${lane}: ${log.messages} of ${range.high - range.low} messages read from Kafka`);
  });
  const keptSince = checkDense(log, after.watermark, reading.state.head, findings);
  return { log, keptSince };
}

function auditSales(
  rows: ReadonlyMap<string, SaleRow>,
  reading: LaneReading,
  log: LaneLog,
  findings: Findings,
): void {
  const records = findings.of('lane.records');
  for (const { id, says } of reading.unreadable) records.violate(id, says);
  for (const row of rows.values()) {
    const sale = reading.sales.get(tagOf(row.id));
    const facts = sale === undefined ? [] : upTo(log.saleTail.get(row.id), sale.cut);
    checkSale(row, sale, expectedSale(row, facts), findings);
  }
  for (const sale of reading.sales.values()) {
    records.checked += sale.orders.size;
    for (const { id, says } of sale.malformed) records.violate(id, says);
    const { id } = sale.terms;
    const row = rows.get(id);
    const facts = upTo(log.saleTail.get(id), sale.cut);
    // A sale that was made after the snapshot has its `installed` in the log.
    if (row === undefined && !facts.some(({ kind }) => kind === 'installed')) {
      checkStraySale(sale, findings);
    }
    checkSaleUnits(sale, row === undefined ? null : expectedSale(row, facts), findings);
  }
}
