// The lane's flag follows Postgres: a copy of a quarantine comes and goes with its original, a
// rollback and a recovery stay until a recovery ends them, and what is older than one is ignored.
import { beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { LuaLane, scripts } from './lab/lua-lane.ts';

const rolledBack = 'rolled_back: seen 1-7, lane has 1-3';
const quarantine = 'quarantine: a unit belongs to another order or does not exist';
const recovering = 'recover 0123';

describe('flag of a lane', () => {
  let server: TestRedis;
  let lanes = 0;

  beforeAll(async () => {
    server = await startRedis();
    return () => server.stop();
  });

  /** A lane with a flag ('' = none), last recovered in the epoch given. */
  async function laneWith(flag: string, recovered: number): Promise<LuaLane> {
    const lane = await LuaLane.format(server.redis, lanes++);
    await server.redis.hset(lane.keys.marker, 'recovered', recovered);
    if (flag !== '') await server.redis.set(lane.keys.frozen, flag);
    return lane;
  }

  it.each([
    { flag: '', why: rolledBack, then: rolledBack },
    { flag: '', why: quarantine, then: quarantine },
    { flag: '', why: '', then: '' },
    { flag: quarantine, why: '', then: '' },
    { flag: quarantine, why: `${rolledBack}; ${quarantine}`, then: `${rolledBack}; ${quarantine}` },
    { flag: rolledBack, why: '', then: rolledBack },
    { flag: rolledBack, why: quarantine, then: rolledBack },
    { flag: recovering, why: '', then: recovering },
    { flag: recovering, why: rolledBack, then: recovering },
  ])('"$flag", Postgres says "$why": "$then"', async ({ flag, why, then }) => {
    const lane = await laneWith(flag, 4);
    const { marker, frozen, clock, outbox, watermark } = lane.keys;
    const by = { script: scripts.freeze, keys: [marker, frozen] };
    expect(String(await lane.run({ ...by, args: [why, 4, 0] }))).toBe(then);
    expect((await server.redis.get(frozen)) ?? '').toBe(then);

    const trimmed = await laneWith(flag, 4);
    const keys = [marker, frozen, clock, outbox, watermark].map((key) =>
      key.replace(`:${lane.lane}}`, `:${trimmed.lane}}`),
    );
    await trimmed.run({ script: scripts.trim, keys, args: [1, -1, 0, 0, -1, why, 4, 0] });
    expect((await server.redis.get(trimmed.keys.frozen)) ?? '').toBe(then);
  });

  it.each([
    { flag: '', why: rolledBack },
    { flag: quarantine, why: '' },
  ])('"$flag" stays when "$why" was learnt before the last recovery', async ({ flag, why }) => {
    const lane = await laneWith(flag, 4);
    const { marker, frozen } = lane.keys;
    const call = { script: scripts.freeze, keys: [marker, frozen], args: [why, 3, 0] };
    expect(String(await lane.run(call))).toBe(flag);
  });

  it.each(['freeze', 'trim'] as const)('%s: an older look does not end a flag', async (name) => {
    const lane = await laneWith('', 4);
    const { marker, frozen, clock, outbox, watermark } = lane.keys;
    const keys = name === 'freeze' ? [marker, frozen] : [marker, frozen, clock, outbox, watermark];
    const look = async (why: string, version: number): Promise<string | null> => {
      const before = name === 'freeze' ? [] : [1, -1, 0, 0, -1];
      await lane.run({ script: scripts[name], keys, args: [...before, why, 4, version] });
      return server.redis.get(frozen);
    };
    expect(await look(quarantine, 7)).toBe(quarantine);
    expect(await look('', 6)).toBe(quarantine);
    // Nor does one that sets the flag again make it older.
    expect(await look('quarantine: less', 5)).toBe('quarantine: less');
    expect(await look('', 6)).toBe('quarantine: less');
    expect(await look('', 8)).toBeNull();
  });

  it('freezes a lane that has lost its marker', async () => {
    const { marker, frozen } = LuaLane.at(server.redis, lanes++).keys;
    const lane = LuaLane.at(server.redis, lanes);
    const call = { script: scripts.freeze, keys: [marker, frozen], args: [rolledBack, 4, 7] };
    expect(String(await lane.run(call))).toBe(rolledBack);
    expect(await server.redis.exists(marker)).toBe(0);
  });
});
