// The window's routes go to the catalog as they came; with the catalog away they are 503, at once.
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standInCatalog } from './catalog-stand-in.ts';
import type { StandIn } from './catalog-stand-in.ts';
import { routeTable, startHarness, tokens } from './harness.ts';
import type { Harness } from './harness.ts';

interface Seen {
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let catalog: StandIn;
let harness: Harness;
let seen: Seen[] = [];

beforeAll(async () => {
  catalog = await standInCatalog((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
      if (request.headers['if-none-match'] === 'W/"a"') {
        response.writeHead(304, { etag: 'W/"a"' }).end();
        return;
      }
      const problem = request.url?.startsWith('/v1/search');
      response.writeHead(problem === true ? 422 : 200, {
        'content-type': problem === true ? 'application/problem+json' : 'application/json',
        etag: 'W/"a"',
        'cache-control': 'public, max-age=1',
      });
      response.end('{"name":"Grüße"}');
    });
  });
  harness = await startHarness({}, catalog.url);
});

afterAll(async () => {
  await harness.close();
  catalog.close();
});

const windowTable = routeTable().filter(({ half }) => half === 'window');

describe('a window route', () => {
  it('carries path, query, body and what identifies the caller', async () => {
    seen = [];
    const answer = await harness.ask('PUT', '/v1/cart/lines/prd%2Fa?x=%20y', {
      as: 'ann',
      key: 'k1',
      headers: {
        'x-request-id': 'trace-me',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        accept: 'application/json',
        cookie: 'secret=1',
      },
      body: '{"quantity": 2}',
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ name: 'Grüße' });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      line: 'PUT /v1/cart/lines/prd%2Fa?x=%20y',
      body: '{"quantity": 2}',
      headers: {
        authorization: `Bearer ${tokens.ann}`,
        'content-type': 'application/json',
        'idempotency-key': 'k1',
        'x-request-id': 'trace-me',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        accept: 'application/json',
      },
    });
    expect(seen[0]?.headers['cookie']).toBeUndefined();
  });

  it('copies status, type and caching of the answer', async () => {
    const page = await harness.ask('GET', '/v1/products/prd_x');
    expect(page.headers.get('etag')).toBe('W/"a"');
    expect(page.headers.get('cache-control')).toBe('public, max-age=1');
    const same = await harness.ask('GET', '/v1/products/prd_x', {
      headers: { 'if-none-match': 'W/"a"' },
    });
    expect(same.status).toBe(304);
    expect(same.text).toBe('');
    const refused = await harness.ask('GET', '/v1/search?q=');
    expect(refused.status).toBe(422);
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
  });

  it.each(windowTable.filter(({ auth }) => auth === 'shopper').map(({ id }) => id))(
    '%s asks who it is before it hands anything on',
    async (id) => {
      seen = [];
      const route = windowTable.find((one) => one.id === id);
      const path = route?.path.replace('{product_id}', 'prd_x') ?? '';
      for (const as of ['nobody', 'vendor'] as const) {
        const answer = await harness.ask(route?.method ?? '', path, { as });
        expect(answer.status).toBe(401);
      }
      expect(seen).toEqual([]);
    },
  );

  it('is 503 while the catalog is away, and the sale goes on', async () => {
    const lonely = await startHarness({}, 'http://127.0.0.1:9');
    try {
      for (const { method, path } of windowTable) {
        const plain = path.replace(/\{\w+\}/, 'prd_x');
        const answer = await lonely.ask(method, plain, { as: 'ann' });
        expect({ path, ...answer.json }).toMatchObject({ path, status: 503, code: 'unavailable' });
        expect(answer.headers.get('retry-after')).toBe('1');
      }
      expect((await lonely.ask('GET', '/v1/sales')).status).toBe(200);
    } finally {
      await lonely.close();
    }
  });
});
