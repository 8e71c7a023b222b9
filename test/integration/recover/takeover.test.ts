/** Recoveries that are cut anywhere, paused anywhere, or run beside each other. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recoverSteps } from '../../../engine/recover.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { Overtaken } from '../../../engine/recover/lane-writer.ts';
import { auditOf } from '../../support/audit.ts';
import { recover, stateOf, untilOpen } from '../../support/world-recovery.ts';
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

describe('a recovery', () => {
  it.each(recoverSteps)('that was cut before "%s" is started again', async (cut) => {
    await shop.hold(sale, 'bob', 1); // only the outbox has it
    const before = await stateOf(world);
    const onStep = (step: string): void => {
      if (step === cut) throw new Cut();
    };
    await expect(recover(world, { onStep })).rejects.toBeInstanceOf(Cut);
    const again = await recover(world);
    expect(again.lostAtLeast).toBe(0);
    expect(['whole', 'cut']).toContain(again.found);
    await sound(before);
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
