// What tests of the socket share: the real server over a fake engine, and clients that are cut after
// each test.
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { NewsEvent } from '../../../engine/index.ts';
import { SocketClient, type SocketAsked } from '../../support/socket-client.ts';
import { startHarness, tokens } from './harness.ts';
import type { Harness } from './harness.ts';

export interface SocketFixture {
  /** Once the tests run. */
  harness(): Harness;
  open(asked?: SocketAsked): Promise<SocketClient>;
  /** What a lane has decided, as the engine tells it. */
  tell(event: NewsEvent): void;
}

export function socketFixture(): SocketFixture {
  let harness: Harness;
  const clients: SocketClient[] = [];
  beforeAll(async () => {
    harness = await startHarness({ rateLimits: 'on' });
  });
  beforeEach(() => {
    harness.answers = {};
    harness.calls.length = 0;
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.cut();
  });
  afterAll(() => harness.close());
  return {
    harness: () => harness,
    async open(asked = { token: tokens.ann }) {
      const client = await SocketClient.open(harness.url, asked);
      clients.push(client);
      return client;
    },
    tell(event) {
      for (const listener of harness.listeners) listener.event(event);
    },
  };
}
