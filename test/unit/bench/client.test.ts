/** The lean client against a real socket: replies in pieces, order, failures; and its arithmetic. */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Connection } from '../../../bench/client/connection.ts';
import { Histogram } from '../../../bench/client/histogram.ts';
import { headerOf, ReplyReader } from '../../../bench/client/reply.ts';
import { requestText } from '../../../bench/client/request-text.ts';
import { bucketQuantile, bucketsOf, sumOf } from '../../../bench/client/scrape.ts';

const ok = (body: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\nX-A: b\r\n\r\n${body}`;
const get = requestText({ method: 'GET', path: '/', host: 'x' });

let server: Server | null = null;
afterEach(() => {
  server?.close();
  server = null;
});

async function serve(onData: (socket: Socket, text: string) => void): Promise<Connection> {
  const started = createServer((socket) => {
    socket.on('data', (data) => onData(socket, data.toString()));
    socket.on('error', () => undefined);
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  const address = started.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return new Connection({ hostname: '127.0.0.1', port: address.port }, '127.0.0.3');
}

describe('ReplyReader', () => {
  it('reads an answer however it is cut', () => {
    const bytes = Buffer.from(ok('{"a":"é’"}'));
    for (let cut = 1; cut < bytes.length; cut++) {
      const reader = new ReplyReader();
      const first = Buffer.from(bytes.subarray(0, cut));
      expect(reader.push(first)).toBeNull();
      first.fill(0);
      const reply = reader.push(bytes.subarray(cut));
      expect(reply?.status).toBe(200);
      expect(reply?.body).toBe('{"a":"é’"}');
      expect(reply === null ? null : headerOf(reply, 'x-a')).toBe('b');
    }
  });

  it.each(['SSH-2.0\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n', `${ok('a')}HTTP`])(
    'refuses what it does not understand: %j',
    (text) => {
      expect(() => new ReplyReader().push(Buffer.from(text))).toThrow();
    },
  );
});

describe('Connection', () => {
  it('sends one after the other', async () => {
    const seen: string[] = [];
    const connection = await serve((socket, text) => {
      seen.push(text);
      setTimeout(() => socket.write(ok(String(seen.length))), 5);
    });
    const replies = await Promise.all([connection.request(get), connection.request(get)]);
    expect(replies.map((reply) => reply?.body)).toEqual(['1', '2']);
    expect(seen).toEqual([get, get]);
    connection.close();
  });

  it('tells the one under way of a lost connection and carries the rest on a new one', async () => {
    let count = 0;
    const connection = await serve((socket) => {
      if (count++ === 0) socket.destroy();
      else socket.write(ok('again'));
    });
    expect(await connection.open()).toBe(true);
    const replies = await Promise.all([connection.request(get), connection.request(get)]);
    expect(replies.map((reply) => reply?.body)).toEqual([undefined, 'again']);
    connection.close();
  });

  it('says so when nobody listens', async () => {
    const connection = new Connection({ hostname: '127.0.0.1', port: 1 });
    expect(await connection.open()).toBe(false);
    expect(await connection.request(get)).toBeNull();
    expect(connection.failure).toContain('ECONNREFUSED');
  });

  it('says why it does not take an answer', async () => {
    const connection = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
    });
    expect(await connection.request(get)).toBeNull();
    expect(connection.failure).toBe('an answer without content-length');
  });
});

describe('Histogram', () => {
  it('knows quantiles to 2 %', () => {
    const histogram = new Histogram();
    expect(histogram.quantile(0.5)).toBe(0);
    for (let i = 1; i <= 1000; i++) histogram.add(i);
    expect(histogram.quantile(0.5) / 500).toBeCloseTo(1, 1);
    expect(histogram.quantile(0.99) / 990).toBeCloseTo(1, 1);
    expect(histogram.quantile(1)).toBe(1000);
  });
});

describe('scrape', () => {
  const text = [
    'lag_bucket{lane="0",le="0.1"} 1',
    'lag_bucket{lane="1",le="0.1"} 1',
    'lag_bucket{lane="0",le="0.2"} 3',
    'lag_bucket{lane="1",le="+Inf"} 2',
    'lag_bucket{lane="0",le="+Inf"} 3',
    'doubt{lane="0"} 4',
    'doubt{lane="1"} 5',
    'doubt_age 7',
  ].join('\n');
  it('adds lanes up', () => {
    expect([...bucketsOf(text, 'lag')]).toEqual([
      [0.1, 2],
      [0.2, 3],
      [Infinity, 5],
    ]);
    expect(sumOf(text, 'doubt')).toBe(9);
    expect(sumOf(text, 'doubt_age')).toBe(7);
    expect(sumOf(text, 'nothing')).toBeNull();
    expect(bucketQuantile(bucketsOf(text, 'lag'), 0.2)).toBeCloseTo(0.05);
    expect(bucketQuantile(bucketsOf(text, 'none'), 0.5)).toBeNull();
  });
});
