// A process that stood still reads what came meanwhile before it hears who has left since.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
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

const body = 'POST /take HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';

async function asks(): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  // The server has it too by then.
  await sleep(50);
  socket.write(`${body}Content-Length: 2\r\n\r\n{}`);
  return socket;
}

const standStill = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

it('waits for nothing when it has not stood still', async () => {
  handled = 0;
  (await asks()).destroy();
  await sleep(100);
  expect(handled).toBe(1);
});

it('takes nothing from a client that has left while it stood still', async () => {
  handled = 0;
  (await asks()).destroy();
  standStill(2500);
  await sleep(100);
  expect(handled).toBe(0);
});

it('answers one that is still there', async () => {
  handled = 0;
  const socket = await asks();
  standStill(2500);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(String(answer)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  expect(handled).toBe(1);
  socket.destroy();
});
