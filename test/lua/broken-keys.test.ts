// A key that holds something else costs its sale and nothing more: the write phase cannot fail half
// way. Every key of a sale and of the lane, of every wrong type, under every kind of command.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Hold, LaneCommand, ShopCommand } from '../../engine/domain/lane/words.ts';
import { readReplies, type Plain } from '../../engine/lanes/batch.ts';
import { unpack, type Reply } from '../../engine/lanes/codec.ts';
import { code } from '../../engine/lanes/codes.ts';
import { pushSaleKeys } from '../../engine/lanes/keys.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { flash, holdMs, noon, other, saleOf } from './cases/case.ts';
import { control, count, credit, debit, details, hold, pay } from './cases/say.ts';
import { read, reap, release, touch } from './cases/say.ts';
import { bytesOf, put, wrongTypes } from './lab/broken.ts';
import { LuaLane } from './lab/lua-lane.ts';

const saleKeyTypes = { terms: 'hash', records: 'hash', due: 'zset', returned: 'zset' } as const;
type SaleKey = keyof typeof saleKeyTypes;

function keyOf(lane: LuaLane, sale: string, name: SaleKey): string {
  const keys: string[] = [];
  pushSaleKeys(keys, lane.lane, sale);
  return keys[Object.keys(saleKeyTypes).indexOf(name)] ?? '';
}

/** A hold of each sale, one of a pair let go, so that every key of a sale is there. */
async function laneWithHolds(redis: Redis, number: number): Promise<LuaLane> {
  const lane = await LuaLane.format(redis, number);
  await lane.setTime(noon);
  const commands = [...saleOf({ endsAt: 0 }), ...saleOf({ sale: other, endsAt: 0 }, 3)];
  for (const command of commands) await lane.command(command);
  const sales = [{ sale: flash }, { sale: other }];
  await lane.shop(
    sales.flatMap((o) => [
      hold('ann-1', o),
      hold('bob-1', o),
      hold('cyd-1', o),
      details('cyd-1', o),
    ]),
  );
  await lane.shop(sales.map((o) => release('bob-1', '', o)));
  return lane;
}

const shopCommands: readonly (readonly [string, ShopCommand])[] = [
  ['hold', hold('dan-1')],
  ['pay', pay('cyd-1', 'e1')],
  ['release', release('ann-1')],
  ['details', details('ann-1')],
  ['read', read('ann-1')],
  ['reap', reap(10)],
  ['touch', touch()],
  ['count', count()],
];

const laneCommands: readonly (readonly [string, LaneCommand])[] = [
  ['credit', credit(5, 3)],
  ['debit', debit(5, 8)],
  ['pause', control(5, 'pause')],
  ['close', control(5, 'close')],
];

const brokenSaleKeys = Object.entries(saleKeyTypes).flatMap(([name, right]) =>
  wrongTypes.filter((type) => type !== right).map((type) => [name as SaleKey, type] as const),
);

describe('a key of a sale that holds something else', () => {
  let server: TestRedis;
  let lanes = 0;

  beforeAll(async () => {
    server = await startRedis();
    return () => server.stop();
  });

  /** Nothing of the sale has changed, but that it is frozen if it still can be. */
  async function expectSpared(lane: LuaLane, before: Map<string, string>, name: SaleKey) {
    const { redis } = server;
    const terms = keyOf(lane, flash, 'terms');
    if (name !== 'terms') {
      expect(await redis.hget(terms, 'frz')).toMatch(/WRONGTYPE/);
      await redis.hdel(terms, 'frz');
    }
    const after = await bytesOf(lane);
    for (const key of Object.keys(saleKeyTypes) as SaleKey[]) {
      const own = keyOf(lane, flash, key);
      // A hash that a field was put into and taken from may be packed in another order.
      if (key !== 'terms') expect(after.get(own)).toBe(before.get(own));
    }
  }

  /** Of the neighbour: what a hold of it leaves behind. */
  async function expectNeighbourHeld(lane: LuaLane): Promise<void> {
    const terms = keyOf(lane, other, 'terms');
    expect(await server.redis.hget(terms, 'attempts')).toBe('4');
    const found = await lane.shop([read('eve-1', { sale: other })]);
    expect(found.replies[0]?.slice(0, 2)).toEqual(['done', 'held']);
    const again = await lane.shop([hold('fay-1', { sale: other })]);
    expect(again.replies[0]?.at(8)).toEqual([4]);
  }

  it.each(brokenSaleKeys)(
    '%s is a %s: every shop command is a fault of its own',
    async (name, type) => {
      for (const [, command] of shopCommands) {
        const lane = await laneWithHolds(server.redis, lanes++);
        await put(server.redis, keyOf(lane, flash, name), type);
        const before = await bytesOf(lane);
        const head = (await lane.entries()).length;
        if (command.kind === 'reap') await lane.setTime(noon + holdMs);
        const found = await lane.shop([
          touch(),
          command,
          hold('eve-1', { sale: other }),
          hold('gus-1'),
        ]);
        const isTerms = name === 'terms' && type === 'hash';
        const faulted = isTerms ? 'not_found' : 'fault';
        expect(found.replies.map(([code]) => code)).toEqual([faulted, faulted, 'done', faulted]);
        const groups = (await lane.entries()).slice(head).flatMap((entry) => entry.groups);
        expect(groups.map(([sale]) => sale)).toEqual([other]);
        await expectSpared(lane, before, name);
        await expectNeighbourHeld(lane);
      }
    },
  );

  const order: ShopCommand = {
    kind: 'together',
    sale: flash,
    lines: [hold('dan-1'), hold('dan-2', { sale: other }), hold('dan-3')] as Hold[],
  };

  it('a fault of one sale takes nothing of the other lines of an order', async () => {
    for (const [name, type] of brokenSaleKeys) {
      const lane = await laneWithHolds(server.redis, lanes++);
      await put(server.redis, keyOf(lane, flash, name), type);
      const before = await bytesOf(lane);
      const { replies } = await lane.shop([order, hold('eve-1', { sale: other })]);
      const [refusal, held] = replies;
      // It names those in the way only: never the line of the other sale.
      const named = refusal?.[0] === 'lines_refused' ? refusal[1].map(([line]) => line) : [0, 2];
      expect(named).toEqual([0, 2]);
      expect(held?.slice(0, 2)).toEqual(['done', 'held']);
      expect(held?.at(8)).toEqual([2]);
      await expectSpared(lane, before, name);
      await expectNeighbourHeld(lane);
    }
  });

  it('a fault that comes up after an order was taken takes all of it back', async () => {
    const lane = await laneWithHolds(server.redis, lanes++);
    const { redis } = server;
    await redis.zadd(keyOf(lane, flash, 'due'), noon - 1, 'x');
    const batch = [order, hold('eve-1', { sale: other }), reap(10), touch(other)];
    const { replies } = await lane.shop(batch);
    expect(replies.map(([code]) => code)).toEqual(['lines_refused', 'done', 'fault', 'done']);
    expect(replies[0]?.[1]).toEqual([
      [0, ['sale_frozen']],
      [2, ['sale_frozen']],
    ]);
    expect(replies[1]?.at(8)).toEqual([2]);
    const groups = (await lane.entries()).at(-1)?.groups;
    expect(groups?.map(([sale, events]) => [sale, events.length])).toEqual([[other, 1]]);
    expect(await redis.hget(keyOf(lane, flash, 'terms'), 'frz')).not.toBe('');
    await expectNeighbourHeld(lane);
  });

  it('an order that nobody of ours can have asked for is answered alone', async () => {
    const lane = await laneWithHolds(server.redis, lanes++);
    const held = [1, 0, 'dan', 'dan-1', 11, 1, '', 1];
    const wrong: unknown[] = [
      [9, -1, []],
      [9, -1, 'x'],
      [9, 0, [held]],
      [9, -1, [held, [2, 0, 'dan', 'dan-1', 'e1', 5]]],
      [9, -1, [held, [1, 0, 'eve', 'dan-2', 11, 1, '', 1]]],
      [9, -1, [[4, 0, 'ann', 'ann-1', 1]]],
      [9, -1, [[9, -1, [held]]]],
      [9, -1, [[1, 5, 'dan', 'dan-1', 11, 1, '', 1]]],
    ];
    const call = lane.rawShopCall([flash], [...wrong, held]);
    const answer = unpack((await lane.run(call)) as Buffer) as [0, 1, 0, 0, 0, Reply[], Plain[]];
    const codes = readReplies(answer[5], answer[6]).map(([number]) => number);
    expect(codes).toEqual([...wrong.map(() => code.fault), code.done]);
  });

  it.each(brokenSaleKeys)('%s is a %s: every lane command is refused', async (name, type) => {
    for (const [kind, command] of laneCommands) {
      const lane = await laneWithHolds(server.redis, lanes++);
      await put(server.redis, keyOf(lane, flash, name), type);
      const before = await bytesOf(lane);
      // Overdue: a close reaps.
      await lane.setTime(noon + holdMs);
      const readsRecords = command.kind === 'close';
      const isFault = name !== 'records' || readsRecords;
      const [status, , , applied] = await lane.command(command);
      expect([status, applied]).toEqual([0, 1]);
      const [, events] = (await lane.entries()).at(-1)?.groups[0] ?? [];
      const outcome = events?.at(-1)?.slice(1, 4);
      if (isFault) {
        expect([kind, outcome]).toEqual([kind, [5, 0, 'fault']]);
        await expectSpared(lane, before, name);
      } else {
        expect([kind, outcome]).toEqual([kind, [5, 1, '']]);
      }
      const next = await lane.command(credit(6, 2, 0, other));
      expect(next.slice(3)).toEqual([1]);
    }
  });
});

describe('a key of the lane that holds something else', () => {
  let server: TestRedis;
  let lanes = 0;

  beforeAll(async () => {
    server = await startRedis();
    return () => server.stop();
  });

  const rightTypes = {
    marker: 'hash',
    frozen: 'string',
    ends: 'hash',
    clock: 'hash',
    outbox: 'stream',
    watermark: 'hash',
    dues: 'zset',
    lastCommand: 'string',
  } as const;
  const names = Object.keys(rightTypes) as (keyof typeof rightTypes)[];
  const broken = names.flatMap((name) =>
    wrongTypes.filter((type) => type !== rightTypes[name]).map((type) => [name, type] as const),
  );

  it.each(broken)('%s is a %s: the call has no effect at all', async (name, type) => {
    const { redis } = server;
    for (const call of ['hold', 'pay', 'reap', 'refusal', 'command'] as const) {
      const lane = await laneWithHolds(redis, lanes++);
      // Of a new epoch's first entry: it reads where the last one ended.
      await lane.beginEpoch(0);
      await put(redis, lane.keys[name], type);
      if (call === 'reap') {
        await lane.redis.hset(lane.keys.clock, 't', noon + holdMs).catch(() => 0);
      }
      const before = await bytesOf(lane);
      const commands = {
        hold: [hold('dan-1'), hold('eve-1', { sale: other })],
        pay: [pay('cyd-1', 'e1')],
        reap: [reap(10)],
        refusal: [hold('dan-1', { product: 'px' })],
      };
      const run = call === 'command' ? lane.command(credit(5, 1)) : lane.shop(commands[call]);
      const answer = await run.catch((error: unknown) => error);
      const readsIt = call === 'command' || name !== 'lastCommand';
      const writesEntry = call !== 'refusal';
      if (readsIt && (writesEntry || !['outbox', 'ends'].includes(name))) {
        expect(await bytesOf(lane)).toEqual(before);
        if (type !== 'hash' || name !== 'marker') expect(answer).toBeInstanceOf(Error);
      } else {
        expect(answer).not.toBeInstanceOf(Error);
      }
    }
  });
});
