/** Trimmer: a lane's copies follow Postgres, and its outbox loses only what has settled. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scriptOf } from '../../../engine/lane-set.ts';
import { showLanes } from '../../../engine/lane-figures.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import type { Loop } from '../../../engine/loop.ts';
import { freezeLane } from '../../../engine/settle/quarantine.ts';
import { startTrimmer } from '../../../engine/trimmer.ts';
import { metrics } from '../../../platform/metrics.ts';
import type { Db } from '../../../platform/postgres/db.ts';
import { runScript } from '../../../platform/redis/scripts.ts';
import { silent, until } from '../../support/environment.ts';
import { roundsOf } from '../../support/world-loops.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const lane = 0;
const keys = laneKeys(lane);
let world: World;
let shop: WorldShop;
let sale: string;
let shoppers = 0;
const trimmers: Loop[] = [];

beforeEach(async () => {
  world = await formatWorld({ lanes: 1, kafka: 'none' });
  shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const { id } = await shop.product(vendor, 100);
  sale = await shop.sale(vendor, [{ product: id, allotted: 100, price: 100 }]);
});
afterEach(async () => {
  for (const trimmer of trimmers.splice(0)) await trimmer.close();
  await world.close();
});

function trimmer(outboxKeepMs = 0, db: Db = world.db, strayFlagMs = 200): void {
  trimmers.push(
    startTrimmer({
      db,
      gate: world.lanes.gate,
      script: scriptOf('trim'),
      freezeScript: scriptOf('freeze'),
      outboxKeepMs,
      strayFlagMs,
      log: silent,
    }),
  );
}
async function hold(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await shop.hold(sale, `s${++shoppers}`);
}
async function settleAll(): Promise<void> {
  await world.steps.relay();
  await world.steps.settle();
}
const outbox = (): Promise<number> => world.redis.redis.xlen(keys.outbox);
async function copy(): Promise<string> {
  const [epoch, seq] = await world.redis.redis.hmget(keys.watermark, 'epoch', 'seq');
  return `${epoch}-${seq}`;
}
async function settled(): Promise<string> {
  const [row] = await world.db.query<{ at: string }>(
    `SELECT epoch || '-' || seq AS at FROM sale.watermarks WHERE lane = $1`,
    [lane],
  );
  return row?.at ?? '';
}
const untilCopied = (): Promise<void> =>
  until('the copy has followed', async () => (await copy()) === (await settled()));
async function inDoubt(): Promise<number> {
  await showLanes(world.lanes.gate);
  const { values } = await metrics.inDoubtCount.get();
  return values.find(({ labels }) => labels.lane === String(lane))?.value ?? -1;
}
const flag = (): Promise<string | null> => world.redis.redis.get(keys.frozen);

describe('the outbox', () => {
  it('loses what has settled and nothing else, with two trimmers as with one', async () => {
    trimmer();
    trimmer();
    await hold(3);
    await settleAll();
    await hold(2);
    await untilCopied();
    await until('the settled ones are gone', async () => (await outbox()) === 2);
    await until('two are in doubt', async () => (await inDoubt()) === 2);
    await settleAll();
    await until('all are gone', async () => (await outbox()) === 0);
    await until('nothing is in doubt', async () => (await inDoubt()) === 0);
  });

  it('keeps what has settled for as long as it is told to', async () => {
    await hold(3);
    trimmer(3_600_000);
    await settleAll();
    await untilCopied();
    expect(await outbox()).toBe(3);
  });

  it('loses nothing to an old watermark, which does not come back either', async () => {
    await hold(4);
    await settleAll();
    trimmer();
    await untilCopied();
    const after = await copy();
    await hold(2);
    const names = [keys.marker, keys.frozen, keys.clock, keys.outbox, keys.watermark];
    await runScript(world.redis.redis, scriptOf('trim'), names, [1, 0, 1, 1, 0, '', 0, 0]);
    expect([await outbox(), await copy()]).toEqual([2, after]);
  });
});

describe('the flag of a recovery', () => {
  const state = async (): Promise<string> => {
    const [row] = await world.db.query<{ state: string }>('SELECT state FROM sale.lanes');
    return row?.state ?? '';
  };
  const token = (value: string | null): Promise<number> =>
    world.db.run('UPDATE sale.lanes SET token = $1', [value]);
  const rounds = async (): Promise<void> => {
    const before = await roundsOf('trimmer');
    await until('it has gone round', async () => (await roundsOf('trimmer')) >= before + 5);
  };

  it('that came back after its end freezes the lane in Postgres, where it is seen', async () => {
    await world.redis.redis.set(keys.frozen, 'recover 7-abc');
    await until('nothing is taken', async () => (await shop.ask(sale, 'x', 'k')).kind !== 'done');
    trimmer();
    await until('Postgres knows', async () => (await state()) === 'frozen');
    expect(await flag()).toBe('recover 7-abc');
  });

  it('is left alone while the recovery goes on, and when it is gone in time', async () => {
    await token('7-abc');
    await world.redis.redis.set(keys.frozen, 'recover 7-abc');
    await until('nothing is taken', async () => (await shop.ask(sale, 'x', 'k')).kind !== 'done');
    trimmer();
    await rounds();
    expect(await state()).toBe('open');
    for (const loop of trimmers.splice(0)) await loop.close();
    await token(null);
    trimmer(0, world.db, 60_000);
    await rounds();
    await world.redis.redis.del(keys.frozen);
    await until('the lane is open', () => world.lanes.gate.door(lane).open);
    expect(await state()).toBe('open');
  });
});

describe('the flag', () => {
  it('follows a quarantine in Postgres, and its end', async () => {
    trimmer();
    await freezeLane(world.db, lane, 'quarantine', 'a test');
    await until('the lane is frozen', async () => (await flag()) === 'quarantine: a test');
    await until('nothing is taken', async () => (await shop.ask(sale, 'x', 'k')).kind !== 'done');
    await world.db.run(`UPDATE sale.lanes SET state = 'open', reasons = '[]'`);
    await until('the flag is gone', async () => (await flag()) === null);
    await until('the lane is open', () => world.lanes.gate.door(lane).open);
    await hold(1);
  });

  it('is not ended by a trimmer that has slept since before the freeze', async () => {
    let wake = (): void => undefined;
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    let looks = 0;
    const { db } = world;
    const drowsy: Db = {
      async query<T>(text: string, values?: readonly unknown[], name?: string) {
        const rows = await db.query<T>(text, values, name);
        looks += 1;
        // A later look would mend what the first has done.
        if (looks > 1) return [];
        await asleep;
        return rows;
      },
      run: (text, values, name) => db.run(text, values, name),
      copy: (text, lines) => db.copy(text, lines),
      tx: (fn, options) => db.tx(fn, options),
      close: () => db.close(),
      waiting: () => db.waiting(),
    };
    trimmer(0, drowsy);
    await until('it has looked', () => looks === 1);
    await freezeLane(world.db, lane, 'quarantine', 'a test');
    await world.steps.trim();
    expect(await flag()).toBe('quarantine: a test');
    wake();
    await until('it looks again', () => looks === 2);
    expect(await flag()).toBe('quarantine: a test');
    expect((await shop.ask(sale, 'x', 'k')).kind).not.toBe('done');
  });

  it('of a rollback that only the lane knows reaches Postgres, though the lane is shut', async () => {
    await world.redis.redis.set(keys.frozen, 'rolled_back: seen 1-9, lane has 1-3');
    await shop.ask(sale, 'x', 'k');
    expect(world.lanes.gate.door(lane).open).toBe(false);
    trimmer();
    await until('Postgres knows', async () => {
      const [row] = await world.db.query<{ state: string }>('SELECT state FROM sale.lanes');
      return row?.state === 'frozen';
    });
  });
});

describe('a lane that is not verified', () => {
  it('is left as it is, but for its flag', async () => {
    await hold(2);
    await settleAll();
    await world.redis.crash();
    await world.redis.start();
    await until('it is shut', () => world.lanes.gate.door(lane).reason.startsWith('not verified'));
    const before = [await world.redis.redis.hgetall(keys.clock), await copy(), await outbox()];
    trimmer();
    await freezeLane(world.db, lane, 'quarantine', 'a test');
    // It has been there: the gate then says so instead.
    await until('the lane has its flag', async () => (await flag()) === 'quarantine: a test');
    expect([await world.redis.redis.hgetall(keys.clock), await copy(), await outbox()]).toEqual(
      before,
    );
  });
});

describe('a lane of another deployment', () => {
  it('is not touched at all', async () => {
    const { redis } = world.redis;
    await redis.hset(keys.marker, 'deployment', 'another');
    world.lanes.gate.shut(lane, 'looked at anew');
    await until('it is known', () => world.lanes.gate.door(lane).reason.includes('another'));
    await freezeLane(world.db, lane, 'quarantine', 'a test');
    const rounds = await roundsOf('trimmer');
    trimmer();
    await until('it has looked', async () => (await roundsOf('trimmer')) > rounds + 1);
    expect(await flag()).toBeNull();
    await redis.hset(keys.marker, 'deployment', world.settings.deployment);
    await until('the lane has its flag', async () => (await flag()) !== null);
  });
});

describe('a lane of another version', () => {
  it('opens for nobody, and says what to do', async () => {
    const { redis } = world.redis;
    const schema = await redis.hget(keys.marker, 'schema');
    await redis.hset(keys.marker, 'schema', Number(schema) - 1);
    world.lanes.gate.shut(lane, 'looked at anew');
    const reason = (): string => world.lanes.gate.door(lane).reason;
    await until('it is known', () => reason().includes('another schema version: run recover'));
    expect(world.lanes.gate.door(lane).open).toBe(false);
    await redis.hset(keys.marker, 'schema', schema ?? '');
    await until('it is open', () => world.lanes.gate.door(lane).open);
  });
});
