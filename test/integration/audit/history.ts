/** A world in which everything has happened that a sale can go through, all of it settled. */
import type { AuditReport } from '../../../engine/audit/audit.ts';
import type { CheckName } from '../../../engine/audit/findings.ts';
import { laneOfId } from '../../../engine/domain/ids.ts';
import type { LaneOrder } from '../../../engine/domain/types.ts';
import { until } from '../../support/environment.ts';
import { WorldLine } from '../../support/world-line.ts';
import { WorldShop, type Product } from '../../support/world-shop.ts';
import { formatWorld, type World, type WorldOptions } from '../../support/world.ts';

export interface History {
  readonly world: World;
  readonly shop: WorldShop;
  readonly vendor: string;
  readonly laptop: Product;
  /** Live, of two items, with held, paid and released orders, topped up in both ways. */
  readonly live: string;
  /** Its holds have expired. */
  readonly expired: string;
  readonly closed: string;
  /** With a line: five were drawn, two have turns, one has left, one came after the bell. */
  readonly line: string;
  /** Refused for want of supply. */
  readonly refused: string;
  readonly held: LaneOrder;
  readonly paid: LaneOrder;
  readonly released: LaneOrder;
  /** Of two lines in `live`; another of two was paid, one let go, one of two sales has expired. */
  readonly together: LaneOrder;
  /** Has more orders in `live` than its record takes. */
  readonly spilling: string;
}

const ordersOfSpilling = 10;

export async function makeHistory(options: WorldOptions = {}): Promise<History> {
  const world = await formatWorld(options);
  const { lanes, steps } = world;
  const shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const laptop = await shop.product(vendor, 2000);
  const mouse = await shop.product(vendor, 50, 1500);
  const items = [
    { product: laptop.id, allotted: 400, price: 10_000 },
    { product: mouse.id, allotted: 20, price: 1_000 },
  ] as const;
  const one = items.slice(0, 1);
  const live = await shop.sale(vendor, items, { limitPerShopper: 100 });
  const spilling = 'spilling';
  for (let i = 0; i < ordersOfSpilling; i++) await shop.hold(live, spilling, 1, laptop.id);
  const held = await shop.hold(live, 'ann', 2, laptop.id);
  const released = await shop.release(await shop.hold(live, 'bea', 3, laptop.id));
  const paid = await shop.pay(await shop.hold(live, 'cid', 2, mouse.id));
  await shop.pay(await shop.hold(live, 'ann', 1, laptop.id));
  const two = [
    { sale: live, product: laptop.id, quantity: 2 },
    { sale: live, product: mouse.id, quantity: 1 },
  ];
  const together = await shop.holdLines('hal', two);
  await shop.endLines('pay', await shop.holdLines('ida', two));
  await shop.endLines('release', await shop.holdLines('joe', two));
  await shop.topUp(live, laptop, 5, false);
  await shop.topUp(live, laptop, 7, true);
  const expired = await shop.sale(vendor, one, { holdSeconds: 1 });
  for (const shopper of ['dan', 'eve']) await shop.hold(expired, shopper, 2);
  const beside = laneOfId(live) === laneOfId(expired) ? live : expired;
  await shop.holdLines('kim', [
    { sale: beside, product: laptop.id, quantity: 1 },
    { sale: expired, product: laptop.id, quantity: 1 },
  ]);
  const closed = await shop.sale(vendor, one);
  await shop.pay(await shop.hold(closed, 'fay'));
  await shop.release(await shop.hold(closed, 'gus', 2));
  await shop.close(closed);
  const refused = await shop.sale(vendor, [{ ...items[1], allotted: 1000 }]);
  const line = await makeLine(world, shop, vendor, laptop.id);
  let ended = 0;
  await until('the holds have expired', async () => {
    for (const sale of new Set([expired, beside])) {
      const reaped = await lanes.shop.reap(sale, 100);
      ended += reaped.kind === 'done' ? reaped.value.ended : 0;
    }
    return ended === 4;
  });
  await steps.pump();
  return {
    world,
    shop,
    vendor,
    laptop,
    live,
    expired,
    closed,
    line,
    refused,
    held,
    paid,
    released,
    together,
    spilling,
  };
}

async function makeLine(world: World, shop: WorldShop, vendor: string, product: string) {
  const steps = new WorldLine(world, shop);
  const shoppers = ['ann', 'bea', 'cay', 'dan', 'eve'];
  const items = [{ product, allotted: 2, price: 100 }];
  const sale = await steps.sale(vendor, items, shoppers, { limitPerShopper: 1 });
  await steps.open(sale);
  await steps.join(sale, 'fay');
  await steps.admit(sale, 5);
  const last = (await steps.byNumber(sale, shoppers)).at(-1) ?? '';
  await world.lanes.line.leave(sale, last, 'by-key');
  return sale;
}

/** Checks that found something. */
export const failedIn = ({ checks }: AuditReport): CheckName[] =>
  checks.filter(({ violations }) => violations > 0).map(({ name }) => name);
