// What the scripts promise of the lane itself: its clock, its queue of commands, its flag.
import { beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../../engine/lanes/codec.ts';
import { status } from '../../engine/lanes/codes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { flash, install, noBounds, saleOf } from './cases/case.ts';
import { control, credit, details, hold, read } from './cases/say.ts';
import { LuaLane } from './lab/lua-lane.ts';

describe('a lane', () => {
  let server: TestRedis;
  let lanes = 0;

  beforeAll(async () => {
    server = await startRedis();
    return () => server.stop();
  });

  /** At the real time: its sale has opened. */
  async function laneWith(): Promise<LuaLane> {
    const lane = await LuaLane.format(server.redis, lanes++);
    for (const command of saleOf({ startsAt: 1 })) await lane.command(command);
    return lane;
  }

  const timeOf = async (lane: LuaLane): Promise<number> =>
    Number(await server.redis.hget(lane.keys.clock, 't'));

  describe('stores its time with whatever a batch writes', () => {
    it.each([
      ['a refusal', [hold('ann-2', { product: 'px' })]],
      ['the details bit', [details('ann-1')]],
      ['a hold', [hold('bob-1')]],
    ])('%s', async (_, commands) => {
      const lane = await laneWith();
      await lane.shop([hold('ann-1')]);
      await lane.setTime(1);
      const { now } = await lane.shop(commands);
      expect(now).toBeGreaterThan(1);
      expect(await timeOf(lane)).toBe(now);
    });

    it('a fault', async () => {
      const lane = await laneWith();
      await server.redis.hset(`{lane:${lane.lane}}:r:${flash.slice(4)}`, 'ann', 'no record');
      await lane.setTime(1);
      const { now, replies } = await lane.shop([read('ann-1')]);
      expect(replies[0]?.[0]).toBe('fault');
      expect(await timeOf(lane)).toBe(now);
    });

    it('and writes nothing for a batch that only reads', async () => {
      const lane = await laneWith();
      await lane.shop([hold('ann-1')]);
      await lane.setTime(1);
      await lane.shop([read('ann-1')]);
      expect(await timeOf(lane)).toBe(1);
    });
  });

  describe('refuses a command that is malformed, and goes on with the next', () => {
    const terms: unknown[] = [flash, 1, 0, 4, 60_000, 0, 1, [['p0', 1]]];
    it.each([
      ['install', 'a body'],
      ['install', []],
      ['install', terms.with(0, 'sal_0000000000000ccc')],
      ['install', terms.with(4, 'soon')],
      ['install', terms.with(5, true)],
      ['install', terms.with(7, null)],
      ['install', terms.with(7, [['p0', 'dear']])],
      ['install', terms.with(7, [[5, 5]])],
    ])('%s %j', async (kind, body) => {
      const lane = await LuaLane.format(server.redis, lanes++);
      const call = lane.rawCommandCall(flash, pack([1, kind, body, flash]));
      await lane.run(call);
      const [entry] = await lane.entries();
      expect(entry?.groups).toEqual([[flash, [['installed', 1, 0, 'fault']]]]);
      expect(await server.redis.keys(`{lane:${lane.lane}}:s:*`)).toEqual([]);
      await lane.command(install(2));
      expect((await lane.entries()).at(-1)?.groups).toEqual([[flash, [['installed', 2, 1, '']]]]);
    });

    it.each([
      ['credit', 'a body', ['', 0, 0]],
      ['credit', ['mov_3', 7, 1], ['mov_3', 7, 1]],
      ['credit', ['mov_3', 0, '5'], ['mov_3', 0, '5']],
      ['debit', ['mov_3', 0, -5], ['mov_3', 0, -5]],
      ['debit', ['mov_3', 0, 1.5], ['mov_3', 0, 1.5]],
      ['debit', ['mov_3', 0], ['mov_3', 0, 0]],
    ])('%s %j freezes its sale too', async (kind, body, [move, item, units]) => {
      const lane = await laneWith();
      const terms = `{lane:${lane.lane}}:s:${flash.slice(4)}`;
      const counts = await server.redis.hgetBuffer(terms, 'n');
      await lane.run(lane.rawCommandCall(flash, pack([3, kind, body, flash])));
      const outcome = ['moved', 3, 0, 'fault', move, kind, item, units];
      expect((await lane.entries()).at(-1)?.groups).toEqual([[flash, [outcome]]]);
      expect(await server.redis.hget(terms, 'frz')).not.toBeNull();
      expect(await server.redis.hgetBuffer(terms, 'n')).toEqual(counts);
      expect((await lane.command(credit(4, 1)))[3]).toBe(1);
    });
  });

  it('takes a command’s number only with its event', async () => {
    const lane = await laneWith();
    // A position of the stream that lies ahead: the lane's next one is refused.
    await server.redis.xadd(lane.keys.outbox, '1-1000', 'd', 'x');
    await expect(lane.command(control(3, 'pause'))).rejects.toThrow(/equal or smaller/);
    expect(await server.redis.get(lane.keys.lastCommand)).toBe('2');
    await server.redis.xdel(lane.keys.outbox, '1-1000');
    await server.redis.xsetid(lane.keys.outbox, '1-1');
    expect((await lane.command(control(3, 'pause')))[3]).toBe(1);
  });

  it('flags a rollback, and takes commands, with no memory left', async () => {
    const lane = await laneWith();
    const { redis } = server;
    const max = await redis.config('GET', 'maxmemory');
    await redis.config('SET', 'maxmemory', 1);
    try {
      expect((await lane.command(credit(3, 1)))[3]).toBe(1);
      const seen = { seen: [1, 900] as const };
      const answer = await lane.shop([hold('ann-1')], noBounds, seen);
      expect(answer.status).toBe(status.rolled_back);
      expect(await redis.get(lane.keys.frozen)).toBe(answer.why);
    } finally {
      await redis.config('SET', 'maxmemory', max[1] ?? '');
    }
  });
});
