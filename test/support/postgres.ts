/**
 * A database of a test file's own on the runner's server, dropped when the file is done. A migrated
 * one is a copy of a template, which the first who needs it makes (a tenth of a migration's time).
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrateAll } from '../../engine/format.ts';
import { projectRoot } from '../../platform/config.ts';
import { createDb } from '../../platform/postgres/pool.ts';
import type { Db } from '../../platform/postgres/db.ts';
import { needed, ownName, silent } from './environment.ts';

export interface TestDatabase {
  readonly db: Db;
  readonly url: string;
  /** Closes `db`, ends every other connection to the database, and drops it. */
  close(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Apply every half's migrations; default true. */
  readonly migrated?: boolean;
  /** Connections at most; default 8. */
  readonly max?: number;
}

export async function createDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const adminUrl = needed('TEST_DATABASE_URL');
  const name = ownName('t').replace('-', '_');
  const migrated = options.migrated ?? true;
  await asAdmin(adminUrl, async (admin) => {
    const template = migrated ? ` TEMPLATE ${await templateOf(admin, adminUrl)}` : '';
    await admin.run(`CREATE DATABASE ${name}${template}`);
  });
  const url = urlOf(adminUrl, name);
  const db = createDb(url, { max: options.max ?? 8, name: 'test' });
  const close = async (): Promise<void> => {
    await db.close();
    await asAdmin(adminUrl, (admin) => admin.run(`DROP DATABASE ${name} WITH (FORCE)`));
  };
  return { db, url, close };
}

function urlOf(adminUrl: string, name: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function asAdmin<T>(url: string, work: (admin: Db) => Promise<T>): Promise<T> {
  // One connection: the advisory lock below belongs to it.
  const admin = createDb(url, { max: 1, statementTimeoutMs: 30_000, name: 'test-admin' });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

const templateLock = 7_003_001;

/** The name of a database with today's migrations in it; made under a lock when it is not there. */
async function templateOf(admin: Db, adminUrl: string): Promise<string> {
  const name = `template_${migrationsDigest()}`;
  await admin.run(`SELECT pg_advisory_lock(${templateLock})`);
  try {
    const there = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (there.length > 0) return name;
    const draft = `${name}_draft`; // renamed when it is whole
    await admin.run(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
    await admin.run(`CREATE DATABASE ${draft}`);
    const db = createDb(urlOf(adminUrl, draft), { max: 2, name: 'test-template' });
    try {
      await migrateAll(db, silent);
    } finally {
      await db.close();
    }
    await admin.run(`ALTER DATABASE ${draft} RENAME TO ${name}`);
    return name;
  } finally {
    await admin.run(`SELECT pg_advisory_unlock(${templateLock})`);
  }
}

function migrationsDigest(): string {
  const digest = createHash('sha256');
  for (const half of ['engine', 'catalog']) {
    const folder = join(projectRoot(), half, 'migrations');
    for (const file of readdirSync(folder).sort()) {
      digest.update(`${half}/${file}\n`).update(readFileSync(join(folder, file)));
    }
  }
  return digest.digest('hex').slice(0, 16);
}
