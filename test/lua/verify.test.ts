/** lua/verify.lua: a lane serves only on the server that was verified. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serverRunId } from '../../platform/redis/connection.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { LuaLane } from './lab/lua-lane.ts';

let server: TestRedis;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

it('refuses a server that is not the one of the run id, and changes nothing', async () => {
  const { redis } = server;
  const lane = await LuaLane.format(redis, 0);
  const { marker, verifiedRun } = lane.keys;
  const runId = await serverRunId(redis);
  const stranger = lane.verifyCall(
    -1,
    runId.replace(/./, (c) => (c === '0' ? '1' : '0')),
  );
  expect(await lane.run(stranger)).toBe(-3);
  expect(await redis.hget(marker, 'epoch')).toBe('1');
  expect(await redis.get(verifiedRun)).toBe(runId);
  expect(await lane.run(lane.verifyCall(-1, runId))).toBe(1);
  expect(await redis.hget(marker, 'epoch')).toBe('2');
});
