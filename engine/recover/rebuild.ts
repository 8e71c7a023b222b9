/**
 * Rebuilds a lane from Postgres alone, in one repeatable-read snapshot: what was there goes, its
 * marker first; marker and `verified_run` come last, so that no half of a lane ever serves.
 */
import type { Db, Query } from '../../platform/postgres/db.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import type { Position } from '../domain/contiguity.ts';
import type { Millis } from '../domain/types.ts';
import { schemaVersion } from '../lanes/codec.ts';
import { laneKeys, lanePrefix, leaseKey } from '../lanes/keys.ts';
import type { Settings } from '../settings.ts';
import { Overtaken, type LaneWriter } from './lane-writer.ts';
import { readOrders, readSales } from './sale-rows.ts';
import { SaleWriter } from './sale-writer.ts';
import { byShopper, readLine, readTickets, type TicketRow } from './ticket-rows.ts';

export interface RebuildOptions {
  readonly db: Db;
  readonly redis: Redis;
  readonly writer: LaneWriter;
  readonly settings: Settings;
  readonly lane: number;
  readonly token: string;
  /** Of the Redis server that the lane is verified for. */
  readonly runId: string;
  /** Lane time of the lane that was lost never falls: the rebuilt one begins at or after it. */
  readonly notBefore: Millis;
  /** Told now and then how many orders are written. */
  readonly onOrders: (orders: number) => void;
}

export interface Rebuilt {
  readonly epoch: number;
  readonly sales: number;
  readonly orders: number;
  readonly holds: number;
  /** The clock that the lane begins with, ms. */
  readonly now: Millis;
  readonly outage: number;
}

/** An outage lengthens holds, but no more than this at a time (as lua/verify.lua bounds it). */
export const outageMaxMs = 15 * 60_000;
const snapshotMs = 600_000;
const keysPerScan = 500;
const tellEvery = 20_000;

interface LaneRow extends Position {
  readonly lane_epoch: number;
  readonly decided: number;
  readonly lane_time: number;
  readonly outage: number;
  readonly last_command: number;
}

/** Throws `Overtaken` when another recovery has the lane. */
export function rebuildLane(options: RebuildOptions): Promise<Rebuilt> {
  return options.db.tx(
    async (q) => {
      const row = await readLane(q, options);
      await wipe(options);
      const written = await writeSales(q, options, row);
      const clock = await clockOf(options, row);
      await writeLane(q, options, row, clock);
      return { epoch: row.lane_epoch, ...written, ...clock };
    },
    { isolation: 'repeatable read', readOnly: true, timeoutMs: snapshotMs },
  );
}

/** The lane as Postgres has it; `last_command` = the last one with a settled outcome. */
async function readLane(q: Query, { lane, token }: RebuildOptions): Promise<LaneRow> {
  const [row] = await q.query<LaneRow>(
    `SELECT l.epoch AS lane_epoch, w.epoch, w.seq, w.decided, w.lane_time, w.outage,
            coalesce((SELECT max(number) FROM sale.lane_commands c
                       WHERE c.lane = l.lane AND c.outcome IS NOT NULL), 0) AS last_command
       FROM sale.lanes l JOIN sale.watermarks w USING (lane) WHERE l.lane = $1 AND l.token = $2`,
    [lane, token],
  );
  if (row === undefined) throw new Overtaken('another recovery has taken this lane over');
  return row;
}

/** Unlinks what the lane has, but for what the recovery itself and the loops keep there. */
async function wipe({ redis, writer, lane }: RebuildOptions): Promise<void> {
  const { marker, verifiedRun, frozen, rebuilt } = laneKeys(lane);
  await writer.add(['UNLINK', marker]);
  await writer.add(['UNLINK', verifiedRun]);
  await writer.flush();
  const kept = new Set([frozen, rebuilt]);
  let cursor = '0';
  do {
    const found = await redis.scan(cursor, 'MATCH', `${lanePrefix(lane)}*`, 'COUNT', keysPerScan);
    cursor = found[0];
    for (const key of found[1]) {
      if (!kept.has(key) && !key.startsWith(leaseKey(lane, ''))) await writer.add(['UNLINK', key]);
    }
  } while (cursor !== '0');
}

async function* nobody(): AsyncGenerator<TicketRow> {
  // An open sale has no tickets.
}

async function writeSales(
  q: Query,
  options: RebuildOptions,
  end: Position,
): Promise<{ sales: number; orders: number; holds: number }> {
  const { writer, lane, onOrders } = options;
  const sales = await readSales(q, lane);
  const written = { sales: sales.length, orders: 0, holds: 0 };
  let told = 0;
  for (const row of sales) {
    const line = row.terms[8] === undefined ? null : await readLine(q, row.id);
    const sale = new SaleWriter(writer, lane, row, line, end);
    const tickets = line === null ? nobody() : readTickets(q, row.id);
    for await (const shopper of byShopper(readOrders(q, row.id), tickets)) {
      await sale.shopper(shopper);
      if (written.orders + sale.orders - told < tellEvery) continue;
      told = written.orders + sale.orders;
      onOrders(told);
    }
    await sale.finish();
    written.orders += sale.orders;
    written.holds += sale.holds;
  }
  return written;
}

/** Lane time goes on from the lost lane's, and the time since counts as an outage. */
async function clockOf(
  { redis, notBefore }: RebuildOptions,
  row: LaneRow,
): Promise<{ now: Millis; outage: number }> {
  const [seconds, micros] = await redis.time();
  const time = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  const now = Math.max(time, row.lane_time, notBefore);
  const away = row.lane_time > 0 ? Math.min(now - row.lane_time, outageMaxMs) : 0;
  return { now, outage: row.outage + away };
}

async function writeLane(
  q: Query,
  options: RebuildOptions,
  row: LaneRow,
  clock: { readonly now: Millis; readonly outage: number },
): Promise<void> {
  const { writer, lane, runId, settings } = options;
  const keys = laneKeys(lane);
  const ends = await q.query<{ epoch: number; end: number }>(
    `SELECT epoch, ended_at AS end FROM sale.epochs
      WHERE lane = $1 AND ended_at IS NOT NULL ORDER BY epoch`,
    [lane],
  );
  const hash = (fields: Readonly<Record<string, string | number>>): string[] =>
    Object.entries(fields).flatMap(([name, value]) => [name, String(value)]);
  const { now, outage } = clock;
  const { decided } = row;
  const begun = { t: now, outage, seq: -1, decided, doubt: now, since: now };
  for (const { epoch, end } of ends) {
    await writer.add(['HSET', keys.ends, String(epoch), String(end)]);
  }
  await writer.add(['HSET', keys.clock, ...hash(begun)]);
  await writer.add(['HSET', keys.watermark, ...hash({ epoch: row.epoch, seq: row.seq, decided })]);
  await writer.add(['SET', keys.lastCommand, String(row.last_command)]);
  await writer.flush();
  await writer.add([
    'HSET',
    keys.marker,
    ...hash({
      lane,
      lanes: settings.lanes,
      epoch: row.lane_epoch,
      schema: schemaVersion,
      recovered: row.lane_epoch,
      recovery: Number.parseInt(options.token, 10),
      deployment: settings.deployment,
    }),
  ]);
  await writer.add(['SET', keys.verifiedRun, runId]);
  await writer.flush();
}
