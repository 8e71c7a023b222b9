/** Dispatcher: what Postgres decided reaches its lane once, in order, whoever writes or sends it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startDispatcher, type Dispatcher } from '../../../engine/dispatcher.ts';
import { laneOfId } from '../../../engine/domain/ids.ts';
import { openLanes, scriptOf, type LaneSet } from '../../../engine/lane-set.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { writeCommand } from '../../../engine/sales/control.ts';
import { auditOf } from '../../support/audit.ts';
import { silent, until } from '../../support/environment.ts';
import { untilRounds } from '../../support/loops.ts';
import { errorsOf } from '../../support/world-loops.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const lanes = 2;
let world: World;
let sale: string;
let lane: number;
const dispatchers: Dispatcher[] = [];
const processes: LaneSet[] = [];

beforeAll(async () => {
  world = await formatWorld({ lanes, linked: ['redis'] });
  const shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const { id: product } = await shop.product(vendor, 100);
  sale = await shop.sale(vendor, [{ product, allotted: 10, price: 100 }]);
  lane = laneOfId(sale);
});
afterEach(async () => {
  for (const dispatcher of dispatchers.splice(0)) await dispatcher.close();
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
});
afterAll(async () => {
  for (const each of processes) await each.close();
  await world.close();
});

/** Lanes of a process of their own, and a dispatcher over them. */
async function dispatcher(): Promise<Dispatcher> {
  const own = openLanes(world.config, world.settings, world.db, silent);
  processes.push(own);
  await until('its lanes are open', () => own.gate.doors.every((door) => door.open));
  const started = startDispatcher(own.caller, world.db, lanes, silent);
  dispatchers.push(started);
  return started;
}

/** Pause and resume, which leave the sale as it was. */
async function write(kind: 'pause' | 'resume'): Promise<number> {
  return (await world.db.tx((q) => writeCommand(q, sale, kind))).number;
}
const applied = async (): Promise<number> =>
  Number(await world.redis.redis.get(laneKeys(lane).lastCommand));
const untilApplied = (number: number): Promise<void> =>
  until(`command ${number} is applied`, async () => (await applied()) >= number);

interface Outcome {
  readonly number: number;
  readonly ok: boolean | null;
}
const outcomes = (after: number): Promise<Outcome[]> =>
  world.db.query(
    `SELECT number, (outcome->>'ok')::boolean AS ok FROM sale.lane_commands
      WHERE lane = $1 AND number > $2 ORDER BY number`,
    [lane, after],
  );

describe('a sweep', () => {
  it('asks only lanes for which a command is open', async () => {
    await world.steps.pump();
    const asked: number[] = [];
    const send = (to: number): Promise<void> => {
      asked.push(to);
      return Promise.resolve();
    };
    const loop = startDispatcher({ send }, world.db, lanes, silent);
    dispatchers.push(loop);
    await untilRounds('dispatcher', 2);
    expect(asked).toEqual([]);
    const last = await write('pause').then(() => write('resume'));
    await until('the lane is asked', () => Promise.resolve(asked.length > 0));
    expect(new Set(asked)).toEqual(new Set([lane]));
    await dispatcher();
    await untilApplied(last);
    await world.steps.pump();
  });
});

describe('a lane command', () => {
  it('that nobody has sent is found by the sweep', async () => {
    const before = await applied();
    await write('pause');
    const last = await write('resume');
    await dispatcher();
    await untilApplied(last);
    await world.steps.pump();
    expect((await outcomes(before)).map((o) => o.ok)).toEqual([true, true]);
  });

  it('is applied once, with two dispatchers and all who write sending at once', async () => {
    const before = await applied();
    const two = [await dispatcher(), await dispatcher()];
    let last = 0;
    for (let i = 0; i < 20; i++) {
      last = await write(i % 2 === 0 ? 'pause' : 'resume');
      for (const each of two) each.wakeFor([lane]);
      void world.lanes.caller.send(lane).catch(() => undefined);
    }
    await untilApplied(last);
    await world.steps.pump();
    const all = await outcomes(before);
    expect(all.map((o) => o.number)).toEqual(Array.from({ length: 20 }, (_, i) => before + 1 + i));
    expect(all.every((o) => o.ok === true)).toBe(true);
  });

  it('of a transaction that was undone leaves no gap', async () => {
    const before = await applied();
    const undone = world.db.tx(async (q) => {
      await writeCommand(q, sale, 'pause');
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await write('pause')).toBe(before + 1);
    await dispatcher();
    await untilApplied(await write('resume'));
  });

  it('whose answer was lost is not applied again', async () => {
    const before = await applied();
    const lost = world.link('redis').loseReply((b) => b.includes(scriptOf('command').sha));
    await write('pause');
    await expect(world.lanes.caller.send(lane)).rejects.toThrow();
    await lost;
    expect(await applied()).toBe(before + 1);
    await dispatcher();
    await untilApplied(await write('resume'));
    await world.steps.pump();
    expect((await outcomes(before)).map((o) => o.ok)).toEqual([true, true]);
  });

  it('before which one is missing waits for it, and says so', async () => {
    const before = await applied();
    const row = 'INSERT INTO sale.lane_commands (lane, number, kind, sale_id, body) VALUES ';
    await world.db.run(`${row} ($1, $2, 'resume', $3, '[]')`, [lane, before + 2, sale]);
    await expect(world.lanes.caller.send(lane)).rejects.toThrow(`before ${before + 2}`);
    const errors = await errorsOf('dispatcher');
    await dispatcher();
    await until('the dispatcher says so', async () => (await errorsOf('dispatcher')) > errors);
    expect(await applied()).toBe(before);
    await world.db.run(`${row} ($1, $2, 'pause', $3, '[]')`, [lane, before + 1, sale]);
    await world.db.run('UPDATE sale.lanes SET last_command = $2 WHERE lane = $1', [
      lane,
      before + 2,
    ]);
    await untilApplied(before + 2);
  });
});
