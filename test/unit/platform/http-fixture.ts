/** A server with a few routes for the tests. */
import { createLog } from '../../../platform/log.ts';
import { Fault, messageOf } from '../../../platform/fault.ts';
import { problem, refuse } from '../../../platform/http/problems.ts';
import type { Ctx, Route } from '../../../platform/http/route.ts';
import { createHttpServer } from '../../../platform/http/server.ts';
import type { HttpServer, HttpServerOptions } from '../../../platform/http/server.ts';
import { standardRoutes } from '../../../platform/http/standard.ts';

export const info = { title: 'Test', version: '1', description: 'A `test`.' };

export function route(part: Partial<Route> & Pick<Route, 'id' | 'path' | 'handle'>): Route {
  return {
    method: 'GET',
    half: 'sale',
    auth: 'public',
    summary: part.id,
    idempotencyKey: 'none',
    responses: { 200: { type: 'object' } },
    errors: [],
    ...part,
  };
}

const holdBody = {
  type: 'object',
  additionalProperties: false,
  required: ['quantity'],
  properties: {
    quantity: { type: 'integer', minimum: 1, maximum: 1000 },
    note: { type: 'string', maxLength: 100 },
  },
};

const echo = (ctx: Ctx): void => {
  const { params, query, body, identity, idempotencyKey } = ctx;
  ctx.reply(200, { params, query: { ...query }, body, identity, idempotencyKey });
};

/** What the route `stream` saw last. */
export const stream = { pieces: [] as number[], atOnce: 0, most: 0, failed: '' };

async function streamed(ctx: Ctx): Promise<void> {
  Object.assign(stream, { pieces: [], most: 0, failed: '' });
  if (ctx.header('content-type') === 'text/no') refuse('unsupported_media_type', 'No.');
  try {
    const bytes = await ctx.readBody(64 * 1024, async (piece) => {
      stream.atOnce += 1;
      stream.most = Math.max(stream.most, stream.atOnce);
      await new Promise((resolve) => setTimeout(resolve, 1));
      stream.pieces.push(piece.length);
      stream.atOnce -= 1;
    });
    ctx.reply(200, { bytes, pieces: stream.pieces.length });
  } catch (error) {
    stream.failed = messageOf(error);
    throw error;
  }
}

/** What the route `pages` has made, and what it is to do. */
export const paged = { made: 0, ended: 0, most: 3, failsAt: -1 };
export const pageBytes = 64 * 1024;

async function* pagesMade(): AsyncGenerator<string> {
  try {
    for (let i = 0; i < paged.most; i += 1) {
      await Promise.resolve();
      if (i === paged.failsAt) throw new Error('secret');
      paged.made += 1;
      yield 'x'.repeat(pageBytes);
    }
  } finally {
    paged.ended += 1;
  }
}

/** Resolved by a test to let the route `slow` answer. */
export const slow: { release: () => void; started: number } = { release: () => {}, started: 0 };

export const routes: Route[] = [
  route({
    id: 'hold',
    method: 'POST',
    path: '/v1/sales/{id}/holds',
    auth: 'shopper',
    params: {
      type: 'object',
      required: ['id'],
      properties: { id: { type: 'string', pattern: '^sal_[a-z0-9]+$' } },
    },
    body: holdBody,
    idempotencyKey: 'required',
    handle: echo,
  }),
  route({
    id: 'open',
    method: 'POST',
    path: '/v1/open',
    body: { type: 'object', additionalProperties: true },
    maxBodyBytes: 64 * 1024,
    idempotencyKey: 'optional',
    handle: echo,
  }),
  route({ id: 'pause', method: 'POST', path: '/v1/pause', handle: echo }),
  route({ id: 'thing', path: '/v1/things/{name}', handle: echo }),
  route({ id: 'removeThing', method: 'DELETE', path: '/v1/things/{name}', handle: echo }),
  route({
    id: 'list',
    path: '/v1/list',
    query: {
      type: 'object',
      additionalProperties: false,
      properties: { limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 } },
    },
    handle: echo,
  }),
  route({
    id: 'raw',
    method: 'POST',
    path: '/v1/raw',
    bodyMode: 'raw',
    handle: (ctx) => ctx.reply(200, { url: ctx.url, bytes: ctx.rawBody.length }),
  }),
  route({
    id: 'stream',
    method: 'POST',
    path: '/v1/stream',
    auth: 'vendor',
    bodyMode: 'stream',
    maxBodyBytes: 4 * 1024 * 1024,
    handle: streamed,
  }),
  route({
    id: 'pages',
    path: '/v1/pages',
    handle: (ctx) => ctx.stream(pagesMade(), { 'content-type': 'text/plain' }, 400),
  }),
  route({ id: 'bug', path: '/v1/bug', handle: () => Promise.reject(new Error('secret')) }),
  route({
    id: 'bugNow',
    path: '/v1/bug-now',
    handle: () => {
      throw new TypeError('secret');
    },
  }),
  route({
    id: 'fault',
    path: '/v1/fault',
    handle: () => Promise.reject(new Fault('redis', 'secret', { retryable: true })),
  }),
  route({
    id: 'refused',
    path: '/v1/refused',
    handle: () => refuse('sold_out', 'None left.', { extra: { available: 0 } }),
  }),
  route({ id: 'forgets', path: '/v1/forgets', handle: () => Promise.resolve() }),
  route({
    id: 'slow',
    path: '/v1/slow',
    handle: async (ctx) => {
      slow.started += 1;
      await new Promise<void>((resolve) => (slow.release = resolve));
      ctx.reply(200, '{"slow":true}');
    },
  }),
  route({ id: 'empty', path: '/v1/empty', handle: (ctx) => ctx.reply(204, '') }),
  route({
    id: 'csv',
    path: '/v1/csv',
    auth: 'vendor',
    handle: (ctx) => ctx.reply(200, 'a,b\n', { 'content-type': 'text/csv', 'x-evil': 'a\r\nb: c' }),
  }),
  route({
    id: 'limited',
    path: '/v1/limited',
    rateLimit: { name: 'limited', perMinute: 3, by: 'ip' },
    handle: echo,
  }),
];

export const shopper = { kind: 'shopper', shopper: 'shp_1', verified: true } as const;

const authenticate: HttpServerOptions['authenticate'] = (authorization, need) => {
  if (authorization === 'Bearer good') {
    return need === 'shopper' ? shopper : { kind: 'vendor', vendor: 'vnd_1' };
  }
  if (authorization === 'Bearer late') return Promise.resolve(shopper);
  if (authorization === 'Bearer broken') return Promise.reject(new Error('secret'));
  return problem('unauthenticated', 'No token.');
};

export function startServer(more: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  return createHttpServer({
    name: 'test',
    host: '127.0.0.1',
    port: 0,
    routes: [...routes, ...standardRoutes(routes, info, 'sale')],
    authenticate,
    log: createLog('test', 'silent'),
    ...more,
  });
}
