/**
 * What a search filters by, as numbers in one index: positive ones name categories, brands and
 * attributes (shop.search_tags), negative ones are built in. Pure.
 */

export const onSaleTag = -1;
const tierBase = -10;
const everywhere = -1000;

export const tierTag = (tier: number): number => tierBase - tier;

/** Of products with these rules of delivery; null = everywhere. */
export const deliveryTag = (rulesId: number | null): number => everywhere - (rulesId ?? 0);

export type TagKind = 'category' | 'brand' | 'attribute';

const prefixes: Readonly<Record<TagKind, string>> = {
  category: 'c:',
  brand: 'b:',
  attribute: 'a:',
};
const kinds = Object.entries(prefixes) as readonly (readonly [TagKind, string])[];

const labelMax = 400;

export interface Tag {
  readonly label: string;
  readonly shown: string;
}

export function tagOf(kind: TagKind, value: string): Tag {
  const shown = value.trim().replace(/\s+/g, ' ').slice(0, labelMax);
  return { label: prefixes[kind] + shown.toLowerCase(), shown };
}

export function kindOf(label: string): TagKind | null {
  return kinds.find(([, prefix]) => label.startsWith(prefix))?.[0] ?? null;
}

/** `name=value`, neither of them empty: what can be asked for. */
const attributePattern = /^[^=]+=./;

export const isAttribute = (text: string): boolean => attributePattern.test(text.trim());

/** A list that was parted at its commas: a part without `=` belongs to the value before it. */
export function attributesOf(parts: readonly string[]): string[] {
  const whole: string[] = [];
  for (const part of parts) {
    const before = part.includes('=') ? undefined : whole.pop();
    whole.push(before === undefined ? part : `${before},${part}`);
  }
  return whole;
}

const arrow = ' > ';

/** `Furniture > Chairs` → [`Furniture`, `Furniture > Chairs`]. */
export function categoryPaths(category: string): string[] {
  const names = category
    .split('>')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.map((_, i) => names.slice(0, i + 1).join(arrow));
}
