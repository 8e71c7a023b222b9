// What lua/line.lua promises beyond its cases: one wrong command, key or record costs its own sale and
// nothing more; what fails changes nothing; being seen costs no disk.
import { beforeAll, describe, expect, it } from 'vitest';
import type { LineCommand } from '../../engine/domain/lane/words.ts';
import { pack, unpack } from '../../engine/lanes/codec.ts';
import { pushLineKeys, pushSaleKeys } from '../../engine/lanes/keys.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { flash, noon, other, saleOf } from './cases/case.ts';
import { hold } from './cases/say.ts';
import {
  admit,
  figures,
  join,
  lapse,
  leave,
  leaveBy,
  lineSale,
  look,
  numbers,
} from './cases/say-line.ts';
import { seen, turnMs } from './cases/say-line.ts';
import { bytesOf, put, wrongTypes } from './lab/broken.ts';
import { LuaLane, readLineAnswer } from './lab/lua-lane.ts';

const keyTypes = {
  terms: 'hash',
  records: 'hash',
  due: 'zset',
  returned: 'zset',
  waiting: 'zset',
  turns: 'zset',
  present: 'zset',
  parked: 'zset',
  gone: 'string',
} as const;
type Key = keyof typeof keyTypes;

function keyOf(lane: LuaLane, sale: string, name: Key): string {
  const keys: string[] = [];
  pushSaleKeys(keys, lane.lane, sale);
  pushLineKeys(keys, lane.lane, sale);
  return keys[Object.keys(keyTypes).indexOf(name)] ?? '';
}

/**
 * Two sales with a line at noon, each with somebody drawn, somebody admitted, somebody who holds,
 * somebody parked and somebody who came late, so that every key of a line is there.
 */
async function laneWithLines(redis: Redis, number: number): Promise<LuaLane> {
  const lane = await LuaLane.format(redis, number);
  await lane.setTime(noon - 100);
  const options = { units: [4], limit: 2 };
  const sales = [flash, other];
  const commands = [
    ...lineSale({}, options),
    ...lineSale({}, { ...options, sale: other }).map((c) => ({ ...c, number: c.number + 2 })),
  ];
  for (const command of commands) await lane.command(command);
  const all = (sale: string): LineCommand[] =>
    ['ann-1', 'bob-1', 'cyd-1', 'dan-1'].map((key) => join(key, { sale }));
  await lane.line(sales.flatMap(all));
  await lane.setTime(noon);
  await lane.line(sales.map((sale) => join('eve-1', { sale })));
  for (const [i, sale] of sales.entries()) {
    await lane.command(numbers(5 + i, ['0 ann', '1 bob', '2 cyd', '3 dan'], 1, sale));
  }
  await lane.setTime(noon + 31_000);
  const here = (sale: string): LineCommand => ({
    ...(seen('bob', 'cyd', 'dan', 'eve') as Extract<LineCommand, { kind: 'seen' }>),
    sale,
  });
  await lane.line(sales.flatMap((sale) => [here(sale), admit(2, sale)]));
  await lane.shop(sales.map((sale) => hold('bob-9', { sale, quantity: 2 })));
  return lane;
}

/** A sale whose bell has rung for ann and bob, who have no numbers yet. */
async function rungLane(redis: Redis, number: number): Promise<LuaLane> {
  const lane = await LuaLane.format(redis, number);
  await lane.setTime(noon - 1);
  for (const command of lineSale()) await lane.command(command);
  await lane.line([join('ann-1'), join('bob-1')]);
  await lane.setTime(noon);
  return lane;
}

const commands: readonly (readonly [string, LineCommand])[] = [
  ['join', join('fay-1')],
  ['leave', leave('dan')],
  ['ticket', look('dan', true)],
  ['seen', seen('ann', 'dan')],
  ['admit', admit(5)],
  ['lapse', lapse(5)],
  ['line', figures()],
];

const broken = Object.entries(keyTypes).flatMap(([name, right]) =>
  wrongTypes.filter((type) => type !== right).map((type) => [name as Key, type] as const),
);

describe('a batch of the line', () => {
  let server: TestRedis;
  let lanes = 0;

  beforeAll(async () => {
    server = await startRedis();
    return () => server.stop();
  });

  const laneNow = (): Promise<LuaLane> => laneWithLines(server.redis, lanes++);
  const codes = (replies: readonly (readonly unknown[])[]): unknown[] => replies.map(([c]) => c);

  it('stands on a line that has every key', async () => {
    const lane = await laneNow();
    for (const sale of [flash, other]) {
      for (const name of ['records', 'due', 'waiting', 'turns', 'present', 'parked'] as const) {
        expect([name, await server.redis.exists(keyOf(lane, sale, name))]).toEqual([name, 1]);
      }
    }
  });

  describe('answers a malformed command as a fault that freezes nothing', () => {
    it.each([
      ['no array', 'join'],
      ['no op', ['1', 0, 'fay', 'fay-1', 1]],
      ['an op that there is not', [8, 0, 'fay', 'fay-1', 1]],
      ['op 0', [0, 0]],
      ['half an op', [1.5, 0, 'fay', 'fay-1', 1]],
      ['a sale that has no keys', [7, 2]],
      ['a sale before the first', [7, -1]],
      ['half a sale', [7, 0.5]],
      ['no sale', [7]],
      ['a join without a shopper', [1, 0]],
      ['a join of a number', [1, 0, 5, 'fay-1', 1]],
      ['a join without a key', [1, 0, 'fay', null, 1]],
      ['a leave of nobody', [2, 0]],
      ['a leave without even no key', [2, 0, 'fay']],
      ['a look by a list', [3, 0, ['fay'], 1]],
      ['seen without a list', [4, 0, 'fay']],
      ['seen numbers', [4, 0, ['fay', 5]]],
      ['more seen than may be', [4, 0, Array.from({ length: 1001 }, (_, i) => `s${i}`)]],
      ['an admit of nothing', [5, 0]],
      ['an admit of a word', [5, 0, 'all']],
      ['half an admit', [5, 0, 0.5]],
      ['a lapse of half a turn', [6, 0, 1.5]],
    ])('%s', async (_, command) => {
      const lane = await laneNow();
      const before = await bytesOf(lane);
      const asked = [[2, 1, 'zoe', ''], command, [3, 0, 'zoe', 0]];
      const call = lane.rawLineCall([flash, other], asked);
      const { replies } = readLineAnswer(await lane.run(call), asked as unknown[][]);
      expect(codes(replies)).toEqual(['not_found', 'fault', 'not_found']);
      expect(replies[1]?.[1]).toBe('malformed command');
      expect(await bytesOf(lane)).toEqual(before);
    });
  });

  it.each(broken)('%s is a %s: every command is a fault of its own', async (name, type) => {
    for (const [, command] of commands) {
      const lane = await laneNow();
      await put(server.redis, keyOf(lane, flash, name), type);
      const before = await bytesOf(lane);
      const head = (await lane.entries()).length;
      await lane.setTime(noon + 31_000 + turnMs);
      const answer = await lane.line([command, join('gus-1', { sale: other }), join('hal-1')]);
      const isTerms = name === 'terms' && type === 'hash';
      const faulted = isTerms ? 'not_found' : 'fault';
      expect(codes(answer.replies)).toEqual([faulted, 'done', faulted]);
      expect(answer.figures[0]).toBe(null);
      const groups = (await lane.entries()).slice(head).flatMap((entry) => entry.groups);
      expect(groups.map(([sale]) => sale)).toEqual([other]);
      const after = await bytesOf(lane);
      const terms = keyOf(lane, flash, 'terms');
      if (name !== 'terms') expect(await server.redis.hget(terms, 'frz')).toMatch(/WRONGTYPE/);
      for (const key of Object.keys(keyTypes) as Key[]) {
        const own = keyOf(lane, flash, key);
        if (key !== 'terms') expect(after.get(own)).toBe(before.get(own));
      }
    }
  });

  it.each(['waiting', 'turns', 'present', 'parked', 'gone'] as const)(
    'a broken key of places (%s) is a fault of numbers, and none of a hold',
    async (name) => {
      const lane = await rungLane(server.redis, lanes++);
      await put(server.redis, keyOf(lane, flash, name), name === 'gone' ? 'list' : 'string');
      expect((await lane.shop([hold('zoe-9')])).replies[0]?.[0]).toBe('not_admitted');
      await lane.command(numbers(3, ['0 ann', '1 bob']));
      const [, events] = (await lane.entries()).at(-1)?.groups[0] ?? [];
      expect(events?.at(-1)).toEqual(['numbers', 3, 0, 'fault', 1, 2]);
    },
  );

  it('knows who left before the last number was given, and no longer', async () => {
    const lane = await rungLane(server.redis, lanes++);
    const gone = keyOf(lane, flash, 'gone');
    await lane.line([leave('bob')]);
    expect(await server.redis.getBuffer(gone)).toEqual(Buffer.from([0x40]));
    await lane.command(numbers(3, ['1 bob']));
    expect(await server.redis.exists(gone)).toBe(1);
    await lane.command(numbers(4, ['0 ann'], 2));
    expect(await server.redis.exists(gone)).toBe(0);
  });

  it('keeps keys of leaves in a record where there are any, and there only', async () => {
    const lane = await rungLane(server.redis, lanes++);
    const ticket = async (): Promise<unknown[]> => {
      const packed = await server.redis.hgetBuffer(keyOf(lane, flash, 'records'), 'ann');
      return (unpack(packed ?? Buffer.alloc(0)) as unknown[][])[4] ?? [];
    };
    await lane.line([leave('ann'), join('ann-2')]);
    expect(await ticket()).toEqual(['ann-2', 2, 3, 1, 0, 0, ['ann-1']]);
    await lane.line([leaveBy('ann-x'), join('ann-3')]);
    expect(await ticket()).toEqual(['ann-3', 3, 4, 1, 0, 0, ['ann-1', 'ann-2'], ['ann-x']]);
  });

  it('a sale without a line is none for the line, whatever stands at its keys', async () => {
    const lane = await LuaLane.format(server.redis, lanes++);
    await lane.setTime(noon);
    for (const command of saleOf()) await lane.command(command);
    await put(server.redis, keyOf(lane, flash, 'gone'), 'string');
    expect((await lane.line([join('ann-1')])).replies).toEqual([['not_found']]);
  });

  it('freezes a sale whose waiting numbers have no tickets, and nothing of its batch happens', async () => {
    const lane = await laneNow();
    await server.redis.zadd(keyOf(lane, flash, 'waiting'), 2, 'nobody');
    await server.redis.zadd(keyOf(lane, flash, 'present'), noon + 31_000, 'nobody');
    const before = await bytesOf(lane);
    const { replies } = await lane.line([join('fay-1'), leave('cyd'), admit(5)]);
    expect(codes(replies)).toEqual(['fault', 'fault', 'fault']);
    expect(String(replies[2]?.[1])).toMatch(/nobody waits as 2/);
    const after = await bytesOf(lane);
    for (const [key, bytes] of before) {
      if (/:[rwtpag]:/.test(key)) expect([key, after.get(key)]).toEqual([key, bytes]);
    }
    expect((await lane.line([join('fay-1')])).replies).toEqual([['sale_frozen']]);
  });

  it.each([
    ['a record that is none', 'no record'],
    ['a record without a ticket’s place', pack([0, 0, 0, 0])],
  ])('%s is a fault of its sale alone', async (_, bytes) => {
    const lane = await laneNow();
    await server.redis.hset(keyOf(lane, flash, 'records'), 'zoe', bytes);
    const answer = await lane.line([look('zoe'), look('eve', false, other)]);
    expect(codes(answer.replies)).toEqual(['fault', 'done']);
  });

  it.each([
    ['line', 'no terms'],
    ['ln', 'no counts'],
  ])('terms whose field %s is garbage are a fault, for the shop too', async (field, garbage) => {
    const lane = await laneNow();
    await server.redis.hset(keyOf(lane, flash, 'terms'), field, garbage);
    expect(codes((await lane.line([figures()])).replies)).toEqual(['fault']);
    expect(codes((await lane.shop([hold('zoe-9')])).replies)).toEqual(['fault']);
  });

  it('counts that were written before turns were counted are read all the same', async () => {
    const lane = await laneNow();
    const key = keyOf(lane, flash, 'terms');
    const counts = unpack((await server.redis.hgetBuffer(key, 'ln')) as Buffer) as number[];
    await server.redis.hset(key, 'ln', pack(counts.slice(0, 10)));
    expect(codes((await lane.line([admit(1), figures()])).replies)).toEqual(['done', 'done']);
  });

  it('writes nothing to the file, and no time, when shoppers are only seen', async () => {
    const lane = await laneNow();
    const offset = async (): Promise<string> =>
      /master_repl_offset:(\d+)/.exec(await server.redis.info('replication'))?.[1] ?? '';
    const aof = async (): Promise<string> =>
      /aof_current_size:(\d+)/.exec(await server.redis.info('persistence'))?.[1] ?? '';
    await lane.setTime(1);
    const before = [await offset(), await aof()];
    const { now } = await lane.line([seen('dan', 'eve'), look('cyd', true)]);
    expect([await offset(), await aof()]).toEqual(before);
    expect(await server.redis.hget(lane.keys.clock, 't')).toBe('1');
    expect(await server.redis.zscore(keyOf(lane, flash, 'present'), 'dan')).toBe(String(now));
  });

  it('passes by those who are away in a number of searches that their number hardly raises', async () => {
    const lane = await LuaLane.format(server.redis, lanes++);
    await lane.setTime(noon - 100);
    const terms = lineSale({ lineMax: 2000 }, { startsAt: noon - 1000 });
    for (const command of terms) await lane.command(command);
    const keys = Array.from({ length: 1000 }, (_, i) => `s${i}-1`);
    for (let at = 0; at < keys.length; at += 250) {
      await lane.line(keys.slice(at, at + 250).map((key) => join(key)));
    }
    await lane.setTime(noon + 40_000);
    await lane.line([seen('s999')]);
    await server.redis.config('RESETSTAT');
    const { replies } = await lane.line([admit(1)]);
    expect(replies[0]?.slice(0, 2)).toEqual(['done', 1]);
    const stats = await server.redis.info('commandstats');
    const calls = Number(/cmdstat_zrangebyscore:calls=(\d+)/.exec(stats)?.[1]);
    expect(calls).toBeLessThan(20);
  });

  it('with no memory left takes no ticket, and lets whoever wants to leave', async () => {
    const lane = await laneNow();
    const rung = await rungLane(server.redis, lanes++);
    const { redis } = server;
    const max = await redis.config('GET', 'maxmemory');
    await redis.config('SET', 'maxmemory', 1);
    try {
      const before = await bytesOf(lane);
      await expect(lane.line([join('fay-1')])).rejects.toThrow(/OOM/);
      expect(await bytesOf(lane)).toEqual(before);
      const { replies } = await lane.line([leave('dan')]);
      expect(replies[0]?.slice(0, 5)).toEqual(['done', 1, 3, 4, 'left']);
      const unnumbered = await rung.line([leave('bob')]);
      expect(unnumbered.replies[0]?.slice(0, 5)).toEqual(['done', 1, 1, 0, 'left']);
      expect(await redis.exists(keyOf(rung, flash, 'gone'))).toBe(1);
    } finally {
      await redis.config('SET', 'maxmemory', max[1] ?? '');
    }
  });
});

describe('a lane command about a line', () => {
  let server: TestRedis;
  let lanes = 0;

  beforeAll(async () => {
    server = await startRedis();
    return () => server.stop();
  });

  const terms = (line: unknown): unknown[] => {
    return [flash, noon, 0, 1, 60_000, 0, 1, [['p0', 1]], line];
  };

  it.each([
    ['no list', 'queue'],
    ['no mode', [null, 1, 100, 10]],
    ['mode 0', [0, 1000, 100, 10]],
    ['mode 3', [3, 1000, 100, 10]],
    ['a turn in words', [1, 'soon', 100, 10]],
    ['a factor of nothing', [1, 1000, 0, 10]],
    ['no length', [2, 1000, 100]],
  ])('refuses to install %s', async (_, line) => {
    const lane = await LuaLane.format(server.redis, lanes++);
    await lane.run(lane.rawCommandCall(flash, pack([1, 'install', terms(line), flash])));
    const [entry] = await lane.entries();
    expect(entry?.groups).toEqual([[flash, [['installed', 1, 0, 'fault']]]]);
    expect(await server.redis.keys(`{lane:${lane.lane}}:s:*`)).toEqual([]);
  });

  it.each([
    ['no body', 'x', [0, 0]],
    ['no tickets', [1, 1], [1, 1]],
    ['no shoppers', [1, 1, [0]], [1, 1]],
    ['another count', [1, 2, [0], ['ann']], [1, 2]],
    ['fewer shoppers', [1, 2, [0, 1], ['ann']], [1, 2]],
    ['half a count', [1, 0.5, [], []], [1, 0.5]],
    ['nothing at all', [1, 0, [], []], [1, 0]],
    ['a number below 1', [0, 1, [0], ['ann']], [0, 1]],
    ['an index that is none', [1, 1, ['ann-1'], ['ann']], [1, 1]],
    ['an index below 0', [1, 1, [-1], ['ann']], [1, 1]],
    ['half an index', [1, 1, [0.5], ['ann']], [1, 1]],
    ['the index of one who came after the bell', [1, 1, [2], ['ann']], [1, 1]],
    ['a shopper that is a number', [1, 1, [0], [5]], [1, 1]],
  ])('refuses numbers with %s, and freezes the sale', async (_, body, told) => {
    const lane = await rungLane(server.redis, lanes++);
    const keys: string[] = [];
    pushSaleKeys(keys, lane.lane, flash);
    const [own = '', records = ''] = keys;
    const before = await server.redis.hgetallBuffer(records);
    await lane.run(lane.rawCommandCall(flash, pack([3, 'numbers', body, flash])));
    const outcome = ['numbers', 3, 0, 'fault', ...told];
    expect((await lane.entries()).at(-1)?.groups).toEqual([[flash, [outcome]]]);
    expect(await server.redis.hget(own, 'frz')).not.toBeNull();
    expect(await server.redis.hgetallBuffer(records)).toEqual(before);
    const [, bell] = unpack((await server.redis.hgetBuffer(own, 'ln')) as Buffer) as number[];
    expect(bell).toBe(-1);
  });
});
