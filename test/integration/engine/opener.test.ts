/** Opener: sales open and close whole, wherever their creation or closing was cut. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { laneOfId } from '../../../engine/domain/ids.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { startOpener } from '../../../engine/opener.ts';
import { startPublisher } from '../../../engine/publisher.ts';
import { requestClose } from '../../../engine/sales/control.ts';
import { standingSaleId } from '../../../engine/sales/standing.ts';
import { topicsOf } from '../../../engine/topics.ts';
import type { KafkaProducer } from '../../../platform/kafka/index.ts';
import type { Log } from '../../../platform/log.ts';
import { auditOf } from '../../support/audit.ts';
import { silent, until } from '../../support/environment.ts';
import { specsOf } from '../../support/kafka.ts';
import { errorsOf, type Running } from '../../support/world-loops.ts';
import { WorldShop, type Product } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const supply = 1000;
let world: World;
let shop: WorldShop;
let vendor: string;
/** Two of one lane, one of the other. */
let products: Product[];
let producer: KafkaProducer;
let newProduct: string;
let opener: Running;
/** What it says of products whose event was lost. */
const told: number[] = [];
const log = Object.assign(Object.create(silent) as Log, {
  warn: ({ products: opened }: { products?: number }) => opened !== undefined && told.push(opened),
});

beforeAll(async () => {
  world = await formatWorld({ lanes: 2 });
  newProduct = topicsOf(world.kafka.prefix).newProduct;
  const specs = specsOf(world.kafka.prefix, 2, true);
  await world.kafka.makeTopics(
    2,
    specs.filter(({ topic }) => topic.startsWith(newProduct)),
  );
  producer = await world.kafka.kafka.producer();
  shop = new WorldShop(world);
  vendor = await shop.vendor();
  const made: Product[] = [];
  const ofLane = (lane: number): Product[] => made.filter((p) => laneOfId(p.standing) === lane);
  while (ofLane(0).length < 2 || ofLane(1).length < 1) {
    made.push(await shop.product(vendor, supply));
  }
  products = [...ofLane(0).slice(0, 2), ...ofLane(1).slice(0, 1)];
  opener = await startOpener({
    kafka: world.kafka.kafka,
    producer,
    db: world.db,
    shop: world.lanes.shop,
    secret: idSecretOf(world.settings.idSecret),
    lanes: world.settings.lanes,
    currency: world.settings.currency,
    lineMax: world.config.lineMax,
    topic: newProduct,
    groupId: `${world.kafka.prefix}opener`,
    log,
    onCommands: () => undefined,
    onCrash: (error) => {
      throw error;
    },
  });
});
afterEach(async () => {
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
});
afterAll(async () => {
  await opener.close();
  await world.close();
});

async function stateOf(sale: string): Promise<string> {
  const [row] = await world.db.query<{ state: string }>(
    'SELECT state FROM sale.sales WHERE id = $1',
    [sale],
  );
  return row?.state ?? '';
}
/** Nobody but the loops does anything. */
const untilState = (sale: string, state: string): Promise<void> =>
  until(`the sale is ${state}`, async () => {
    await world.steps.pump();
    return (await stateOf(sale)) === state;
  });
async function counts(sale: string): Promise<{ available: number; held: number; sold: number }[]> {
  const found = await world.lanes.shop.count(sale);
  if (found.kind !== 'done') throw new Error(JSON.stringify(found));
  return found.value.items.map(({ available, held, sold }) => ({ available, held, sold }));
}
async function freeIn(standing: string): Promise<number> {
  return (await counts(standing))[0]?.available ?? -1;
}
const freeInAll = (): Promise<number[]> => Promise.all(products.map((p) => freeIn(p.standing)));

/** Everything that a creation or a closing does after its first transaction, by lane. */
const steps: readonly (() => Promise<unknown>)[] = [0, 1, 0, 1].flatMap((lane, turn) => {
  const order = turn < 2 ? lane : 1 - lane;
  return [
    () => world.steps.dispatch(order),
    () => world.steps.relay(order),
    () => world.steps.settle(order),
  ];
});
const cuts = Array.from({ length: steps.length + 1 }, (_, i) => i);

/** What comes first is written, then so many steps are done, then whoever did them is dead. */
async function cutAfter(count: number, first: () => Promise<string>): Promise<string> {
  const sale = await first();
  for (const step of steps.slice(0, count)) await step();
  return sale;
}
/** One credit for each move, however often the steps were done. */
async function credits(sale: string): Promise<number[]> {
  const rows = await world.db.query<{ n: number }>(
    `SELECT count(c.number)::int AS n FROM sale.moves m
       LEFT JOIN sale.lane_commands c ON c.move_id = m.id AND c.kind = 'credit'
      WHERE m.group_id = $1 GROUP BY m.id ORDER BY m.id`,
    [sale],
  );
  return rows.map((row) => row.n);
}
const itemsOf = (allotted: readonly number[]) =>
  products.map(({ id: product }, i) => ({ product, allotted: allotted[i] ?? 1, price: 100 }));

describe('a creation over two lanes', () => {
  it.each(cuts)('that is cut after %i steps becomes a whole sale', async (count) => {
    const before = await freeInAll();
    const allotted = [2, 3, 1];
    const sale = await cutAfter(count, () => shop.writeSale(vendor, itemsOf(allotted)));
    await untilState(sale, 'live');
    const free = allotted.map((available) => ({ available, held: 0, sold: 0 }));
    expect(await counts(sale)).toEqual(free);
    expect(await freeInAll()).toEqual(before.map((n, i) => n - (allotted[i] ?? 0)));
    expect(await credits(sale)).toEqual([1, 1, 1]);
  });

  it.each(cuts)('of which one item is refused goes back once, cut after %i', async (count) => {
    const before = await freeInAll();
    const short = count % 3;
    const allotted = [0, 1, 2].map((item) => (item === short ? supply + 1 : 2));
    const sale = await cutAfter(count, () => shop.writeSale(vendor, itemsOf(allotted)));
    await untilState(sale, 'cancelled');
    await world.steps.pump();
    expect(await freeInAll()).toEqual(before);
    expect(await credits(sale)).toEqual([0, 1, 2].map((item) => (item === short ? 0 : 1)));
  });
});

describe('a closing', () => {
  it.each(cuts)('that is cut after %i steps gives everything back', async (count) => {
    const before = await freeInAll();
    const sale = await shop.sale(vendor, itemsOf([4, 2, 3]));
    const product = products[0]?.id ?? '';
    const [held, sold] = [
      await shop.hold(sale, 'ada', 1, product),
      await shop.hold(sale, 'bob', 2, product),
    ];
    await shop.pay(sold);
    await cutAfter(count, async () => {
      await world.db.tx((q) => requestClose(q, sale));
      return sale;
    });
    await untilState(sale, 'closing');
    expect((await counts(sale))[0]).toEqual({ available: 0, held: 1, sold: 2 });
    await shop.release(held);
    await untilState(sale, 'closed');
    await world.steps.pump();
    expect((await counts(sale))[0]).toEqual({ available: 0, held: 0, sold: 2 });
    expect(await freeInAll()).toEqual(before.map((n, i) => (i === 0 ? n - 2 : n)));
  });
});

describe('a sale without shoppers', () => {
  it('opens at its start and ends at its end', async () => {
    const before = await freeInAll();
    const startsAt = Date.now() + 500;
    const sale = await shop.writeSale(vendor, itemsOf([5, 5, 5]), { startsAt, durationSeconds: 1 });
    await untilState(sale, 'closed');
    await world.steps.pump();
    const [row] = await world.db.query<{ opened_at: Date; closed_at: Date }>(
      'SELECT opened_at, closed_at FROM sale.sales WHERE id = $1',
      [sale],
    );
    expect(row?.opened_at.getTime()).toBeGreaterThanOrEqual(startsAt);
    expect(row?.closed_at.getTime()).toBeGreaterThanOrEqual(startsAt + 1000);
    expect(await freeInAll()).toEqual(before);
  });
});

describe('a registration', () => {
  it('opens its standing sale once, with what was registered', async () => {
    const id = await shop.register(vendor, 30);
    const publisher = startPublisher({
      db: world.db,
      producer,
      topicPrefix: world.kafka.prefix,
      log: silent,
      ensureTopics: () => Promise.resolve(),
    });
    const standing = standingSaleId(idSecretOf(world.settings.idSecret), id, 2);
    try {
      await until('the sale is there', async () => (await stateOf(standing)) !== '');
    } finally {
      await publisher.close();
    }
    const say = async (body: unknown): Promise<void> => {
      await producer.send(newProduct, [{ key: id, value: JSON.stringify(body) }]);
    };
    await say({ id, vendor_id: vendor, price: { amount: 1 }, remaining_supply: 1_000_000 });
    await say({
      id: 'prd_nobodyatall',
      vendor_id: vendor,
      price: { amount: 1 },
      remaining_supply: 5,
    });
    await say('nonsense');
    // What no registration can be called, and no database can be asked for.
    await say({ id: 'prd_\u0000' });
    const refused = async (): Promise<bigint> =>
      (await world.kafka.kafka.ends(`${newProduct}.dlq`)).get(0)?.high ?? 0n;
    await until('nonsense is put aside', async () => (await refused()) === 2n);
    await world.steps.pump();
    expect(await freeIn(standing)).toBe(30);
    const [row] = await world.db.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM sale.moves WHERE product_id = ANY($1)',
      [[id, 'prd_nobodyatall']],
    );
    expect(row?.n).toBe(1);
  });

  it('whose event was lost opens its standing sale all the same', async () => {
    const id = await shop.register(vendor, 30);
    const standing = standingSaleId(idSecretOf(world.settings.idSecret), id, 2);
    await world.db.run('UPDATE platform.outbox SET published_at = now() WHERE key = $1', [id]);
    await world.db.run(
      `UPDATE sale.registrations SET registered_at = now() - interval '61 seconds' WHERE id = $1`,
      [id],
    );
    await untilState(standing, 'live');
    await until('it has its units', async () => {
      await world.steps.pump();
      return (await freeIn(standing)) === 30;
    });
  });

  it('whose event was lost is told of when it is opened, not when that fails', async () => {
    told.length = 0;
    const sound = await shop.register(vendor, 1);
    const broken = await shop.register(vendor, 1);
    await world.db.run('DELETE FROM platform.outbox WHERE key = ANY($1)', [[sound, broken]]);
    const failures = await errorsOf('opener');
    await world.db.run(
      `UPDATE sale.registrations SET registered_at = now() - interval '61 seconds',
              body = CASE WHEN id = $2 THEN '{}' ELSE body END
        WHERE id = ANY($1)`,
      [[sound, broken], broken],
    );
    await untilState(standingSaleId(idSecretOf(world.settings.idSecret), sound, 2), 'live');
    await until('it was tried twice', async () => (await errorsOf('opener')) >= failures + 2);
    await world.db.run('DELETE FROM sale.registrations WHERE id = $1', [broken]);
    expect(told).toEqual([1]);
  });
});
