// The catalog's answers come back as they are; whatever goes wrong is "away", soon.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { catalogClient } from '../../../api/catalog-client.ts';
import type { CatalogClient } from '../../../api/catalog-client.ts';
import { Fault } from '../../../platform/fault.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server | undefined;
let client: CatalogClient | undefined;

async function catalog(handler: Handler, host = '127.0.0.1'): Promise<CatalogClient> {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      handler(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  client = catalogClient(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
  return client;
}

afterEach(() => {
  client?.close();
  server?.closeAllConnections();
  server?.close();
});

const hasIPv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === '::1');
const get = (path: string) => ({ method: 'GET', path, headers: {}, body: Buffer.alloc(0) });

describe('catalogClient', () => {
  it('passes path, headers and body, and copies the answer', async () => {
    const seen: unknown[] = [];
    const { send } = await catalog((request, response, body) => {
      seen.push(request.method, request.url, request.headers['authorization'], body);
      response.writeHead(201, {
        'content-type': 'application/json',
        etag: 'W/"a"',
        'cache-control': 'no-store',
        'set-cookie': 'x=1',
        'x-powered-by': 'y',
      });
      response.end('{"a":1}');
    });
    const answered = await send({
      method: 'PUT',
      path: '/v1/cart/lines/prd%20a?x=%2F',
      headers: { authorization: 'Bearer t' },
      body: Buffer.from('{"quantity":1}'),
    });
    expect(seen).toEqual(['PUT', '/v1/cart/lines/prd%20a?x=%2F', 'Bearer t', '{"quantity":1}']);
    expect(answered).toEqual({
      status: 201,
      headers: { 'content-type': 'application/json', etag: 'W/"a"', 'cache-control': 'no-store' },
      body: '{"a":1}',
    });
  });

  it('sends a path nowhere else and as it came, but for what no path may hold', async () => {
    const seen: unknown[] = [];
    const { send } = await catalog((request, response) => {
      seen.push(request.url);
      response.end('{}');
    });
    for (const path of ['//elsewhere/v1', '/v1/../x', '/v1/search?q=Stühle 椅子\u0001']) {
      expect((await send(get(path))).status).toBe(200);
    }
    const encoded = '/v1/search?q=St%C3%BChle%20%E6%A4%85%E5%AD%90%01';
    expect(seen).toEqual(['//elsewhere/v1', '/v1/../x', encoded]);
  });

  it.skipIf(!hasIPv6)('finds a catalog by its IPv6 address', async () => {
    const { send } = await catalog((_, response) => response.end('{}'), '::1');
    expect((await send(get('/'))).status).toBe(200);
  });

  it('is away when the answer is cut in the middle', async () => {
    const { send } = await catalog((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.socket?.destroy());
    });
    await expect(send(get('/'))).rejects.toMatchObject({ code: 'catalog', retryable: true });
  });

  it('keeps its connections', async () => {
    const ports = new Set<number | undefined>();
    const { send } = await catalog((request, response) => {
      ports.add(request.socket.remotePort);
      response.end('{}');
    });
    for (let i = 0; i < 10; i += 1) await send(get('/'));
    expect(ports.size).toBe(1);
  });

  it('never opens more than 64', async () => {
    // Open at a time, not in all: what a slow machine lets time out is opened anew.
    const sockets = new Set<unknown>();
    let most = 0;
    const { send } = await catalog(() => undefined);
    server?.on('connection', (socket) => {
      sockets.add(socket);
      most = Math.max(most, sockets.size);
      socket.on('close', () => sockets.delete(socket));
    });
    const asked = Promise.allSettled(Array.from({ length: 300 }, () => send(get('/'))));
    await expect.poll(() => most, { interval: 5, timeout: 20_000 }).toBeGreaterThanOrEqual(64);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((next) => setImmediate(next));
    expect(most).toBe(64);
    client?.close();
    server?.closeAllConnections();
    await asked;
  });

  it('refuses at once what would wait behind too many', async () => {
    const { send } = await catalog(() => undefined);
    let refused = 0;
    const asked = Array.from({ length: 1200 }, () =>
      send(get('/')).catch(() => {
        refused += 1;
      }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(refused).toBe(1200 - 1024);
    server?.closeAllConnections();
    client?.close();
    await Promise.all(asked);
  });

  it('asks once more when a kept connection was just closed', async () => {
    let asked = 0;
    const { send } = await catalog((request, response) => {
      asked += 1;
      if (asked === 2) request.socket.resetAndDestroy();
      else response.end('{}');
    });
    await send(get('/'));
    expect((await send(get('/'))).status).toBe(200);
    expect(asked).toBe(3);
  });

  it('never sends a change twice', async () => {
    let asked = 0;
    const { send } = await catalog((request, response) => {
      asked += 1;
      if (asked === 2) request.socket.resetAndDestroy();
      else response.end('{}');
    });
    const put = { ...get('/'), method: 'PUT' };
    await send(put);
    await expect(send(put)).rejects.toThrow(Fault);
    expect(asked).toBe(2);
  });

  it.each<[string, Handler]>([
    ['hangs up', (request) => request.socket.destroy()],
    [
      'breaks off in the middle',
      (request, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{');
        setImmediate(() => request.socket.destroy());
      },
    ],
    [
      'answers without end',
      (_request, response) => {
        const chunk = 'x'.repeat(1024 * 1024);
        const more = (): void => {
          if (!response.destroyed) response.write(chunk, more);
        };
        more();
      },
    ],
  ])('is away when it %s', async (_what, handler) => {
    const { send } = await catalog(handler);
    const failed = send(get('/'));
    await expect(failed).rejects.toMatchObject({ code: 'catalog', retryable: true });
  });

  it('is away when it does not answer in time', async () => {
    const { send } = await catalog(() => undefined);
    const began = performance.now();
    await expect(send(get('/'))).rejects.toMatchObject({ code: 'catalog', retryable: true });
    expect(performance.now() - began).toBeLessThan(3000);
  });

  it('is away when nobody listens', async () => {
    client = catalogClient('http://127.0.0.1:9');
    const failed = client.send(get('/'));
    await expect(failed).rejects.toMatchObject({ code: 'catalog', retryable: true });
  });
});
