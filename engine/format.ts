/**
 * The format of a deployment, safe to repeat: settings and lanes that were never made. It never
 * touches a lane that has been formatted: an emptied Redis is for `recover`.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { clock } from '../platform/clock.ts';
import { projectRoot } from '../platform/config.ts';
import type { Log } from '../platform/log.ts';
import type { Db } from '../platform/postgres/db.ts';
import { migrate } from '../platform/postgres/migrate.ts';
import { connectRedis, memoryUse, serverRunId, untilReady } from '../platform/redis/connection.ts';
import { readScript, runScript } from '../platform/redis/scripts.ts';
import { schemaVersion } from './lanes/codec.ts';
import { laneKeys } from './lanes/keys.ts';
import { readSettings } from './settings.ts';

const waitMs = 60_000;

/** Settings are made once; a start with other lanes or another currency is refused by name. */
export async function writeSettings(db: Db, lanes: number, currency: string): Promise<void> {
  const made: [string, string][] = [
    ['id_secret', clock.random(32).toString('hex')],
    ['token_secret', clock.random(32).toString('hex')],
    ['lanes', String(lanes)],
    ['currency', currency],
  ];
  for (const [name, value] of made) {
    await db.run(
      'INSERT INTO platform.settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING',
      [name, value],
    );
  }
  for (const [name, variable, wanted] of [
    ['lanes', 'LANES', String(lanes)],
    ['currency', 'CURRENCY', currency],
  ] as const) {
    const [row] = await db.query<{ value: string }>(
      'SELECT value FROM platform.settings WHERE name = $1',
      [name],
    );
    if (row?.value !== wanted) {
      throw new Error(`${variable}: formatted with ${row?.value ?? '?'}, started with ${wanted}`);
    }
  }
}

/** Formats lanes: first their rows in Postgres, then their keys, then the row says it is done. */
export async function formatLanes(
  db: Db,
  redisUrl: string,
  lanes: number,
  log: Log,
): Promise<void> {
  const redis = connectRedis(redisUrl, { name: 'setup', log, commandTimeoutMs: 5000 });
  try {
    await untilReady(redis, waitMs);
    const { max } = await memoryUse(redis);
    if (max === 0) {
      throw new Error('redis has no maxmemory: set it (docs/operating.md)');
    }
    const runId = await serverRunId(redis);
    const { deployment } = await readSettings(db);
    const script = readScript(join(projectRoot(), 'lua'), 'format');
    for (let lane = 0; lane < lanes; lane++) {
      await db.tx(async (q) => {
        const made = await q.run(
          'INSERT INTO sale.lanes (lane, epoch) VALUES ($1, 1) ON CONFLICT DO NOTHING',
          [lane],
        );
        if (made === 0) return;
        await q.run('INSERT INTO sale.epochs (lane, epoch) VALUES ($1, 1)', [lane]);
        await q.run('INSERT INTO sale.watermarks (lane, epoch, seq) VALUES ($1, 1, -1)', [lane]);
      });
      const keys = laneKeys(lane);
      const [row] = await db.query<{ run_id: string | null; seq: number }>(
        'SELECT run_id, seq FROM sale.lanes JOIN sale.watermarks USING (lane) WHERE lane = $1',
        [lane],
      );
      const owner = await redis.hget(keys.marker, 'deployment');
      if (owner !== null && owner !== deployment) {
        throw new Error(`REDIS_URL: lane ${lane} there belongs to another deployment`);
      }
      if (row?.run_id !== null && row !== undefined) {
        if (owner === null) {
          log.error({ lane }, 'formatted, but redis has no marker: its data is gone, run recover');
        }
        continue;
      }
      await runScript(
        redis,
        script,
        [keys.marker, keys.clock, keys.watermark, keys.lastCommand, keys.verifiedRun, keys.outbox],
        [lane, lanes, 1, schemaVersion, runId, deployment],
      );
      // A format that was cut here before is taken as it is: its server may be another one.
      await db.run('UPDATE sale.lanes SET run_id = $2 WHERE lane = $1', [
        lane,
        await redis.get(keys.verifiedRun),
      ]);
      log.info({ lane }, 'lane formatted');
    }
  } finally {
    redis.disconnect();
  }
}

/** Applies `<folder>/migrations` of every half, engine first. */
export async function migrateAll(db: Db, log: Log): Promise<void> {
  const root = projectRoot();
  const halves = readdirSync(root, { withFileTypes: true })
    .filter((d) => d.isDirectory() && ['engine', 'catalog'].includes(d.name))
    .map((d) => d.name)
    .sort((a, b) => (a === 'engine' ? -1 : b === 'engine' ? 1 : 0));
  for (const half of halves) await migrate(db, join(root, half, 'migrations'), half, log);
}
