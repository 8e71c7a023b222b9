/** What the window does while the set-up has not yet migrated the schemas that it reads: it waits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault, messageOf } from '../platform/fault.ts';
import type { Log } from '../platform/log.ts';
import type { Query } from '../platform/postgres/pool.ts';

const schemaPollMs = 500;
const sayEveryRounds = 20;

const schemaText = `
SELECT to_regclass('shop.products') IS NOT NULL
   AND to_regclass('sale.storefront') IS NOT NULL
   AND to_regclass('sale.registered') IS NOT NULL AS there`;

/**
 * Resolves with true once the schema is there, with false when `signal` aborts before. Never
 * rejects: Postgres may be away.
 */
export async function waitForSchema(q: Query, log: Log, signal: AbortSignal): Promise<boolean> {
  for (let round = 0; !signal.aborted; round += 1) {
    const missing = await missingOf(q);
    if (missing === null) return true;
    if (round % sayEveryRounds === 0) log.info({ missing }, 'waiting for the schema');
    await sleep(schemaPollMs, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

async function missingOf(q: Query): Promise<string | null> {
  try {
    const [row] = await q.query<{ there: boolean }>(schemaText);
    return row?.there === true ? null : 'it is not migrated yet';
  } catch (error) {
    return messageOf(error);
  }
}

/** Undefined table, schema, function, operator: not a defect here, but a set-up that is yet to come by. */
const missingCodes: readonly unknown[] = ['42P01', '3F000', '42883'];

/** The error, or a retryable Fault where it says that the schema is not there yet. */
export function notYetMigrated(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (!missingCodes.includes(error.code)) return error;
  return new Fault('postgres', 'postgres: not migrated yet', { retryable: true, cause: error });
}
