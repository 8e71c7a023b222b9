/** A resolution that gives commands to other lanes takes its locks in the order of everybody else. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { laneOfId } from '../../../engine/domain/ids.ts';
import { readEntry } from '../../../engine/lanes/codec.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { resolveLane, type Resolved } from '../../../engine/quarantine/resolve.ts';
import { requestClose } from '../../../engine/sales/control.ts';
import { settleRun } from '../../../engine/settle/run.ts';
import { lockWatermark } from '../../../engine/settle/settlement.ts';
import type { Query } from '../../../platform/postgres/db.ts';
import { until } from '../../support/environment.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let shop: WorldShop;
let vendor: string;

beforeAll(async () => {
  world = await formatWorld({ lanes: 2, kafka: 'none' });
  shop = new WorldShop(world);
  vendor = await shop.vendor();
});
afterAll(() => world.close());

/** A flash sale of lane 0 whose units return to lane 1. */
async function saleOver(): Promise<string> {
  for (;;) {
    const { id: product, standing } = await shop.product(vendor, 5);
    const sale = await shop.sale(vendor, [{ product, allotted: 5, price: 100 }]);
    if (laneOfId(sale) === 0 && laneOfId(standing) === 1) return sale;
  }
}

/** Settles lane 0; what cannot settle is put away. */
async function settleAll(): Promise<number> {
  const [mark] = await world.db.query<{ epoch: number; seq: number }>(
    'SELECT epoch, seq FROM sale.watermarks WHERE lane = 0',
  );
  const after = `(${mark?.epoch ?? 0}-${mark?.seq ?? 0}`;
  const items = await world.redis.redis.xrangeBuffer(laneKeys(0).outbox, after, '+');
  const entries = items.map(([, fields]) => readEntry(fields[1] as Buffer));
  const done = await settleRun(world.db, 0, entries, null, () => undefined);
  return done.reduce((sum, { quarantined }) => sum + quarantined, 0);
}

/** What gives commands to a lane does to its row. */
const lock = (q: Query, lane: number) =>
  q.run('UPDATE sale.lanes SET last_command = last_command WHERE lane = $1', [lane]);

const somebodyWaits = async (): Promise<boolean> => {
  const waiting = `SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return (await world.db.query(waiting)).length > 0;
};

it('beside who gives commands to both lanes, in their order', async () => {
  const sale = await saleOver();
  await world.db.tx((q) => requestClose(q, sale));
  await world.steps.dispatch(0);
  // For as long as the settlement takes nothing returns.
  await world.db.run(
    `ALTER TABLE sale.moves ADD CONSTRAINT nothing_returns CHECK (kind <> 'return') NOT VALID`,
  );
  expect(await settleAll()).toBe(1);
  await world.db.run('ALTER TABLE sale.moves DROP CONSTRAINT nothing_returns');
  let resolved: readonly Resolved[] = [];
  // As a recovery does it, which writes the lane's row last.
  const resolve = async (q: Query): Promise<void> => {
    await lockWatermark(q, 0);
    resolved = await resolveLane(q, 0, null, Date.now());
    await lock(q, 0);
  };
  const resolving = await world.db.tx(async (q) => {
    await lock(q, 0);
    const other = world.db.tx(resolve);
    other.catch(() => undefined);
    await until('the resolution waits', somebodyWaits);
    await lock(q, 1);
    return { other };
  });
  await resolving.other;
  expect(resolved).toMatchObject([{ lane: 0, resolution: 'settled' }]);
  const [credit] = await world.db.query(
    `SELECT lane FROM sale.lane_commands c JOIN sale.moves m ON m.id = c.move_id
      WHERE m.from_sale = $1 AND m.kind = 'return' AND c.kind = 'credit'`,
    [sale],
  );
  expect(credit).toEqual({ lane: 1 });
});
