// A sale in which a script failed, as an operator brings it back; and sales as an operator sees them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../../../engine/lanes/codec.ts';
import { pushSaleKeys } from '../../../engine/lanes/keys.ts';
import { auditOf } from '../../support/audit.ts';
import { highnoonOn, type Ended } from '../../support/command.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let shop: WorldShop;
let sale: string;
let other: string;
let key: string;
let records: string;

beforeAll(async () => {
  world = await formatWorld({ lanes: 1 });
  shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const { id: product } = await shop.product(vendor, 100);
  sale = await shop.sale(vendor, [{ product, allotted: 20, price: 100 }]);
  other = await shop.sale(vendor, [{ product, allotted: 5, price: 200 }]);
  const keys: string[] = [];
  pushSaleKeys(keys, 0, sale);
  [key = '', records = ''] = keys;
});
afterAll(() => world.close());

const run = (...args: string[]): Promise<Ended> => highnoonOn(world, ['sale', ...args]);

/** A record that no script can read, under a command that needs it: as a defect would leave it. */
async function fault(): Promise<void> {
  await world.redis.redis.hset(records, 'broken', 'no record');
  expect(await shop.ask(sale, 'broken', 'k')).toMatchObject({ kind: 'unavailable' });
  expect(await shop.ask(sale, 'ann', 'k')).toMatchObject({ reason: 'sale_frozen' });
}

describe('npx highnoon sale', () => {
  it('lists flash sales that have not ended, and shows one', async () => {
    await shop.hold(sale, 'ann', 2);
    await world.steps.pump();
    const { code, out } = await run('list');
    expect([code, out.trim().split('\n').length]).toEqual([0, 2]);
    expect(out).toContain(`${sale}  flash  live  lane 0  20 units`);
    expect((await run('list', '--all')).out).toContain('standing');
    const rows = JSON.parse((await run('list', '--json')).out) as readonly { id: string }[];
    expect(rows.map(({ id }) => id).toSorted()).toEqual([sale, other].toSorted());
    const shown = await run('show', sale);
    expect(shown.out).toContain('20 allotted = 18 available + 2 held + 0 sold');
    const { out: json } = await run('show', other, '--json');
    expect(JSON.parse(json)).toMatchObject({
      id: other,
      lane_counts: { state: 'live', frozen: '', items: [{ allotted: 5, available: 5 }] },
    });
  });

  it('does not let a sale go on that cannot be read', async () => {
    await fault();
    expect((await run('list')).out).toMatch(new RegExp(`${sale}.*FROZEN`));
    expect((await run('show', sale)).out).toContain('  frozen: ');
    const { code, out } = await run('unfreeze', sale);
    expect(out).toContain(`${sale} STAYS FROZEN: it does not add up`);
    expect(out).toContain(`${sale} broken: lane.records: `);
    expect(code).toBe(1);
    expect(await world.redis.redis.hexists(key, 'frz')).toBe(1);
  });

  it('nor one that does not add up', async () => {
    await world.redis.redis.hdel(records, 'broken');
    const before = await world.redis.redis.hgetBuffer(key, 'n');
    await world.redis.redis.hset(key, 'n', pack([0, 0, 20, 3, 20, 1, 0, 0]));
    const { code, out } = await run('unfreeze', sale);
    expect(out).toContain('lane.counters: held 1, found 2');
    expect(code).toBe(1);
    await world.redis.redis.hset(key, 'n', before ?? '');
  });

  it('lets it take commands again once all is right, and the audit passes', async () => {
    const { code, out } = await run('unfreeze', sale);
    expect(out).toContain(`${sale} takes commands again; it was frozen by: `);
    expect(code).toBe(0);
    await shop.pay(await shop.hold(sale, 'bob'));
    await world.steps.pump();
    expect(await auditOf(world)).toEqual([]);
    expect((await run('unfreeze', sale)).out).toContain('is not frozen');
  });

  it('says so when the lane itself does not serve', async () => {
    await fault();
    await world.redis.redis.hdel(records, 'broken');
    await world.db.run(
      `UPDATE sale.lanes SET state = 'frozen', reasons = '[{"code": "quarantine", "detail": "x"}]'`,
    );
    await world.steps.trim();
    const { code, out } = await run('unfreeze', sale, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ sale, kind: 'wrong' });
    expect(out).toContain('frozen in Redis: quarantine');
  });

  it.each([
    [['show', 'sal_0000000000000000'], 1, 'there is no sale'],
    [['unfreeze', 'sal_0000000000000000'], 1, 'there is no sale'],
    [['unfreeze'], 2, 'takes one SALE'],
    [['list', 'x'], 2, 'takes no SALE'],
    [['show', 'x'], 2, 'x is no sale'],
    [['unfreeze', 'sal_0000000000000000', '--wait', 'x'], 2, 'is no number'],
    [['thaw'], 2, 'list, show or unfreeze?'],
  ])('ends %j with %i', async (args, wanted, says) => {
    const { code, out, err } = await run(...args);
    expect([code, out]).toEqual([wanted, '']);
    expect(err).toContain(says);
  });
});
