/**
 * What a vendor's key asked for where nothing else keeps it: it changed rows only, or nothing. Without
 * that, asking once more would undo what was asked for since.
 */
import { createHash } from 'node:crypto';
import type { Query } from '../../platform/postgres/db.ts';

/** Of a body: the same text for the same one. */
export const printOf = (text: string): string =>
  createHash('sha256').update(text).digest('base64url');

/** Whether it was asked before; `other` = another body was, by the same key. */
export async function askedBefore(
  q: Query,
  request: string | null,
  print: string,
): Promise<'no' | 'same' | 'other'> {
  if (request === null) return 'no';
  const [kept] = await q.query<{ print: string }>(
    'SELECT print FROM sale.requests WHERE request = $1',
    [request],
    'request_kept',
  );
  if (kept === undefined) return 'no';
  return kept.print === print ? 'same' : 'other';
}

/** In the transaction of what it does, under a lock that the same request takes. */
export async function keepRequest(q: Query, request: string | null, print: string): Promise<void> {
  if (request === null) return;
  await q.run('INSERT INTO sale.requests (request, print) VALUES ($1, $2)', [request, print]);
}
