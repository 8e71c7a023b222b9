// Answers that have come in are read while the event loop is kept busy: whole, once and in order.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { awaiting, orNull, readAwaited } from '../../../platform/awaited.ts';

/** Answers every byte with as many as it says, in a thread that this one cannot keep busy. */
const server = `
const { createServer } = require('node:net');
const { parentPort } = require('node:worker_threads');
const s = createServer((socket) => {
  let sent = 0;
  socket.on('data', (asked) => {
    for (const size of asked) {
      const bytes = Buffer.alloc(size * 1024);
      for (let i = 0; i < bytes.length; i++) bytes[i] = (sent + i) % 251;
      sent += bytes.length;
      socket.write(bytes);
    }
  });
  socket.on('error', () => undefined);
});
s.listen(0, '127.0.0.1', () => parentPort.postMessage(s.address().port));
`;

const patienceMs = 10_000;
let worker: Worker;
let port: number;

beforeAll(async () => {
  worker = new Worker(server, { eval: true });
  const [told] = (await once(worker, 'message')) as [number];
  port = told;
});
afterAll(() => worker.terminate());

async function opened(): Promise<{ socket: Socket; got: () => Buffer }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const parts: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => parts.push(bytes));
  return { socket, got: () => Buffer.concat(parts) };
}

/** Without a turn of the event loop. */
function look(isDone: () => boolean): boolean {
  const end = performance.now() + patienceMs;
  while (!isDone() && performance.now() < end) readAwaited();
  return isDone();
}

const inOrder = (bytes: Buffer): boolean => bytes.every((byte, i) => byte === i % 251);

describe('an answer that somebody awaits', () => {
  it('is read without a turn of the event loop, however long it is', async () => {
    const { socket, got } = await opened();
    const whole = 200 * 1024;
    const { stackTraceLimit } = Error;
    const limits = new Set<number>();
    socket.on('data', () => limits.add(Error.stackTraceLimit));
    let end = (): void => undefined;
    const answer = awaiting(socket, new Promise<void>((resolve) => (end = resolve)));
    socket.write(Buffer.from([200]));
    expect(look(() => got().length === whole)).toBe(true);
    expect(inOrder(got())).toBe(true);
    expect([...limits, Error.stackTraceLimit]).toEqual([stackTraceLimit, stackTraceLimit]);
    end();
    await answer;
    socket.destroy();
  });

  it('comes once and in order when the loop reads too', async () => {
    const { socket, got } = await opened();
    const rounds = 40;
    let end = (): void => undefined;
    const answer = awaiting(socket, new Promise<void>((resolve) => (end = resolve)));
    for (let i = 0; i < rounds; i++) {
      socket.write(Buffer.from([37]));
      look(() => got().length > i * 37 * 1024);
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (got().length < rounds * 37 * 1024) await once(socket, 'data');
    expect(got().length).toBe(rounds * 37 * 1024);
    expect(inOrder(got())).toBe(true);
    end();
    await answer;
    socket.destroy();
  });

  it('is left to the loop when nobody awaits it any more, or its connection has ended', async () => {
    const { socket, got } = await opened();
    await awaiting(socket, Promise.resolve());
    socket.write(Buffer.from([1]));
    const end = performance.now() + 50;
    while (performance.now() < end) readAwaited();
    expect(got().length).toBe(0);
    await once(socket, 'data');
    expect(got().length).toBe(1024);
    const never = awaiting(socket, new Promise<never>((_, reject) => socket.once('close', reject)));
    socket.destroy();
    expect(() => {
      readAwaited();
    }).not.toThrow();
    await expect(never).rejects.toBe(false);
  });

  it('is given up in time though no timer runs', async () => {
    const never = new Promise<string>(() => undefined);
    let given: unknown;
    void orNull(never, 20).then((value) => (given = value));
    const end = performance.now() + 40;
    while (performance.now() < end) readAwaited();
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    expect(given).toBeNull();
    expect(await orNull(Promise.resolve('here'), 20)).toBe('here');
    expect(await orNull(never, 1)).toBeNull();
    await expect(orNull(Promise.reject(new Error('no')), 20)).rejects.toThrow('no');
  });

  it('is as it was: value and error', async () => {
    expect(await awaiting(null, Promise.resolve(7))).toBe(7);
    await expect(awaiting({}, Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});
