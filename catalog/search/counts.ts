/**
 * Counts what hits have in common, from one text of all of them: Postgres takes three times as long
 * to group some thousand tags as to write them out. Pure.
 */

export interface Counts {
  /** How many hits have a tag, by its id. */
  readonly tags: ReadonlyMap<number, number>;
  /** How many hits cost from `priceBounds[i - 1]` to below `priceBounds[i]`, by i. */
  readonly prices: ReadonlyMap<number, number>;
  /** How many have one of the tags asked for; null when none were. */
  readonly deliverable: number | null;
}

/** Where bars of the price facet begin, minor units; the first begins at 0. */
export const priceBounds: readonly number[] = [
  1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
];

/** Tags from here down are how hits are found, not what they are. */
const countedAbove = -10;

const [zero, nine, minus, open] = [48, 57, 45, 123];

/** `text` = `{price}{tags}` of each hit, one behind the other: `1999{4,17,-1}2500{4}`. */
export function countHits(text: string, deliveryTags: readonly number[] | null): Counts {
  const tags = new Map<number, number>();
  const prices = new Map<number, number>();
  const wanted = deliveryTags === null ? null : new Set(deliveryTags);
  let deliverable = 0;
  let isDelivered = false;
  let number = 0;
  let sign = 1;
  let hasDigits = false;
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charCodeAt(i);
    if (char >= zero && char <= nine) {
      number = number * 10 + char - zero;
      hasDigits = true;
      continue;
    }
    if (char === minus) {
      sign = -1;
      continue;
    }
    if (char === open) {
      const bar = barOf(number);
      prices.set(bar, (prices.get(bar) ?? 0) + 1);
      isDelivered = false;
    } else if (hasDigits) {
      const tag = sign * number;
      if (tag > countedAbove) tags.set(tag, (tags.get(tag) ?? 0) + 1);
      else if (!isDelivered && wanted?.has(tag) === true) {
        isDelivered = true;
        deliverable += 1;
      }
    }
    number = 0;
    sign = 1;
    hasDigits = false;
  }
  return { tags, prices, deliverable: wanted === null ? null : deliverable };
}

function barOf(price: number): number {
  let bar = 0;
  while (bar < priceBounds.length && price >= (priceBounds[bar] ?? 0)) bar += 1;
  return bar;
}
