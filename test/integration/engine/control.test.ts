/** Pause and resume of a vendor, while what was asked before has not settled. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { controlSale, type ControlContext } from '../../../engine/sales/vendor.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let context: ControlContext;
let vendor: string;
let sale: string;

beforeAll(async () => {
  world = await formatWorld({ lanes: 1, kafka: 'none' });
  const { db, lanes, settings } = world;
  context = { db, secret: idSecretOf(settings.idSecret), caller: lanes.caller };
  const shop = new WorldShop(world);
  vendor = await shop.vendor();
  const { id: product } = await shop.product(vendor, 10);
  sale = await shop.sale(vendor, [{ product, allotted: 10, price: 100 }]);
});
afterAll(() => world.close());

async function stateInLane(): Promise<string> {
  const counts = await world.lanes.shop.count(sale);
  return counts.kind === 'done' ? counts.value.state : counts.kind;
}

describe('a sale whose pause has not settled', () => {
  it('is not taken for a live one: resume reaches the lane', async () => {
    const paused = await controlSale(context, vendor, sale, 'pause');
    expect(paused.kind).toBe('settling');
    expect(await stateInLane()).toBe('paused');
    const resumed = await controlSale(context, vendor, sale, 'resume');
    expect(resumed.kind).toBe('settling');
    expect(await stateInLane()).toBe('live');
    await world.steps.pump();
    expect(await controlSale(context, vendor, sale, 'resume')).toMatchObject({
      kind: 'done',
      value: { state: 'live' },
    });
  });
});

/** Asks, and settles what there is to settle until it is answered. */
async function settled(kind: 'pause' | 'resume', key: string) {
  const asked = controlSale(context, vendor, sale, kind, key);
  const state = { answered: false };
  void asked.finally(() => (state.answered = true));
  while (!state.answered) await world.steps.pump();
  return asked;
}

describe('a request that found nothing to do', () => {
  it('does nothing later either', async () => {
    await settled('pause', 'a');
    expect(await settled('pause', 'b')).toMatchObject({ kind: 'done', replayed: false });
    await settled('resume', 'c');
    for (const key of ['b', 'a']) {
      expect(await settled('pause', key)).toMatchObject({ replayed: true });
      expect(await stateInLane()).toBe('live');
    }
    const kept = await world.db.query('SELECT 1 FROM sale.requests');
    expect(kept).toHaveLength(1);
  });

  it('neither when another one was on its way', async () => {
    await controlSale(context, vendor, sale, 'pause', 'd');
    // Postgres has not heard of the first, so the lane is asked once more, and refuses.
    expect(await settled('pause', 'e')).toMatchObject({ kind: 'done', value: { state: 'paused' } });
    await settled('resume', 'f');
    expect(await settled('pause', 'e')).toMatchObject({ kind: 'done', replayed: true });
    expect(await stateInLane()).toBe('live');
  });
});
