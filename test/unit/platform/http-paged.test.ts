/** Answers that are written as their client takes them: whole, no faster than it reads, or cut. */
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../../platform/http/server.ts';
import { until } from '../../support/environment.ts';
import { pageBytes, paged, startServer } from './http-fixture.ts';

let server: HttpServer;

beforeAll(async () => {
  server = await startServer();
});
beforeEach(() => Object.assign(paged, { made: 0, ended: 0, most: 3, failsAt: -1 }));
afterAll(() => server.close(1000));

const ask = (method = 'GET') => fetch(`http://127.0.0.1:${server.port}/v1/pages`, { method });

describe('an answer in pieces', () => {
  it.each([0, 1, 400])('of %i pieces comes whole', async (most) => {
    paged.most = most;
    const response = await ask();
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain']);
    expect((await response.text()).length).toBe(most * pageBytes);
    expect([paged.made, paged.ended]).toEqual([most, 1]);
  });

  it('has a head without a body', async () => {
    const response = await ask('HEAD');
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(paged.ended).toBe(1);
  });

  it('is a problem when nothing was written yet, and cut when something was', async () => {
    paged.failsAt = 0;
    expect((await ask()).status).toBe(500);
    paged.failsAt = 2;
    await expect(ask().then((response) => response.text())).rejects.toThrow();
  });

  it('is made no faster than it is read, and is over for whoever never reads', async () => {
    paged.most = 10_000;
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('GET /v1/pages HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('it was cut off', () => paged.ended === 1);
    // What the system buffers on the way, of 640 MB.
    expect(paged.made * pageBytes).toBeLessThan(64 * 1024 * 1024);
    socket.destroy();
  });

  it('is made no faster for whoever reads a little at a time', async () => {
    paged.most = 10_000;
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET /v1/pages HTTP/1.1\r\nHost: x\r\n\r\n');
    let taken = 0;
    socket.on('data', (bytes) => {
      taken += bytes.length;
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    });
    await until('it has taken some', () => taken > 4 * 1024 * 1024);
    expect(paged.made * pageBytes - taken).toBeLessThan(32 * 1024 * 1024);
    socket.destroy();
    await until('it is over', () => paged.ended === 1);
  });

  it('ends with its client', async () => {
    paged.most = 10_000;
    const leaving = new AbortController();
    const response = await fetch(`http://127.0.0.1:${server.port}/v1/pages`, {
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
    await until('it is over', () => paged.ended === 1);
    expect(paged.made).toBeLessThan(10_000);
    expect((await ask('HEAD')).status).toBe(200);
  });
});
