// A process that stood still reads what came meanwhile before it hears who has left since.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLog } from '../../../platform/log.ts';
import { createHttpServer, type HttpServer } from '../../../platform/http/server.ts';
import { route } from './http-fixture.ts';

let handled = 0;
let server: HttpServer;

beforeAll(async () => {
  const handle = route({
    id: 'take',
    method: 'POST',
    path: '/take',
    handle: (ctx) => {
      handled += 1;
      ctx.reply(200, '{}');
    },
  });
  server = await createHttpServer({
    ...{ name: 'test', host: '127.0.0.1', port: 0, routes: [handle] },
    authenticate: () => Promise.reject(new Error('public')),
    log: createLog('test', 'silent'),
  });
});
afterAll(() => server.close(1000));

const request =
  'POST /take HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';

/** Asks a second time: the server has its connection since it answered the first. */
async function asks(): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  socket.write(request);
  await once(socket, 'data');
  handled = 0;
  socket.write(request);
  return socket;
}

/** By the time that this is answered, whoever asked before is too, or never will be. */
async function another(): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${server.port}/take`, {
    ...{ method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } },
  });
  expect(response.status).toBe(200);
}

const standStill = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

it('waits for nothing when it has not stood still', async () => {
  (await asks()).destroy();
  await another();
  expect(handled).toBe(2);
});

it('takes nothing from a client that has left while it stood still', async () => {
  (await asks()).destroy();
  standStill(2500);
  await another();
  expect(handled).toBe(1);
});

it('answers one that is still there', async () => {
  const socket = await asks();
  standStill(2500);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(String(answer)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  expect(handled).toBe(1);
  socket.destroy();
});
