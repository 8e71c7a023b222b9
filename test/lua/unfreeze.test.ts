// lua/unfreeze.lua: a sale takes commands again only as the one that was recounted, and only if its
// counters add up.
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pack, unpack } from '../../engine/lanes/codec.ts';
import { status } from '../../engine/lanes/codes.ts';
import { pushSaleKeys } from '../../engine/lanes/keys.ts';
import { projectRoot } from '../../platform/config.ts';
import { readScript } from '../../platform/redis/scripts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { flash, saleOf } from './cases/case.ts';
import { hold, release } from './cases/say.ts';
import { LuaLane, type HeaderOptions } from './lab/lua-lane.ts';

const script = readScript(join(projectRoot(), 'lua'), 'unfreeze');
const fault = 'a fault';
const absent = 'sal_0000000000000000';
let server: TestRedis;
let lane: LuaLane;
let lanes = 0;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

/** A frozen sale with a hold, and a number that came back. */
beforeEach(async () => {
  lane = await LuaLane.format(server.redis, lanes++);
  for (const command of saleOf({ startsAt: 1 })) await lane.command(command);
  await lane.shop([hold('ann-1'), hold('bob-1')]);
  await lane.shop([release('bob-1')]);
  await server.redis.hset(keyOf('s'), 'frz', fault);
});

function keyOf(name: 's' | 'r' | 'd' | 'n'): string {
  const keys: string[] = [];
  pushSaleKeys(keys, lane.lane, flash);
  return keys['srdn'.indexOf(name)] ?? '';
}

async function unfreeze(
  under = fault,
  sale = flash,
  header: HeaderOptions = {},
): Promise<readonly unknown[]> {
  const call = lane.rawCommandCall(sale, Buffer.from(under), header);
  const keys = [...lane.keys.batch];
  pushSaleKeys(keys, lane.lane, sale);
  keys.push(lane.keys.verifiedRun);
  return unpack((await lane.run({ ...call, keys, script })) as Buffer) as readonly unknown[];
}

const frozen = async (): Promise<boolean> => (await server.redis.hexists(keyOf('s'), 'frz')) === 1;

async function changeCounts(change: (counts: number[]) => void): Promise<void> {
  const counts = unpack((await server.redis.hgetBuffer(keyOf('s'), 'n')) as Buffer) as number[];
  change(counts);
  await server.redis.hset(keyOf('s'), 'n', pack(counts));
}

describe('a frozen sale', () => {
  it('takes commands again, with all that it had', async () => {
    const head = (await lane.entries()).length;
    expect((await lane.shop([hold('cyd-1')])).replies).toEqual([['sale_frozen']]);
    expect((await unfreeze()).slice(3)).toEqual([1, '']);
    expect(await frozen()).toBe(false);
    expect((await lane.entries()).length).toBe(head);
    expect((await lane.shop([hold('cyd-1')])).replies[0]?.slice(0, 2)).toEqual(['done', 'held']);
  });

  it('is thawed once', async () => {
    await unfreeze();
    expect((await unfreeze()).slice(3)).toEqual([0, '']);
  });

  it('stays frozen when it is another fault than the one it was recounted under', async () => {
    await server.redis.hset(keyOf('s'), 'frz', 'another');
    expect((await unfreeze()).slice(3)).toEqual([-2, 'another']);
    expect(await frozen()).toBe(true);
  });

  it.each([
    ['another server was verified', () => server.redis.set(lane.keys.verifiedRun, 'f'.repeat(40))],
    ['none was', () => server.redis.del(lane.keys.verifiedRun)],
  ])('stays frozen when %s', async (_, change) => {
    await change();
    expect((await unfreeze()).slice(3)).toEqual([-4, '']);
    expect(await frozen()).toBe(true);
  });

  it('that is not there is none', async () => {
    expect((await unfreeze(fault, absent)).slice(3)).toEqual([-1, '']);
  });

  it.each([
    ['a unit too many', () => changeCounts((n) => (n[2] = (n[2] ?? 0) + 1)), /allotted/],
    ['a held unit too few', () => changeCounts((n) => (n[5] = 0)), /allotted/],
    [
      'a returned number that is gone',
      () => server.redis.del(keyOf('n')),
      /returned, the set has 0/,
    ],
    ['no counters', () => server.redis.hdel(keyOf('s'), 'n'), /./],
    ['records of another type', () => server.redis.set(keyOf('r'), 'x'), /WRONGTYPE/],
    ['deadlines of another type', () => server.redis.set(keyOf('d'), 'x'), /WRONGTYPE/],
  ])('with %s stays frozen', async (_, change, says) => {
    await change();
    const [, , , outcome, why] = await unfreeze();
    expect(outcome).toBe(-3);
    expect(why).toMatch(says);
    expect(await frozen()).toBe(true);
  });

  it('stays frozen in a lane that does not serve', async () => {
    expect(await unfreeze(fault, flash, { epoch: 7 })).toEqual([status.epoch, 1, '']);
    await server.redis.set(lane.keys.frozen, 'quarantine: x');
    expect(await unfreeze()).toEqual([status.frozen, 1, 'quarantine: x']);
    expect(await frozen()).toBe(true);
  });
});
