/**
 * From what was typed to what Postgres is asked: first every word as it is, and where that finds
 * too little, near words, hits without one of the words, and at last those with any of them. Pure.
 */
import type { matches } from '../../platform/window/answers.ts';
import { fewHits, rankedTarget, tierShares } from './ranking.ts';
import type { SimilarWord, WordFacts } from './vocabulary.ts';
import { everyOf, mostOf, phraseForm, prefixForm, someOf } from './words.ts';
import type { Forms, Typed } from './words.ts';

/** `strict`: every word. `near`: or one like it. `loose`: all words but one. `any`: one of them. */
export const stages = ['strict', 'near', 'loose', 'any'] as const;
export type Stage = (typeof stages)[number];

export interface Plan {
  readonly stage: Stage;
  /** A tsquery of Postgres; '' = anything. */
  readonly tsquery: string;
  /** How many things are wanted, stop words not counted. */
  readonly wanted: number;
  /** Any of the words that are wanted: what a hit's words are worth one by one. '' = none are. */
  readonly some: string;
  /** What holds every word as it was typed; '' where that is all of the hits. */
  readonly exact: string;
  /** Share of all products that fit, about; 1 = nothing is known of it. */
  readonly share: number;
  readonly matched: Matched;
}

/** What hits may lack: nothing, a word that they have a near one of, a word, or all words but one. */
export type Matched = (typeof matches)[number];

type Facts = ReadonlyMap<string, WordFacts>;

const shortestPrefix = 2;
/** A word that so many times fewer products use than one like it is taken for a typing error. */
const rarer = 50;

export function planOf(typed: Typed, facts: Facts, products: number, stage: Stage): Plan {
  const wanted = typed.wanted.filter((words) => !isStop(words, facts));
  const strict = wanted.map((words) => formsOf(words, facts, false));
  const exact = everyOf(strict, typed.unwanted);
  const forms = stage === 'strict' ? strict : wanted.map((words) => formsOf(words, facts, true));
  const tsquery = letIn[stage](forms, typed.unwanted);
  const isWhole = stage === 'strict' || stage === 'near';
  return {
    ...{
      stage,
      tsquery,
      wanted: wanted.length,
      some: someOf(forms, []),
      exact: exact === tsquery ? '' : exact,
    },
    share: isWhole ? shareOf(wanted, facts, products) : 1,
    matched: matchedBy(stage, forms),
  };
}

const letIn: Readonly<Record<Stage, typeof everyOf>> = {
  strict: everyOf,
  near: everyOf,
  loose: mostOf,
  any: someOf,
};

function matchedBy(stage: Stage, forms: readonly Forms[]): Matched {
  if (stage === 'loose') return 'most_words';
  if (stage === 'any') return 'any_word';
  return forms.some((some) => some.length > 1) ? 'near_words' : 'every_word';
}

/** Whether there is anything else to try, and reason to. */
export function nextStage({ stage, wanted }: Plan, found: number): Stage | null {
  if (found >= fewHits || wanted === 0) return null;
  const next = stages[stages.indexOf(stage) + 1] ?? null;
  return next === null || wanted >= fewestWords[next] ? next : null;
}

/** With fewer a stage lets nothing in that those before it do not. */
const fewestWords: Readonly<Record<Stage, number>> = { strict: 1, near: 1, loose: 2, any: 3 };

const isStop = (words: readonly string[], facts: Facts): boolean =>
  words.every((word) => facts.get(word)?.lexeme === null);

/** A word that nobody uses is taken for the beginning of one, or for a typing error. */
function formsOf(words: readonly string[], facts: Facts, near: boolean): Forms {
  const [word] = words;
  if (words.length !== 1 || word === undefined) return [phraseForm(words)];
  const known = facts.get(word);
  if (known === undefined) return [word];
  const { docs, longerDocs, similar } = known;
  if (docs > 0 && !near) return [word];
  const begins = longerDocs > 0 && word.length >= shortestPrefix;
  if (docs === 0) return begins ? [prefixForm(word)] : [word, ...wordsOf(similar)];
  return [word, ...wordsOf(similar.filter((other) => other.docs >= docs * rarer))];
}

const wordsOf = (similar: readonly SimilarWord[]): string[] => similar.map(({ word }) => word);

/** As if words fell independently. */
function shareOf(wanted: Typed['wanted'], facts: Facts, products: number): number {
  if (products === 0) return 1;
  return wanted.flat().reduce((share, word) => {
    const known = facts.get(word);
    if (known === undefined) return share;
    return share * Math.min(1, Math.max(known.docs, known.longerDocs, 1) / products);
  }, 1);
}

/** Of which tiers 0…k the hits are ranked, so that about `rankedTarget` of them come. */
export function tiersFor(share: number, products: number): number {
  const wanted = rankedTarget / Math.max(1, share * products);
  const tier = tierShares.findIndex((part) => part >= wanted);
  return tier < 0 ? tierShares.length - 1 : tier;
}
