/**
 * The real stores behind a simulation: a Redis server and a database of this process's own, emptied and
 * formatted anew for each seed. By Unix sockets, because a run is thousands of calls one after the
 * other: 44 µs each where TCP takes 350 (measured, Redis).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Client } from 'pg';
import { formatLanes, migrateAll, writeSettings } from '../../engine/format.ts';
import { laneKeys } from '../../engine/lanes/keys.ts';
import { loadConfig, type Config } from '../../platform/config.ts';
import type { Db } from '../../platform/postgres/pool.ts';
import { silent } from '../support/environment.ts';
import { createDatabase } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';
import { openSeats, steerClock } from './stores/postgres-seats.ts';

const seatsMax = 16;
/** Of the simulated Redis server at the beginning. */
export const firstRunId = '0'.repeat(40);

export interface Lab {
  readonly redis: Redis;
  readonly seats: readonly Client[];
  /** The auditor's own way to Postgres. */
  readonly db: Db;
  configOf(lanes: number): Config;
  /**
   * Empties both stores and formats them; the secrets are drawn from the clock's chance. Answers which
   * tables have rows now.
   */
  reset(config: Config): Promise<string[]>;
  close(): Promise<void>;
}

export async function openLab(): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), 'highnoon-sim-'));
  const socket = join(folder, 'redis');
  const server = await startRedis({ config: { unixsocket: socket } });
  const redis = new Redis({ path: socket });
  const database = await createDatabase({ migrated: false });
  const { db, url } = database;
  await steerClock(url);
  await migrateAll(db, silent);
  const tables = await tablesOf(db);
  // Plans and the order of rows must not depend on when a vacuum came by.
  for (const table of tables) await db.run(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
  // What was never vacuumed is planned in another way than what was, and has no rows in either case.
  await db.run(`VACUUM ${tables.join(', ')}`);
  // A TRUNCATE of all makes new files for tables and indexes: half a second, where this takes 20 ms.
  const empty = async (): Promise<void> => {
    const touched = await namesOf(db, written);
    if (touched.length === 0) return;
    // One statement, because rows name each other.
    const parts = touched.map((table, i) => `d${i} AS (DELETE FROM ${table})`);
    await db.run(`WITH ${parts.join(', ')} SELECT 1`);
    await db.run(`VACUUM (PROCESS_TOAST false, PARALLEL 0) ${touched.join(', ')}`);
  };
  const written = unionOf(tables, (table) => `WHERE pg_relation_size('${table}') > 0`);
  const filled = unionOf(tables, (table) => `FROM ${table} LIMIT 1`);
  const sequences = await sequencesOf(db);
  const restarts = sequences.map((name) => `setval('${name}', 1, false)`).join(', ');
  const [where] = await db.query<{ folders: string }>(
    `SELECT setting AS folders FROM pg_settings WHERE name = 'unix_socket_directories'`,
  );
  const seats = await openSeats(url, where?.folders.split(',')[0] ?? '', seatsMax);
  return {
    redis,
    seats,
    db,
    configOf: (lanes) =>
      loadConfig({
        REDIS_URL: server.url,
        DATABASE_URL: url,
        KAFKA_BROKERS: 'simulated:1',
        LANES: String(lanes),
        NODE_ENV: 'test',
        LOG_LEVEL: 'silent',
        HIGHNOON_PROCESS: 'simulated',
      }),
    async reset(config) {
      await redis.flushall();
      await empty();
      await db.run(`SELECT ${restarts}`);
      await writeSettings(db, config.lanes, config.currency);
      await formatLanes(db, server.url, config.lanes, silent);
      // The server's own id differs from run to run.
      await db.run('UPDATE sale.lanes SET run_id = $1', [firstRunId]);
      for (let lane = 0; lane < config.lanes; lane++) {
        await redis.set(laneKeys(lane).verifiedRun, firstRunId);
      }
      return namesOf(db, filled);
    },
    async close() {
      redis.disconnect();
      for (const seat of seats) await seat.end();
      await database.close();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Tables of the engine, with their schemas. */
const tablesOf = (db: Db): Promise<string[]> =>
  namesOf(
    db,
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname IN ('platform', 'sale') ORDER BY 1`,
  );

const sequencesOf = (db: Db): Promise<string[]> =>
  namesOf(
    db,
    `SELECT format('%I.%I', schemaname, sequencename) AS name FROM pg_sequences
      WHERE schemaname IN ('platform', 'sale', 'simulated') ORDER BY 1`,
  );

/** Names of those tables of which something holds. */
const unionOf = (tables: readonly string[], which: (table: string) => string): string =>
  tables.map((table) => `(SELECT '${table}' AS name ${which(table)})`).join(' UNION ALL ');

const namesOf = async (db: Db, text: string): Promise<string[]> =>
  (await db.query<{ name: string }>(text)).map((row) => row.name);
