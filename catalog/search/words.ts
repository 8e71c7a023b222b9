/**
 * What a shopper typed, understood: words, "phrases" and -exclusions; and a query of Postgres made
 * of it. Words hold letters and digits only and every operator is ours, so nothing that is typed
 * can be an operator. Pure.
 */
import { plainWords } from './document.ts';

export interface Typed {
  /** Each a word, or the words of a phrase. */
  readonly wanted: readonly (readonly string[])[];
  readonly unwanted: readonly (readonly string[])[];
}

const wordsMax = 16;
const partPattern = /(-?)"([^"]*)"?|(\S+)/g;

export function readTyped(q: string): Typed {
  const wanted: string[][] = [];
  const unwanted: string[][] = [];
  let left = wordsMax;
  for (const [, sign, phrase, bare = ''] of q.matchAll(partPattern)) {
    const without = sign === '-' || (phrase === undefined && /^-[^-]/.test(bare));
    const words = split(phrase ?? bare).slice(0, left);
    left -= words.length;
    if (words.length === 0) continue;
    if (without) unwanted.push(words);
    // Words that a hyphen or an apostrophe joins stay together: `t-shirt`, `kid's`.
    else if (phrase !== undefined) wanted.push(words);
    else wanted.push(...words.map((word) => [word]));
  }
  return { wanted, unwanted };
}

const split = (text: string): string[] =>
  plainWords(text)
    .toLowerCase()
    .split(' ')
    .filter((word) => word !== '');

/** One wanted thing in all the forms that fit: the word, words like it, words that begin so. */
export type Forms = readonly string[];

export const prefixForm = (word: string): string => `${word}:*`;

/** All of the wanted things. '' = anything. */
export function everyOf(wanted: readonly Forms[], unwanted: Typed['unwanted']): string {
  return andNot(wanted.map(anyOf), unwanted);
}

/** At least all but one of them; with two, any. */
export function mostOf(wanted: readonly Forms[], unwanted: Typed['unwanted']): string {
  if (wanted.length < 2) return everyOf(wanted, unwanted);
  const without = wanted.map((_, i) =>
    wanted
      .filter((__, j) => j !== i)
      .map(anyOf)
      .join('&'),
  );
  return andNot([`(${without.map((one) => `(${one})`).join('|')})`], unwanted);
}

/** Any of them. '' = nothing was wanted. */
export const someOf = (wanted: readonly Forms[], unwanted: Typed['unwanted']): string =>
  everyOf(wanted.length === 0 ? [] : [wanted.flat()], unwanted);

const anyOf = (forms: Forms): string => `(${forms.join('|')})`;

export const phraseForm = (words: readonly string[]): string => `(${words.join('<->')})`;

function andNot(parts: readonly string[], unwanted: Typed['unwanted']): string {
  return [...parts, ...unwanted.map((words) => `!${phraseForm(words)}`)].join('&');
}
