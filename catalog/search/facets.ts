/** Counts of hits as a shopper can use them: the category tree, brands, prices, attributes. Pure. */
import { priceBounds } from './counts.ts';
import type { Found } from './hits.ts';
import { exactCountMax } from './ranking.ts';
import { kindOf, onSaleTag } from './tags.ts';
import type { Tag, TagKind } from './tags.ts';

export interface FacetValue {
  readonly value: string;
  readonly count: number;
}

export interface PriceBar {
  /** `min-max` in minor units, as `min_price` and `max_price` take them. */
  readonly value: string;
  readonly min: number;
  readonly max: number | null;
  readonly count: number;
}

export interface Facets {
  /** Every category with its ancestors: `Furniture`, `Furniture > Chairs`. */
  readonly category: readonly FacetValue[];
  readonly brand: readonly FacetValue[];
  readonly price: readonly PriceBar[];
  readonly attributes: readonly { readonly name: string; readonly values: readonly FacetValue[] }[];
  readonly on_sale: number;
  /** Null without a place. */
  readonly deliverable: number | null;
}

const valuesMax: Readonly<Record<TagKind, number>> = { category: 100, brand: 30, attribute: 100 };
const attributeValuesMax = 15;

/** A count of that share of all products, as one of all. Exact where all were counted. */
export function totalOf(count: number, share: number, capped: boolean) {
  const approximate = share < 1 || capped || count > exactCountMax;
  return { total: Math.round(count / share), approximate, factor: 1 / share };
}

/**
 * Counts times `factor`, which is 1 where all hits were counted. `labels` are of the tags found.
 */
export function facetsOf(
  found: Found,
  labels: ReadonlyMap<number, Tag>,
  factor: number,
  deliverable: number | null,
): Facets {
  const scaled = (count: number): number => Math.round(count * factor);
  const byKind: Record<TagKind, FacetValue[]> = { category: [], brand: [], attribute: [] };
  const common = [...found.tags].sort(([a, n], [b, m]) => (m === n ? a - b : m - n));
  for (const [id, count] of common) {
    const tag = labels.get(id);
    const kind = tag === undefined ? null : kindOf(tag.label);
    if (tag === undefined || kind === null || byKind[kind].length >= valuesMax[kind]) continue;
    byKind[kind].push({ value: tag.shown, count: scaled(count) });
  }
  return {
    category: byKind.category,
    brand: byKind.brand,
    price: barsOf(found.prices, scaled),
    attributes: attributesOf(byKind.attribute),
    on_sale: scaled(found.tags.get(onSaleTag) ?? 0),
    deliverable: deliverable === null ? null : scaled(deliverable),
  };
}

function barsOf(prices: Found['prices'], scaled: (count: number) => number): PriceBar[] {
  return [...prices]
    .sort(([a], [b]) => a - b)
    .map(([bar, count]) => {
      const min = priceBounds[bar - 1] ?? 0;
      const next = priceBounds[bar];
      const max = next === undefined ? null : next - 1;
      return { value: `${min}-${max ?? ''}`, min, max, count: scaled(count) };
    });
}

function attributesOf(values: readonly FacetValue[]): Facets['attributes'] {
  const byName = new Map<string, FacetValue[]>();
  for (const { value, count } of values) {
    const cut = value.indexOf('=');
    const name = value.slice(0, cut);
    const some = byName.get(name) ?? [];
    if (some.length < attributeValuesMax) some.push({ value: value.slice(cut + 1), count });
    byName.set(name, some);
  }
  return [...byName].map(([name, some]) => ({ name, values: some }));
}
