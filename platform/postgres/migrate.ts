/**
 * Numbered SQL files, each applied once, in order, all in one transaction under a lock. An applied
 * file never changes: its checksum is kept.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../fault.ts';
import type { Log } from '../log.ts';
import type { Db, Query } from './db.ts';

const namePattern = /^(\d{3,6})_[a-z0-9_-]+\.sql$/;

/** Also how long the other one of two callers waits for the first. */
const migrateTimeoutMs = 120_000;

/** Any number that nobody else takes: the lock of all migrations in a database. */
const lockKey = 4_120_000_001;

interface Migration {
  readonly name: string;
  readonly number: number;
  readonly sql: string;
  readonly checksum: string;
}

export class MigrationError extends Error {
  constructor(scope: string, name: string, message: string) {
    super(`migration ${scope}/${name}: ${message}`);
    this.name = 'MigrationError';
  }
}

/**
 * Applies what is new in `dir`; all of it or nothing. Safe to call from several processes at once.
 * Throws a MigrationError when an applied file was changed, or a new one is numbered before it.
 */
export async function migrate(db: Db, dir: string, scope: string, log: Log): Promise<void> {
  const files = readMigrations(dir, scope);
  await db.tx((q) => applyAll(q, files, scope, log), { timeoutMs: migrateTimeoutMs });
}

function readMigrations(dir: string, scope: string): Migration[] {
  const files = readdirSync(dir)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => {
      const number = Number(namePattern.exec(name)?.[1]);
      if (Number.isNaN(number)) throw new MigrationError(scope, name, 'not like 001_name.sql');
      const sql = readFileSync(join(dir, name), 'utf8');
      return { name, number, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    })
    .sort((a, b) => a.number - b.number);
  files.forEach((file, i) => {
    if (files[i - 1]?.number === file.number) {
      throw new MigrationError(scope, file.name, `the number ${file.number} is taken`);
    }
  });
  return files;
}

async function applyAll(
  q: Query,
  files: readonly Migration[],
  scope: string,
  log: Log,
): Promise<void> {
  await q.query('SELECT pg_advisory_xact_lock($1)', [lockKey]);
  await q.run(`CREATE TABLE IF NOT EXISTS public.highnoon_migrations (
    scope text NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, name)
  )`);
  const rows = await q.query<{ name: string; checksum: string }>(
    'SELECT name, checksum FROM public.highnoon_migrations WHERE scope = $1 ORDER BY name',
    [scope],
  );
  const applied = new Map(rows.map((row) => [row.name, row.checksum]));
  const last = Math.max(0, ...rows.map(({ name }) => Number(namePattern.exec(name)?.[1] ?? 0)));
  for (const file of files) {
    const checksum = applied.get(file.name);
    if (checksum === undefined) await apply(q, file, scope, last, log);
    else if (checksum !== file.checksum) {
      throw new MigrationError(scope, file.name, 'was changed after it had been applied');
    }
  }
}

async function apply(
  q: Query,
  file: Migration,
  scope: string,
  last: number,
  log: Log,
): Promise<void> {
  if (file.number <= last) throw new MigrationError(scope, file.name, `comes before ${last}`);
  const startedAtMs = performance.now();
  try {
    await q.run(file.sql);
  } catch (error) {
    if (error instanceof Fault) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new MigrationError(scope, file.name, message);
  }
  await q.run(
    'INSERT INTO public.highnoon_migrations (scope, name, checksum) VALUES ($1, $2, $3)',
    [scope, file.name, file.checksum],
  );
  const tookMs = Math.round(performance.now() - startedAtMs);
  log.info({ scope, migration: file.name, tookMs }, 'migrated');
}
