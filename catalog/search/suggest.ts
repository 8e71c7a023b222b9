/**
 * GET /v1/suggest: how what is being typed may go on. Words that products in fact have together,
 * the usual ones first; near words where nothing begins so.
 */
import type { Query } from '../../platform/postgres/pool.ts';
import { phraseForm, readTyped } from './words.ts';

const suggestionsMax = 10;
const candidatesMax = 30;
const shortestNear = 3;

/**
 * `$1` is the word that is being typed, without accents; `$2` the words before it, which have to be
 * there as well. Of the forms of one word the usual one stands for all.
 */
const wordsText = (fits: string, order: string): string => `
SELECT v.word FROM (
  SELECT DISTINCT ON (lexeme) word, titles, likeness FROM (
    SELECT word, lexeme, titles, similarity(word, $1) AS likeness FROM shop.search_vocabulary
    WHERE ${fits} AND titles > 0 AND lexeme IS NOT NULL
    ORDER BY ${order} LIMIT ${candidatesMax}) best
  ORDER BY lexeme, titles DESC, word) v
WHERE EXISTS (
  SELECT 1 FROM shop.search s WHERE s.words @@ to_tsquery('shop.words', $2 || v.word))
ORDER BY ${order} LIMIT ${suggestionsMax}`;

const begunText = wordsText(`word >= $1 AND word < $1 || U&'\\FFFF'`, 'titles DESC, word');
const nearText = wordsText('word % $1', 'likeness DESC, titles DESC, word');

/** Whole texts to search for, at most ten, none twice. */
export async function suggest(q: Query, typed: string): Promise<string[]> {
  const words = readTyped(typed).wanted.flat();
  const last = words.at(-1);
  if (last === undefined) return [];
  const before = words.slice(0, -1);
  const [plain] = await q.query<{ word: string }>('SELECT public.unaccent($1) AS word', [last]);
  const begun = plain?.word ?? last;
  const others = before.map((word) => `${phraseForm([word])} & `).join('');
  const ask = async (text: string): Promise<string[]> => {
    const rows = await q.query<{ word: string }>(text, [begun, others]);
    return rows.map(({ word }) => [...before, word].join(' '));
  };
  const found = await ask(begunText);
  return found.length > 0 || begun.length < shortestNear ? found : ask(nearText);
}
