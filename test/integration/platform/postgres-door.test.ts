/** A server that refuses everybody, as one that starts does: a crowd asks it now and then. */
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDb, type Db } from '../../../platform/postgres/pool.ts';
import { needed, until } from './stores.ts';

const url = needed('TEST_DATABASE_URL');
const each = 40;
let [attempts, opens] = [0, false];
let server: Server;
let pools: readonly Db[];

beforeAll(async () => {
  const { hostname, port } = new URL(url);
  server = createServer((socket) => {
    attempts += 1;
    socket.on('error', () => undefined);
    if (!opens) {
      socket.destroy();
      return;
    }
    const through = connect(Number(port), hostname);
    through.on('error', () => undefined);
    through.pipe(socket).pipe(through);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const there = new URL(url);
  there.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  pools = [1, 2].map(() => createDb(there.href, { max: each }));
});
afterAll(async () => {
  await Promise.all(pools.map((one) => one.close()));
  server.close();
});

const crowd = (): Promise<PromiseSettledResult<unknown>[]> =>
  Promise.allSettled(
    pools.flatMap((one) => Array.from({ length: each }, () => one.query('SELECT 1'))),
  );

it('is asked by few of a crowd, and lets all in once it opens', async () => {
  const refused = await crowd();
  expect(refused.filter(({ status }) => status === 'rejected').length).toBe(2 * each);
  const before = attempts;
  for (let times = 0; times < 30; times += 1) {
    for (const one of await crowd()) {
      expect(one).toMatchObject({ reason: { code: 'postgres', retryable: true } });
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // Of 2,400 callers.
  expect(attempts - before).toBeLessThan(40);
  opens = true;
  await until('it lets somebody in', async () => {
    const [first] = await crowd();
    return first?.status === 'fulfilled';
  });
  for (const { status } of await crowd()) expect(status).toBe('fulfilled');
});
