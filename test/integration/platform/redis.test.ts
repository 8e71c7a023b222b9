/** A connection to Redis whose server has gone without a word. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectRedis, untilReady, type Redis } from '../../../platform/redis/connection.ts';
import { silent } from '../../support/environment.ts';
import { linkTo, type Link } from '../../support/link.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

let server: TestRedis;
let link: Link;
const opened: Redis[] = [];

beforeAll(async () => {
  server = await startRedis();
  link = await linkTo(server.url);
});
afterAll(async () => {
  for (const redis of opened) redis.disconnect();
  await link.close();
  await server.stop();
});

async function open(commandTimeoutMs: number): Promise<Redis> {
  const redis = connectRedis(link.url, { name: 'test', log: silent, commandTimeoutMs });
  opened.push(redis);
  await untilReady(redis, 5000);
  return redis;
}

it('is given up when an answer is owed for five seconds, and made anew', async () => {
  const [asking, reading, idle] = [await open(500), await open(0), await open(500)];
  const closed = [asking, reading].map(
    (redis) => new Promise((resolve) => redis.once('close', resolve)),
  );
  let idleClosed = false;
  idle.once('close', () => (idleClosed = true));
  link.hang();
  await expect(asking.get('x')).rejects.toThrow();
  const read = reading.xread('BLOCK', 1000, 'STREAMS', 's', '$').catch((error: unknown) => error);
  await Promise.all(closed);
  expect(await read).toBeInstanceOf(Error);
  // Nobody has asked it anything: it may be there.
  expect(idleClosed).toBe(false);
  await link.mend();
  for (const redis of [asking, reading]) {
    if (redis.status !== 'ready') await untilReady(redis, 10_000);
    expect(await redis.get('x')).toBeNull();
  }
});

it('is kept while reads that find nothing are answered in their time', async () => {
  const redis = await open(0);
  let closed = false;
  redis.once('close', () => (closed = true));
  for (let i = 0; i < 6; i++) {
    expect(await redis.xread('BLOCK', 1000, 'STREAMS', 's', '$')).toBeNull();
  }
  expect(closed).toBe(false);
});
