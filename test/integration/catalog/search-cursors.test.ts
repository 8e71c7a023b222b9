// Lists that go on: every product once, whatever is written meanwhile, in all orders and tiers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProductRow } from '../../../catalog/new-product.ts';
import { findHits, hitsSql } from '../../../catalog/search/hits.ts';
import type { HitQuery } from '../../../catalog/search/hits.ts';
import { defaultRanking, fewHits } from '../../../catalog/search/ranking.ts';
import { tierTag } from '../../../catalog/search/tags.ts';
import { retier } from '../../../catalog/search/tiers.ts';
import { openSearchShop, productRow } from './search-shop.ts';
import type { SearchShop } from './search-shop.ts';

let shop: SearchShop;
/** From here on the shop has tiers: a common word's hits are not all ranked. */
const productsOfShop = 2600;
const rare = 7;

const idOf = (n: number): string => `prd_${String(n).padStart(5, '0')}`;

function row(n: number): ProductRow {
  return productRow(idOf(n), {
    name: n % 100 < rare ? `Rare lamp ${n}` : `Lamp ${n}`,
    ...{ brand: `Brand ${n % 5}`, price: 1000 + (n % 50), category: 'Lights > Lamps' },
    registered_at: new Date(1.7e12 + (n % 300) * 1000).toISOString(),
  });
}

beforeAll(async () => {
  shop = await openSearchShop();
  for (let n = 0; n < productsOfShop; n += 500) {
    const some = Array.from({ length: Math.min(500, productsOfShop - n) }, (_, i) => row(n + i));
    await shop.addAll(some);
  }
  await shop.keepUp();
  await shop.keepUp();
}, 60_000);
afterAll(() => shop.close());

/** Every id of the list, page by page; `between` runs after each. */
async function walk(query: string, between: (page: number) => Promise<void> = async () => {}) {
  const ids: string[] = [];
  let cursor: string | null = '';
  for (let page = 0; cursor !== null; page += 1) {
    const at: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const answer = await shop.search(`${query}&limit=100${at}`);
    ids.push(...answer.hits.map(({ id }) => id));
    cursor = answer.next_cursor;
    await between(page);
  }
  return ids;
}

const sorts = ['relevance', 'price', '-price', 'newest', 'popularity'];

describe('a list that goes on', () => {
  it.each(sorts)('has every product once, by %s', async (sort) => {
    for (const query of [`q=lamp&sort=${sort}`, `sort=${sort}`]) {
      const ids = await walk(query);
      expect(ids).toHaveLength(productsOfShop);
      expect(new Set(ids).size).toBe(productsOfShop);
    }
  });

  it('has every product once for stop words alone, in a shop that ranks tiers', async () => {
    // As in a shop of thousands: the first six tiers hold enough to be ranked without the last.
    const docsAre = (docs: number) =>
      shop.db.run(`UPDATE shop.search_progress SET tier_docs = $1`, [docs]);
    await docsAre(4000);
    await shop.db.run(
      `UPDATE shop.search SET tier = 5, tags = array_append(array_remove(tags, $1), $2)
       WHERE tier = 6 AND product_id < $3`,
      [tierTag(6), tierTag(5), idOf(1300)],
    );
    shop.later += 60_000;
    const answer = await shop.search('q=the');
    const ids = await walk('q=the');
    await docsAre(productsOfShop);
    await retier(shop.db);
    shop.later += 60_000;
    expect(answer.total_approximate).toBe(true);
    expect([ids.length, new Set(ids).size]).toEqual([productsOfShop, productsOfShop]);
  });

  it.each(sorts)('keeps what was there while others come and go, by %s', async (sort) => {
    let next = 90_000;
    const ids = await walk(`q=rare&sort=${sort}&brand=brand%200`, async (page) => {
      if (page > 0) return;
      await shop.addAll([row(next), row(next + 5), row(next + 10)]);
      await shop.db.run(`DELETE FROM shop.search WHERE product_id = $1`, [idOf(next)]);
      next += 100;
    });
    const before = Array.from({ length: productsOfShop }, (_, n) => n)
      .filter((n) => n % 100 < rare && n % 5 === 0)
      .map(idOf);
    expect(ids.filter((id) => before.includes(id)).sort()).toEqual(before);
    expect(new Set(ids).size).toBe(ids.length);
    await shop.db.run(`DELETE FROM shop.search WHERE product_id >= $1`, [idOf(90_000)]);
    await shop.db.run(`DELETE FROM shop.products WHERE id >= $1`, [idOf(90_000)]);
  });

  it('belongs to its query', async () => {
    const { next_cursor: cursor } = await shop.search('q=lamp&limit=10');
    for (const query of ['q=lamps', 'q=lamp&sort=price', 'q=lamp&brand=x', 'q=lamp&on_sale=true']) {
      expect((await shop.get(`/v1/search?${query}&cursor=${cursor ?? ''}`)).status).toBe(400);
    }
    expect((await shop.get(`/v1/search?q=lamp&limit=20&cursor=${cursor ?? ''}`)).status).toBe(200);
  });
});

type Fields = [digest: string, stage: number, tier: number, rest: number, after: [number, string]];

describe('a cursor that somebody altered', () => {
  const altered: readonly [string, (fields: Fields) => unknown, number][] = [
    ['a tier beyond all', ([digest, stage, , , row]) => [digest, stage, 40_000, 1, row], 400],
    ['a tier below all', ([digest, stage, , , row]) => [digest, stage, -5, 0, row], 400],
    ['a value beyond all', (f) => f.with(4, [1e300, idOf(1)]), 400],
    ['a value too small', (f) => f.with(4, [1e-300, idOf(1)]), 400],
    ['a NUL in the id', (f) => f.with(4, [1, 'prd\0']), 400],
    ['half a character in the id', (f) => f.with(4, [1, 'prd\ud800']), 400],
    ['a fraction', (f) => f.with(4, [1000.5, idOf(1)]), 200],
    ['the largest value', (f) => f.with(4, [Number.MAX_SAFE_INTEGER, idOf(1)]), 200],
    ['the least value', (f) => f.with(4, [Number.MIN_SAFE_INTEGER, idOf(1)]), 200],
  ];

  it.each(altered)('%s', async (_, alter, expected) => {
    for (const query of ['q=lamp', '', ...sorts.map((sort) => `sort=${sort}`)]) {
      const { next_cursor: cursor } = await shop.search(`${query}&limit=10`);
      const fields = JSON.parse(Buffer.from(cursor ?? '', 'base64url').toString()) as Fields;
      const other = Buffer.from(JSON.stringify(alter(fields))).toString('base64url');
      const { status } = await shop.get(`/v1/search?${query}&cursor=${other}`);
      expect([query, status]).toEqual([query, expected]);
    }
  });
});

describe('counts', () => {
  it('are exact while all hits are counted', async () => {
    const answer = await shop.search('q=rare');
    const expected = (productsOfShop / 100) * rare;
    expect(answer).toMatchObject({ total: expected, total_approximate: false });
    expect(expected).toBeGreaterThan(fewHits);
    expect(answer.facets.price.reduce((sum, { count }) => sum + count, 0)).toBe(expected);
  });

  it('are about right, and marked, where only the best are ranked', async () => {
    const answer = await shop.search('q=lamp');
    expect(answer.total_approximate).toBe(true);
    expect(Math.abs(answer.total - productsOfShop)).toBeLessThan(productsOfShop / 10);
    const [top] = answer.facets.category;
    expect(Math.abs((top?.count ?? 0) - productsOfShop)).toBeLessThan(productsOfShop / 10);
  });

  it('of a filter that leaves few hits of a common word are exact', async () => {
    const answer = await shop.search('q=lamp&max_price=1000');
    expect(answer).toMatchObject({ total: productsOfShop / 50, total_approximate: false });
  });
});

describe('no search reads a whole table', () => {
  const base: HitQuery = {
    ...{
      tsquery: '(lamp)',
      some: '(lamp)',
      exact: '',
      tags: [],
      anyTag: null,
      minPrice: null,
      maxPrice: null,
    },
    ...{ sort: 'relevance', limit: 20, after: null, tier: 1, lastTier: 6, rest: false },
    ...{ deliveryTags: [-1000], ranking: defaultRanking },
  };
  const queries: readonly HitQuery[] = [
    base,
    { ...base, exact: '(lamp)&(rare)', anyTag: [-1000, -1001], tags: [1] },
    { ...base, rest: true, after: [0.5, idOf(7)] },
    { ...base, tsquery: '' },
    ...(['price', '-price', 'newest', 'popularity'] as const).map((sort) => ({ ...base, sort })),
  ];

  it.each(queries)('$sort $tsquery $exact', async (query) => {
    const { text, values } = hitsSql(query);
    const plan = await shop.db.tx(async (q) => {
      // Where an index can be used it is now: what still reads a table has none.
      await q.run('SET LOCAL enable_seqscan = off');
      return q.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values);
    });
    const lines = plan.map((row) => row['QUERY PLAN']);
    expect(lines.filter((line) => /Seq Scan on (search|products)\b/.test(line))).toEqual([]);
  });

  it('and hits that have every word come first, whatever their tier', async () => {
    const [worst] = await shop.db.query<{ id: string; tier: number }>(
      'SELECT product_id AS id, tier FROM shop.search ORDER BY quality, product_id LIMIT 1',
    );
    const number = String(Number(worst?.id.slice('prd_'.length)));
    const every = `(lamp)&(${number})`;
    const some = `(lamp|${number})`;
    const { hits } = await findHits(shop.db, { ...base, tsquery: some, some, exact: every });
    expect([worst?.tier, hits[0]?.id]).toEqual([6, worst?.id]);
  });
});

describe('upkeep', () => {
  it('repairs what a writer forgot', async () => {
    const id = idOf(3);
    await shop.db.run(`UPDATE shop.products SET withdrawn_at = now() WHERE id = $1`, [id]);
    await shop.db.run(
      `UPDATE shop.products SET name = 'Zebra lamp', version = 2, updated_at = now() WHERE id = $1`,
      [idOf(4)],
    );
    // The sweep goes round by id; where it stands is not known here.
    await expect
      .poll(
        async () => {
          await shop.keepUp();
          return [await shop.ids('q=zebra'), (await shop.ids('q=rare&limit=100')).includes(id)];
        },
        { timeout: 60_000 },
      )
      .toEqual([[idOf(4)], false]);
  });

  it('finds variants for themselves at once when their product is withdrawn', async () => {
    const variant = { name: 'Yurt pegs', variant_of: 'prd_yurt' };
    await shop.add('prd_yurt', { name: 'Yurt' });
    await shop.add('prd_yurt_a', variant);
    await shop.add('prd_yurt_b', variant);
    expect(await shop.ids('q=yurt+pegs')).toEqual(['prd_yurt']);
    await shop.add('prd_yurt', { name: 'Yurt', version: 2, withdrawn: true });
    expect((await shop.ids('q=yurt+pegs')).toSorted()).toEqual(['prd_yurt_a', 'prd_yurt_b']);
  });
});
