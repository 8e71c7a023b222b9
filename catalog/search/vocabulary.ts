/**
 * What the shop knows of a word that was typed: its stem, how many products use it, and where none
 * does, the words that begin like it or look like it. Remembered for a while, bounded.
 */
import type { Query } from '../../platform/postgres/pool.ts';

export interface WordFacts {
  /** Null = a stop word: it says nothing. */
  readonly lexeme: string | null;
  /** Products that use it in any form, about. */
  readonly docs: number;
  /** Products with words that begin like it, about. */
  readonly longerDocs: number;
  /** Words like it, the likeliest first; not the word itself. */
  readonly similar: readonly SimilarWord[];
}

export interface SimilarWord {
  readonly word: string;
  readonly docs: number;
}

const rememberedMax = 20_000;
/** A word that nothing used may be in the next product; how many use a known one changes little. */
const unknownMs = 10_000;
const knownMs = 60_000;
const similarMax = 3;
/** Letters in common, as pg_trgm counts them; below this a word is another word. */
const similarityMin = 0.3;
const shortestSimilar = 4;
/** Two letters in the wrong order share few trigrams with what was meant: they are tried each. */
const longestSwapped = 30;

const factsText = `
SELECT t.word, lexeme.lexeme,
  coalesce((SELECT sum(docs) FROM shop.search_vocabulary v WHERE v.lexeme = lexeme.lexeme), 0)::bigint
    AS docs,
  coalesce((SELECT sum(docs) FROM (
    SELECT docs FROM shop.search_vocabulary v
    WHERE v.word >= plain.word AND v.word < plain.word || U&'\\FFFF' LIMIT 200) longer), 0)::bigint
    AS longer_docs,
  CASE WHEN length(plain.word) < ${shortestSimilar} THEN '{}' ELSE ARRAY(
    SELECT jsonb_build_object('word', v.word, 'docs', v.docs) FROM shop.search_vocabulary v
    WHERE (v.word % plain.word OR v.word = ANY(swapped.words))
      AND v.word <> plain.word AND v.lexeme IS NOT NULL
      AND v.lexeme IS DISTINCT FROM lexeme.lexeme
      AND (v.word = ANY(swapped.words) OR similarity(v.word, plain.word) >= ${similarityMin})
    ORDER BY (v.word = ANY(swapped.words))::integer + similarity(v.word, plain.word)
        - 0.1 * abs(length(v.word) - length(plain.word)) + 0.03 * ln(v.docs + 1) DESC, v.word
    LIMIT ${similarMax}) END AS similar
FROM unnest($1::text[]) AS t(word)
CROSS JOIN LATERAL (SELECT public.unaccent(t.word) AS word) plain
CROSS JOIN LATERAL (SELECT ARRAY(
  SELECT overlay(plain.word PLACING reverse(substr(plain.word, i, 2)) FROM i) COLLATE "C"
  FROM generate_series(1, least(length(plain.word), ${longestSwapped}) - 1) i) AS words) swapped
LEFT JOIN LATERAL (
  SELECT lexeme FROM unnest(to_tsvector('shop.words', t.word)) LIMIT 1) lexeme ON true`;

interface Row {
  readonly word: string;
  readonly lexeme: string | null;
  readonly docs: number;
  readonly longer_docs: number;
  readonly similar: SimilarWord[];
}

export interface Vocabulary {
  lookUp(words: readonly string[]): Promise<ReadonlyMap<string, WordFacts>>;
}

export function createVocabulary(q: Query, now: () => number): Vocabulary {
  const remembered = new Map<string, { readonly facts: WordFacts; readonly until: number }>();
  const remember = (row: Row): void => {
    const { word, lexeme, docs, longer_docs: longerDocs, similar } = row;
    const [oldest] = remembered.keys();
    if (remembered.size >= rememberedMax && oldest !== undefined) remembered.delete(oldest);
    remembered.delete(word);
    const facts = { lexeme, docs, longerDocs, similar };
    remembered.set(word, { facts, until: now() + (docs > 0 ? knownMs : unknownMs) });
  };
  return {
    async lookUp(words) {
      const at = now();
      const missing = words.filter((word) => (remembered.get(word)?.until ?? 0) <= at);
      if (missing.length > 0) {
        const rows = await q.query<Row>(factsText, [[...new Set(missing)]], 'search_vocabulary');
        rows.forEach(remember);
      }
      const facts = new Map<string, WordFacts>();
      for (const word of words) {
        const known = remembered.get(word)?.facts;
        if (known !== undefined) facts.set(word, known);
      }
      return facts;
    },
  };
}
