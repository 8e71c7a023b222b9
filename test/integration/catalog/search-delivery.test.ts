// Deliverability in hits, as a filter and for one product, and what is shown with Postgres away.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../support/environment.ts';
import { createDeliverable } from '../../../catalog/search/deliverable.ts';
import type { Query } from '../../../platform/postgres/db.ts';
import { openSearchShop, productRow } from './search-shop.ts';
import type { SearchShop } from './search-shop.ts';

let shop: SearchShop;

const fee = { amount: 499, currency: 'USD' };
const rules: Readonly<Record<string, Readonly<Record<string, unknown>> | null>> = {
  everywhere: null,
  us: { include: [{ country: 'US' }], fee, eta_days: [2, 4] },
  'new-york': { include: [{ country: 'US', postal_ranges: [['10001', '10299']] }] },
  boston: { include: [{ country: 'US', postal_prefixes: ['021'] }] },
  'not-alaska': { exclude: [{ country: 'US', postal_prefixes: ['995', '996'] }] },
  near: { include: [{ country: 'US', radius: { lat: 40.75, lon: -73.99, km: 30 } }] },
  germany: { include: [{ country: 'DE' }] },
};
const names = Object.keys(rules);

beforeAll(async () => {
  shop = await openSearchShop();
  const rows = names.map((name) =>
    productRow(`prd_${name}`, { name: 'Lamp', delivery: rules[name] ?? null }),
  );
  await shop.addAll(rows);
});
afterAll(() => shop.close());
afterEach(async () => {
  if (await shop.link.mend()) shop.later += 60_000;
  shop.saved = null;
});

const of = (ids: readonly string[]): string[] => ids.map((id) => id.replace('prd_', '')).sort();
const deliverable = async (place: string): Promise<string[]> =>
  of(await shop.ids(`q=lamp&deliverable=true&${place}`));

it('sets of rules that are new are found without naming all that are known', async () => {
  const add = (count: number) =>
    shop.db.run(
      `INSERT INTO shop.delivery_rules (digest, rules)
       SELECT sha256(convert_to('many ' || clock_timestamp() || n, 'UTF8')), $1
         FROM generate_series(1, $2::int) n`,
      [JSON.stringify({ include: [{ country: 'NZ' }] }), count],
    );
  let named = 0;
  const query: Query['query'] = (text, values, name) => {
    for (const value of values ?? []) {
      if (Array.isArray(value)) named = Math.max(named, value.length);
    }
    return shop.db.query(text, values, name);
  };
  let now = 0;
  const nowhere = { postalCode: null, point: null, approximate: false, unknown: null };
  const newZealand = { country: 'NZ', ...nowhere, hasPostalCodes: true };
  const found = createDeliverable({ ...shop.db, query }, () => now);
  const reached = async (): Promise<number> => {
    now += 1000;
    return (await found.tagsFor(newZealand)).length;
  };
  await add(5000);
  const before = await reached();
  expect(before).toBeGreaterThanOrEqual(5000);
  for (let n = 1; n <= 3; n++) {
    await add(1);
    expect(await reached()).toBe(before + n);
  }
  // Those whose neighbours may not be committed yet.
  expect(named).toBeLessThanOrEqual(1003);
  await shop.db.run(`DELETE FROM shop.delivery_rules WHERE rules->'include'->0->>'country' = 'NZ'`);
});

describe('deliverable=true', () => {
  it.each<[string, string[]]>([
    ['country=US&postal_code=10001', ['everywhere', 'us', 'new-york', 'not-alaska', 'near']],
    ['country=US&postal_code=10299', ['everywhere', 'us', 'new-york', 'not-alaska', 'near']],
    ['country=US&postal_code=02108', ['everywhere', 'us', 'boston', 'not-alaska']],
    ['country=US&postal_code=99501', ['everywhere', 'us']],
    ['country=US', ['everywhere', 'us']],
    ['country=DE&postal_code=10115', ['everywhere', 'germany', 'not-alaska']],
    ['country=AE', ['everywhere', 'not-alaska']],
    ['country=ZZ', []],
    ['country=US&postal_code=00000', []],
  ])('%s', async (place, expected) => {
    expect(await deliverable(place)).toEqual([...expected].sort());
  });

  it('agrees with what hits, the facet and GET /v1/delivery say', async () => {
    for (const place of [
      'country=US&postal_code=10001',
      'country=US',
      'country=DE',
      'country=ZZ',
    ]) {
      const all = await shop.search(`q=lamp&${place}`);
      const hits = all.hits.filter(({ delivery }) => delivery.deliverable === true);
      expect(of(hits.map(({ id }) => id))).toEqual(await deliverable(place));
      expect(all.facets.deliverable).toBe(hits.length);
      for (const { id, delivery } of all.hits) {
        const single = await (await shop.get(`/v1/delivery?product_id=${id}&${place}`)).json();
        expect(single).toMatchObject(delivery);
      }
    }
  });

  it('knows rules that were written a moment ago', async () => {
    const place = 'country=FR&postal_code=75001';
    expect(await deliverable(place)).toEqual(['everywhere', 'not-alaska']);
    const delivery = { include: [{ country: 'FR' }] };
    await shop.add('prd_france', { name: 'Lamp', delivery });
    await until('it is found', async () => (await deliverable(place)).length === 3);
    expect(await deliverable(place)).toEqual(['everywhere', 'france', 'not-alaska']);
    await shop.add('prd_france', {
      name: 'Lamp',
      delivery: { include: [{ country: 'IT' }] },
      version: 2,
    });
    expect(await deliverable(place)).toEqual(['everywhere', 'not-alaska']);
  });
});

describe('the place', () => {
  it('is the saved one when none is asked for', async () => {
    shop.saved = { country: 'US', postalCode: '02108' };
    expect(of(await shop.ids('q=lamp&deliverable=true'))).toContain('boston');
    expect(await deliverable('country=DE')).toContain('germany');
  });

  it('says why nothing can be said', async () => {
    const [hit] = (await shop.search('q=lamp')).hits;
    expect(hit?.delivery).toMatchObject({ deliverable: null, reason: 'place_needed' });
    const unknown = await shop.search('q=lamp&country=US&postal_code=00000');
    expect(unknown.hits[0]?.delivery.reason).toBe('unknown_postal_code');
  });

  it('comes with days and fee', async () => {
    const answer = await shop.get('/v1/delivery?product_id=prd_us&country=US');
    expect(await answer.json()).toMatchObject({ deliverable: true, eta_days: [2, 4], fee });
    expect((await shop.get('/v1/delivery?product_id=prd_none&country=US')).status).toBe(404);
  });
});

describe('with Postgres away', () => {
  it('shows searches that it has, marked stale, and asks for patience about others', async () => {
    await shop.search('q=lamp&limit=3');
    await shop.link.cut();
    const again = await shop.search('q=lamp&limit=3');
    expect(again).toMatchObject({ stale: true, total: expect.any(Number) as number });
    const other = await shop.get('/v1/search?q=lamp&limit=4');
    expect([other.status, other.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await shop.get('/v1/suggest?q=lam')).status).toBe(503);
    await shop.link.mend();
    shop.later += 60_000;
    await expect.poll(async () => (await shop.get('/v1/search?q=lamp&limit=4')).status).toBe(200);
  });
});

describe('more searches at a time than there is room for', () => {
  it('are asked to come back, and the others are answered', async () => {
    shop.link.hang();
    const asked = Array.from({ length: 100 }, (_, i) => shop.get(`/v1/search?q=lamp${i}`));
    const first = await Promise.race(asked);
    expect([first.status, first.headers.get('retry-after')]).toEqual([503, '1']);
    await shop.link.mend();
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.every((status) => status === 200 || status === 503)).toBe(true);
    expect(statuses.filter((status) => status === 503).length).toBeGreaterThanOrEqual(36);
    shop.later += 60_000;
    expect((await shop.search('q=lamp')).total).toBeGreaterThan(0);
  });
});
