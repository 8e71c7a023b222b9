/** Refusals are counted at once and in the file soon; nobody waits for the disk to be refused. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { laneKeys, pushSaleKeys } from '../../../engine/lanes/keys.ts';
import { until } from '../../support/environment.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let shop: WorldShop;
let sale: string;
let refused = 0;

beforeAll(async () => {
  world = await formatWorld({ lanes: 1 });
  shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const { id } = await shop.product(vendor, 10);
  sale = await shop.sale(vendor, [{ product: id, allotted: 1, price: 100 }]);
  await shop.hold(sale, 'first');
});
afterAll(() => world.close());

async function refuse(): Promise<void> {
  refused += 1;
  const outcome = await shop.ask(sale, `late ${refused}`, 'k');
  expect(outcome).toMatchObject({ kind: 'rejected', rejection: { code: 'sold_out' } });
}
async function fileBytes(): Promise<number> {
  const info = await world.redis.redis.info('persistence');
  return Number(/aof_current_size:(\d+)/.exec(info)?.[1]);
}
/** Refuses until one left the file as it was, or did not. */
async function refuseUntil(wrote: boolean): Promise<void> {
  await until(wrote ? 'a refusal is written' : 'a refusal is not written', async () => {
    const before = await fileBytes();
    await refuse();
    return (await fileBytes()) > before === wrote;
  });
}
async function counted(): Promise<readonly (string | null)[]> {
  const keys: string[] = [];
  pushSaleKeys(keys, 0, sale);
  return world.redis.redis.hmget(keys[0] ?? '', 'attempts', 'x-4');
}

it('is counted, though it leaves the file as it is', async () => {
  await refuseUntil(false);
  expect(await counted()).toEqual([String(refused + 1), String(refused)]);
});

it('is in the file soon, with all that were counted before it', async () => {
  await refuseUntil(false);
  await refuseUntil(true);
  const before = await counted();
  const [, told] = await world.redis.redis.hmget(laneKeys(0).clock, 'seq', 't');
  await world.redis.crash();
  await world.redis.start();
  expect(await counted()).toEqual(before);
  expect(before).toEqual([String(refused + 1), String(refused)]);
  expect(await world.redis.redis.hget(laneKeys(0).clock, 't')).toBe(told);
});
