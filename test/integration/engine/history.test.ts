/** A topic of decisions that holds what another deployment's lanes have decided. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { messageOf, readOutbox } from '../../../engine/lanes/outbox.ts';
import { auditOf } from '../../support/audit.ts';
import { until } from '../../support/environment.ts';
import { startWorldRelay, startWorldSettler, type Running } from '../../support/world-loops.ts';
import { recover, untilOpen } from '../../support/world-recovery.ts';
import { startVerifier } from '../../support/world-verifier.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const lane = 0;
let world: World;
let shop: WorldShop;
let sale: string;
const running: Running[] = [];

async function liveSale(of: World): Promise<{ shop: WorldShop; sale: string }> {
  const people = new WorldShop(of);
  const vendor = await people.vendor();
  const { id } = await people.product(vendor, 100);
  return {
    shop: people,
    sale: await people.sale(vendor, [{ product: id, allotted: 100, price: 100 }]),
  };
}

/** What another deployment decides stands in the topic, more than this one will decide. */
beforeEach(async () => {
  world = await formatWorld({ lanes: 1 });
  const other = await formatWorld({ lanes: 1, kafka: 'none' });
  try {
    const before = await liveSale(other);
    for (let i = 0; i < 20; i++) await before.shop.hold(before.sale, `other ${i}`);
    const items = await readOutbox(other.redis.redis, laneKeys(lane).outbox, '0-0', 100);
    const producer = await world.kafka.kafka.producer();
    const { deployment } = other.settings;
    await producer.send(
      world.topic,
      items.map((item) => messageOf(lane, deployment, item)),
    );
    await producer.close();
  } finally {
    await other.close();
  }
});

afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
  await world.close();
});

async function sound(orders: number): Promise<void> {
  await world.steps.trim();
  await untilOpen(world);
  const [row] = await world.db.query('SELECT state, reasons FROM sale.lanes');
  expect(row).toEqual({ state: 'open', reasons: [] });
  expect(await world.db.query('SELECT 1 FROM sale.quarantine')).toEqual([]);
  const rows = await world.db.query("SELECT 1 FROM sale.orders WHERE state = 'held'");
  expect(rows.length).toBe(orders);
  expect(await auditOf(world)).toEqual([]);
}

it('settles nothing of it', async () => {
  ({ shop, sale } = await liveSale(world));
  running.push(await startWorldSettler(world), await startWorldRelay(world, lane));
  for (let i = 0; i < 3; i++) await shop.hold(sale, `own ${i}`);
  await until('all has settled', async () => {
    const rows = await world.db.query("SELECT 1 FROM sale.orders WHERE state = 'held'");
    return rows.length === 3;
  });
  await sound(3);
});

it('does not freeze a lane whose server starts anew', async () => {
  ({ shop, sale } = await liveSale(world));
  for (let i = 0; i < 3; i++) await shop.hold(sale, `own ${i}`);
  await world.redis.crash();
  await world.redis.start();
  running.push(startVerifier(world));
  await untilOpen(world);
  await world.steps.pump();
  await sound(3);
});

it('is not what a lane is recovered from', async () => {
  ({ shop, sale } = await liveSale(world));
  for (let i = 0; i < 3; i++) await shop.hold(sale, `own ${i}`);
  expect(await recover(world)).toMatchObject({ settled: 3, quarantined: 0, lostAtLeast: 0 });
  await sound(3);
});
