// The audit of a system at work, all its loops running: no false alarm, however much is decided
// meanwhile; and the command itself, as an operator types it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorker, type Worker } from '../../../engine/worker.ts';
import { reportOf, wrongIn } from '../../support/audit.ts';
import { highnoonOn } from '../../support/command.ts';
import type { Ended } from '../../support/command.ts';
import { silent, until } from '../../support/environment.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const shoppers = 16;
const audits = 3;
/** That many orders must have been decided while an audit ran: else it has shown nothing. */
const ordersEach = 20;
/** On a busy machine an audit may be over before the crowd had its turn: then there is another. */
const triesMax = 12;

let world: World;
let worker: Worker;
let sale: string;
let shop: WorldShop;

beforeAll(async () => {
  world = await formatWorld({ kafka: 'all' });
  shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const product = await shop.product(vendor, 1_000_000);
  const items = [{ product: product.id, allotted: 500_000, price: 100 }];
  sale = await shop.sale(vendor, items, { holdSeconds: 1, limitPerShopper: 1000 });
  worker = await startWorker(world.config, silent, (error) => {
    throw error;
  });
});

afterAll(async () => {
  await worker.close();
  await world.close();
});

/** Buys, gives back and lets lapse, with a new shopper after some orders, until it is told. */
function crowd(): { orders: () => number; end: () => Promise<void> } {
  let running = true;
  let orders = 0;
  let failed: unknown = null;
  const one = async (name: number): Promise<void> => {
    for (let n = 0; running; n++) {
      const order = await shop.hold(sale, `shopper-${name}-${Math.floor(n / 12)}`);
      orders += 1;
      // Two of twelve are given back: a shopper who lets go a third has to wait.
      if (n % 12 < 9) await shop.pay(order);
      else if (n % 12 < 11) await shop.release(order);
    }
  };
  const all = Array.from({ length: shoppers }, (_, name) =>
    one(name).catch((error: unknown) => (failed ??= error)),
  );
  return {
    /** Throws what ended one of the crowd. */
    orders() {
      if (failed !== null) throw failed as Error;
      return orders;
    },
    async end() {
      running = false;
      await Promise.all(all);
    },
  };
}

const run = (args: readonly string[]): Promise<Ended> => highnoonOn(world, ['audit', ...args]);

describe('the audit of a system at work', () => {
  it('holds while orders are held, paid, released and expired', async () => {
    const load = crowd();
    let shown = 0;
    for (let n = 0; n < triesMax && shown < audits; n++) {
      const before = load.orders();
      await until('the crowd buys', () => load.orders() > before);
      const report = await reportOf(world, {}, { waitMs: 20_000 });
      expect(wrongIn(report)).toEqual([]);
      if (load.orders() - before > ordersEach) shown += 1;
    }
    expect(shown).toBe(audits);
    await load.end();
    const states = await world.db.query<{ state: string }>(
      'SELECT DISTINCT state FROM sale.orders ORDER BY 1',
    );
    expect(states.map(({ state }) => state)).toEqual(
      expect.arrayContaining(['expired', 'paid', 'released']),
    );
  });
});

describe('npx highnoon audit', () => {
  it('ends with 0 and a table when everything holds', async () => {
    const { code, out, err } = await run(['--sale', sale]);
    expect(err).toBe('');
    expect(out).toMatch(/^ok {4}lane\.open +1 {2}marker/);
    expect(out).toMatch(/audit passed: \d+ checks/);
    expect(code).toBe(0);
  });

  it('ends with 1 when something does not hold, and says what', async () => {
    const [order] = await world.db.query<{ id: string }>(
      `UPDATE sale.orders SET price = 1 WHERE id =
         (SELECT min(id) FROM sale.orders WHERE state = 'released') RETURNING id`,
    );
    const json = await run(['--json']);
    expect(json.code).toBe(1);
    const report = JSON.parse(json.out) as {
      passed: boolean;
      checks: { name: string; violations: number; shown: { id: string }[] }[];
    };
    expect(report.passed).toBe(false);
    const failed = report.checks.filter(({ violations }) => violations > 0);
    expect(failed).toMatchObject([{ name: 'pg.orders', violations: 1, shown: [order] }]);
    const table = await run([]);
    expect(table.out).toContain(`      ${order?.id ?? ''}: state released`);
    expect(table.out).toContain('audit FAILED: pg.orders');
  });

  it.each([
    [['--sale', 'sal_0'], 'there is no sale sal_0'],
    [['--wait', 'long'], '--wait: long is no number'],
    [['--wait', '-1'], '--wait'],
    [['--all'], '--all'],
  ])('ends with 2 for %j', async (args, says) => {
    const { code, out, err } = await run(args);
    expect(err).toContain(says);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  it('ends with 2 when a store does not tell', async () => {
    await world.db.run('ALTER TABLE sale.ledger RENAME TO hidden');
    await world.db.run('UPDATE sale.orders SET price = 100');
    const { code, out } = await run([]);
    await world.db.run('ALTER TABLE sale.hidden RENAME TO ledger');
    expect(out).toContain('could not be checked: relation "sale.ledger" does not exist');
    expect(out).toContain('audit INCOMPLETE, could not check: pg.ledger');
    expect(code).toBe(2);
  });
});
