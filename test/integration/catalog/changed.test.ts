// What one catalog writes, another hears: memories that never grow old show a product's new name in
// both, also after a time in which nothing could be heard.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { forgetChanged } from '../../../catalog/changed.ts';
import { startIntake } from '../../../catalog/intake.ts';
import type { Intake } from '../../../catalog/intake.ts';
import { createOffers } from '../../../catalog/offers.ts';
import { createPages } from '../../../catalog/products.ts';
import { createAnswers } from '../../../catalog/search/routes.ts';
import { createDb } from '../../../platform/postgres/pool.ts';
import { linkTo } from '../../support/link.ts';
import { FakeKafka } from './fake-kafka.ts';
import { silent as log } from '../../support/environment.ts';
import { createDatabase } from '../../support/postgres.ts';
import type { TestDatabase } from '../../support/postgres.ts';

const topic = 'new-product';
const kafka = new FakeKafka();
let database: TestDatabase;
let intake: Intake;
let opened: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createDatabase({ max: 4 });
  const { db } = database;
  intake = startIntake({ kafka, db, topics: [topic], groupId: 'test-intake', log });
});
afterEach(async () => {
  for (const close of opened.reverse()) await close();
  opened = [];
});
afterAll(async () => {
  await intake.close();
  await database.close();
});

const put = (id: string, more: object = {}): void => {
  const price = { amount: 20_000, currency: 'USD' };
  const registered = { registered_at: '2026-01-02T03:04:05Z', remaining_supply: 30 };
  const product = { id, vendor_id: 'ven_1', name: 'Lamp old', price, ...registered, ...more };
  kafka.put(topic, id, JSON.stringify(product));
};

/** A catalog that remembers for ever: its clock stands still. */
async function catalog() {
  const link = await linkTo(database.url);
  const db = createDb(database.url, { max: 2 });
  const now = (): number => 0;
  const [pages, offers] = [createPages(db, log, now), createOffers(db, now)];
  const answers = createAnswers({ db, now });
  const hearing = forgetChanged(link.url, { byId: [pages, offers], ofMany: [answers] }, log);
  opened.push(async () => {
    await hearing.close();
    await db.close();
    await link.close();
  });
  const ask = { q: 'lamp', category: null, brand: null, attributes: [], minPrice: null };
  const rest = { maxPrice: null, onSale: false, deliverable: false, place: null };
  const question = { ...ask, ...rest, sort: 'relevance', limit: 10, cursor: null };
  const key = JSON.stringify({ kind: 'search', ask: question });
  const names = async (id: string): Promise<string> => {
    const all = [await pages.get(id), await offers.get(id), await answers.get(key)];
    return all
      .map((found) => (/Lamp [a-z]+/.exec(JSON.stringify(found)) ?? ['none'])[0])
      .join(', ');
  };
  return { link, names };
}

const listeners = async (): Promise<number> => {
  const rows = await database.db.query(
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`,
  );
  return rows.length;
};

const everywhere = (name: string): string => [name, name, name].join(', ');

it('is heard by every catalog, whichever has written it', async () => {
  const [one, two] = [await catalog(), await catalog()];
  await expect.poll(listeners).toBe(2);
  put('prd_1');
  await expect.poll(() => one.names('prd_1')).toBe(everywhere('Lamp old'));
  await expect.poll(() => two.names('prd_1')).toBe(everywhere('Lamp old'));
  put('prd_1', { version: 2, name: 'Lamp new' });
  for (const each of [one, two]) {
    await expect.poll(() => each.names('prd_1')).toBe(everywhere('Lamp new'));
  }
});

it('tells of the product whose variant changed', async () => {
  const one = await catalog();
  await expect.poll(listeners).toBe(1);
  put('prd_2', { name: 'Desk' });
  put('prd_3', { name: 'Lamp red', variant_of: 'prd_2' });
  await expect.poll(() => one.names('prd_2')).toContain('Lamp red');
  put('prd_3', { name: 'Lamp blue', variant_of: 'prd_2', version: 2 });
  await expect.poll(() => one.names('prd_2')).toContain('Lamp blue');
});

it('remembers nothing of a time in which it could not hear', async () => {
  const one = await catalog();
  await expect.poll(listeners).toBe(1);
  put('prd_4', { version: 3 });
  // What is told comes in order: after the second name all before it was heard, and what is
  // remembered then stays.
  put('prd_5');
  await expect.poll(() => one.names('prd_5')).toContain('Lamp old');
  put('prd_5', { version: 2, name: 'Lamp new' });
  await expect.poll(() => one.names('prd_5')).toContain('Lamp new');
  expect(await one.names('prd_4')).toContain('Lamp old');
  await one.link.cut();
  await expect.poll(listeners).toBe(0);
  put('prd_4', { version: 4, name: 'Lamp late' });
  const late = `SELECT 1 FROM shop.products WHERE id = 'prd_4' AND name = 'Lamp late'`;
  await expect.poll(async () => (await database.db.query(late)).length).toBe(1);
  expect(await one.names('prd_4')).toContain('Lamp old');
  await one.link.mend();
  await expect.poll(() => one.names('prd_4'), { timeout: 5000 }).toContain('Lamp late');
});

it('tells of more products than one message holds', async () => {
  const one = await catalog();
  await expect.poll(listeners).toBe(1);
  const ids = Array.from({ length: 400 }, (_, n) => `prd_many_with_a_long_name_${n}`);
  for (const id of ids) put(id);
  await expect.poll(() => one.names(ids.at(-1) ?? '')).toContain('Lamp old');
  await one.names(ids[0] ?? '');
  for (const id of ids) put(id, { version: 2, name: 'Lamp new' });
  for (const id of [ids[0] ?? '', ids.at(-1) ?? '']) {
    await expect.poll(() => one.names(id)).toContain('Lamp new');
  }
});
