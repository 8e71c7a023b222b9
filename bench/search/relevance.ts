/**
 * nDCG@10 of what a search answers, by judgements that ranking cannot read: of people for some
 * queries, and of what generated products were made for. Grades 0…3.
 */
import type { Facts, Generator } from '../../catalog/seed/generator.ts';
import type { Judged } from './judged.ts';

/** What is judged of a product. */
export interface Judgeable {
  readonly facts: Facts;
  /** Words of its name and attributes, in lower case. */
  readonly words: readonly string[];
}

export function judgeables(generator: Generator, count: number): Judgeable[] {
  return Array.from({ length: count }, (_, number) => {
    const { facts, registration } = generator.product(number);
    const said = [registration.name, ...Object.values(registration.attributes)].join(' ');
    return { facts, words: said.toLowerCase().split(/[^a-z0-9]+/) };
  });
}

export type Grade = (product: Judgeable) => number;

export function byHand({ kinds, words }: Judged): Grade {
  return (product) => {
    if (!kinds.includes(product.facts.kind)) return 0;
    const held = words.filter((word) => product.words.some((own) => own.startsWith(word))).length;
    if (held === words.length) return 3;
    return held > 0 ? 2 : 1;
  };
}

/** `query` is the number of a real query, `kind` its class. */
export function byFacts(query: number, kind: string): Grade {
  return ({ facts }) => {
    if (facts.query === query) return facts.whole ? 3 : 2;
    return facts.kind === kind ? 1 : 0;
  };
}

const depth = 10;
const gain = (grade: number, place: number): number => (2 ** grade - 1) / Math.log2(place + 2);
const sum = (grades: readonly number[]): number =>
  grades.slice(0, depth).reduce((total, grade, place) => total + gain(grade, place), 0);

/** Of grades in the order of the hits, against the best order of all products; 1 = no better one. */
export function ndcg(hits: readonly number[], all: readonly number[]): number {
  const best = sum([...all].sort((a, b) => b - a));
  return best === 0 ? 1 : sum(hits) / best;
}

/** The ten best grades that any products have. */
export function bestGrades(products: readonly Judgeable[], grade: Grade): number[] {
  const counts = [0, 0, 0, 0];
  for (const product of products) {
    const found = grade(product);
    counts[found] = (counts[found] ?? 0) + 1;
  }
  return [3, 2, 1].flatMap((value) =>
    Array<number>(Math.min(depth, counts[value] ?? 0)).fill(value),
  );
}
