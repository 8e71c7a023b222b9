/**
 * The shop window's routes: each is handed to the catalog as it came, and answered as it answers.
 * With the catalog away it is 503, and the sale goes on.
 */
import { isRetryable } from '../platform/fault.ts';
import { problem } from '../platform/http/problems.ts';
import type { ProblemInput } from '../platform/http/problems.ts';
import type { Ctx, HeaderName, Route } from '../platform/http/route.ts';
import { errorsOf } from '../platform/http/openapi.ts';
import { windowRows } from '../platform/window/rows.ts';
import type { CatalogClient } from './catalog-client.ts';

const retryAfterMs = 1000;
const away = problem('unavailable', 'The shop window is away for the moment.', { retryAfterMs });

export function windowRoutes(catalog: CatalogClient): Route[] {
  return windowRows.map((row) => ({
    ...row,
    bodyMode: 'raw',
    // Handed on: what a server refuses by itself, it refuses here too.
    errors: errorsOf(row),
    handle: (ctx) => handOver(ctx, catalog),
  }));
}

const handedOn: readonly HeaderName[] = [
  'authorization',
  'accept',
  'content-type',
  'idempotency-key',
  'if-none-match',
  'traceparent',
];

/** What no header may hold (RFC 9110 §5.5), and Node therefore does not send. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

const malformedHeader = (name: HeaderName): ProblemInput =>
  problem('invalid_request', `The header \`${name}\` holds a character that no header may hold.`, {
    param: name,
  });

async function handOver(ctx: Ctx, catalog: CatalogClient): Promise<void> {
  const headers: Record<string, string> = { 'x-request-id': ctx.requestId };
  for (const name of handedOn) {
    const value = ctx.header(name);
    if (value === undefined) continue;
    if (unsendable.test(value)) {
      ctx.problem(malformedHeader(name));
      return;
    }
    headers[name] = value;
  }
  const { method } = ctx.route;
  try {
    const handed = { method, path: ctx.url, headers, body: ctx.rawBody };
    const answered = await catalog.send(handed);
    ctx.reply(answered.status, answered.body, answered.headers);
  } catch (error) {
    if (isRetryable(error)) ctx.problem(away);
    else ctx.fail(error);
  }
}
