/**
 * The Idempotency-Key of a change in the window: it is kept in the transaction of the change, so that
 * the same request again finds it and changes nothing. A refusal rolls back, and keeps no key.
 */
import { createHash } from 'node:crypto';
import { refuse } from '../platform/http/problems.ts';
import type { Ctx } from '../platform/http/route.ts';
import type { Db, Query } from '../platform/postgres/pool.ts';
import { shopperOf } from './shopper.ts';

/** A request that came with a key. */
export interface Keyed {
  readonly shopper: string;
  readonly request: string;
  readonly print: string;
}

/** What a route answers; `replayed` = the same request was answered before, and changed nothing now. */
export interface Changed {
  readonly document: object;
  readonly replayed: boolean;
}

const digest = (...parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('hex');

/** Null = it came without a key. `product` is the one of its path, where it has one. */
export function keyedOf(ctx: Ctx, product = ''): Keyed | null {
  const { idempotencyKey: key, route } = ctx;
  if (key === '') return null;
  const path = `${route.path} ${product}`;
  // The bodies of the window have no objects within: their members in order are the canonical form.
  const body = (ctx.body ?? {}) as Readonly<Record<string, unknown>>;
  const canonical = JSON.stringify(body, Object.keys(body).sort());
  return {
    shopper: shopperOf(ctx).id,
    request: digest(path, key),
    print: digest(route.method, path, canonical),
  };
}

const readText = 'SELECT print FROM shop.requests WHERE shopper = $1 AND request = $2';

/** The update changes nothing: it waits for who keeps the same key now, and answers their row. */
const keepText = `
INSERT INTO shop.requests AS kept (shopper, request, print) VALUES ($1, $2, $3)
ON CONFLICT (shopper, request) DO UPDATE SET print = kept.print
RETURNING print, xmax = 0 AS fresh`;

function checkSame(kept: string, { print }: Keyed): void {
  if (kept === print) return;
  refuse('idempotency_key_reused', 'This Idempotency-Key came before with another body.', {
    param: 'Idempotency-Key',
  });
}

async function isKept(q: Query, keyed: Keyed): Promise<boolean> {
  const { shopper, request } = keyed;
  const [row] = await q.query<{ print: string }>(readText, [shopper, request], 'request_kept');
  if (row === undefined) return false;
  checkSame(row.print, keyed);
  return true;
}

/** False when it was kept before. */
async function keep(q: Query, keyed: Keyed): Promise<boolean> {
  const { shopper, request, print } = keyed;
  const [row] = await q.query<{ print: string; fresh: boolean }>(
    keepText,
    [shopper, request, print],
    'request_keep',
  );
  checkSame(row?.print ?? print, keyed);
  return row?.fresh !== false;
}

/**
 * Changes once for each key; without a key each time. `prepare` looks whether it may be, and answers
 * the change. True when it was done before.
 */
export async function once(
  db: Db,
  keyed: Keyed | null,
  prepare: () => Promise<(q: Query) => Promise<void>>,
): Promise<boolean> {
  if (keyed !== null && (await isKept(db, keyed))) return true;
  const change = await prepare();
  return db.tx(async (q) => {
    if (keyed !== null && !(await keep(q, keyed))) return true;
    await change(q);
    return false;
  });
}
