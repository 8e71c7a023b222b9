/** Counts the words of products that were written since, into shop.search_vocabulary. */
import type { Query } from '../../platform/postgres/pool.ts';

/** Rows are committed out of order: those of the last moments are counted later. */
const settleMs = 2000;

const countText = `
WITH progress AS (SELECT counted_at, counted_id FROM shop.search_progress),
fresh AS (
  SELECT s.product_id, s.indexed_at
  FROM shop.search s, progress
  WHERE (s.indexed_at, s.product_id) > (progress.counted_at, progress.counted_id)
    AND s.indexed_at < now() - interval '${settleMs} milliseconds'
  ORDER BY s.indexed_at, s.product_id LIMIT $1
),
words AS (
  SELECT DISTINCT ON (fresh.product_id, word) fresh.product_id, word, title
  FROM fresh JOIN shop.products p ON p.id = fresh.product_id COLLATE "default",
  LATERAL (
    SELECT concat_ws(' ', p.name, p.brand, p.category) AS said, true AS title
    UNION ALL SELECT concat_ws(' ', left(p.description, 4000), p.attributes, p.options), false
  ) texts,
  LATERAL regexp_split_to_table(lower(public.unaccent(texts.said)), '[^[:alnum:]]+') AS word
  WHERE length(word) BETWEEN 2 AND 40
  ORDER BY fresh.product_id, word, title DESC
),
counted AS (
  INSERT INTO shop.search_vocabulary AS v (word, lexeme, docs, titles)
  SELECT word, (SELECT lexeme FROM unnest(to_tsvector('shop.words', word)) LIMIT 1), docs, titles
  FROM (
    SELECT word, count(*) AS docs, count(*) FILTER (WHERE title) AS titles
    FROM words GROUP BY word) w
  ORDER BY word
  ON CONFLICT (word) DO UPDATE SET docs = v.docs + EXCLUDED.docs, titles = v.titles + EXCLUDED.titles
  RETURNING 1
),
last AS (SELECT indexed_at, product_id FROM fresh ORDER BY indexed_at DESC, product_id DESC LIMIT 1)
UPDATE shop.search_progress SET counted_at = last.indexed_at, counted_id = last.product_id FROM last`;

/** At most so many products. */
export async function countWords(q: Query, products: number): Promise<void> {
  await q.run(countText, [products], 'search_count_words');
}
