/**
 * The shop's page: the files of web/, read once and served from memory, each a route of its own, so
 * that no path of a request is ever a path of the disk.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { projectRoot } from '../config.ts';
import { invariant } from '../fault.ts';
import type { Ctx, ReplyHeaders, Route } from './route.ts';

const folder = 'web';
const startPage = 'index.html';
const missing = 'missing.html';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Nothing but our own files, and pictures of products wherever vendors keep them. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' https: data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `GET /`, `GET /{page}.html` and `GET /web/{file}` for each other file. */
export function pageRoutes(half: Route['half']): Route[] {
  const names = readdirSync(join(projectRoot(), folder)).filter((name) => name !== missing);
  return names.map((name) => fileRoute(half, name));
}

/** What a browser is shown at a path where there is nothing. */
export const missingPage = (): WebFile => fileOf(missing);

export interface WebFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly etag: string;
  readonly headers: ReplyHeaders;
}

/** Pages have short addresses. */
function pathOf(name: string): string {
  if (name === startPage) return '/';
  return extname(name) === '.html' ? `/${name}` : `/${folder}/${name}`;
}

function fileOf(name: string): WebFile {
  const bytes = readFileSync(join(projectRoot(), folder, name));
  const type = types[extname(name)];
  invariant(type !== undefined, `${name}: files of this kind are not served`);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  const headers = {
    'content-type': type,
    'cache-control': 'no-cache',
    etag,
    'content-security-policy': contentSecurityPolicy,
    'referrer-policy': 'no-referrer',
  };
  return { type, bytes, etag, headers };
}

function fileRoute(half: Route['half'], name: string): Route {
  const { type, bytes, etag, headers } = fileOf(name);
  return {
    id: `page${name.replace(/\W+(\w)/g, (_all, first: string) => first.toUpperCase())}`,
    method: 'GET',
    path: pathOf(name),
    half,
    auth: 'public',
    summary: `The shop’s page: ${name}`,
    // What stands behind the `?` of a page is its script's affair.
    ...(extname(name) === '.html' && { bodyMode: 'raw' }),
    idempotencyKey: 'none',
    produces: type,
    responses: { 200: { type: 'string' }, 304: null },
    errors: [],
    handle: (ctx: Ctx) => {
      if (ctx.header('if-none-match') === etag) ctx.reply(304, '', headers);
      else ctx.reply(200, bytes, headers);
    },
  };
}
