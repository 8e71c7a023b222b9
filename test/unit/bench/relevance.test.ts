// How hits are judged: the formula by hand, and that a judge can be both content and not.
import { describe, expect, it } from 'vitest';
import { judgedQueries } from '../../../bench/search/judged.ts';
import { bestGrades, byFacts, byHand, judgeables, ndcg } from '../../../bench/search/relevance.ts';
import { createGenerator } from '../../../catalog/seed/generator.ts';
import { readSources } from '../../../catalog/seed/sources.ts';

describe('ndcg', () => {
  it.each<[string, number[], number[], number]>([
    ['the best order', [3, 2, 0], [3, 2, 0], 1],
    ['nothing found', [], [3], 0],
    ['nothing to find', [0, 0], [0, 0], 1],
    ['the right one in second place', [0, 3], [3, 0], 1 / Math.log2(3)],
    ['only ten count', [...Array<number>(10).fill(0), 3], [3], 0],
  ])('%s', (_, hits, all, expected) => {
    expect(ndcg(hits, all)).toBeCloseTo(expected, 10);
  });
});

describe('the judged queries', () => {
  const sources = readSources();
  const products = judgeables(createGenerator(1, sources), 4000);

  it('are at least sixty, of classes that there are', () => {
    expect(judgedQueries.length).toBeGreaterThanOrEqual(60);
    for (const { kinds } of judgedQueries) {
      expect(kinds.filter((kind) => !sources.kinds.includes(kind))).toEqual([]);
    }
  });

  it('have right and wrong products in the generated shop', () => {
    for (const one of judgedQueries) {
      expect([one.query, bestGrades(products, byHand(one))[0]]).toEqual([one.query, 3]);
      expect(products.some((product) => byHand(one)(product) === 0)).toBe(true);
    }
    sources.queries.forEach(({ kind }, n) => {
      expect(bestGrades(products, byFacts(n, kind))[0]).toBe(3);
    });
  });
});
