/** Facets from the text that Postgres joins of all hits: each tag, bar and delivered hit once. */
import { expect, it } from 'vitest';
import { countHits } from '../../../catalog/search/counts.ts';

const counts = (text: string, deliveryTags: readonly number[] | null = null) => {
  const { tags, prices, deliverable } = countHits(text, deliveryTags);
  return { tags: Object.fromEntries(tags), prices: Object.fromEntries(prices), deliverable };
};

it('counts tags and price bars, and leaves out how hits are found', () => {
  const text = '999{4,17,-1,-12,-1000}1000{4,-10}500000{}0{17,-1003}';
  expect(counts(text)).toEqual({
    tags: { 4: 2, 17: 2, [-1]: 1 },
    prices: { 0: 2, 1: 1, 9: 1 },
    deliverable: null,
  });
});

it('counts a hit as delivered once, whatever tags it has of those asked for', () => {
  const text = '1{-1000,-1001}2{-1002}3{5}4{-1001,-1000}';
  expect(counts(text, [-1000, -1001]).deliverable).toBe(2);
  expect(counts(text, []).deliverable).toBe(0);
});

it('finds nothing in nothing', () => {
  expect(counts('')).toEqual({ tags: {}, prices: {}, deliverable: null });
});
