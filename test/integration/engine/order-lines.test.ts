/** Orders of several lines, on real stores: all are held or none, and all have one end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkout, type CheckoutContext } from '../../../engine/checkout.ts';
import { laneOfId, mayBePart, mayHaveParts } from '../../../engine/domain/ids.ts';
import type { LaneOrder, Outcome } from '../../../engine/domain/types.ts';
import type { CheckoutCommand, CheckoutLine } from '../../../engine/engine.ts';
import { scriptOf } from '../../../engine/lane-set.ts';
import { readEntry } from '../../../engine/lanes/codec.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { listOrders, readOrder, storeDetails } from '../../../engine/orders.ts';
import { WholeOrders } from '../../../engine/whole-orders.ts';
import { createDb } from '../../../platform/postgres/pool.ts';
import { auditOf } from '../../support/audit.ts';
import { ownName, until } from '../../support/environment.ts';
import { linkTo } from '../../support/link.ts';
import { WorldShop, type Product } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const address = { name: 'Ada', line1: '1 Main St', city: 'Salem', country: 'US' };
const details = { email: 'ada@example.org', address };
const supply = 40;

let world: World;
let people: WorldShop;
let vendor: string;
let context: CheckoutContext;
let orders: WholeOrders;
/** Three whose standing sales are in one lane, and one whose is in the other. */
let near: readonly Product[];
let far: Product;

beforeAll(async () => {
  world = await formatWorld({
    lanes: 2,

    linked: ['redis'],
    env: { BATCH_MAX: '3' },
  });
  people = new WorldShop(world);
  vendor = await people.vendor();
  const { db, lanes, settings } = world;
  const { shop, shopLines } = lanes;
  context = { db, secret: idSecretOf(settings.idSecret), shop, shopLines };
  orders = new WholeOrders(db, shop, shopLines);
  const byLane: Product[][] = [[], []];
  const isEnough = (): boolean => {
    const [few = 0, many = 0] = byLane.map((some) => some.length).sort((a, b) => a - b);
    return few >= 1 && many >= 3;
  };
  while (!isEnough()) {
    const product = await people.product(vendor, supply, 1000);
    byLane[laneOfId(product.standing)]?.push(product);
  }
  const [less, most] = byLane.sort((a, b) => a.length - b.length);
  near = most?.slice(0, 3) ?? [];
  far = less?.[0] as Product;
});
afterAll(() => world.close());

const wanted = (...quantities: number[]): CheckoutLine[] =>
  quantities.map((quantity, i) => ({ product: near[i]?.id ?? '', quantity }));

const commandOf = (
  lines: readonly CheckoutLine[],
  { shopper = 'ada', idempotencyKey = ownName('key') } = {},
): CheckoutCommand => ({
  ...{ shopper, verified: true, details, idempotencyKey },
  lines: () => Promise.resolve(lines),
  fingerprint: JSON.stringify(lines),
});

function done<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome.value;
}

const held = async (...args: Parameters<typeof commandOf>): Promise<LaneOrder> =>
  done(await checkout(context, commandOf(...args)));

const linesOf = (order: LaneOrder): LaneOrder[] => [order, ...(order.parts ?? [])];
const statesOf = (order: LaneOrder): string[] => linesOf(order).map(({ state }) => state);

const pay = (
  { id, shopper }: Pick<LaneOrder, 'id' | 'shopper'>,
  idempotencyKey = ownName('pay'),
): Promise<Outcome<LaneOrder>> =>
  new Promise((resolve) => orders.pay({ order: id, shopper, idempotencyKey }, 1, resolve));

const release = ({ id, shopper }: Pick<LaneOrder, 'id' | 'shopper'>): Promise<Outcome<LaneOrder>> =>
  new Promise((resolve) => orders.release({ order: id, shopper, idempotencyKey: '' }, resolve));

async function freeOf({ standing }: Pick<Product, 'standing'>): Promise<number> {
  const counted = done(await world.lanes.shop.count(standing));
  return counted.items[0]?.available ?? 0;
}
const free = (): Promise<number[]> => Promise.all(near.map(freeOf));

const rows = async (): Promise<number[]> => {
  const [row] = await world.db.query<{ checkouts: number; lines: number }>(
    `SELECT (SELECT count(*) FROM sale.checkouts) AS checkouts,
            (SELECT count(*) FROM sale.order_lines) AS lines`,
  );
  return [row?.checkouts ?? 0, row?.lines ?? 0];
};

async function expectSound(): Promise<void> {
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
}

describe('an order of several lines', () => {
  it('holds all of them, is one order, and is paid as one', async () => {
    const before = await free();
    const command = commandOf(wanted(2, 1, 3));
    const order = done(await checkout(context, command));
    expect(linesOf(order).map(({ units }) => units.length)).toEqual([2, 1, 3]);
    expect(new Set(linesOf(order).map((line) => line.holdExpiresAt)).size).toBe(1);
    expect(mayHaveParts(order.id)).toBe(true);
    expect(order.parts?.every(({ id }) => mayBePart(id))).toBe(true);
    expect(await free()).toEqual([2, 1, 3].map((units, i) => (before[i] ?? 0) - units));

    const again = await checkout(context, { ...command, lines: () => Promise.reject(new Error()) });
    expect(again).toMatchObject({ kind: 'done', replayed: true, value: { id: order.id } });
    const reused = await checkout(context, { ...command, fingerprint: 'other' });
    expect(reused).toMatchObject({ rejection: { code: 'idempotency_key_reused' } });

    const paid = done(await pay(order, 'once'));
    expect(statesOf(paid)).toEqual(['paid', 'paid', 'paid']);
    expect(await pay(order, 'once')).toMatchObject({ kind: 'done', replayed: true });
    expect(await pay(order)).toMatchObject({ rejection: { code: 'illegal_transition' } });
    await expectSound();
    const found = done(await readOrder(world.db, orders, order.id, 'ada'));
    expect(found).toMatchObject({
      ...{ id: order.id, state: 'paid', amount: 6000, details },
      lines: near.map(({ id, standing }) => ({ product: id, sale: standing, price: 1000 })),
    });
    expect(found?.timeline.map(({ type }) => type)).toEqual(['held', 'paid']);
    const page = await listOrders(world.db, 'ada', { active: false, limit: 10, cursor: null });
    expect(page.items).toEqual([found]);
  });

  it('is asked as a whole: a line by itself is no order', async () => {
    const order = await held(wanted(1, 1));
    const [part] = order.parts ?? [];
    if (part === undefined) throw new Error('no part');
    const noOrder = { rejection: { code: 'not_found' } };
    expect(await pay(part)).toMatchObject(noOrder);
    expect(await release(part)).toMatchObject(noOrder);
    expect(await orders.read(part.id, 'ada')).toMatchObject(noOrder);
    expect(done(await readOrder(world.db, orders, part.id, 'ada'))).toBeNull();
    expect(await pay({ ...order, shopper: 'bob' })).toMatchObject(noOrder);
    expect(statesOf(done(await orders.read(order.id, 'ada')))).toEqual(['held', 'held']);
    expect(statesOf(done(await release(order)))).toEqual(['released', 'released']);
  });

  it('gives all back when it is let go', async () => {
    const before = await free();
    const order = await held(wanted(1, 2, 3), { shopper: 'bob' });
    expect(statesOf(done(await release(order)))).toEqual(['released', 'released', 'released']);
    expect(await free()).toEqual(before);
    expect(await release(order)).toMatchObject({ rejection: { code: 'illegal_transition' } });
    expect(await pay(order)).toMatchObject({ rejection: { code: 'hold_expired' } });
    await expectSound();
  });

  it('ends at the earliest deadline of its sales, all of it', async () => {
    const [first] = near;
    if (first === undefined) throw new Error('no product');
    const brief = await briefSale(first);
    const order = await held([
      { product: first.id, quantity: 1 },
      { product: near[1]?.id ?? '', quantity: 1 },
    ]);
    expect(linesOf(order).map(({ sale }) => sale)).toEqual([brief, near[1]?.standing]);
    expect(order.holdExpiresAt - order.heldAt).toBe(1000);
    await until('the hold is over', async () => {
      const read = done(await orders.read(order.id, 'ada'));
      return statesOf(read).every((state) => state === 'expired');
    });
    expect(await pay(order)).toMatchObject({ rejection: { code: 'hold_expired' } });
    await expectSound();
    await people.close(brief);
  });

  /** Cheaper, of a second, and in the lane of the standing sales. */
  async function briefSale({ id }: Product): Promise<string> {
    const terms = { holdSeconds: 1 };
    for (;;) {
      const sale = await people.sale(vendor, [{ product: id, allotted: 2, price: 1 }], terms);
      if (laneOfId(sale) === laneOfId(near[0]?.standing ?? '')) return sale;
      await people.close(sale);
    }
  }
});

describe('what is in the way', () => {
  it('keeps all from being held, is named by its product, and leaves the key free', async () => {
    const [before, kept] = [await free(), await rows()];
    const idempotencyKey = ownName('key');
    const asked = commandOf(wanted(1, supply + 1, 101), { shopper: 'cyd', idempotencyKey });
    const refused = await checkout(context, asked);
    expect(refused).toMatchObject({
      kind: 'rejected',
      rejection: {
        code: 'lines_refused',
        lines: [
          { line: 1, product: near[1]?.id, rejection: { code: 'sold_out', available: null } },
          { line: 2, product: near[2]?.id, rejection: { code: 'limit_reached' } },
        ],
      },
    });
    expect([await free(), await rows()]).toEqual([before, kept]);
    const order = await held(wanted(1, 1, 1), { shopper: 'cyd', idempotencyKey });
    expect(linesOf(order)).toHaveLength(3);
    await release(order);
  });

  it('is that whoever asked has gone; their key leads to the order when they ask again', async () => {
    const before = await free();
    const command = commandOf(wanted(1, 1), { shopper: 'dan', idempotencyKey: ownName('key') });
    const left = await checkout(context, { ...command, isAwaited: () => false });
    expect([left.kind, await free()]).toEqual(['unavailable', before]);
    await release(done(await checkout(context, { ...command, isAwaited: () => true })));
  });

  it('is a sale in another lane, or a product that is not sold', async () => {
    const kept = await rows();
    const lines = [{ product: far.id, quantity: 1 }, ...wanted(1, 1)];
    expect(await checkout(context, commandOf(lines))).toMatchObject({
      rejection: {
        code: 'lines_refused',
        lines: [{ line: 0, product: far.id, rejection: { code: 'other_lane' } }],
      },
    });
    const unknown = [...wanted(1, 1), { product: 'prd_nobody', quantity: 1 }];
    expect(await checkout(context, commandOf(unknown))).toMatchObject({
      rejection: {
        code: 'lines_refused',
        lines: [{ line: 2, product: 'prd_nobody', rejection: { code: 'not_found' } }],
      },
    });
    expect(await rows()).toEqual(kept);
  });

  it('is beside these what the lane says of the others: sold out, over the limit', async () => {
    const [before, kept] = [await free(), await rows()];
    const elsewhere = { product: far.id, quantity: 1 };
    const unknown = { product: 'prd_nobody', quantity: 1 };
    const lines = [unknown, ...wanted(1, supply + 1, 101), elsewhere];
    expect(await checkout(context, commandOf(lines))).toMatchObject({
      rejection: {
        code: 'lines_refused',
        lines: [
          { line: 0, product: unknown.product, rejection: { code: 'not_found' } },
          { line: 2, product: near[1]?.id, rejection: { code: 'sold_out' } },
          { line: 3, product: near[2]?.id, rejection: { code: 'limit_reached', limit: 100 } },
          { line: 4, product: far.id, rejection: { code: 'other_lane' } },
        ],
      },
    });
    expect([await free(), await rows()]).toEqual([before, kept]);
  });
});

describe('a checkout that was cut off', () => {
  const shopper = 'eve';

  it('before the hold is done by its retry', async () => {
    const command = commandOf(wanted(1, 1), { shopper });
    const dies = { hold: () => Promise.reject(new Error('killed')) } as never;
    await expect(checkout({ ...context, shopLines: dies }, command)).rejects.toThrow('killed');
    const order = done(await checkout(context, command));
    expect((await storedOf(order))?.details).toEqual(details);
    await release(order);
  });

  it('before the details is done by its retry', async () => {
    const command = commandOf(wanted(1, 1), { shopper });
    const dies = { read: () => Promise.reject(new Error('killed')) } as never;
    await expect(checkout({ ...context, shop: dies }, command)).rejects.toThrow('killed');
    const again = await checkout(context, command);
    expect(again).toMatchObject({ kind: 'done', replayed: true });
    const order = done(again);
    expect((await storedOf(order))?.details).toEqual(details);
    await release(order);
  });

  it('when its answer was lost is unknown, and replayed', async () => {
    const command = commandOf(wanted(1, 1), { shopper });
    const lost = world.link('redis').loseReply((request) => request.includes(scriptOf('shop').sha));
    expect((await checkout(context, command)).kind).toBe('unknown');
    await lost;
    await until('the lane is open', () => world.lanes.gate.doors.every((door) => door.open));
    const again = await checkout(context, command);
    expect(again).toMatchObject({ kind: 'done', replayed: true });
    await world.redis.redis.script('FLUSH');
    expect(statesOf(done(await pay(done(again))))).toEqual(['paid', 'paid']);
    await expectSound();
  });

  const storedOf = async ({ id }: LaneOrder) =>
    done(await readOrder(world.db, orders, id, shopper));
});

describe.each([
  ['one line', [1]],
  ['several lines', [1, 1]],
])('a key of %s that several ask by', (_, quantities) => {
  const shopper = 'fay';
  const noUnits: Outcome<never> = { kind: 'rejected', rejection: { code: 'not_found' }, now: 0 };
  const notNow: Outcome<never> = { kind: 'unavailable', reason: 'busy', retryAfterMs: 1 };

  /** A lane that answers so, once something else has happened meanwhile. */
  const answering = (
    answer: Outcome<never>,
    meanwhile: () => Promise<unknown>,
  ): CheckoutContext => {
    const after = () => meanwhile().then(() => answer);
    const shop = {
      hold: (_asked: unknown, tell: (told: typeof answer) => void) => after().then(tell),
    };
    return { ...context, shop: shop as never, shopLines: { hold: after } as never };
  };
  const showAs = (state: string): Promise<unknown> =>
    world.db.run('UPDATE sale.sales SET state = $2 WHERE id = $1', [near[0]?.standing, state]);

  it.each([noUnits, notNow])('stays the order of whoever was accepted', async (answer) => {
    const command = commandOf(wanted(...quantities), { shopper });
    const accepted: LaneOrder[] = [];
    const beside = answering(answer, async () =>
      accepted.push(done(await checkout(context, command))),
    );
    expect((await checkout(beside, command)).kind).toBe(answer.kind);
    // Whoever chose now would find another sale.
    await showAs('paused');
    const again = await checkout(context, command);
    await showAs('live');
    expect(again).toMatchObject({ replayed: true, value: { id: accepted[0]?.id } });
    expect((await pay(done(again))).kind).toBe('done');
    await expectSound();
  });

  it.each([noUnits, notNow])('is forgotten with the last of them', async (answer) => {
    const command = commandOf(wanted(...quantities), { shopper });
    const before = await rows();
    const kept: number[][] = [];
    const first = answering(answer, async () => kept.push(await rows()));
    const second = answering(answer, async () => {
      await checkout(first, command);
      kept.push(await rows());
    });
    await checkout(second, command);
    expect(kept[0]).not.toEqual(before);
    expect(kept[1]).toEqual(kept[0]);
    expect(await rows()).toEqual(before);
  });
});

describe('beside others', () => {
  it('no order is ever in two batches, and none is held in part', async () => {
    const from = await Promise.all(near.map(freeOf));
    const asked = Array.from({ length: 30 }, (_, i) => {
      const shopper = `s${i}`;
      return i % 2 === 0
        ? checkout(context, commandOf(wanted(1, 1, 3), { shopper }))
        : people.ask(near[0]?.standing ?? '', shopper, 'k');
    });
    const outcomes = await Promise.all(asked);
    const taken = outcomes.flatMap((one) => (one.kind === 'done' ? linesOf(one.value) : []));
    const isFull = outcomes.some((one) => one.kind === 'rejected');
    expect(isFull).toBe(true);
    const left = await Promise.all(near.map(freeOf));
    near.forEach(({ standing }, i) => {
      const units = taken.filter(({ sale }) => sale === standing).flatMap((line) => line.units);
      expect(left[i]).toBe((from[i] ?? 0) - units.length);
    });
    const positions = await positionsOf(laneOfId(near[0]?.standing ?? ''));
    for (const one of outcomes) {
      if (one.kind !== 'done' || one.value.parts === undefined) continue;
      const at = linesOf(one.value).map(({ id }) => positions.get(id.slice(20)));
      expect([at[0], new Set(at).size]).toEqual([expect.any(Number), 1]);
    }
    await expectSound();
  });

  /** Where each hold stands in the outbox, by its key. */
  async function positionsOf(lane: number): Promise<Map<unknown, number>> {
    const found = await world.redis.redis.xrangeBuffer(laneKeys(lane).outbox, '-', '+');
    const positions = new Map<unknown, number>();
    for (const [, fields] of found) {
      const { seq, groups } = readEntry(fields[1] as Buffer);
      for (const [type, key] of groups.flatMap(([, events]) => events)) {
        if (type === 'held') positions.set(key, seq);
      }
    }
    return positions;
  }

  it('with Postgres away an order of one line is paid, one of several has to wait', async () => {
    const link = await linkTo(world.database.url);
    const db = createDb(link.url);
    try {
      const away = new WholeOrders(db, context.shop, context.shopLines);
      const payAway = ({ id, shopper }: LaneOrder): Promise<Outcome<LaneOrder>> =>
        new Promise((resolve) => away.pay({ order: id, shopper, idempotencyKey: 'k' }, 1, resolve));
      const several = await held(
        wanted(0, 0).map((line) => ({ ...line, quantity: 1 })),
        {
          shopper: 'pat',
        },
      );
      const alone = await people.hold(far.standing, 'pat');
      await storeDetails(world.db, context.shop, alone.id, 'pat', details);
      await link.cut();
      expect((await payAway(several)).kind).toBe('unavailable');
      expect(done(await payAway(alone)).state).toBe('paid');
      expect(statesOf(done(await pay(several)))).toEqual(['paid', 'paid']);
    } finally {
      await db.close();
      await link.close();
    }
  });
});
