/** What the generated shop is made of: real queries with their classes, categories, and stores. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { projectRoot } from '../../platform/config.ts';

export interface ShopperQuery {
  readonly text: string;
  /** Such as `Coffee & Cocktail Tables`. */
  readonly kind: string;
}

export interface Store {
  readonly zip: string;
  readonly state: string;
  readonly lat: number;
  readonly lon: number;
}

export interface Sources {
  readonly queries: readonly ShopperQuery[];
  /** Classes of the queries, each once. */
  readonly kinds: readonly string[];
  /** Paths of categories without further ones below: `Audio > Headphones`. */
  readonly categories: readonly string[];
  readonly stores: readonly Store[];
}

/** Branches of the tree that are about goods; the others are brands, services and promotions. */
const goods: ReadonlySet<string> = new Set([
  ...['Appliances', 'TV & Home Theater', 'Computers & Tablets', 'Cell Phones', 'Video Games'],
  ...['Cameras & Camcorders', 'Audio', 'Car Electronics & GPS', 'Musical Instruments'],
  ...['Health, Fitness & Beauty', 'Connected Home & Housewares', 'Toys, Games & Drones'],
]);
const unnamed = 'Home Accents';

const file = (name: string): Buffer => readFileSync(join(projectRoot(), 'catalog/data', name));
const unpacked = (name: string): unknown => JSON.parse(gunzipSync(file(name)).toString('utf8'));

interface Category {
  readonly path: readonly { readonly name: string }[];
  readonly subCategories: readonly unknown[];
}

interface StoreRow {
  readonly zip: string;
  readonly state: string;
  readonly location: { readonly lat: number; readonly lon: number };
}

export function readSources(): Sources {
  const [, ...lines] = file('product-queries.csv').toString('utf8').trim().split('\n');
  const queries = lines.map((line) => {
    const [, text = '', kind = ''] = line.split('\t');
    return { text: text.trim(), kind: kind.trim() === '' ? unnamed : kind.trim() };
  });
  const categories = (unpacked('categories.json.gz') as readonly Category[])
    .filter(
      ({ subCategories, path }) => subCategories.length === 0 && goods.has(path[0]?.name ?? ''),
    )
    .map(({ path }) => path.map(({ name }) => name.replaceAll('>', ' ')).join(' > '));
  const stores = (unpacked('us-stores.json.gz') as readonly StoreRow[])
    .filter(({ zip }) => /^\d{5}$/.test(zip))
    .map(({ zip, state, location: { lat, lon } }) => ({ zip, state, lat, lon }));
  return { queries, kinds: [...new Set(queries.map(({ kind }) => kind))], categories, stores };
}
