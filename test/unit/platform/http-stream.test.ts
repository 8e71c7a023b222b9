/** Bodies that a handler takes while they come: in order, one piece at a time, never all at once. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../../platform/http/server.ts';
import { until } from '../../support/environment.ts';
import { raw } from '../../support/raw-http.ts';
import { startServer, stream } from './http-fixture.ts';

let server: HttpServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close(1000));

const mega = 1024 * 1024;

async function send(body: RequestInit['body'], headers: Record<string, string> = {}) {
  const response = await fetch(`http://127.0.0.1:${server.port}/v1/stream`, {
    method: 'POST',
    headers: { authorization: 'Bearer good', ...headers },
    body,
    duplex: 'half',
  } as RequestInit);
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

describe('a body', () => {
  it.each([0, 1, 64 * 1024, 64 * 1024 + 1, 3 * mega])('of %i bytes comes whole', async (bytes) => {
    const { status, json } = await send(Buffer.alloc(bytes, 'a'));
    expect([status, json]).toEqual([200, { bytes, pieces: Math.ceil(bytes / (64 * 1024)) }]);
    expect(stream.most).toBe(Math.min(1, bytes));
    expect(stream.pieces.slice(0, -1).every((length) => length === 64 * 1024)).toBe(true);
  });

  it('without a length is taken too, and cut at the limit', async () => {
    const chunks = (count: number) => {
      let n = count;
      return new ReadableStream({
        pull(controller) {
          if (n === 0) controller.close();
          else controller.enqueue(Buffer.alloc(100_000));
          n -= 1;
        },
      });
    };
    expect((await send(chunks(20))).json['bytes']).toBe(2_000_000);
    const refused = await send(chunks(60)).catch(() => null);
    if (refused !== null) expect(refused.status).toBe(413);
    await until('the handler was told', () => stream.failed.includes('too_large'));
  });
});

describe('a refusal', () => {
  it('is read by a client with a short body, and before a long one is read', async () => {
    const type = { 'content-type': 'text/no' };
    expect((await send(Buffer.alloc(500_000), type)).status).toBe(415);
    expect((await send(Buffer.alloc(500_000), { authorization: 'Bearer x' })).status).toBe(401);
    const head = (length: number, token: string) =>
      `POST /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: text/no\r\nContent-Length: ${length}\r\n\r\n`;
    const long = await raw(server.port, head(3 * mega, 'good'));
    expect([long.status, long.closed]).toEqual([415, true]);
    expect((await raw(server.port, head(3 * mega, 'bad'))).status).toBe(401);
    expect((await raw(server.port, head(5 * mega, 'good'))).status).toBe(413);
  });
});

it('a client that leaves in the middle ends the handler’s wait', async () => {
  stream.pieces = [];
  const socket = connect(server.port, '127.0.0.1');
  socket.write(
    'POST /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Length: 900000\r\n\r\n',
  );
  socket.write(Buffer.alloc(100_000));
  await until('a piece was taken', () => stream.pieces.length > 0);
  socket.destroy();
  await until('the handler was told', () => stream.failed.includes('the client left'));
  await until('nothing is in flight', () => server.inFlight() === 0);
});
