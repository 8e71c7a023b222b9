/** Pauses, resumes and top-ups of a vendor, while what was asked before has not settled. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { controlSale, topUpSale, type ControlContext } from '../../../engine/sales/vendor.ts';
import type { Db, Query } from '../../../platform/postgres/db.ts';
import { until } from '../../support/environment.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

let world: World;
let context: ControlContext;
let shop: WorldShop;
let vendor: string;
let sale: string;

beforeAll(async () => {
  world = await formatWorld({ lanes: 1, kafka: 'none' });
  const { db, lanes, settings } = world;
  context = { db, secret: idSecretOf(settings.idSecret), caller: lanes.caller };
  shop = new WorldShop(world);
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

/** Settles what there is to settle until it is answered. */
async function answered<T>(asked: Promise<T>): Promise<T> {
  const state = { answered: false };
  const done = asked.finally(() => (state.answered = true));
  done.catch(() => undefined);
  while (!state.answered) await world.steps.pump();
  return done;
}

const settled = (kind: 'pause' | 'resume', key: string) =>
  answered(controlSale(context, vendor, sale, kind, key));

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

/**
 * A pool whose transactions, once they have locked a registration, go on when the other one has done
 * the same or waits for the lock.
 */
function meeting(real: Db): Db {
  let locked = 0;
  const othersWait = async (): Promise<boolean> => {
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
      AND wait_event_type = 'Lock' AND query LIKE '%sale.registrations WHERE id = $1%FOR%'`;
    return locked === 2 || (await real.query(waiting)).length > 0;
  };
  const watched = (q: Query): Query => ({
    run: (...asked) => q.run(...asked),
    copy: (...asked) => q.copy(...asked),
    query: async <T>(text: string, ...rest: [(readonly unknown[])?, string?]): Promise<T[]> => {
      const rows = await q.query<T>(text, ...rest);
      if (!/sale\.registrations WHERE id = \$1\s+FOR/.test(text)) return rows;
      locked += 1;
      await until('the other one is as far', othersWait);
      return rows;
    },
  });
  return {
    query: (...asked) => real.query(...asked),
    run: (...asked) => real.run(...asked),
    copy: (...asked) => real.copy(...asked),
    close: () => real.close(),
    waiting: () => real.waiting(),
    tx: (work, options) => real.tx((q) => work(watched(q)), options),
  };
}

describe('two top-ups of one product at the same time', () => {
  it('bring both the new stock of their sales', async () => {
    const { id: product } = await shop.product(vendor, 2);
    const items = [{ product, allotted: 1, price: 100 }];
    const sales = [await shop.sale(vendor, items), await shop.sale(vendor, items)];
    const asked = { ...context, db: meeting(world.db) };
    const more = { units: 5, product: null, newStock: true };
    const done = sales.map((one) => topUpSale(asked, vendor, one, more));
    const outcomes = await answered(Promise.all(done));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ kind: 'done', value: { items: [{ allotted: 6 }] } });
    }
    const [row] = await world.db.query('SELECT supply FROM sale.registrations WHERE id = $1', [
      product,
    ]);
    expect(row).toEqual({ supply: 12 });
  });
});
