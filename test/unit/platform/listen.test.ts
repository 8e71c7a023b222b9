/** Listening while Postgres is away: it tries again, and leaves nothing behind. */
import { getEventListeners } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { listenTo } from '../../../platform/postgres/listen.ts';
import { silent, until } from '../../support/environment.ts';

afterEach(() => vi.unstubAllGlobals());

it('keeps one listener at most on its signal, however often it tries', async () => {
  const signals: AbortSignal[] = [];
  vi.stubGlobal(
    'AbortController',
    class extends AbortController {
      constructor() {
        super();
        signals.push(this.signal);
      }
    },
  );
  let tries = 0;
  const server = createServer((socket) => {
    tries += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const listening = listenTo(`postgres://nobody@127.0.0.1:${port}/none`, {
    ...{ channel: 'c', name: 'test', log: silent },
    onMessage: () => undefined,
    onListening: () => undefined,
  });
  try {
    await until('it tried thrice', () => tries >= 3);
    const [signal] = signals;
    expect(signal).toBeDefined();
    // Of the try that runs or of the wait for the next one.
    if (signal !== undefined) expect(getEventListeners(signal, 'abort').length).toBeLessThan(2);
  } finally {
    await listening.close();
    server.close();
  }
});
