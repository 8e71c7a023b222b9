/** A vendor's changes of a product: each unit is accounted for, orders keep their price. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { laneOfId } from '../../../engine/domain/ids.ts';
import { pushSaleKeys } from '../../../engine/lanes/keys.ts';
import { startOpener } from '../../../engine/opener.ts';
import type { ProductChange, VendorOutcome, VendorProduct } from '../../../engine/engine.ts';
import { changeProduct, listProducts, withdrawProduct } from '../../../engine/products.ts';
import type { ProductContext } from '../../../engine/products.ts';
import { setRemaining } from '../../../engine/remaining.ts';
import { writeSchedule } from '../../../engine/sales/schedules.ts';
import { topicsOf } from '../../../engine/topics.ts';
import { auditOf } from '../../support/audit.ts';
import { silent, until } from '../../support/environment.ts';
import { specsOf } from '../../support/kafka.ts';
import { untilRounds } from '../../support/loops.ts';
import type { Running } from '../../support/world-loops.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let shop: WorldShop;
let vendor: string;
let context: ProductContext;
let opener: Running;

beforeAll(async () => {
  world = await formatWorld({ lanes: 2 });
  const newProduct = topicsOf(world.kafka.prefix).newProduct;
  const specs = specsOf(world.kafka.prefix, 2, true);
  await world.kafka.makeTopics(
    2,
    specs.filter(({ topic }) => topic.startsWith(newProduct)),
  );
  shop = new WorldShop(world);
  vendor = await shop.vendor();
  const { settings, lanes, db } = world;
  const secret = idSecretOf(settings.idSecret);
  const { lanes: count, currency } = settings;
  context = {
    ...{ db, secret, caller: lanes.caller, lanes: count, currency },
    freeOf: async (sale) => {
      const counted = await lanes.shop.count(sale);
      return counted.kind === 'done' ? (counted.value.items[0]?.available ?? null) : null;
    },
  };
  opener = await startOpener({
    ...{ kafka: world.kafka.kafka, producer: await world.kafka.kafka.producer(), db, secret },
    ...{ shop: lanes.shop, lanes: count, currency, topic: newProduct, log: silent },
    lineMax: world.config.lineMax,
    groupId: `${world.kafka.prefix}opener`,
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

/** Settles what there is to settle until the command is answered. */
async function settled<T>(command: Promise<T>): Promise<T> {
  const state = { answered: false };
  const done = command.finally(() => (state.answered = true));
  done.catch(() => undefined);
  while (!state.answered) await world.steps.pump();
  await world.steps.pump();
  return done;
}

const change = (id: string, what: ProductChange): Promise<VendorOutcome<VendorProduct>> =>
  settled(changeProduct(context, vendor, id, { fingerprint: JSON.stringify(what), ...what }));

const priced = (amount: number): ProductChange => ({
  fields: { price: { amount, currency: 'USD' } },
});

async function read(id: string) {
  const { items } = await listProducts(world.db, vendor, { limit: 100, cursor: null });
  const found = items.find((product) => product.id === id);
  if (found === undefined) throw new Error(`${id} is not listed`);
  return found;
}

async function standingOf(id: string): Promise<{ sale: string; state: string; price: number }> {
  const [row] = await world.db.query<{ sale: string; state: string; price: number }>(
    `SELECT s.id AS sale, s.state, i.price FROM sale.registrations r
       JOIN sale.sales s ON s.id = r.standing_sale JOIN sale.sale_items i ON i.sale_id = s.id
      WHERE r.id = $1`,
    [id],
  );
  if (row === undefined) throw new Error(`${id} has no standing sale`);
  return row;
}

async function stateOf(sale: string): Promise<string> {
  const [row] = await world.db.query<{ state: string }>(
    'SELECT state FROM sale.sales WHERE id = $1',
    [sale],
  );
  return row?.state ?? '';
}

async function changes(id: string) {
  return world.db.query<{ value: Record<string, unknown> }>(
    `SELECT value FROM platform.outbox WHERE topic = 'catalog-changes' AND key = $1 ORDER BY id`,
    [id],
  );
}

it('changes fields, one version after the other, each announced', async () => {
  const { id, standing } = await shop.product(vendor, 10);
  const first = await change(id, { fields: { name: 'Laptop 2', brand: 'KUHL' } });
  expect(first).toMatchObject({ kind: 'done', value: { version: 2, body: { brand: 'KUHL' } } });
  await change(id, { fields: { brand: 'WARM' } });
  expect(await read(id)).toMatchObject({ version: 3, body: { name: 'Laptop 2', brand: 'WARM' } });
  expect((await changes(id)).map(({ value }) => value)).toMatchObject([
    { id, vendor_id: vendor, version: 2, changed: ['name', 'brand'], name: 'Laptop 2' },
    { version: 3, changed: ['brand'], price: { amount: 20_000, currency: 'USD' } },
  ]);
  expect((await standingOf(id)).sale).toBe(standing);
});

it('is the owner’s alone', async () => {
  const { id } = await shop.product(vendor, 10);
  const other = await shop.vendor('Eve');
  const refused = { kind: 'rejected', rejection: { code: 'not_found' } };
  expect(await changeProduct(context, other, id, { fields: { name: 'x' } })).toEqual(refused);
  expect(await withdrawProduct(context, other, id)).toEqual(refused);
  const theirs = await shop.register(await shop.vendor('Mallory'), 1);
  const foreign = { fields: { variant_of: theirs } };
  expect(await change(id, foreign)).toEqual(refused);
  const page = await listProducts(world.db, other, { limit: 10, cursor: null });
  expect(page).toEqual({ items: [], nextCursor: null });
});

it('lists in pages, the eldest first', async () => {
  const seller = await shop.vendor('Lister');
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) ids.push(await shop.register(seller, 1));
  const first = await listProducts(world.db, seller, { limit: 2, cursor: null });
  const second = await listProducts(world.db, seller, { limit: 2, cursor: first.nextCursor });
  expect([...first.items, ...second.items].map(({ id }) => id).sort()).toEqual(ids.sort());
  expect(second.nextCursor).toBeNull();
});

it('sells at a new price what is free, and keeps the old one for what is held', async () => {
  const { id, standing } = await shop.product(vendor, 10);
  const order = await shop.hold(standing, 'ann', 2);
  expect(await change(id, priced(15_000))).toMatchObject({
    kind: 'done',
    value: { price: 15_000 },
  });
  const now = await standingOf(id);
  expect(now).toMatchObject({ state: 'live', price: 15_000 });
  expect(now.sale).not.toBe(standing);
  expect(await context.freeOf(now.sale)).toBe(8);
  expect(await stateOf(standing)).toBe('closing');
  // What the elder sale gives back later comes to the one that is there by then.
  await change(id, priced(12_000));
  const last = await standingOf(id);
  await shop.release(order);
  await until('all units are in the newest sale', async () => {
    await world.steps.pump();
    return (await context.freeOf(last.sale)) === 10;
  });
  expect(await stateOf(standing)).toBe('closed');
  const held = await shop.hold(last.sale, 'ann', 1);
  expect(held.price).toBe(12_000);
  expect(await read(id)).toMatchObject({ supply: 10, price: 12_000, version: 3 });
});

it('goes on to the new price when the old sale was frozen as it was to close', async () => {
  const { id, standing } = await shop.product(vendor, 10);
  const keys: string[] = [];
  pushSaleKeys(keys, laneOfId(standing), standing);
  const [key = ''] = keys;
  await world.redis.redis.hset(key, 'frz', 'a fault');
  await change(id, priced(5000));
  const [row] = await world.db.query<{ now: string; old: string }>(
    `SELECT r.standing_sale AS now, s.state AS old FROM sale.registrations r, sale.sales s
      WHERE r.id = $1 AND s.id = $2`,
    [id, standing],
  );
  expect(row?.old).toBe('live');
  await world.redis.redis.hdel(key, 'frz');
  await until('the units are in the new sale', async () => {
    await world.steps.pump();
    return (await context.freeOf(row?.now ?? '')) === 10;
  });
  expect(row?.now).not.toBe(standing);
});

it('does not change a price while units are on their way', async () => {
  const { id } = await shop.product(vendor, 10);
  await shop.writeSale(vendor, [{ product: id, allotted: 3, price: 100 }]);
  const waiting = await changeProduct(context, vendor, id, priced(15_000));
  expect(waiting).toEqual({ kind: 'settling' });
  expect(await read(id)).toMatchObject({ version: 1, price: 20_000 });
  await world.steps.pump();
  expect(await change(id, priced(15_000))).toMatchObject({ kind: 'done' });
  expect(await context.freeOf((await standingOf(id)).sale)).toBe(7);
});

it('sets what is free: more is granted, less is withdrawn, what is held stays', async () => {
  const { id, standing } = await shop.product(vendor, 10);
  await shop.hold(standing, 'ann', 4);
  const more = { fields: { remaining_supply: 20 }, remaining: 20, idempotencyKey: 'more' };
  for (let twice = 0; twice < 2; twice += 1) {
    expect(await change(id, more)).toMatchObject({ kind: 'done', value: { supply: 24 } });
    expect(await context.freeOf(standing)).toBe(20);
  }
  await shop.hold(standing, 'bob', 1);
  // The same key does not do it once more, though a unit was taken meanwhile.
  await change(id, more);
  expect(await context.freeOf(standing)).toBe(19);
  const less = { fields: { remaining_supply: 0 }, remaining: 0 };
  expect(await change(id, less)).toMatchObject({ kind: 'done', value: { supply: 5 } });
  expect(await context.freeOf(standing)).toBe(0);
});

it('moves no unit by a change that is refused, nor by a used key with another figure', async () => {
  const { id, standing } = await shop.product(vendor, 10);
  const nobody = { fields: { variant_of: 'prd_nobody' }, remaining: 0 };
  expect(await change(id, nobody)).toMatchObject({ rejection: { code: 'not_found' } });
  const itself = { fields: { variant_of: id }, remaining: 0 };
  expect(await change(id, itself)).toMatchObject({ rejection: { code: 'invalid_request' } });
  expect(await context.freeOf(standing)).toBe(10);
  const set = (remaining: number) =>
    change(id, { fields: { remaining_supply: remaining }, remaining, idempotencyKey: 'set' });
  expect(await set(5)).toMatchObject({ kind: 'done' });
  expect(await set(9)).toMatchObject({ rejection: { code: 'idempotency_key_reused' } });
  expect(await set(5)).toMatchObject({ kind: 'done' });
  expect(await context.freeOf(standing)).toBe(5);
});

it('sets what is free when what is on its way has arrived', async () => {
  const { id, standing } = await shop.product(vendor, 10);
  await shop.writeSale(vendor, [{ product: id, allotted: 3, price: 100 }]);
  const nine = { fields: { remaining_supply: 9 }, remaining: 9 };
  expect(await change(id, nine)).toMatchObject({ kind: 'done', value: { supply: 12 } });
  expect(await context.freeOf(standing)).toBe(9);
});

it('counts what an old price sends back before it sets what is free', async () => {
  const { id } = await shop.product(vendor, 10);
  for (const remaining of [10, 0, 4]) {
    // Nothing has settled in between: what is free is still in the old sale, or nowhere.
    const waits = changeProduct(context, vendor, id, priced(10_000 + remaining));
    const set = { fields: { remaining_supply: remaining }, remaining };
    const [price, supply] = await settled(
      Promise.all([waits, changeProduct(context, vendor, id, set)]),
    );
    expect([price, supply]).toMatchObject([{ kind: 'done' }, { kind: 'done' }]);
    expect(await read(id)).toMatchObject({ supply: remaining });
    expect(await context.freeOf((await standingOf(id)).sale)).toBe(remaining);
  }
});

it('takes no units for an occurrence before it knows what a new price sends back', async () => {
  const { id } = await shop.product(vendor, 10);
  const { lineMax } = world.config;
  const bell = new Date(Date.now() + 10 * 60_000).toISOString();
  const written = await world.db.tx((q) =>
    writeSchedule(
      q,
      { ...context, lineMax },
      {
        vendor,
        items: [{ product: id, allotted: 4, price: 100 }],
        ...{ durationSeconds: 3600, limitPerShopper: 1, holdSeconds: 300, who: 'anyone' },
        admission: { mode: 'open', ratePerSecond: null, turnSeconds: 120, factor: 1 },
        fingerprint: 'test',
        schedule: { localTime: bell.slice(11, 19), timeZone: 'UTC', dates: [bell.slice(0, 10)] },
      },
    ),
  );
  if ('code' in written) throw new Error(written.code);
  const sale = async () => {
    const [row] = await world.db.query<{ id: string; state: string; waits: boolean }>(
      'SELECT id, state, fence_at IS NOT NULL AS waits FROM sale.sales WHERE schedule_id = $1',
      [written.id],
    );
    return row;
  };
  await until('there is an occurrence', async () => (await sale()) !== undefined);
  // The lane knows of the new price and nothing has settled, for two rounds of the opener.
  expect(await changeProduct(context, vendor, id, priced(15_000))).toMatchObject({ kind: 'done' });
  await untilRounds('opener', 25);
  expect(await sale()).toMatchObject({ waits: true });
  await until('it has its units', async () => {
    await world.steps.pump();
    return (await sale())?.waits === false;
  });
  await world.steps.pump();
  expect(await context.freeOf((await standingOf(id)).sale)).toBe(6);
  expect(await sale()).toMatchObject({ state: 'scheduled' });
});

it('keeps the key of a supply that was so already, also when the rest of its change has to wait', async () => {
  const { id, standing } = await shop.product(vendor, 10);
  const ten = (remaining = 10) =>
    settled(setRemaining(context, { vendor, id, remaining, idempotencyKey: 'ten' }));
  expect(await ten()).toBe('done');
  await shop.hold(standing, 'ann', 3);
  expect(await ten()).toBe('done');
  expect(await ten(8)).toEqual({ code: 'idempotency_key_reused' });
  expect(await read(id)).toMatchObject({ supply: 10 });
});

it('sets what is free once, whoever asks for it at the same time', async () => {
  const { id, standing } = await shop.product(vendor, 10);
  const thirty = { fields: { remaining_supply: 30 }, remaining: 30 };
  const keys = [{}, {}, { idempotencyKey: 'k' }, { idempotencyKey: 'k' }, { idempotencyKey: 'l' }];
  const asked = keys.map((key) => changeProduct(context, vendor, id, { ...thirty, ...key }));
  for (const one of await settled(Promise.all(asked))) expect(one.kind).toBe('done');
  expect(await context.freeOf(standing)).toBe(30);
  expect(await read(id)).toMatchObject({ supply: 30 });
});

it('keeps the key of a change: asked again it undoes nothing that came after', async () => {
  const { id } = await shop.product(vendor, 10);
  const cost = (amount: number, idempotencyKey: string) =>
    change(id, { ...priced(amount), idempotencyKey, fingerprint: String(amount) });
  expect(await cost(100, 'a')).toMatchObject({ kind: 'done', replayed: false });
  expect(await cost(200, 'b')).toMatchObject({ kind: 'done', value: { version: 3 } });
  expect(await cost(100, 'a')).toMatchObject({
    kind: 'done',
    replayed: true,
    value: { version: 3, price: 200 },
  });
  expect(await cost(300, 'a')).toMatchObject({ rejection: { code: 'idempotency_key_reused' } });
});

it('keeps the key of what changed nothing', async () => {
  const { id, standing } = await shop.product(vendor, 10);
  const ten = { fields: { remaining_supply: 10 }, remaining: 10, idempotencyKey: 'ten' };
  expect(await change(id, ten)).toMatchObject({ kind: 'done', value: { supply: 10 } });
  await shop.hold(standing, 'ann', 3);
  expect(await change(id, ten)).toMatchObject({ kind: 'done', value: { supply: 10 } });
  expect(await context.freeOf(standing)).toBe(7);
});

it('lets no product be a variant of itself, or of its own variant', async () => {
  const [a, b] = [(await shop.product(vendor, 1)).id, (await shop.product(vendor, 1)).id];
  const variantOf = (product: string) => ({ fields: { variant_of: product } });
  const refused = { rejection: { code: 'invalid_request', param: 'variant_of' } };
  expect(await change(a, variantOf(a))).toMatchObject(refused);
  expect(await change(b, variantOf(a))).toMatchObject({ kind: 'done' });
  expect(await change(a, variantOf(b))).toMatchObject(refused);
  expect(await change(b, variantOf(a))).toMatchObject({ kind: 'done' });
});

it('withdraws a product: nothing can be bought, what was bought goes on', async () => {
  const { id, standing } = await shop.product(vendor, 10);
  const order = await shop.hold(standing, 'ann', 2);
  const sale = await shop.sale(vendor, [{ product: id, allotted: 3, price: 100 }]);
  expect(await settled(withdrawProduct(context, vendor, id))).toEqual({
    kind: 'rejected',
    rejection: { code: 'illegal_transition', state: 'live' },
  });
  await shop.close(sale);
  await world.steps.pump();
  await until('the flash sale is closed', async () => {
    await world.steps.pump();
    return (await stateOf(sale)) === 'closed';
  });
  // Only the same key repeats it.
  for (const [key, replayed] of [
    ...[['k1', false] as const, ['k1', true] as const],
    ...[['k2', false] as const, [undefined, false] as const],
  ]) {
    expect(await settled(withdrawProduct(context, vendor, id, key))).toMatchObject({
      kind: 'done',
      value: { status: 'withdrawn', version: 2 },
      replayed,
    });
  }
  expect((await changes(id)).map(({ value }) => value['withdrawn'])).toEqual([true]);
  expect(await shop.ask(standing, 'bob', 'k6', 1)).toMatchObject({
    rejection: { code: 'sale_ended' },
  });
  await shop.pay(order);
  await until('only what was sold is left', async () => {
    await world.steps.pump();
    return (await read(id)).supply === 2 && (await stateOf(standing)) === 'closed';
  });
  const change = { fields: { name: 'x' } };
  expect(await changeProduct(context, vendor, id, change)).toMatchObject({ kind: 'rejected' });
});
