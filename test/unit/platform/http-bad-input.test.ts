/** What nobody should send: the server answers with a 4xx or closes, and lives on. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../../platform/http/server.ts';
import { raw, request } from '../../support/raw-http.ts';
import type { RawAnswer } from '../../support/raw-http.ts';
import { startServer } from './http-fixture.ts';

let server: HttpServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close(1000));

const send = (input: string | Buffer, waitMs?: number): Promise<RawAnswer> =>
  raw(server.port, input, waitMs);

/** After whatever was sent, an honest request is still answered, and nothing is left in flight. */
async function expectAlive(): Promise<void> {
  expect((await send(request('GET /health/live'))).status).toBe(200);
  for (let i = 0; i < 100 && server.inFlight() > 0; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(server.inFlight()).toBe(0);
}

const json = { 'Content-Type': 'application/json' };
const known = { ...json, Authorization: 'Bearer good', 'Idempotency-Key': 'k' };
const hold = 'POST /v1/sales/sal_1/holds';
const open = 'POST /v1/open';

function codeOf({ body }: RawAnswer): unknown {
  return (JSON.parse(body) as Record<string, unknown>)['code'];
}

describe('a JSON body', () => {
  it.each([
    ['empty text', ' '],
    ['cut', '{"quantity":'],
    ['two values', '{"quantity":1}{"quantity":1}'],
    ['a comment', '{"quantity":1/*x*/}'],
    ['NaN', '{"quantity":NaN}'],
    ['1e400', '{"quantity":1e400}'],
    ['-0', '{"quantity":-0}'],
    ['2^53', '{"quantity":9007199254740993}'],
    ['2^31', '{"quantity":2147483648}'],
    ['zero', '{"quantity":0}'],
    ['negative', '{"quantity":-1}'],
    ['a fraction', '{"quantity":1.5}'],
    ['text', '{"quantity":"1"}'],
    ['a list', '[1]'],
    ['null', 'null'],
    ['true', 'true'],
    ['__proto__', '{"quantity":1,"__proto__":{"quantity":2}}'],
    ['constructor', '{"quantity":1,"constructor":{"prototype":{"x":1}}}'],
    ['a deep list', '['.repeat(8000) + ']'.repeat(8000)],
    ['a deep object', `${'{"a":'.repeat(2500)}1${'}'.repeat(2500)}`],
    ['NUL', '{"quantity":1,"note":"a\\u0000b"}'],
    ['half a pair', '{"quantity":1,"note":"\\ud800"}'],
    ['a byte order mark', '\ufeff{"quantity":1}'],
    ['a raw NUL', '{"quantity":1}\u0000'],
    ['msgpack', '\u0081\u00a1q\u0001'],
  ])('with %s is 400', async (_, body) => {
    const answer = await send(request(hold, known, body));
    expect(answer.status).toBe(400);
    expect(['invalid_request', 'unknown_field']).toContain(codeOf(answer));
    await expectAlive();
  });

  it('may say a field twice: the last counts', async () => {
    const answer = await send(request(hold, known, '{"quantity":0,"quantity":2}'));
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('"quantity":2');
  });

  it.each([
    ['NUL deep inside', '{"a":{"b":["\\u0000"]}}'],
    ['an endless number', '{"a":{"b":1e999}}'],
    ['__proto__ inside', '{"a":{"__proto__":{"x":1}}}'],
    ['half a pair as a name', '{"\\udc00":1}'],
    ['a depth of 10,000', `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ])('that is open is still refused with %s', async (_, body) => {
    const answer = await send(request(open, json, body));
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request']);
    await expectAlive();
  });

  it.each([
    ['overlong', [0x7b, 0xc0, 0xaf, 0x7d]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['latin-1', [0x22, 0xe9, 0x22]],
  ])('in bad UTF-8 (%s) is 400', async (_, bytes) => {
    const head = request(open, { ...json, 'Content-Length': String(bytes.length) });
    const answer = await send(Buffer.concat([Buffer.from(head), Buffer.from(bytes)]));
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request']);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=latin1',
    'application/jsonp',
    'application/msgpack',
    '',
  ])('as %j is 415', async (type) => {
    const answer = await send(request(hold, { ...known, 'Content-Type': type }, '{"quantity":1}'));
    expect([answer.status, codeOf(answer)]).toEqual([415, 'unsupported_media_type']);
  });

  it.each([
    'application/json;charset=utf-8',
    'Application/JSON; charset="UTF-8"',
    'application/vnd.api+json',
  ])('as %j is JSON', async (type) => {
    const answer = await send(request(hold, { ...known, 'Content-Type': type }, '{"quantity":1}'));
    expect(answer.status).toBe(200);
  });
});

describe('a body that is too large', () => {
  it('up to 1 MB is read and answered, and the connection lives on', async () => {
    for (const length of [16 * 1024 + 1, 100_000, 1024 * 1024]) {
      const answer = await send(request(hold, known, 'x'.repeat(length)), 5000);
      expect([answer.status, codeOf(answer), answer.closed]).toEqual([413, 'too_large', false]);
    }
  });

  it('of exactly the limit is taken', async () => {
    const body = `{"quantity":1}${' '.repeat(16 * 1024 - 14)}`;
    expect((await send(request(hold, known, body))).status).toBe(200);
  });

  it('beyond is answered at once and closed', async () => {
    const answer = await send(request(hold, { ...known, 'Content-Length': '5000000' }));
    expect([answer.status, codeOf(answer), answer.closed]).toEqual([413, 'too_large', true]);
  });

  it('in chunks is stopped by what has come', async () => {
    const chunk = `${(10_000).toString(16)}\r\n${'x'.repeat(10_000)}\r\n`;
    const { 'Content-Type': type } = json;
    const head = `${open} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const some = await send(`${head}${chunk.repeat(10)}0\r\n\r\n`);
    expect([some.status, codeOf(some), some.closed]).toEqual([413, 'too_large', false]);
    const much = await send(`${head}${chunk.repeat(150)}`, 5000);
    expect(much.status === 413 || much.closed).toBe(true);
    await expectAlive();
  });
});

describe('a malformed request', () => {
  const lines = (...list: string[]): string => `${list.join('\r\n')}\r\n\r\n`;
  const post = `${open} HTTP/1.1`;

  // uWS itself answers 505 to what does not look like HTTP/1.1.
  it.each([
    ['no Host', lines('GET /v1/list HTTP/1.1')],
    ['bare line feeds', 'GET /v1/list HTTP/1.1\nHost: x\n\n'],
    ['HTTP/1.0', lines('GET /v1/list HTTP/1.0', 'Host: x')],
    [
      '200 headers',
      lines(
        'GET /v1/list HTTP/1.1',
        'Host: x',
        ...Array.from({ length: 200 }, (_, i) => `X-${i}: 1`),
      ),
    ],
    ['a 16 KB url', lines(`GET /v1/things/${'a'.repeat(16_000)} HTTP/1.1`, 'Host: x')],
    ['NUL in the path', lines('GET /v1/things/a\u0000b HTTP/1.1', 'Host: x')],
    ['NUL in a header', lines('GET /v1/list HTTP/1.1', 'Host: x', 'X-A: a\u0000b')],
    ['a space before the colon', lines('GET /v1/list HTTP/1.1', 'Host : x')],
    ['an unknown method', lines('FOO /v1/list HTTP/1.1', 'Host: x')],
    ['CONNECT', lines('CONNECT x:80 HTTP/1.1', 'Host: x')],
    ['TRACE', lines('TRACE /v1/list HTTP/1.1', 'Host: x')],
    [
      'a length and chunks',
      `${lines(post, 'Host: x', 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    ],
    ['a negative length', `${lines(post, 'Host: x', 'Content-Length: -5')}hello`],
    [
      'a length beyond 2^64',
      `${lines(post, 'Host: x', 'Content-Length: 99999999999999999999999')}hello`,
    ],
    ['a length that is none', `${lines(post, 'Host: x', 'Content-Length: 5x')}hello`],
    ['two lengths', `${lines(post, 'Host: x', 'Content-Length: 2', 'Content-Length: 5')}{}`],
    [
      'a chunk beyond 2^64',
      `${lines(post, 'Host: x', 'Transfer-Encoding: chunked')}ffffffffffffffffff\r\nx`,
    ],
    [
      'a chunk of no size',
      `${lines(post, 'Host: x', 'Transfer-Encoding: chunked')}zz\r\nx\r\n0\r\n\r\n`,
    ],
    ['another encoding', `${lines(post, 'Host: x', 'Transfer-Encoding: gzip')}x`],
    ['noise', '\u0000\u0001\u0002\u0003\r\n\r\n'],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000'],
    ['a truncated body', `${lines(post, 'Host: x', 'Content-Length: 50')}abc`],
    ['a truncated head', 'GET /v1/list HTTP/1.1\r\nHo'],
    ['nothing', ''],
  ])('with %s does no harm', async (_, input) => {
    const { status } = await send(Buffer.from(input, 'latin1'), 250);
    // Nothing at all, a refusal, or (HTTP version) what uWS says by itself.
    expect(
      status === 0 || status === 200 || status === 505 || (status >= 400 && status < 500),
    ).toBe(true);
    await expectAlive();
  });

  it.each([
    '/v1/things/%',
    '/v1/things/%zz',
    '/v1/things/%c0%af',
    '/v1/things/%ed%a0%80',
    '/v1/things/a%00',
    '/v1/list?limit=%',
    '/v1/list?limit=%00',
    '/v1/list?%ff=1',
    '/v1/list?limit=1&limit=2',
    `/v1/list?${'a&'.repeat(100)}`,
  ])('at %s is 400', async (path) => {
    expect((await send(request(`GET ${path}`))).status).toBe(400);
  });

  it('with pipelined requests gets its answers in order', async () => {
    const two = request('GET /v1/things/1') + request('GET /v1/things/2');
    const { text } = await send(two, 300);
    const first = text.indexOf('"name":"1"');
    expect(first).toBeGreaterThan(0);
    expect(text.indexOf('"name":"2"', first)).toBeGreaterThan(first);
  });

  it('never pollutes a prototype', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
