/** Recoveries that are cut anywhere, paused anywhere, or run beside each other. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recoverSteps } from '../../../engine/recover.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { Overtaken } from '../../../engine/recover/lane-writer.ts';
import { auditOf } from '../../support/audit.ts';
import { recover, stateOf, untilOpen, untilShut } from '../../support/world-recovery.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const keys = laneKeys(0);
let world: World;
let shop: WorldShop;
let sale: string;

beforeEach(async () => {
  world = await formatWorld({ lanes: 1 });
  shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const product = await shop.product(vendor, 100);
  sale = await shop.sale(vendor, [{ product: product.id, allotted: 50, price: 100 }]);
  await shop.hold(sale, 'ann', 2);
  await world.steps.pump();
});

afterEach(() => world.close());

const keptUntil = async (): Promise<number> => {
  const [row] = await world.db.query<{ at: number }>('SELECT lane_time AS at FROM sale.watermarks');
  return row?.at ?? 0;
};

async function sound(before: unknown): Promise<void> {
  expect(await stateOf(world)).toEqual(before);
  await untilOpen(world);
  const [row] = await world.db.query('SELECT state, reasons, token FROM sale.lanes');
  expect(row).toEqual({ state: 'open', reasons: [], token: null });
  expect(await world.redis.redis.exists(keys.frozen, keys.rebuilt)).toBe(0);
  await shop.hold(sale, 'cay', 1);
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
}

class Cut extends Error {}

async function cutBefore(cut: string): Promise<void> {
  const onStep = (step: string): void => {
    if (step === cut) throw new Cut();
  };
  await expect(recover(world, { onStep })).rejects.toBeInstanceOf(Cut);
}

const files = (name: string): string => join(world.redis.dir, name);
const keepCopy = (): void => cpSync(files('appendonlydir'), files('copy'), { recursive: true });

/** The lane's Redis starts anew, with the copy or with nothing. */
async function startAnew(withCopy: boolean): Promise<void> {
  await world.redis.crash();
  rmSync(files('appendonlydir'), { recursive: true });
  if (withCopy) cpSync(files('copy'), files('appendonlydir'), { recursive: true });
  await world.redis.start();
  await untilShut(world);
}

const untold = async (): Promise<unknown> => {
  const [row] = await world.db.query<{ found: unknown }>(
    'SELECT recovery_found AS found FROM sale.lanes',
  );
  return row?.found;
};

describe('a recovery', () => {
  it.each(recoverSteps)('that was cut before "%s" is started again', async (cut) => {
    await shop.hold(sale, 'bob', 1); // only the outbox has it
    const before = await stateOf(world);
    await cutBefore(cut);
    const again = await recover(world);
    expect(again.lostAtLeast).toBe(0);
    expect(['whole', 'cut']).toContain(again.found);
    expect(await untold()).toBeNull();
    await sound(before);
  });

  describe.each(recoverSteps)('that was cut before "%s"', (cut) => {
    it('still says that Redis had nothing', async () => {
      const kept = await keptUntil();
      await shop.hold(sale, 'bob', 1); // nobody but the lost Redis has it
      await startAnew(false);
      await cutBefore(cut);
      const lost = { found: 'nothing', lostAtLeast: 0, keptUntil: kept };
      expect(await recover(world)).toMatchObject(lost);
      // It was told: the next one finds what there is by then.
      expect(await untold()).toBeNull();
      expect(await recover(world)).toMatchObject({ found: 'whole', lostAtLeast: 0 });
    });

    it('still says what an older lane lacks', async () => {
      const kept = await keptUntil();
      keepCopy();
      const from = Number(await world.redis.redis.hget(keys.clock, 'seq'));
      for (const who of ['bob', 'cat', 'dan']) await shop.hold(sale, who, 1);
      await startAnew(true);
      // A process has seen them, and told only the lane.
      const why = `rolled_back: seen 1-${from + 3}, lane has 1-${from}`;
      await world.redis.redis.set(keys.frozen, why);
      await cutBefore(cut);
      const lost = { found: 'older', lostAtLeast: 3, keptUntil: kept, frozen: '' };
      expect(await recover(world)).toMatchObject(lost);
      expect(await recover(world)).toMatchObject({ found: 'whole', lostAtLeast: 0 });
    });
  });

  it.each([false, true])(
    'that was cut while it wiped the lane (an older one: %s)',
    async (older) => {
      if (older) keepCopy();
      const from = Number(await world.redis.redis.hget(keys.clock, 'seq'));
      await shop.hold(sale, 'bob', 1);
      if (older) {
        await startAnew(true);
        const why = `rolled_back: seen 1-${from + 1}, lane has 1-${from}`;
        await world.redis.redis.set(keys.frozen, why);
      }
      await cutBefore('rebuild');
      await world.redis.redis.unlink(keys.marker); // the first that goes
      const found = older ? 'older' : 'cut';
      expect(await recover(world)).toMatchObject({ found, lostAtLeast: older ? 1 : 0 });
    },
  );

  it('that flags an empty Redis after one that was cut is not taken for that one', async () => {
    await cutBefore('drain');
    await startAnew(false);
    await cutBefore('drain');
    expect(await recover(world)).toMatchObject({ found: 'nothing' });
  });

  it('still knows where an epoch ended when it was cut after it had ended it anew', async () => {
    const from = Number(await world.redis.redis.hget(keys.clock, 'seq'));
    // A verifier ended the epoch two decisions further, and Redis lost them then.
    await world.db.run('UPDATE sale.epochs SET ended_at = $1 WHERE epoch = 1', [from + 2]);
    await world.db.run('INSERT INTO sale.epochs (lane, epoch) VALUES (0, 2)');
    await world.db.run('UPDATE sale.lanes SET epoch = 2');
    await startAnew(false);
    await cutBefore('put away');
    expect(await recover(world)).toMatchObject({ found: 'nothing', lostAtLeast: 2 });
  });

  it.each(recoverSteps)('that was paused before "%s" cannot disturb a later one', async (pause) => {
    await shop.hold(sale, 'bob', 1);
    const before = await stateOf(world);
    const onStep = async (step: string): Promise<void> => {
      if (step === pause) await recover(world);
    };
    const first = recover(world, { onStep });
    // Before it has taken its token it is the later one itself; from then on it is overtaken.
    if (pause === 'take') await first;
    else await expect(first).rejects.toBeInstanceOf(Overtaken);
    await sound(before);
  });

  it('beside another one: one of them brings the lane back', async () => {
    await shop.hold(sale, 'bob', 1);
    const before = await stateOf(world);
    const both = await Promise.allSettled([recover(world), recover(world)]);
    for (const one of both) {
      if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(Overtaken);
    }
    if (both.every(({ status }) => status === 'rejected')) await recover(world);
    await sound(before);
  });
});
