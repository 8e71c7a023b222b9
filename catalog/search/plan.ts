/**
 * From what was typed to what Postgres is asked: first every word as it is, and where that finds
 * too little, near words and hits without one of the words as well. Pure.
 */
import { fewHits, rankedTarget, tierShares } from './ranking.ts';
import type { SimilarWord, WordFacts } from './vocabulary.ts';
import { everyOf, mostOf, phraseForm, prefixForm } from './words.ts';
import type { Forms, Typed } from './words.ts';

/** `strict`: every word. `near`: every word or one like it. `loose`: all words but one. */
export const stages = ['strict', 'near', 'loose'] as const;
export type Stage = (typeof stages)[number];

export interface Plan {
  readonly stage: Stage;
  /** A tsquery of Postgres; '' = anything. */
  readonly tsquery: string;
  /** What holds every word as it was typed; '' where that is all of the hits. */
  readonly exact: string;
  /** Share of all products that fit, about; 1 = nothing is known of it. */
  readonly share: number;
  readonly matched: Matched;
}

/** What hits may lack: nothing, a word that they have a near one of, or a word. */
export const matches = ['every_word', 'near_words', 'most_words'] as const;
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
  const tsquery =
    stage === 'loose' ? mostOf(forms, typed.unwanted) : everyOf(forms, typed.unwanted);
  const share = stage === 'loose' ? 1 : shareOf(wanted, facts, products);
  const near = forms.some((some) => some.length > 1) ? 'near_words' : 'every_word';
  const matched = stage === 'loose' ? 'most_words' : near;
  return { stage, tsquery, exact: exact === tsquery ? '' : exact, share, matched };
}

/** Whether there is anything else to try, and reason to. */
export function nextStage(typed: Typed, stage: Stage, found: number): Stage | null {
  if (found >= fewHits || typed.wanted.length === 0) return null;
  const next = stages[stages.indexOf(stage) + 1];
  return next === 'loose' && typed.wanted.length < 2 ? null : (next ?? null);
}

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
