/** A product and its variants as one thing to find: texts by weight, and tags. Pure. */
import type { StoredProduct } from '../product-rows.ts';
import { attributesOf, categoryPaths, isAttribute, tagOf } from './tags.ts';
import type { Tag } from './tags.ts';

export interface SearchText {
  /** By weight; words are parted by single spaces and hold letters and digits only. */
  readonly a: string;
  readonly b: string;
  readonly c: string;
  readonly d: string;
  readonly tags: readonly Tag[];
}

const textMax = 4000;
const attributeTagsMax = 12;
const attributeValueMax = 50;
const deepest = 3;

/** What Postgres's parser would take for numbers, files or hosts is made plain words. */
export const plainWords = (text: string): string =>
  text
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .slice(0, textMax)
    // Half a character is no text to Postgres.
    .replace(/[\ud800-\udbff]$/, '');

export function searchTextOf(
  product: Omit<StoredProduct, 'registered_at'>,
  variants: readonly {
    readonly name: string;
    readonly options: Readonly<Record<string, unknown>>;
  }[],
): SearchText {
  const { name, brand, category, attributes, options, description } = product;
  const more = variants.flatMap((variant) => [variant.name, ...texts(variant.options)]);
  const own = [...texts(attributes), ...texts(options)];
  return {
    a: plainWords(name),
    b: plainWords([brand ?? '', category ?? ''].join(' ')),
    c: plainWords([...new Set([...own, ...more])].join(' ')),
    d: plainWords(description),
    tags: tagsOf(product, variants),
  };
}

/** Every text and number within, to a depth. */
function texts(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  if (typeof value !== 'object' || value === null || depth === deepest) return [];
  return Object.values(value).flatMap((inner) => texts(inner, depth + 1));
}

function tagsOf(
  { brand, category, attributes, options }: Omit<StoredProduct, 'registered_at'>,
  variants: readonly { readonly options: Readonly<Record<string, unknown>> }[],
): Tag[] {
  const categories = categoryPaths(category ?? '').map((path) => tagOf('category', path));
  const brands = brand === null || brand.trim() === '' ? [] : [tagOf('brand', brand)];
  const named = [attributes, options, ...variants.map((variant) => variant.options)]
    .flatMap((facts) => Object.entries(facts))
    .filter(([, value]) => isShort(value))
    .map(([name, value]) => tagOf('attribute', `${name}=${String(value)}`))
    .filter(({ shown }) => isAttribute(shown) && attributesOf(shown.split(',')).length === 1);
  const byLabel = new Map(named.map((tag) => [tag.label, tag]));
  return [...categories, ...brands, ...[...byLabel.values()].slice(0, attributeTagsMax)];
}

const isShort = (value: unknown): boolean =>
  typeof value === 'number' ||
  typeof value === 'boolean' ||
  (typeof value === 'string' && value !== '' && value.length <= attributeValueMax);
