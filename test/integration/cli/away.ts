/** A small sale in which decisions go wrong, and what an operator and the shoppers see of it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { LaneOrder } from '../../../engine/domain/types.ts';
import { pack, readEntry, unpack } from '../../../engine/lanes/codec.ts';
import { laneKeys, pushSaleKeys } from '../../../engine/lanes/keys.ts';
import { readOrder } from '../../../engine/orders.ts';
import { settleRun } from '../../../engine/settle/run.ts';
import { auditOf } from '../../support/audit.ts';
import { highnoonOn, type Ended } from '../../support/command.ts';
import { untilOpen, untilShut } from '../../support/world-recovery.ts';
import { WorldShop, type Product } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

export const keys = laneKeys(0);
export let world: World;
export let shop: WorldShop;
export let product: Product;
export let sale: string;

/** To be called before each test, and `end` after it. */
export async function begin(): Promise<void> {
  world = await formatWorld({ lanes: 1 });
  shop = new WorldShop(world);
  const vendor = await shop.vendor();
  product = await shop.product(vendor, 100);
  sale = await shop.sale(vendor, [{ product: product.id, allotted: 20, price: 100 }]);
}
export const end = (): Promise<void> => world.close();

export const quarantine = (...args: string[]): Promise<Ended> =>
  highnoonOn(world, ['quarantine', ...args]);

type Verdict = readonly [order: string | null, resolution: string];

interface Report {
  readonly lanes: readonly {
    readonly frozen: string;
    readonly resolved: readonly { readonly order: string | null; readonly resolution: string }[];
  }[];
}

/** Resolves everything, by the command; what became of each, by order. */
export async function resolveAll(): Promise<Verdict[]> {
  const { code, out, err } = await quarantine('resolve', '--all', '--json');
  expect([code, err]).toEqual([0, '']);
  const report = JSON.parse(out) as Report;
  return report.lanes.flatMap(({ resolved }) =>
    resolved.map((r): Verdict => [r.order, r.resolution]),
  );
}

/** What the order's shopper is told. */
export async function told({ id, shopper }: LaneOrder): Promise<string> {
  const found = await readOrder(world.db, world.lanes.shop, id, shopper);
  return found.kind === 'done' ? (found.value?.state ?? 'no order') : found.kind;
}

/** The lane serves, all stores agree, and a unit can be sold to its end. */
export async function sound(): Promise<void> {
  await untilOpen(world);
  const [{ state, reasons } = {}] = await world.db.query<{ state: string; reasons: unknown }>(
    'SELECT state, reasons FROM sale.lanes',
  );
  expect([state, reasons]).toEqual(['open', []]);
  const order = await shop.pay(await shop.hold(sale, 'somebody new'));
  await world.steps.pump();
  expect(await told(order)).toBe('paid');
  await world.db.run('UPDATE platform.outbox SET published_at = now()');
  expect(await auditOf(world)).toEqual([]);
}

/** Relays and settles, as the worker does it: what cannot settle is put away. */
export async function settleAll(): Promise<number> {
  await world.steps.relay();
  const [mark] = await world.db.query<{ epoch: number; seq: number }>(
    'SELECT epoch, seq FROM sale.watermarks',
  );
  const after = `(${mark?.epoch ?? 0}-${mark?.seq ?? 0}`;
  const items = await world.redis.redis.xrangeBuffer(keys.outbox, after, '+');
  const entries = items.map(([, fields]) => readEntry(fields[1] as Buffer));
  const done = await settleRun(world.db, 0, entries, null, () => undefined);
  await world.steps.trim();
  return done.reduce((sum, { quarantined }) => sum + quarantined, 0);
}

/** Keys of the sale: terms, records, due, returned. */
export function saleKeys(): string[] {
  const names: string[] = [];
  pushSaleKeys(names, 0, sale);
  return names;
}

/** The lane forgets what it has issued, as a copy of it that nobody noticed would. */
export async function corrupt(change: (counts: number[]) => void): Promise<void> {
  const [key = ''] = saleKeys();
  const packed = await world.redis.redis.hgetBuffer(key, 'n');
  const counts = unpack(packed ?? Buffer.alloc(0)) as number[];
  change(counts);
  await world.redis.redis.hset(key, 'n', pack(counts));
}
export const [nextNumber, lastNumber] = [3, 4] as const;

/** Two orders that were both accepted with unit 1; the first has settled. */
export async function conflict(): Promise<{ first: LaneOrder; second: LaneOrder }> {
  const first = await shop.hold(sale, 'first');
  await settleAll();
  await corrupt((counts) => (counts[nextNumber] = 1));
  const second = await shop.hold(sale, 'second');
  expect(second.units).toEqual(first.units);
  return { first, second };
}

/** Redis comes back with nothing. */
export async function loseRedis(): Promise<void> {
  await world.redis.crash();
  rmSync(join(world.redis.dir, 'appendonlydir'), { recursive: true });
  await world.redis.start();
  await untilShut(world);
}

/** Publishes only the last entry of the outbox: what it follows is lost. */
export async function publishLast(): Promise<void> {
  const [item] = await world.redis.redis.xrevrangeBuffer(keys.outbox, '+', '-', 'COUNT', 1);
  const producer = await world.kafka.kafka.producer();
  const value = item?.[1][1] as Buffer;
  await producer.send(world.topic, [{ partition: 0, key: '0', value }]);
  await producer.close();
}
