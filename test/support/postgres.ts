/** A database of a test file's own on the runner's server, dropped when the file is done. */
import { migrateAll } from '../../engine/format.ts';
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
  await asAdmin(adminUrl, `CREATE DATABASE ${name}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  const db = createDb(url.href, { max: options.max ?? 8, name: 'test' });
  const close = async (): Promise<void> => {
    await db.close();
    await asAdmin(adminUrl, `DROP DATABASE ${name} WITH (FORCE)`);
  };
  try {
    if (options.migrated ?? true) await migrateAll(db, silent);
  } catch (error) {
    await close();
    throw error;
  }
  return { db, url: url.href, close };
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const admin = createDb(url, { max: 1, statementTimeoutMs: 30_000, name: 'test-admin' });
  try {
    await admin.run(statement);
  } finally {
    await admin.close();
  }
}
