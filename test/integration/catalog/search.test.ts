// Search on real Postgres as a table: what is found, in which order, and what is counted.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deliveryAnswer, searchAnswer, suggestAnswer } from '../../../platform/window/answers.ts';
import { closed } from '../../support/closed.ts';
import { openSearchShop, productRow } from './search-shop.ts';
import type { SearchShop } from './search-shop.ts';
import { insertSale } from './database.ts';

let shop: SearchShop;

const chairs = 'Furniture > Chairs';
const products = [
  productRow('prd_salon', {
    ...{ name: 'Salon chair', brand: 'Kuhl', category: chairs, price: 15_000 },
    attributes: { color: 'black', material: 'leather' },
  }),
  productRow('prd_massage', {
    ...{ name: 'Massage chair', brand: 'Relaxo', category: chairs, price: 90_000 },
    ...{ description: 'As in the best salon.', attributes: { color: 'black' } },
  }),
  productRow('prd_table', {
    ...{ name: 'Coffee table', brand: 'Kuhl', category: 'Furniture > Tables', price: 30_000 },
    ...{ description: 'Fits any chair.', attributes: { color: 'oak', smart: true } },
  }),
  productRow('prd_tablet', { name: 'Tablet computer', category: 'Electronics', price: 50_000 }),
  productRow('prd_maker', {
    ...{ name: 'Coffee maker for a table', category: 'Kitchen', price: 8000 },
    attributes: { color: 'red', '': 'nameless', fit: ' ', care: 'wash cold, hang dry' },
  }),
  productRow('prd_decor', { name: 'Décor pillows, turquoise', category: 'Home', price: 2500 }),
  productRow('prd_shirt', { name: 'T-shirt', category: 'Clothes', price: 2000 }),
  productRow('prd_red', {
    ...{ name: 'T-shirt red', price: 1500, variant_of: 'prd_shirt' },
    options: { color: 'red', size: '42' },
  }),
  productRow('prd_injection', { name: `O'Brien & "Sons" | <script> ! :* %_`, price: 100 }),
];

beforeAll(async () => {
  shop = await openSearchShop();
  await shop.addAll(products);
  const sale = (id: string, product: string, more: object) =>
    insertSale(shop.db, { id, product, allotted: 10, ...more });
  for (const { id, price } of products.filter(({ id }) => id !== 'prd_massage')) {
    await sale(`sal_${id}`, id, { price });
  }
  await sale('sal_gone', 'prd_massage', { claimed: 10 });
  await sale('sal_flash', 'prd_table', { kind: 'flash' });
  await shop.keepUp();
});
afterAll(() => shop.close());

const q = (text: string): string => `q=${encodeURIComponent(text)}`;

describe('what is found', () => {
  it.each<[string, string, string[]]>([
    ['a word in the name first', q('salon'), ['prd_salon', 'prd_massage']],
    ['all words, then most', q('salon chair'), ['prd_salon', 'prd_massage', 'prd_table']],
    [
      'any word, where too few have most',
      q('salon table xyzzy'),
      ['prd_table', 'prd_maker', 'prd_salon', 'prd_massage'],
    ],
    ['those that have all before any', q('coffee table oak'), ['prd_table', 'prd_maker']],
    ['in any order and case', q('CHAIR Salon'), ['prd_salon', 'prd_massage', 'prd_table']],
    ['endings do not count', q('salons chairs'), ['prd_salon', 'prd_massage', 'prd_table']],
    ['accents do not count', q('decor pillow'), ['prd_decor']],
    ['not even typed ones', q('DÉCOR'), ['prd_decor']],
    ['a brand', q('relaxo'), ['prd_massage']],
    ['a category', q('electronics'), ['prd_tablet']],
    ['an attribute', q('leather'), ['prd_salon']],
    ['a phrase', q('"coffee table"'), ['prd_table']],
    ['a phrase that is nowhere', q('"table coffee"'), []],
    ['an exclusion', q('coffee -maker'), ['prd_table']],
    ['an excluded phrase', q('coffee -"coffee table"'), ['prd_maker']],
    ['a beginning of a word', q('turq'), ['prd_decor']],
    ['a typing error', q('turqoise'), ['prd_decor']],
    ['another one', q('massge'), ['prd_massage']],
    ['letters in the wrong order', q('turqiouse'), ['prd_decor']],
    ['of a short word', q('leahter'), ['prd_salon']],
    ['a hyphen is a space', q('t shirt'), ['prd_shirt']],
    ['a variant is found as its product', q('shirt 42'), ['prd_shirt']],
    ['stop words say nothing', q('the salon for a'), ['prd_salon', 'prd_massage']],
    ['nothing like it', q('xyzzyqwert'), []],
  ])('%s', async (_, query, expected) => {
    expect(await shop.ids(query)).toEqual(expected);
  });

  it('a whole word before a longer one, and before a near one', async () => {
    const ids = await shop.ids(q('table'));
    expect(ids.slice(0, 2)).toEqual(['prd_table', 'prd_maker']);
  });

  it('lets hits in that lack words, after those that have all', async () => {
    const answer = await shop.search(q('coffee table oak'));
    expect(answer.hits.map(({ id }) => id).slice(0, 2)).toEqual(['prd_table', 'prd_maker']);
    expect(answer.matched).toBe('any_word');
    expect((await shop.search(q('salon chair'))).matched).toBe('most_words');
    expect((await shop.search(q('turqoise'))).matched).toBe('near_words');
    expect((await shop.search(q('turquoise'))).matched).toBe('every_word');
  });

  it('everything for nothing, the best first', async () => {
    const answer = await shop.search('');
    expect(answer).toMatchObject({ total: 8, total_approximate: false });
    expect(answer.hits.at(-1)?.id).toBe('prd_massage');
    expect(await shop.ids('sort=price')).toEqual((await shop.ids('sort=-price')).reverse());
  });

  it('answers as the schemas say', async () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    for (const [path, schema] of [
      [`/v1/search?${q('table')}&country=US&postal_code=10001`, closed(searchAnswer)],
      ['/v1/suggest?q=cof', closed(suggestAnswer)],
      ['/v1/delivery?product_id=prd_table&country=US', closed(deliveryAnswer)],
    ] as const) {
      const valid = ajv.compile(schema);
      const answer = await shop.get(path);
      expect([answer.status, valid(await answer.json()), valid.errors]).toEqual([200, true, null]);
    }
  });
});

describe('filters and facets', () => {
  it.each<[string, string, string[]]>([
    ['a category', 'category=Furniture&sort=price', ['prd_table', 'prd_salon', 'prd_massage']],
    ['one below it', 'category=furniture%3Echairs&sort=price', ['prd_salon', 'prd_massage']],
    ['one that is none', 'category=Chairs', []],
    ['a brand', 'brand=KUHL&sort=price', ['prd_table', 'prd_salon']],
    [
      'prices',
      'min_price=2500&max_price=15000&sort=price',
      ['prd_decor', 'prd_maker', 'prd_table', 'prd_salon'],
    ],
    ['an attribute', 'attribute=color%3Dblack&sort=price', ['prd_salon', 'prd_massage']],
    ['two attributes', 'attribute=color%3Dblack,material%3Dleather', ['prd_salon']],
    ['an option of a variant', 'attribute=size%3D42', ['prd_shirt']],
    ['commas', 'attribute=care%3DWash%20cold%2C%20hang%20dry,color%3Dred', ['prd_maker']],
    ['on sale', 'on_sale=true', ['prd_table']],
    ['words and a filter', `${q('chair')}&brand=kuhl`, ['prd_salon', 'prd_table']],
  ])('%s', async (_, query, expected) => {
    expect(await shop.ids(query)).toEqual(expected);
  });

  it('count what a filter then finds', async () => {
    for (const query of ['', q('chair'), q('coffee'), q('coffee table oak')]) {
      const { facets, total } = await shop.search(query);
      const then = async (filter: string) => (await shop.search(`${query}&${filter}`)).total;
      for (const { value, count } of facets.category) {
        expect(await then(`category=${encodeURIComponent(value)}`)).toBe(count);
      }
      for (const { value, count } of facets.brand) expect(await then(`brand=${value}`)).toBe(count);
      for (const { min, max, count } of facets.price) {
        expect(await then(`min_price=${min}${max === null ? '' : `&max_price=${max}`}`)).toBe(
          count,
        );
      }
      for (const { name, values } of facets.attributes) {
        for (const { value, count } of values) {
          expect(await then(`attribute=${encodeURIComponent(`${name}=${value}`)}`)).toBe(count);
        }
      }
      expect(await then('on_sale=true')).toBe(facets.on_sale);
      expect(facets.price.reduce((sum, { count }) => sum + count, 0)).toBe(total);
      expect(facets.deliverable).toBeNull();
    }
  });

  it('show the price of a running sale, and what it was', async () => {
    const [hit] = (await shop.search('on_sale=true')).hits;
    expect(hit).toMatchObject({
      ...{ price: { amount: 10_000 }, list_price: { amount: 30_000 }, discount_percent: 66 },
      sale: { id: 'sal_flash', state: 'live', price: { amount: 10_000, currency: 'USD' } },
    });
  });

  it.each([
    ...['limit=0', 'limit=101', 'limit=x', 'min_price=-1', 'min_price=1.5', 'max_price=x'],
    ...['min_price=2&max_price=1', 'on_sale=maybe', 'deliverable=2', 'sort=best', 'country=usa'],
    ...[
      'country=us',
      'postal_code=10001',
      'deliverable=true',
      'cursor=x',
      'cursor=W10',
      'nonsense=1',
    ],
    ...['q=%00', 'q=%ff', 'attribute=color', 'attribute==x', 'q=a&q=b', `q=${'x'.repeat(201)}`],
    ...['brand=%ED%A0%80', 'sort=', 'limit=', 'attribute=,color=red', 'attribute=color='],
  ])('refuse %s', async (query) => {
    expect((await shop.get(`/v1/search?${query}`)).status).toBe(400);
  });
});

describe('what is typed is never an operator', () => {
  const nasty = [
    ...[
      `'`,
      `"`,
      `\\`,
      `'; DROP TABLE shop.search; --`,
      `a' OR '1'='1`,
      `:*`,
      `!`,
      `&`,
      `|`,
      `<->`,
    ],
    ...[
      `a & !b`,
      `a:*`,
      `(`,
      `)`,
      `((a`,
      `"unclosed`,
      `-`,
      `--`,
      `-"`,
      `-!a`,
      `<1>`,
      `a:ABCD`,
      `$1`,
    ],
    ...[`%`, `_`, `{}`, `[]`, `*`, `~`, '\u2028', '😀', `ﬀ`, `𝒳`, 'ا', '中文', `x`.repeat(200)],
    ...['a '.repeat(100), `null`, `undefined`, `__proto__`, `../../etc`, `http://a.b/c?d=e`],
  ];
  it.each(nasty)('%s', async (text) => {
    const answer = await shop.get(`/v1/search?${q(text)}`);
    expect(answer.status).toBe(200);
    const suggested = await shop.get(`/v1/suggest?${q(text)}`);
    expect(suggested.status).toBe(200);
    for (const name of ['brand', 'category']) {
      const filtered = await shop.get(`/v1/search?${name}=${encodeURIComponent(text)}`);
      expect(filtered.status).toBe(200);
      expect(((await filtered.json()) as { total: number }).total).toBe(0);
    }
  });

  it('and its words are found', async () => {
    expect(await shop.ids(q(`o'brien & "sons"`))).toEqual(['prd_injection']);
  });
});

describe('GET /v1/suggest', () => {
  const suggested = async (text: string): Promise<unknown> =>
    ((await (await shop.get(`/v1/suggest?${q(text)}`)).json()) as { suggestions: unknown })
      .suggestions;

  it.each<[string, string[]]>([
    ['cof', ['coffee']],
    ['coffee ta', ['coffee table']],
    ['coffee tablet', ['coffee table']],
    ['déc', ['decor']],
    ['pilows', ['pillows']],
    ['', []],
    ['zzzz', []],
  ])('%s', async (text, expected) => {
    expect(await suggested(text)).toEqual(expected);
  });
});
