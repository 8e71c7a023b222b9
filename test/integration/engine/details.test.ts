/** E-mail and address of an order: what it was paid with stays, whoever asks beside it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readOrder, storeDetails, type DetailsRequest } from '../../../engine/orders.ts';
import type { Details } from '../../../engine/engine.ts';
import type { LaneOrder } from '../../../engine/domain/types.ts';
import type { Shop } from '../../../engine/shop.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const address = { name: 'Ada', line1: '1 Main St', city: 'Salem', country: 'US' };
const other = { ...address, city: 'Boston' };
const email = 'ada@example.org';
let world: World;
let people: WorldShop;
let sale: string;

beforeAll(async () => {
  world = await formatWorld({ lanes: 1, kafka: 'none' });
  people = new WorldShop(world);
  const vendor = await people.vendor();
  const { id: product } = await people.product(vendor, 100);
  sale = await people.sale(vendor, [{ product, allotted: 50, price: 100 }]);
});
afterAll(() => world.close());

type Marking = Pick<Shop, 'read' | 'markDetails'>;

/** The lane, but something happens between the write of details and their mark. */
function interrupted(between: () => Promise<unknown>): Marking {
  const { shop } = world.lanes;
  return {
    read: (id, shopper) => shop.read(id, shopper),
    async markDetails(id, shopper, generation) {
      await between();
      return shop.markDetails(id, shopper, generation);
    },
  };
}

const store = (
  order: LaneOrder,
  details: Partial<Details>,
  shop: Marking = world.lanes.shop,
  asked: DetailsRequest | null = null,
) => storeDetails(world.db, shop, order.id, order.shopper, details, asked);

/** By a key; the same `print` = the same body. */
const by = (request: string, print = request): DetailsRequest => ({ request, print });

/** As its owner sees them. */
async function stored({ id, shopper }: LaneOrder): Promise<Details | null> {
  const found = await readOrder(world.db, world.lanes.shop, id, shopper);
  if (found.kind !== 'done' || found.value === null) throw new Error(JSON.stringify(found));
  return found.value.details;
}

const generations = async ({ id }: LaneOrder): Promise<number> =>
  world.db.run('SELECT 1 FROM sale.order_details WHERE order_id = $1', [id]);

describe('details of an order', () => {
  it('stay when a second try of the payment comes too late', async () => {
    const order = await people.hold(sale, 'ada');
    const late = interrupted(() => people.pay(order));
    const second = await store(order, { email, address: other }, late);
    expect(second).toMatchObject({ rejection: { code: 'illegal_transition' } });
    expect(await stored(order)).toMatchObject({ email: 'ada@example.com' });
  });

  it('go back to what they were when the hold ended meanwhile', async () => {
    const order = await people.hold(sale, 'bob');
    await store(order, { email, address });
    const late = interrupted(() => people.release(order));
    await store(order, { address: other }, late);
    expect(await stored(order)).toEqual({ email, address });
  });

  it('are gone when the hold ended before there were any', async () => {
    const order = await people.hold(sale, 'cyd');
    const late = interrupted(() => people.release(order));
    await store(order, { email, address }, late);
    expect(await stored(order)).toBeNull();
  });

  it('keep both halves that come at once', async () => {
    const order = await people.hold(sale, 'dan');
    await store(order, { email, address });
    const changes = [{ email: 'dan@example.org' }, { address: other }];
    await Promise.all(changes.map((change) => store(order, change)));
    expect(await stored(order)).toEqual({ email: 'dan@example.org', address: other });
  });

  it('are those it was paid with, though a later one’s writer died before it told the lane', async () => {
    const order = await people.hold(sale, 'eve');
    await store(order, { email, address });
    const dying = interrupted(async () => {
      await people.askToPay(order);
      throw new Error('killed');
    });
    await expect(store(order, { address: other }, dying)).rejects.toThrow('killed');
    expect(await generations(order)).toBe(2);
    expect(await stored(order)).toEqual({ email, address });
    await world.steps.pump();
    expect(await stored(order)).toEqual({ email, address });
  });

  it('are none, though the writer of the first died before it told the lane', async () => {
    const order = await people.hold(sale, 'fay');
    const dying = interrupted(() => Promise.reject(new Error('killed')));
    await expect(store(order, { email, address }, dying)).rejects.toThrow('killed');
    expect(await people.askToPay(order)).toMatchObject({ rejection: { code: 'details_required' } });
    expect(await stored(order)).toBeNull();
  });

  it('stay when the lane could not be asked: made anew meanwhile, it names them', async () => {
    const order = await people.hold(sale, 'hal');
    const shut: Marking = {
      ...interrupted(() => Promise.resolve()),
      markDetails: () => Promise.resolve({ kind: 'unavailable', reason: 'shut', retryAfterMs: 1 }),
    };
    expect(await store(order, { email, address }, shut)).toMatchObject({ kind: 'unavailable' });
    expect(await generations(order)).toBe(1);
  });

  it('stay when the lane refuses those that it was paid with', async () => {
    const order = await people.hold(sale, 'ida');
    await store(order, { email, address });
    const anew = interrupted(async () => {
      await world.lanes.shop.markDetails(order.id, order.shopper, 2);
      await people.askToPay(order);
    });
    const late = await store(order, { address: other }, anew);
    expect(late).toMatchObject({ rejection: { code: 'illegal_transition' } });
    expect(await stored(order)).toEqual({ email, address: other });
    await world.steps.pump();
    expect(await stored(order)).toEqual({ email, address: other });
  });

  it('leave nothing behind that has been replaced', async () => {
    const order = await people.hold(sale, 'gus');
    for (const next of [address, other, address]) await store(order, { email, address: next });
    expect(await generations(order)).toBe(1);
    expect(await stored(order)).toEqual({ email, address });
  });

  it('are stored once by a key, whatever came in between', async () => {
    const order = await people.hold(sale, 'joe');
    const { shop } = world.lanes;
    await store(order, { email, address }, shop, by('one'));
    await store(order, { address: other }, shop, by('two'));
    expect(await store(order, { email, address }, shop, by('one'))).toMatchObject({
      kind: 'done',
      replayed: true,
    });
    expect(await stored(order)).toEqual({ email, address: other });
    await people.pay(order);
    expect(await store(order, { email, address }, shop, by('one'))).toMatchObject({
      replayed: true,
    });
  });

  it('are refused to another body by the same key', async () => {
    const order = await people.hold(sale, 'kim');
    await store(order, { email, address }, world.lanes.shop, by('one'));
    const again = await store(order, { address: other }, world.lanes.shop, by('one', 'another'));
    expect(again).toMatchObject({ rejection: { code: 'idempotency_key_reused' } });
    expect(await stored(order)).toEqual({ email, address });
  });

  it('come once of many that ask by one key at once', async () => {
    const order = await people.hold(sale, 'lea');
    const asks = Array.from({ length: 8 }, () =>
      store(order, { email, address }, world.lanes.shop, by('one')),
    );
    const all = await Promise.all(asks);
    expect(all.filter((one) => one.kind === 'done')).toHaveLength(8);
    const [{ generation } = { generation: 0 }] = await world.db.query<{ generation: number }>(
      'SELECT generation FROM sale.order_details WHERE order_id = $1',
      [order.id],
    );
    expect(generation).toBe(1);
  });

  it('are told to the lane by whoever asks again after their writer died', async () => {
    const order = await people.hold(sale, 'mia');
    const dying = interrupted(() => Promise.reject(new Error('killed')));
    await expect(store(order, { email, address }, dying, by('one'))).rejects.toThrow('killed');
    expect(await store(order, { email, address }, world.lanes.shop, by('one'))).toMatchObject({
      kind: 'done',
      value: { details: 1 },
    });
    expect(await stored(order)).toEqual({ email, address });
  });

  it('keep no key when the lane refuses them', async () => {
    const order = await people.hold(sale, 'ned');
    const late = interrupted(() => people.release(order));
    await store(order, { email, address }, late, by('one'));
    const kept = await world.db.run('SELECT 1 FROM sale.details_requests WHERE order_id = $1', [
      order.id,
    ]);
    expect(kept).toBe(0);
  });
});
