// What Kafka lost of products: taken from their registrations, once, and never instead of what is newer.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { catchUp, Refused } from '../../../catalog/catch-up.ts';
import { writeRegistrations } from '../../../engine/registrations.ts';
import type { Log } from '../../../platform/log.ts';
import { metrics } from '../../../platform/metrics.ts';
import { silent as log } from '../../support/environment.ts';
import { createDatabase } from '../../support/postgres.ts';
import type { TestDatabase } from '../../support/postgres.ts';
import { insertLane } from './database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase({ max: 4 });
  await insertLane(database.db);
  await database.db.run(`INSERT INTO platform.settings (name, value) VALUES ('currency', 'USD')`);
});
afterAll(() => database.close());
beforeEach(async () => {
  for (const table of ['shop.search', 'shop.products', 'sale.registrations', 'platform.outbox']) {
    await database.db.run(`DELETE FROM ${table}`);
  }
});

const register = (id: string, body: Readonly<Record<string, unknown>>): Promise<number> =>
  writeRegistrations(database.db, 'ven_1', 'USD', [{ id, body, supply: 1, fingerprint: '' }]);
const bodies = {
  prd_1: { name: 'lamp', price_usd: 19.99, attributes: { colour: 'red' } },
  prd_2: { name: 'bag', price: { amount: 1000, currency: 'USD' } },
};
async function registerBoth(): Promise<void> {
  for (const [id, body] of Object.entries(bodies)) await register(id, body);
}
const changed = (id: string, set: string): Promise<number> =>
  database.db.run(
    `UPDATE sale.registrations SET version = version + 1, updated_at = now(), ${set} WHERE id = $1`,
    [id],
  );
const round = (after = '', patience = 0, refused = new Refused(), to: Log = log) =>
  catchUp(database.db, to, after, refused, patience);
const rows = () =>
  database.db.query<Readonly<Record<string, unknown>>>(
    `SELECT id, name, price, currency, version, attributes, registered_at,
            withdrawn_at IS NOT NULL AS withdrawn FROM shop.products ORDER BY id`,
  );
const found = () => database.db.query('SELECT product_id FROM shop.search ORDER BY 1');

describe('a round of catching up', () => {
  it('takes products whose event was lost, as it would have told them', async () => {
    await registerBoth();
    expect(await round()).toEqual({ after: '', taken: 2 });
    const [event] = await database.db.query<{ value: { registered_at: string; price: object } }>(
      `SELECT value FROM platform.outbox WHERE key = 'prd_1'`,
    );
    expect(await rows()).toMatchObject([
      {
        name: 'lamp',
        price: event?.value.price['amount' as never],
        currency: 'USD',
        version: 1,
        attributes: { colour: 'red' },
        registered_at: new Date(event?.value.registered_at ?? ''),
      },
      { name: 'bag', price: 1000, version: 1, withdrawn: false },
    ]);
    expect(await found()).toHaveLength(2);
    expect(await round()).toMatchObject({ taken: 0 });
  });

  it('takes changes and withdrawals, and nothing that is as new', async () => {
    await registerBoth();
    await round();
    await changed('prd_1', `body = body || '{"name": "better lamp"}'`);
    await changed('prd_2', 'withdrawn_at = now()');
    await database.db.run(
      `UPDATE shop.products SET version = 9, name = 'newer' WHERE id = 'prd_2'`,
    );
    expect(await round()).toMatchObject({ taken: 1 });
    await database.db.run(`UPDATE shop.products SET version = 1 WHERE id = 'prd_2'`);
    expect(await round()).toMatchObject({ taken: 1 });
    expect(await rows()).toMatchObject([
      { name: 'better lamp', version: 2, price: 1999 },
      { name: 'bag', version: 2, withdrawn: true },
    ]);
  });

  it('leaves alone what may still come', async () => {
    await registerBoth();
    expect(await round('', 60)).toMatchObject({ taken: 0 });
    expect(await rows()).toEqual([]);
  });

  it('goes on behind a product, and is kept by none that cannot be taken', async () => {
    await register('prd_0', { name: 7, price_usd: 1 });
    await registerBoth();
    expect(await round('prd_1')).toEqual({ after: '', taken: 1 });
    expect(await round()).toMatchObject({ taken: 1 });
    expect((await rows()).map(({ id }) => id)).toEqual(['prd_1', 'prd_2']);
  });
  it('tells once of what can never be taken, and shows it for as long as it is so', async () => {
    const told: object[] = [];
    const error = (what: object): number => told.push(what);
    const to = Object.assign(Object.create(log) as Log, { error });
    const shown = async () => (await metrics.productsRefused.get()).values[0]?.value;
    await register('prd_0', { name: 7, price_usd: 1 });
    await registerBoth();
    const refused = new Refused();
    for (let n = 0; n < 3; n += 1) await round('', 0, refused, to);
    expect(told).toMatchObject([{ product: 'prd_0', err: 'name is not a text' }]);
    expect(await shown()).toBe(1);
    await changed('prd_0', `body = body || '{"name": 8}'`);
    await round('', 0, refused, to);
    expect(told).toHaveLength(2);
    await changed('prd_0', `body = body || '{"name": "hat"}'`);
    await round('', 0, refused, to);
    expect(await shown()).toBe(0);
  });
});
