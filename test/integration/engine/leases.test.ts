/** Leases: one owner at a time as long as all goes well, and another when it does not. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scriptOf } from '../../../engine/lane-set.ts';
import { leaseKey } from '../../../engine/lanes/keys.ts';
import { Lease } from '../../../engine/lanes/lease.ts';
import { memoryUse } from '../../../platform/redis/connection.ts';
import { until } from '../../support/environment.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const lane = 0;
let server: TestRedis;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const lease = (loop: string): Lease => new Lease(server.redis, scriptOf('lease'), lane, loop);

it('has one owner, of each loop', async () => {
  const [a, b, other] = [lease('one'), lease('one'), lease('another')];
  expect([await a.owned(), await b.owned(), await other.owned()]).toEqual([true, false, true]);
});

it('passes at once when it is given up, and only by its owner', async () => {
  const [a, b, c] = [lease('given'), lease('given'), lease('given')];
  expect([await a.owned(), await b.owned()]).toEqual([true, false]);
  await b.release();
  expect(await c.owned()).toBe(false);
  await a.release();
  await until('the next owns it', () => lease('given').owned());
});

it('passes on when its owner is silent', async () => {
  const [a, b] = [lease('silent'), lease('silent')];
  expect([await a.owned(), await b.owned()]).toEqual([true, false]);
  // As if its time were over: the same that the clock would do to it.
  await server.redis.pexpire(leaseKey(lane, 'silent'), 1);
  await until('the other owns it', () => b.owned());
  await until('the first knows', async () => !(await a.owned()));
});

it('is renewed also when memory is at its bound', async () => {
  const { used, max } = await memoryUse(server.redis);
  await server.redis.config('SET', 'maxmemory', Math.floor(used / 2));
  try {
    expect(await lease('full').owned()).toBe(true);
  } finally {
    await server.redis.config('SET', 'maxmemory', max);
  }
});
