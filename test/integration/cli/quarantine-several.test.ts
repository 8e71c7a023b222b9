// An order of several lines of which one can never settle: resolved as a whole, whichever line is named.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LaneOrder } from '../../../engine/domain/types.ts';
import { readOrder } from '../../../engine/orders.ts';
import { WholeOrders } from '../../../engine/whole-orders.ts';
import { untilOpen } from '../../support/world-recovery.ts';
import type { Product } from '../../support/world-shop.ts';
import {
  begin,
  corrupt,
  end,
  nextNumber,
  product,
  quarantine,
  resolveAll,
  sale,
  settleAll,
  shop,
  sound,
  world,
} from './away.ts';

let other: Product;

beforeEach(async () => {
  await begin();
  other = await shop.product(await shop.vendor(), 10);
});
afterEach(end);

/** Its second line was accepted with a unit that somebody else has; the first one is sound. */
async function conflict(): Promise<{ home: LaneOrder; part: LaneOrder; first: LaneOrder }> {
  const first = await shop.hold(sale, 'first');
  await settleAll();
  await corrupt((counts) => (counts[nextNumber] = 1));
  const home = await shop.holdLines('ann', [
    { sale: other.standing, product: other.id, quantity: 2 },
    { sale, product: product.id, quantity: 1 },
  ]);
  const [part] = home.parts ?? [];
  if (part === undefined) throw new Error('no part');
  expect(part.units).toEqual(first.units);
  return { home, part, first };
}

/** Resolves by one id; what became of what was put away. */
async function resolve(id: string): Promise<unknown> {
  const { code, out, err } = await quarantine('resolve', id, '--json');
  expect([code, err]).toEqual([0, '']);
  const report = JSON.parse(out) as { lanes: readonly { resolved: unknown }[] };
  return report.lanes[0]?.resolved;
}

const statesOf = (...orders: readonly LaneOrder[]): Promise<string[]> =>
  Promise.all(
    orders.map(async ({ id }) => {
      const [row] = await world.db.query<{ state: string; units: number }>(
        `SELECT state, (SELECT count(*)::int FROM sale.units WHERE order_id = o.id) AS units
           FROM sale.orders o WHERE id = $1`,
        [id],
      );
      return row === undefined ? 'none' : `${row.state}, ${row.units} units`;
    }),
  );

async function told({ id, shopper }: LaneOrder): Promise<unknown> {
  const { shop: lane, shopLines } = world.lanes;
  const whole = new WholeOrders(world.db, lane, shopLines);
  const found = await readOrder(world.db, whole, id, shopper);
  return found.kind === 'done' ? found.value : found;
}

const updates = () =>
  world.db.query<{ key: string; value: object }>(
    `SELECT key, value FROM platform.outbox WHERE topic = 'order-updates'`,
  );

describe('an order of which one line is refused', () => {
  it('is released as a whole, whichever line is named', async () => {
    const { home, part, first } = await conflict();
    expect(await settleAll()).toBe(1);
    expect(await statesOf(home, part)).toEqual(['held, 2 units', 'none']);
    expect(await resolve(home.id)).toMatchObject([{ order: part.id, resolution: 'voided' }]);
    await untilOpen(world);
    expect(await statesOf(home, part)).toEqual(['released, 0 units', 'released, 0 units']);
    expect(await statesOf(first)).toEqual(['held, 1 units']);
    expect(await told(home)).toMatchObject({ state: 'released', payment: 'none' });
    expect(await updates()).toEqual([]);
    await sound();
  });

  it('is refunded as a whole when it was paid, and told of once', async () => {
    const { home, part } = await conflict();
    await shop.endLines('pay', home);
    expect(await settleAll()).toBe(2);
    expect(await statesOf(home, part)).toEqual(['paid, 2 units', 'none']);
    expect(await resolve(part.id)).toMatchObject([{ order: part.id, resolution: 'refunded' }]);
    await untilOpen(world);
    expect(await statesOf(home, part)).toEqual(['refunded, 0 units', 'refunded, 0 units']);
    expect(await told(home)).toMatchObject({ state: 'refunded', payment: 'refunded' });
    const postings = await world.db.query<{ posting: string; rows: number; sum: number }>(
      `SELECT posting, count(*)::int AS rows, sum(amount)::int AS sum FROM sale.ledger
        WHERE left(posting, 44) = ANY($1) GROUP BY posting`,
      [[home.id, part.id]],
    );
    const wanted = [home, part].flatMap(({ id }) => [`${id}:paid`, `${id}:refunded`]);
    expect(postings.map(({ posting }) => posting).sort()).toEqual(wanted.sort());
    expect(postings.every(({ rows, sum }) => rows === 2 && sum === 0)).toBe(true);
    const refunded = { id: home.id, state: 'refunded', version: 3 };
    expect(await updates()).toMatchObject([{ key: home.id, value: refunded }]);
    await sound();
  });

  it('is resolved with all else, and tried without a change', async () => {
    const { home, part } = await conflict();
    await shop.endLines('pay', home);
    await settleAll();
    const { out } = await quarantine('resolve', home.id, '--dry-run');
    expect(out).toMatch(/refunded \(dry run\)\n.*so do the other lines of its order/);
    expect(await statesOf(home, part)).toEqual(['paid, 2 units', 'none']);
    expect(await resolveAll()).toEqual([[part.id, 'refunded']]);
    expect(await statesOf(home, part)).toEqual(['refunded, 0 units', 'refunded, 0 units']);
    await sound();
  });
});
