/** The routes that every server has, made from its table: liveness, OpenAPI, docs, error codes. */
import { createHash } from 'node:crypto';
import { docsPage } from './docs-page.ts';
import { errorsPage } from './docs-errors.ts';
import { contentSecurityPolicy } from './docs-style.ts';
import { openapiOf } from './openapi.ts';
import type { ApiInfo } from './openapi.ts';
import type { Ctx, Route } from './route.ts';

export type { ApiInfo } from './openapi.ts';

/** `GET /health/live`, `/openapi.json`, `/docs` and `/docs/errors` for these routes. */
export function standardRoutes(
  routes: readonly Route[],
  info: ApiInfo,
  half: Route['half'],
): Route[] {
  const own: Route[] = [];
  const all = [...routes];
  // The documents tell of themselves too, so they are made when first asked for.
  const openapi = document('application/json', () => JSON.stringify(openapiOf(all, info)));
  const docs = document('text/html; charset=utf-8', () => docsPage(all, info));
  const errors = document('text/html; charset=utf-8', () => errorsPage());
  own.push(liveness(half));
  own.push(page(half, 'getOpenApi', '/openapi.json', 'This API as OpenAPI 3.1', openapi));
  own.push(page(half, 'getDocs', '/docs', 'This API as a page', docs, 'text/html'));
  own.push(page(half, 'getErrorDocs', '/docs/errors', 'The problem codes', errors, 'text/html'));
  all.push(...own);
  return own;
}

/** A JSON document, made when it is first asked for. */
export const documentRoute = (
  half: Route['half'],
  id: string,
  path: string,
  summary: string,
  make: () => string,
): Route => page(half, id, path, summary, document('application/json', make));

function liveness(half: Route['half']): Route {
  const schema = {
    type: 'object',
    properties: { status: { type: 'string', const: 'ok' } },
    required: ['status'],
  };
  return {
    ...common(half, 'getLiveness', '/health/live', 'Whether the process turns'),
    responses: { 200: schema },
    handle: (ctx) => ctx.reply(200, '{"status":"ok"}', { 'cache-control': 'no-store' }),
  };
}

function page(
  half: Route['half'],
  id: string,
  path: string,
  summary: string,
  handle: Route['handle'],
  produces = 'application/json',
): Route {
  const type = produces === 'application/json' ? 'object' : 'string';
  const route = common(half, id, path, summary);
  return { ...route, produces, responses: { 200: { type }, 304: null }, handle };
}

function common(
  half: Route['half'],
  id: string,
  path: string,
  summary: string,
): Omit<Route, 'responses' | 'handle'> {
  return {
    id,
    method: 'GET',
    path,
    half,
    auth: 'public',
    summary,
    idempotencyKey: 'none',
    errors: [],
  };
}

function document(contentType: string, make: () => string): (ctx: Ctx) => void {
  let made: { text: string; headers: Record<string, string> } | undefined;
  return (ctx) => {
    made ??= withHeaders(contentType, make());
    const { text, headers } = made;
    if (ctx.header('if-none-match') === headers['etag']) ctx.reply(304, '', headers);
    else ctx.reply(200, text, headers);
  };
}

function withHeaders(
  contentType: string,
  text: string,
): { text: string; headers: Record<string, string> } {
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  const headers: Record<string, string> = {
    'content-type': contentType,
    'cache-control': 'no-cache',
    etag: `"${hash}"`,
  };
  if (contentType.startsWith('text/html')) {
    headers['content-security-policy'] = contentSecurityPolicy;
    headers['x-frame-options'] = 'DENY';
    headers['referrer-policy'] = 'no-referrer';
  }
  return { text, headers };
}
