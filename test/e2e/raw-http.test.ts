// What is hardly HTTP, sent to real processes byte by byte: nobody beside it notices, nothing answers
// 500, the processes stay the same ones, and slow senders are cut off.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { raw, request } from '../support/raw-http.ts';
import type { RawAnswer } from '../support/raw-http.ts';
import { until } from '../support/environment.ts';
import { processes } from './running.ts';
import { laptop, Shop } from './shop.ts';
import type { Shopper } from './shop.ts';

const { api, catalog, ops } = inject('stack');
const portOf = (url: string): number => Number(new URL(url).port);
const servers = [
  ['api', portOf(api)],
  ['catalog', portOf(catalog)],
] as const;

let shop: Shop;
let ann: Shopper;
let sale: string;
let pids: unknown;

beforeAll(async () => {
  pids = processes();
  shop = await Shop.shared();
  ann = await shop.shopper();
  const more = { allotted: 30, limit_per_shopper: 100 };
  sale = await shop.liveSale(await shop.vendor(), more);
  neighbours = await Promise.all(servers.map(([, port]) => Neighbour.at(port)));
});
afterAll(() => {
  for (const neighbour of neighbours) neighbour.end();
});

/** An honest client on one connection: each of its questions must be answered on it. */
class Neighbour {
  readonly #socket: Socket;
  #text = '';
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => (this.#text += chunk.toString('latin1')));
    socket.on('close', () => (this.#closed = true));
    socket.on('error', () => (this.#closed = true));
  }

  static at(port: number): Promise<Neighbour> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', reject);
      socket.once('connect', () => {
        resolve(new Neighbour(socket));
      });
    });
  }

  async ask(): Promise<void> {
    this.#text = '';
    this.#socket.write(request('GET /health/live'));
    await until('the neighbour is answered', () => this.#closed || this.#text.endsWith('}'));
    expect({ closed: this.#closed, text: this.#text.slice(0, 15) }).toEqual({
      closed: false,
      text: 'HTTP/1.1 200 OK',
    });
  }

  end(): void {
    this.#socket.destroy();
  }
}

let neighbours: Neighbour[] = [];

const lines = (...list: string[]): string => `${list.join('\r\n')}\r\n\r\n`;
const json = 'Content-Type: application/json';
const get = 'GET /health/live HTTP/1.1';
const post = 'POST /v1/sessions HTTP/1.1';
const hold = 'POST /v1/sales/sal_x/holds HTTP/1.1';
const chunked = 'Transfer-Encoding: chunked';
const twice = (line: string): string[] => [line, line];

/** 'no 2xx': refused, or never answered and cut off later. */
type Expected = number | 'no 2xx';

const abuses: readonly (readonly [what: string, input: string, expected: Expected])[] = [
  ['nothing at all', '', 'no 2xx'],
  ['noise', '\u0000\u0001\u0002\u0003\r\n\r\n', 505],
  ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000', 505],
  ['HTTP/1.0', lines('GET /health/live HTTP/1.0', 'Host: x'), 505],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ['a head that is cut', `${get}\r\nHo`, 'no 2xx'],
  ['a body that is cut', `${lines(post, 'Host: x', json, 'Content-Length: 50')}{"a"`, 'no 2xx'],
  ['no Host', lines(get), 'no 2xx'],
  ['bare line feeds', `${get}\nHost: x\n\n`, 505],
  ['one bare line feed', `${get}\r\nHost: x\nX-A: y\r\n\r\n`, 'no 2xx'],
  ['a folded header', lines(get, 'Host: x', 'X-A: a', ' b'), 'no 2xx'],
  ['a space before the colon', lines(get, 'Host : x'), 'no 2xx'],
  ['NUL in the path', lines('GET /health/\u0000live HTTP/1.1', 'Host: x'), 505],
  ['NUL in a header', lines(get, 'Host: x', 'X-A: a\u0000b'), 'no 2xx'],
  ['200 headers', lines(get, 'Host: x', ...headers(200)), 431],
  ['a header of 16 KB', lines(get, 'Host: x', `X-A: ${'a'.repeat(16_000)}`), 431],
  ['a head of 4 KB and a little', lines(get, 'Host: x', `X-A: ${'a'.repeat(4100)}`), 431],
  ['a head of nearly 4 KB', lines(get, 'Host: x', `X-A: ${'a'.repeat(3900)}`), 200],
  ['a url of 16 KB', lines(`GET /v1/sales/${'a'.repeat(16_000)} HTTP/1.1`, 'Host: x'), 431],
  ['a url of 3 KB', lines(`GET /v1/sales/${'a'.repeat(3000)} HTTP/1.1`, 'Host: x'), 404],
  ['an absolute url', lines('GET http://x/health/live HTTP/1.1', 'Host: x'), 505],
  ['CONNECT', lines('CONNECT x:80 HTTP/1.1', 'Host: x'), 505],
  ['TRACE', lines('TRACE /health/live HTTP/1.1', 'Host: x'), 405],
  ['a method of its own', lines('FOO /health/live HTTP/1.1', 'Host: x'), 405],
  [
    'a length and chunks',
    `${lines(post, 'Host: x', json, 'Content-Length: 5', chunked)}0\r\n\r\n`,
    400,
  ],
  [
    'chunks and a length',
    `${lines(post, 'Host: x', json, chunked, 'Content-Length: 5')}0\r\n\r\n`,
    400,
  ],
  ['a negative length', `${lines(post, 'Host: x', json, 'Content-Length: -2')}{}`, 400],
  ['a length with a sign', `${lines(post, 'Host: x', json, 'Content-Length: +2')}{}`, 400],
  ['a length of 2^64', `${lines(post, 'Host: x', 'Content-Length: 18446744073709551616')}{}`, 400],
  ['a length that is none', `${lines(post, 'Host: x', json, 'Content-Length: 2x')}{}`, 400],
  ['two lengths in one', `${lines(post, 'Host: x', json, 'Content-Length: 2, 2')}{}`, 400],
  // uWebSockets.js takes the first; a proxy before it may have taken the other.
  [
    'two lengths',
    `${lines(post, 'Host: x', json, 'Content-Length: 2', 'Content-Length: 5')}{}`,
    400,
  ],
  ['one length twice', `${lines(post, 'Host: x', json, ...twice('Content-Length: 2'))}{}`, 400],
  ['two lengths of a GET', `${lines(get, 'Host: x', ...twice('Content-Length: 2'))}{}`, 400],
  [
    'two lengths of a hold, by a proxy',
    `${lines(hold, 'Host: x', json, 'X-Forwarded-For: ::1', ...twice('Content-Length: 2'))}{}`,
    400,
  ],
  ['a chunk beyond 2^64', `${lines(post, 'Host: x', json, chunked)}ffffffffffffffffff\r\nx`, 400],
  ['a chunk of no size', `${lines(post, 'Host: x', json, chunked)}zz\r\nx\r\n0\r\n\r\n`, 400],
  [
    'a chunk of less than none',
    `${lines(post, 'Host: x', json, chunked)}-2\r\n{}\r\n0\r\n\r\n`,
    400,
  ],
  ['another encoding', `${lines(post, 'Host: x', json, 'Transfer-Encoding: gzip')}x`, 400],
];

function headers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `X-${i}: 1`);
}

/** An answer that does not come in this time is none; the server cuts such connections off later. */
const patienceMs = 150;

const send = (port: number, input: string): Promise<RawAnswer> =>
  raw(port, Buffer.from(input, 'latin1'), patienceMs);

describe.each(servers)('%s', (name, port) => {
  it.each(abuses)('survives %s', async (_what, input, expected) => {
    const path = name === 'api' ? input : input.replace('/v1/sessions', '/v1/cart/merge');
    const { status, text } = await send(port, path);
    if (typeof expected === 'number') expect(status).toBe(expected);
    else expect(status === 0 || status >= 400).toBe(true);
    // One request, one answer: nothing of a body is taken for a request.
    expect(text.match(/^HTTP\/1\.1/gm)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(status < 500 || status === 505).toBe(true);
    await Promise.all(neighbours.map((neighbour) => neighbour.ask()));
  });

  it('takes no part of a body for a request', async () => {
    const inner = lines('GET /openapi.json HTTP/1.1', 'Host: x');
    const length = `Content-Length: ${inner.length}`;
    for (const line of [get, 'DELETE /v1/cart HTTP/1.1', 'POST /v1/nothing HTTP/1.1']) {
      const { text } = await send(port, lines(line, 'Host: x', length) + inner);
      expect(text.match(/^HTTP\/1\.1/gm)).toHaveLength(1);
      expect(text).not.toContain('openapi');
    }
  });
});

describe('what the api hands on to the catalog', () => {
  const put = (headers: Record<string, string>): Promise<RawAnswer> => {
    const shopper = { Authorization: `Bearer ${ann.token}`, 'Content-Type': 'application/json' };
    const line = 'PUT /v1/cart/lines/prd_0000000000000';
    return raw(portOf(api), request(line, { ...shopper, ...headers }, '{"quantity":1}'));
  };

  it.each(['Accept', 'Content-Type', 'Idempotency-Key', 'If-None-Match', 'Traceparent'])(
    'is no character that no header may hold, in %s',
    async (name) => {
      const { status, body } = await put({ [name]: 'a\u007fb' });
      expect(status).toBe(400);
      expect(body.toLowerCase()).toContain(name.toLowerCase());
    },
  );

  it('encodes what an address may not hold', async () => {
    for (const q of ['\u{1f600}', '\u007f', 'a\\b', '"', '%zz', '%']) {
      const { status } = await raw(portOf(api), request(`GET /v1/search?q=${q}`));
      expect([q, status === 200 || status === 400]).toEqual([q, true]);
    }
  });
});

describe('a hold', () => {
  const hold = (body: string | Buffer, key: string): Promise<RawAnswer> => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
    const head = request(`POST /v1/sales/${sale}/holds`, {
      Authorization: `Bearer ${ann.token}`,
      'Idempotency-Key': key,
      'Content-Type': 'application/json',
      'Content-Length': String(bytes.length),
    });
    return raw(portOf(api), Buffer.concat([Buffer.from(head), bytes]), 5000);
  };

  it.each([
    ['overlong UTF-8', Buffer.from([0x7b, 0xc0, 0xaf, 0x7d])],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['half of a character', Buffer.from([0x7b, 0x22, 0xe2, 0x82, 0x22, 0x7d])],
    ['a byte order mark', '\ufeff{"quantity":1}'],
    ['a NUL behind it', '{"quantity":1}\u0000'],
    ['half a surrogate pair', '{"quantity":1,"product_id":"\\ud800"}'],
    ['a depth of 7,000', `{"quantity":${'['.repeat(7000)}${']'.repeat(7000)}}`],
    ['a depth of 7,000 that never ends', `{"quantity":${'['.repeat(15_000)}`],
    ['__proto__', '{"quantity":1,"__proto__":{"quantity":2}}'],
    ['constructor', '{"quantity":1,"constructor":{"prototype":{"quantity":2}}}'],
    ['1e400', '{"quantity":1e400}'],
    ['-1e400', '{"quantity":-1e400}'],
    ['-0', '{"quantity":-0}'],
    ['NaN', '{"quantity":NaN}'],
    ['Infinity', '{"quantity":Infinity}'],
    ['2^53 + 1', '{"quantity":9007199254740993}'],
    ['2^31', '{"quantity":2147483648}'],
    ['hexadecimal', '{"quantity":0x1}'],
    ['a leading zero', '{"quantity":01}'],
    ['two values', '{"quantity":1}{"quantity":1}'],
  ])('with %s is 400', async (what, body) => {
    const { status, body: answer } = await hold(body, `bad ${what}`);
    expect(status).toBe(400);
    expect(answer).toMatch(/"code":"(invalid_request|unknown_field)"/);
  });

  it('has no depth that hurts: neither has a registration of 10,000 levels', async () => {
    const vendor = await shop.vendor();
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const deep = `${open.repeat(10_000)}1${close.repeat(10_000)}`;
      const body = JSON.stringify({ ...laptop, attributes: { deep: 0 } }).replace('0}', `${deep}}`);
      const answer = await shop.ask('POST', '/register-product', { token: vendor, body });
      expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
    }
  });

  it('that says its quantity twice is taken at its last word', async () => {
    const { status, body } = await hold('{"quantity":0,"quantity":2}', 'twice');
    expect(status).toBe(201);
    expect((JSON.parse(body) as { units: unknown[] }).units).toHaveLength(2);
  });

  it('whose client leaves at once is held all the same, and found by its key', async () => {
    const body = '{"quantity":1}';
    const head = request(`POST /v1/sales/${sale}/holds`, {
      Authorization: `Bearer ${ann.token}`,
      'Idempotency-Key': 'left',
      'Content-Type': 'application/json',
      'Content-Length': String(body.length),
    });
    await Promise.all(
      Array.from({ length: 50 }, () => {
        return new Promise<void>((resolve) => {
          const socket = connect(portOf(api), '127.0.0.1', () => {
            socket.write(head + body, () => {
              socket.resetAndDestroy();
              resolve();
            });
          });
        });
      }),
    );
    const again = await hold(body, 'left');
    expect(again.status).toBe(201);
    const { json: order } = await shop.order((JSON.parse(again.body) as { id: string }).id, ann);
    expect(order['state']).toBe('held');
    const { json: list } = await shop.must(200, 'GET', `/v1/sales/${sale}`);
    expect(list['claimed_share']).toBe(0.1);
  });
});

it('cuts off who sends slowly, and answers others meanwhile', async () => {
  const head = `${post}\r\nHost: x\r\n${json}\r\n`;
  const firsts = [
    `${get}\r\nHo`,
    `${head}Content-Length: 100\r\n\r\n{`,
    `${head}${chunked}\r\n\r\n`,
  ];
  const slow = servers.flatMap(([, port]) =>
    firsts.flatMap((first) => Array.from({ length: 30 }, () => new SlowSender(port, first))),
  );
  await until('all are cut off', async () => {
    for (const [, port] of servers) await askOnce(port);
    return slow.every(({ closed }) => closed);
  });
  expect(slow.map(({ text }) => text).join('')).not.toMatch(/ 2\d\d | 5\d\d /);
});

async function askOnce(port: number): Promise<void> {
  const neighbour = await Neighbour.at(port);
  await neighbour.ask();
  neighbour.end();
}

/** Sends a byte now and then, and never all. */
class SlowSender {
  closed = false;
  text = '';

  constructor(port: number, first: string) {
    const socket = connect(port, '127.0.0.1');
    const drip = setInterval(() => socket.write(' '), 400);
    socket.on('data', (chunk) => (this.text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(drip);
      this.closed = true;
    });
    socket.write(first);
  }
}

it('has ended no process and answered no 500', async () => {
  expect(processes()).toEqual(pids);
  for (const url of [ops, ops.replace(/\d+$/, (port) => String(Number(port) + 1))]) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('highnoon_http_requests_total');
    expect(metrics.match(/^highnoon_http_requests_total\{.*status="500".*$/gm)).toBeNull();
  }
});
