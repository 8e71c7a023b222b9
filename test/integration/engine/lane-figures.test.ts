/** In doubt: seen to grow while Postgres is away and while a lane is shut; unknown is not 0. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { laneOfId } from '../../../engine/domain/ids.ts';
import { scriptOf } from '../../../engine/lane-set.ts';
import { showLanes } from '../../../engine/lane-figures.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import type { Loop } from '../../../engine/loop.ts';
import { startTrimmer } from '../../../engine/trimmer.ts';
import { metrics } from '../../../platform/metrics.ts';
import { silent, until } from '../../support/environment.ts';
import { loopParts, type LoopParts } from '../../support/world-loops.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let shop: WorldShop;
let sale: string;
/** The sale's. */
let lane: number;
let parts: LoopParts;
let trimmer: Loop;

beforeAll(async () => {
  world = await formatWorld({ lanes: 2, kafka: 'none', linked: ['postgres'] });
  shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const { id } = await shop.product(vendor, 100);
  sale = await shop.sale(vendor, [{ product: id, allotted: 100, price: 100 }]);
  lane = laneOfId(sale);
  parts = await loopParts(world);
  trimmer = startTrimmer({
    db: parts.db,
    gate: world.lanes.gate,
    script: scriptOf('trim'),
    freezeScript: scriptOf('freeze'),
    outboxKeepMs: 0,
    log: silent,
  });
});
afterAll(async () => {
  await trimmer.close();
  await parts.close();
  await world.close();
});

type Gauge = 'inDoubtCount' | 'inDoubtAgeSeconds' | 'outboxLength' | 'outboxAgeSeconds';

/** As a scrape would find it now; undefined = there is no such series. */
async function shown(gauge: Gauge | 'laneOpen', of = lane): Promise<number | undefined> {
  await showLanes(world.lanes.gate);
  const { values } = await metrics[gauge].get();
  return values.find(({ labels }) => labels.lane === String(of))?.value;
}

const untilOlderThan = (gauge: Gauge, seconds: number): Promise<void> =>
  until(`${gauge} has grown`, async () => ((await shown(gauge)) ?? -1) > seconds);

describe('in doubt', () => {
  it('is nothing once all has settled', async () => {
    await shop.hold(sale, 'ann');
    await world.steps.pump();
    expect(await shown('inDoubtCount')).toBe(0);
    expect(await shown('inDoubtAgeSeconds')).toBe(0);
    expect([await shown('outboxLength'), await shown('outboxAgeSeconds')]).toEqual([0, 0]);
  });

  it('grows while Postgres is away', async () => {
    await world.link('postgres').cut();
    for (const shopper of ['bob', 'cyd', 'dan']) await shop.hold(sale, shopper);
    expect(await shown('inDoubtCount')).toBe(3);
    expect(await shown('outboxLength')).toBe(3);
    const age = (await shown('inDoubtAgeSeconds')) ?? NaN;
    await untilOlderThan('inDoubtAgeSeconds', age);
    await untilOlderThan('outboxAgeSeconds', age);
  });

  it('grows while the lane is shut', async () => {
    await world.redis.crash();
    await until('Redis is missed', () => world.lanes.gate.doors.every(({ open }) => !open));
    expect(await shown('inDoubtCount')).toBeUndefined();
    await world.redis.start();
    await until('it is back', async () => (await shown('inDoubtCount')) === 3);
    expect(await shown('laneOpen')).toBe(0);
    await untilOlderThan('inDoubtAgeSeconds', (await shown('inDoubtAgeSeconds')) ?? NaN);
  });

  it('is not shown of a lane that has lost its data, and of every other one it is', async () => {
    const { clock, watermark } = laneKeys(lane);
    await world.redis.redis.del(clock, watermark);
    for (const gauge of ['inDoubtCount', 'inDoubtAgeSeconds', 'outboxLength'] as const) {
      expect(await shown(gauge)).toBeUndefined();
      expect(await shown(gauge, 1 - lane)).toBe(0);
    }
    expect(await shown('laneOpen')).toBe(0);
  });
});
