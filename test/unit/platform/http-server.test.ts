/** The HTTP server as clients see it: checks in their order, answers in their form. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../../platform/http/server.ts';
import { raw, request } from '../../support/raw-http.ts';
import { shopper, slow, startServer } from './http-fixture.ts';

let server: HttpServer;
let base: string;

beforeAll(async () => {
  server = await startServer();
  base = `http://127.0.0.1:${server.port}`;
});
afterAll(() => server.close(1000));

interface Answer {
  status: number;
  json: Record<string, unknown>;
  headers: Headers;
}

async function call(method: string, path: string, more: RequestInit = {}): Promise<Answer> {
  const response = await fetch(base + path, { method, ...more });
  const text = await response.text();
  const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text };
  return { status: response.status, json, headers: response.headers };
}

const json = { 'content-type': 'application/json' };
const known = { authorization: 'Bearer good', 'idempotency-key': 'k1', ...json };

function hold(headers: Record<string, string>, body = '{"quantity":1}'): Promise<Answer> {
  return call('POST', '/v1/sales/sal_1/holds', { headers, body });
}

describe('a request', () => {
  it('comes to its handler checked', async () => {
    const { status, json: seen, headers } = await hold(known);
    expect(status).toBe(200);
    expect(seen).toEqual({
      params: { id: 'sal_1' },
      query: {},
      body: { quantity: 1 },
      identity: shopper,
      idempotencyKey: 'k1',
    });
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-request-id')).toMatch(/^test-/);
  });

  it('comes to it after a late identity as well', async () => {
    const { status, json: seen } = await hold({ ...known, authorization: 'Bearer late' });
    expect([status, seen['body']]).toEqual([200, { quantity: 1 }]);
  });

  it('keeps its own id when that is harmless', async () => {
    const own = await hold({ ...known, 'x-request-id': 'abc-1' });
    expect(own.headers.get('x-request-id')).toBe('abc-1');
    const odd = await hold({ ...known, 'x-request-id': 'a"b' });
    expect(odd.headers.get('x-request-id')).toMatch(/^test-/);
  });

  it('may quote its key', async () => {
    const { json: seen } = await hold({ ...known, 'idempotency-key': '"k1"' });
    expect(seen['idempotencyKey']).toBe('k1');
  });

  it('may come without a body where none is needed', async () => {
    expect((await call('POST', '/v1/pause')).status).toBe(200);
    expect((await call('POST', '/v1/pause', { headers: json, body: '{}' })).status).toBe(200);
    const more = await call('POST', '/v1/pause', { headers: json, body: '{"a":1}' });
    expect([more.status, more.json['code']]).toEqual([400, 'unknown_field']);
  });

  it('may come in pieces', async () => {
    const big = JSON.stringify({ text: 'ä'.repeat(20_000) });
    const { status, json: seen } = await call('POST', '/v1/open', { headers: json, body: big });
    expect(status).toBe(200);
    expect((seen['body'] as { text: string }).text.length).toBe(20_000);
  });

  it('reaches a raw route as it is', async () => {
    const { json: seen } = await call('POST', '/v1/raw?a=%zz&b', { body: '\u0000x' });
    expect(seen).toEqual({ url: '/v1/raw?a=%zz&b', bytes: 2 });
  });

  it('has its path decoded', async () => {
    const { json: seen } = await call('GET', '/v1/things/a%20b%2Fc');
    expect(seen['params']).toEqual({ name: 'a b/c' });
  });

  it('by HEAD has the headers of GET', async () => {
    const get = await call('GET', '/v1/list');
    const answer = await raw(server.port, request('HEAD /v1/list'), 300);
    expect(answer.status).toBe(200);
    expect(answer.body).toBe('');
    const length = JSON.stringify(get.json).length;
    expect(answer.head).toContain(`Content-Length: ${length}`);
    // The connection lives on: the next request on it is answered.
    const two = request('HEAD /v1/list') + request('GET /v1/empty');
    expect((await raw(server.port, two, 300)).text).toContain('204 No Content');
  });
});

describe('a refusal', () => {
  const problemOf = async (answer: Promise<Answer>): Promise<unknown[]> => {
    const { status, json: problem, headers } = await answer;
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(problem['request_id']).toBe(headers.get('x-request-id'));
    expect(problem['status']).toBe(status);
    return [status, problem['code'], problem['param']];
  };
  const path = '/v1/sales/sal_1/holds';

  it('comes in the order of the checks', async () => {
    const body = 'x'.repeat(20_000);
    expect(await problemOf(call('PUT', path, { body }))).toEqual([
      405,
      'method_not_allowed',
      undefined,
    ]);
    expect(await problemOf(hold({}, body))).toEqual([413, 'too_large', undefined]);
    expect(await problemOf(hold({}, 'x'))).toEqual([401, 'unauthenticated', undefined]);
    const who = { authorization: 'Bearer good' };
    expect(await problemOf(hold(who, 'x'))).toEqual([415, 'unsupported_media_type', undefined]);
    expect(await problemOf(hold({ ...who, ...json }, 'x'))).toEqual([
      400,
      'invalid_request',
      undefined,
    ]);
    const named = { ...who, ...json };
    expect(await problemOf(hold(named, '{"q":1}'))).toEqual([400, 'unknown_field', 'q']);
    expect(await problemOf(hold(named))).toEqual([
      400,
      'idempotency_key_required',
      'Idempotency-Key',
    ]);
    const odd = { ...named, 'idempotency-key': '""' };
    expect(await problemOf(hold(odd))).toEqual([400, 'invalid_request', 'Idempotency-Key']);
  });

  it('says which methods there are', async () => {
    const { headers } = await call('PATCH', '/v1/things/x');
    expect(headers.get('allow')).toBe('GET, HEAD, DELETE');
    expect((await call('OPTIONS', '/v1/things/x')).status).toBe(405);
  });

  it('of an unknown path is a problem too', async () => {
    expect(await problemOf(call('GET', '/nowhere'))).toEqual([404, 'not_found', undefined]);
    expect(await problemOf(call('DELETE', '/v1/things/'))).toEqual([404, 'not_found', undefined]);
    expect((await raw(server.port, request('HEAD /nowhere'), 300)).body).toBe('');
  });

  it('of a path parameter that does not fit is 404', async () => {
    const headers = known;
    const body = '{"quantity":1}';
    const odd = call('POST', '/v1/sales/nonsense/holds', { headers, body });
    expect(await problemOf(odd)).toEqual([404, 'not_found', undefined]);
    const bad = call('GET', '/v1/things/%zz');
    expect(await problemOf(bad)).toEqual([400, 'invalid_request', 'name']);
    expect((await call('GET', '/v1/things/a%00b')).status).toBe(400);
  });

  it('of a query', async () => {
    expect(await problemOf(call('GET', '/v1/list?limit=0'))).toEqual([
      400,
      'invalid_request',
      'limit',
    ]);
    expect(await problemOf(call('GET', '/v1/list?x=1'))).toEqual([400, 'unknown_field', 'x']);
    expect(await problemOf(call('GET', '/v1/empty?x=1'))).toEqual([400, 'unknown_field', 'x']);
    expect((await call('GET', '/v1/list?limit=7')).json['query']).toEqual({ limit: 7 });
  });

  it('is thrown by a handler', async () => {
    const { status, json: problem } = await call('GET', '/v1/refused');
    expect([status, problem['code'], problem['available']]).toEqual([409, 'sold_out', 0]);
  });

  it('of too many requests says when to come back', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => call('GET', '/v1/limited')));
    expect(all.map((a) => a.status).sort()).toEqual([200, 200, 200, 429, 429]);
    const refused = all.find((a) => a.status === 429);
    expect(refused?.json['retry_after_ms']).toBeGreaterThan(10_000);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(10);
  });
});

describe('a failure', () => {
  it.each([
    ['/v1/bug', 500, 'internal'],
    ['/v1/bug-now', 500, 'internal'],
    ['/v1/forgets', 500, 'internal'],
    ['/v1/fault', 503, 'unavailable'],
  ])('of %s is %d %s', async (path, status, code) => {
    const answer = await call('GET', path);
    expect([answer.status, answer.json['code']]).toEqual([status, code]);
    expect(JSON.stringify(answer.json)).not.toContain('secret');
    expect(answer.json).toHaveProperty('request_id');
  });

  it('of the authentication is ours as well', async () => {
    const { status, json: problem } = await hold({ ...known, authorization: 'Bearer broken' });
    expect([status, problem['code']]).toEqual([500, 'internal']);
  });
});

describe('an answer', () => {
  it('may bring its own headers, but not write more of them', async () => {
    const { headers, json: seen } = await call('GET', '/v1/csv', {
      headers: { authorization: 'Bearer good' },
    });
    expect(seen['text']).toBe('a,b\n');
    expect(headers.get('content-type')).toBe('text/csv');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('b')).toBeNull();
    expect(headers.get('x-evil')).toBeNull();
  });

  it('may be empty', async () => {
    const answer = await raw(server.port, request('GET /v1/empty'), 200);
    expect(answer.status).toBe(204);
    expect(answer.body).toBe('');
  });

  it('to a client that left is thrown away', async () => {
    const before = slow.started;
    const gone = raw(server.port, request('GET /v1/slow'), 100);
    await gone;
    expect(slow.started).toBe(before + 1);
    while (server.inFlight() > 0) await new Promise((resolve) => setImmediate(resolve));
    slow.release();
    expect((await call('GET', '/health/live')).status).toBe(200);
  });
});

describe('the standard routes', () => {
  it('are there', async () => {
    expect((await call('GET', '/health/live')).json).toEqual({ status: 'ok' });
    expect((await call('GET', '/openapi.json')).json['openapi']).toBe('3.1.0');
    const docs = await call('GET', '/docs');
    expect(docs.headers.get('content-type')).toContain('text/html');
    expect(docs.headers.get('content-security-policy')).toContain("default-src 'none'");
    const etag = docs.headers.get('etag') ?? '';
    expect((await call('GET', '/docs', { headers: { 'if-none-match': etag } })).status).toBe(304);
    expect(String((await call('GET', '/docs/errors')).json['text'])).toContain('id="sold_out"');
  });
});

describe('a server', () => {
  it('does not share its port', async () => {
    await expect(startServer({ port: server.port })).rejects.toThrow(/taken/);
  });

  it('answers what is in flight before it closes, and nothing new', async () => {
    const other = await startServer();
    const pending = raw(other.port, request('GET /v1/slow'), 5000);
    while (other.inFlight() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const closed = other.close(5000);
    expect((await raw(other.port, request('GET /health/live'), 500)).status).toBe(0);
    slow.release();
    const answer = await pending;
    expect([answer.status, answer.body, answer.closed]).toEqual([200, '{"slow":true}', true]);
    expect(answer.head).toMatch(/connection: close/i);
    await closed;
  });

  it('does not wait for ever', async () => {
    const other = await startServer();
    const pending = raw(other.port, request('GET /v1/slow'), 5000);
    while (other.inFlight() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const startedAtMs = performance.now();
    await other.close(100);
    expect(performance.now() - startedAtMs).toBeLessThan(1000);
    expect((await pending).status).toBe(0);
  });

  it('refuses a route that it cannot serve, at start', async () => {
    const { routes } = await import('./http-fixture.ts');
    const [first] = routes;
    if (first === undefined) throw new Error('no route');
    const operators = [{ ...first, auth: 'operator' as const }];
    await expect(startServer({ routes: operators })).rejects.toThrow(/operators/);
  });
});
