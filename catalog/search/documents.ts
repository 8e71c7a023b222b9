/**
 * Writes the rows of shop.search: the text in the transaction that writes the product, what its
 * sales say whenever somebody looks. Idempotent; a row that says the same already is not touched.
 */
import { createHash } from 'node:crypto';
import type { Query } from '../../platform/postgres/pool.ts';
import type { StoredProduct } from '../product-rows.ts';
import { searchTextOf } from './document.ts';
import { deliveryTag, tierTag, onSaleTag } from './tags.ts';
import type { Tag } from './tags.ts';
import { readFamilies, standingsOf, wholeColumns } from './families.ts';
import { shownText } from './shown.ts';
import type { Family as FamilyOf } from './families.ts';
import type { Standing } from './standing.ts';

type Family = FamilyOf<StoredProduct>;

const deleteText = `DELETE FROM shop.search WHERE product_id = ANY($1)`;

/**
 * Makes search say what the products say, whatever became of them. `ids` may be of variants. In
 * the transaction of the write it is as new as the write.
 */
export async function indexProducts(q: Query, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const { families, gone } = await readFamilies<StoredProduct>(q, ids, wholeColumns);
  if (gone.length > 0) await q.run(deleteText, [gone], 'search_delete');
  if (families.length === 0) return;
  const rows = await rowsOf(q, families);
  await q.run(writeText, [JSON.stringify(rows)], 'search_write');
}

async function rowsOf(q: Query, families: readonly Family[]): Promise<object[]> {
  const texts = families.map(({ head, variants }) => searchTextOf(head, variants));
  const tagIds = await idsOfTags(
    q,
    texts.flatMap(({ tags }) => tags),
  );
  const rulesIds = await idsOfRules(
    q,
    families.map(({ head }) => head.delivery),
  );
  const standings = await standingsOf(q, families);
  return families.map((family, i) => {
    const { tags = [], ...text } = texts[i] ?? {};
    const { head, variants, versions } = family;
    const standing = standings[i];
    const deliveryId = rulesIds[i] ?? null;
    const found = tags.flatMap(({ label }) => tagIds.get(label) ?? []);
    const built = standing === undefined ? [] : standingTags(standing);
    return {
      product_id: head.id,
      versions,
      ...text,
      ...standing,
      tags: [...new Set([...found, ...built, deliveryTag(deliveryId)])],
      delivery_id: deliveryId,
      shown: standing === undefined ? '' : shownText(head, variants.length, standing),
      registered_at: head.registered_at.toISOString(),
    };
  });
}

const standingTags = ({ tier, on_sale: onSale }: Standing): number[] =>
  onSale ? [tierTag(tier), onSaleTag] : [tierTag(tier)];

const columns = `product_id, versions, words, tags, delivery_id, availability, price, list_price,
  sale, popularity, quality, tier, registered_at, shown`;

const writeText = `
INSERT INTO shop.search AS s (${columns})
SELECT product_id, versions,
  setweight(to_tsvector('shop.words', a), 'A') || setweight(to_tsvector('shop.words', b), 'B') ||
  setweight(to_tsvector('shop.words', c), 'C') || setweight(to_tsvector('shop.words', d), 'D'),
  ARRAY(SELECT jsonb_array_elements(tags)::integer),
  delivery_id, availability, price, list_price, sale, popularity, quality, tier, registered_at, shown
FROM jsonb_to_recordset($1::jsonb) AS r(
  product_id text, versions bigint, a text, b text, c text, d text, tags jsonb,
  delivery_id integer, availability smallint, price bigint, list_price bigint, sale jsonb,
  popularity bigint, quality real, tier smallint, registered_at timestamptz, shown text)
ORDER BY product_id
ON CONFLICT (product_id) DO UPDATE SET
  versions = EXCLUDED.versions, words = EXCLUDED.words, tags = EXCLUDED.tags,
  delivery_id = EXCLUDED.delivery_id, availability = EXCLUDED.availability,
  price = EXCLUDED.price, list_price = EXCLUDED.list_price, sale = EXCLUDED.sale,
  popularity = EXCLUDED.popularity, quality = EXCLUDED.quality, tier = EXCLUDED.tier,
  shown = EXCLUDED.shown,
  indexed_at = CASE WHEN s.words = EXCLUDED.words THEN s.indexed_at ELSE now() END
WHERE (s.versions, s.words, s.tags, s.availability, s.price, s.list_price, s.sale, s.popularity,
    s.shown)
  IS DISTINCT FROM (EXCLUDED.versions, EXCLUDED.words, EXCLUDED.tags, EXCLUDED.availability,
    EXCLUDED.price, EXCLUDED.list_price, EXCLUDED.sale, EXCLUDED.popularity,
    EXCLUDED.shown)`;

const addTagsText = `
INSERT INTO shop.search_tags (label, shown)
SELECT label, shown FROM unnest($1::text[], $2::text[]) AS t(label, shown)
WHERE NOT EXISTS (SELECT 1 FROM shop.search_tags known WHERE known.label = t.label)
ORDER BY label
ON CONFLICT (label) DO NOTHING`;

const tagIdsText = `SELECT label, id FROM shop.search_tags WHERE label = ANY($1)`;

async function idsOfTags(q: Query, tags: readonly Tag[]): Promise<ReadonlyMap<string, number>> {
  const byLabel = new Map(tags.map(({ label, shown }) => [label, shown]));
  const labels = [...byLabel.keys()];
  await q.run(addTagsText, [labels, [...byLabel.values()]], 'search_add_tags');
  const rows = await q.query<{ label: string; id: number }>(tagIdsText, [labels], 'search_tags');
  return new Map(rows.map(({ label, id }) => [label, id]));
}

const addRulesText = `
INSERT INTO shop.delivery_rules (digest, rules)
SELECT digest, rules::jsonb FROM unnest($1::bytea[], $2::text[]) AS t(digest, rules)
WHERE NOT EXISTS (SELECT 1 FROM shop.delivery_rules known WHERE known.digest = t.digest)
ORDER BY digest
ON CONFLICT (digest) DO NOTHING`;

const rulesIdsText = `
SELECT encode(digest, 'hex') AS digest, id FROM shop.delivery_rules WHERE digest = ANY($1)`;

type Rules = Readonly<Record<string, unknown>>;

/** In the order of the rules; null where there are none. jsonb orders its keys, so text is canonical. */
async function idsOfRules(q: Query, all: readonly (Rules | null)[]): Promise<(number | null)[]> {
  const texts = all.map((rules) => (rules === null ? null : JSON.stringify(rules)));
  const digests = texts.map((text) =>
    text === null ? null : createHash('sha256').update(text).digest(),
  );
  const known = new Map<string, readonly [Buffer, string]>();
  digests.forEach((digest, i) => {
    if (digest !== null) known.set(digest.toString('hex'), [digest, texts[i] ?? '']);
  });
  if (known.size === 0) return all.map(() => null);
  const wanted = [...known.values()];
  const buffers = wanted.map(([digest]) => digest);
  await q.run(addRulesText, [buffers, wanted.map(([, text]) => text)], 'search_add_rules');
  const rows = await q.query<{ digest: string; id: number }>(
    rulesIdsText,
    [buffers],
    'search_rules',
  );
  const ids = new Map(rows.map(({ digest, id }) => [digest, id]));
  return digests.map((digest) =>
    digest === null ? null : (ids.get(digest.toString('hex')) ?? null),
  );
}
