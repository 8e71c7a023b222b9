// The place that a shopper saved: what is judged by it is nobody else's, it is read anew while
// Postgres is there, and remembered while it is away.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pageFreshMs } from '../../../catalog/products.ts';
import { indexProducts } from '../../../catalog/search/documents.ts';
import { searchFreshMs } from '../../../catalog/search/routes.ts';
import { addProduct, openWindow } from './window-server.ts';
import type { Told, WindowServer } from './window-server.ts';

let window: WindowServer;
const page = '/v1/products/prd_lamp';
const search = '/v1/search?q=lamp';
const deliverable = `${search}&deliverable=true`;

beforeAll(async () => {
  window = await openWindow();
  const { db } = window.database;
  const delivery = { include: [{ country: 'DE', postal_prefixes: ['10'] }] };
  await addProduct(db, 'prd_lamp', { name: 'Lamp', delivery });
  await db.tx((q) => indexProducts(q, ['prd_lamp']));
});
afterEach(() => window.mend());
afterAll(() => window.close());

let made = 0;
const shopper = (): string => {
  made += 1;
  return `shp_${made}`;
};

const read = (who: string, path: string): Promise<Told> => window.as(who, 'GET', path);

async function save(who: string, code: string): Promise<void> {
  const place = { country: 'DE', postal_code: code };
  expect((await window.as(who, 'PUT', '/v1/me/addresses', place)).status).toBe(200);
}

/** As another process of the window does, which tells nobody. */
async function saveElsewhere(who: string, code: string): Promise<void> {
  await window.database.db.run(
    `INSERT INTO shop.addresses (shopper, address) VALUES ($1, $2)
     ON CONFLICT (shopper) DO UPDATE SET address = EXCLUDED.address`,
    [who, JSON.stringify({ country: 'DE', postal_code: code })],
  );
}

/** Cuts the cable, and lets what is in memory grow old. */
async function loseIt(): Promise<void> {
  await window.link.cut();
  window.age(60 * Math.max(pageFreshMs, searchFreshMs));
}

const reasonOf = ({ json }: Told): unknown => (json['delivery'] as { reason: unknown }).reason;
const here = { deliverable: true, reason: null };
const elsewhere = { deliverable: false, reason: 'not_included' };

describe('what is judged by a saved place', () => {
  it('is kept by no cache that others are answered from', async () => {
    const who = shopper();
    await save(who, '10115');
    const controlOf = ({ headers }: Pick<Response, 'headers'>) => headers.get('cache-control');
    expect(controlOf(await read(who, page))).toMatch(/^private, max-age=1,/);
    expect(controlOf(await window.get(page))).toMatch(/^public, max-age=1,/);
    expect(controlOf(await window.get(`${page}?country=DE`))).toMatch(/^public, /);
    await loseIt();
    expect(controlOf(await read(who, page))).toBe('private, max-age=0, must-revalidate');
    expect(controlOf(await window.get(page))).toBe('public, max-age=0, must-revalidate');
  });

  it('follows it at once, whoever changed it', async () => {
    const who = shopper();
    await save(who, '10115');
    expect((await read(who, page)).json).toMatchObject({ delivery: here });
    await save(who, '80331');
    expect((await read(who, page)).json).toMatchObject({ delivery: elsewhere });
    await saveElsewhere(who, '10117');
    // A reader does not wait long where there is an older one.
    await expect.poll(async () => (await read(who, page)).json).toMatchObject({ delivery: here });
  });
});

describe('with Postgres away', () => {
  it('is the same as before, for pages and searches that were seen', async () => {
    const who = shopper();
    await save(who, '10115');
    const paths = [page, search, deliverable, '/v1/delivery?product_id=prd_lamp'];
    const before = await Promise.all(paths.map((path) => read(who, path)));
    await loseIt();
    for (const [i, path] of paths.entries()) {
      const { status, json } = await read(who, path);
      const seen = before[i]?.json;
      expect([status, json]).toEqual([
        200,
        { ...seen, stale: true, server_time: expect.any(String) as string },
      ]);
    }
    expect(before[0]?.json).toMatchObject({ delivery: here });
    expect(before[2]?.json).toMatchObject({ hits: [{ id: 'prd_lamp', delivery: here }] });
  });

  it('is the one that was saved last, also when nothing was read since', async () => {
    const who = shopper();
    await save(who, '10115');
    await read(who, page);
    await save(who, '80331');
    await loseIt();
    expect((await read(who, page)).json).toMatchObject({ stale: true, delivery: elsewhere });
  });

  it('is waited for where it was never seen, and only by who cannot do without', async () => {
    const [who, friend] = [shopper(), shopper()];
    await saveElsewhere(who, '10115');
    await save(friend, '10115');
    await Promise.all([page, search].map((path) => window.get(path)));
    expect((await read(friend, deliverable)).status).toBe(200);
    await loseIt();
    const needed = await read(who, deliverable);
    expect([needed.status, needed.json['code']]).toEqual([503, 'unavailable']);
    expect(needed.headers.get('retry-after')).toBe('1');
    expect(reasonOf(await read(who, page))).toBe('place_needed');
    const without = await read(who, search);
    expect(without.json['hits']).toMatchObject([{ delivery: { reason: 'place_needed' } }]);
    expect((await read(who, `${deliverable}&country=DE&postal_code=10115`)).status).toBe(200);
    await window.mend();
    await expect.poll(async () => (await read(who, deliverable)).status).toBe(200);
  });

  it('is still none where none was saved', async () => {
    const who = shopper();
    const before = await read(who, deliverable);
    await loseIt();
    const { status, json } = await read(who, deliverable);
    expect([before.status, status, json['param']]).toEqual([400, 400, 'country']);
  });

  it('outlives one lost connection', async () => {
    const who = shopper();
    await saveElsewhere(who, '10115');
    expect((await read(who, '/v1/me/addresses')).status).toBe(200);
    window.link.drop();
    expect((await read(who, deliverable)).status).toBe(200);
  });
});
