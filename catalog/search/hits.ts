/**
 * The SQL of a search: one statement finds the hits, ranks them, cuts the page and counts facets.
 * Text comes in as parameters only; what is put together here are conditions of our own.
 */
import type { Query } from '../../platform/postgres/pool.ts';
import { AssertionFailed } from '../../platform/fault.ts';
import type { DeliveryRules } from '../delivery/rules.ts';
import type { SaleOfHit } from './standing.ts';
import { exactBonus, rankedMax, scoreScale } from './ranking.ts';
import type { Ranking } from './ranking.ts';
import { tierTag } from './tags.ts';

export type Sort = 'relevance' | 'price' | '-price' | 'newest' | 'popularity';

export interface HitQuery {
  /** '' = anything. */
  readonly tsquery: string;
  /** What holds every word as typed; '' = all hits do. */
  readonly exact: string;
  /** Each has to be on the product. */
  readonly tags: readonly number[];
  /** One of them has to be. Null = whatever is. */
  readonly anyTag: readonly number[] | null;
  readonly minPrice: number | null;
  readonly maxPrice: number | null;
  readonly sort: Sort;
  readonly limit: number;
  readonly after: readonly [number, string] | null;
  /** The tiers 0…tier are ranked and counted. */
  readonly tier: number;
  readonly lastTier: number;
  /** The page is of what is beyond those tiers, by quality. */
  readonly rest: boolean;
  /** Tags of what is delivered to the shopper's place, to be counted. Null = no place. */
  readonly deliveryTags: readonly number[] | null;
  readonly ranking: Ranking;
}

export interface Hit {
  readonly id: string;
  /** What the page is ordered by: the cursor's number. */
  readonly key: number;
  readonly name: string;
  readonly brand: string | null;
  readonly category: string | null;
  readonly image: string | null;
  readonly currency: string;
  readonly price: number;
  readonly list_price: number;
  readonly availability: number;
  readonly sale: SaleOfHit | null;
  readonly variants: number;
  readonly rules: DeliveryRules | null;
}

export interface Found {
  /** At most one more than the limit. */
  readonly hits: readonly Hit[];
  /** Of the tiers asked for. */
  readonly count: number;
  /** Of those, delivered to the shopper's place; null without one. */
  readonly deliverable: number | null;
  /** How many hits have a tag, by its id. */
  readonly tags: ReadonlyMap<number, number>;
  /** How many hits cost from `priceBounds[i - 1]` to below `priceBounds[i]`. */
  readonly prices: ReadonlyMap<number, number>;
}

/** Where bars of the price facet begin, minor units; the first begins at 0. */
export const priceBounds: readonly number[] = [
  1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
];

interface Order {
  /** An expression over shop.search, shown as a number of JSON. */
  readonly key: string;
  readonly direction: 'ASC' | 'DESC';
}

const newest = '(extract(epoch FROM s.registered_at) * 1000000)::bigint';
const orders: Readonly<Record<Exclude<Sort, 'relevance'> | 'quality', Order>> = {
  price: { key: 's.price', direction: 'ASC' },
  '-price': { key: 's.price', direction: 'DESC' },
  newest: { key: newest, direction: 'DESC' },
  popularity: { key: 's.popularity', direction: 'DESC' },
  quality: { key: 's.quality', direction: 'DESC' },
};

/** Numbers the parameters as they are used. */
class Parameters {
  readonly values: unknown[] = [];
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

export async function findHits(q: Query, query: HitQuery): Promise<Found> {
  const { text, values } = hitsSql(query);
  const [row] = await q.query<Row>(text, values);
  if (row === undefined) throw new AssertionFailed('a search answered no row');
  const { hits, count, deliverable, tags, prices } = row;
  return { hits: hits ?? [], count, deliverable, tags: toMap(tags), prices: toMap(prices) };
}

const countText = `SELECT count(*) AS n FROM (
  SELECT 1 FROM shop.search WHERE words @@ to_tsquery('shop.words', $1) LIMIT $2) found`;

/** How many products fit the words, but no more than `max` are counted. */
export async function countUpTo(q: Query, tsquery: string, max: number): Promise<number> {
  const [row] = await q.query<{ n: number }>(countText, [tsquery, max], 'search_count');
  return row?.n ?? 0;
}

interface Row {
  readonly deliverable: number | null;
  readonly hits: Hit[] | null;
  readonly count: number;
  readonly tags: Readonly<Record<string, number>> | null;
  readonly prices: Readonly<Record<string, number>> | null;
}

const toMap = (counts: Row['tags']): Map<number, number> =>
  new Map(Object.entries(counts ?? {}).map(([key, count]) => [Number(key), count]));

export function hitsSql(query: HitQuery): { text: string; values: unknown[] } {
  const p = new Parameters();
  const conditions = conditionsOf(query, p);
  const ranked = query.sort === 'relevance' && query.tsquery !== '' && !query.rest;
  const page = ranked ? rankedPage(query, p) : orderedPage(query, conditions, p);
  const inTiers = tierCondition(query, p);
  const text = `
WITH hits AS MATERIALIZED (
  SELECT s.product_id, s.tags, s.price${ranked ? `, ${scoreOf(query, p)} AS score` : ''}
  FROM shop.search s WHERE ${[...conditions, ...inTiers].join(' AND ')} LIMIT ${rankedMax}
), page AS (${page})
SELECT
  (SELECT count(*) FROM hits) AS count,
  ${deliverableCount(query, p)} AS deliverable,
  (SELECT json_agg(h ORDER BY place) FROM (
    SELECT page.place, page.key, ${shownColumns}
    FROM page JOIN shop.search s USING (product_id) JOIN shop.products p ON p.id = s.product_id COLLATE "default"
    LEFT JOIN shop.delivery_rules d ON d.id = s.delivery_id) h) AS hits,
  (SELECT json_object_agg(tag, n) FROM (
    SELECT tag, count(*) AS n FROM hits, unnest(hits.tags) tag WHERE tag > -10 GROUP BY tag) t) AS tags,
  (SELECT json_object_agg(bar, n) FROM (
    SELECT width_bucket(price, ARRAY[${priceBounds.join(',')}]::bigint[]) AS bar, count(*) AS n
    FROM hits GROUP BY bar) t) AS prices`;
  return { text, values: p.values };
}

function deliverableCount({ deliveryTags }: HitQuery, p: Parameters): string {
  if (deliveryTags === null) return 'NULL::bigint';
  return `(SELECT count(*) FROM hits WHERE hits.tags && ${p.add(deliveryTags)}::integer[])`;
}

/** Ids are compared in the collation of the index that finds them: here that of shop.products. */
const shownColumns = `s.product_id AS id, p.name, p.brand, p.category, p.images[1] AS image,
  p.currency, s.price, s.list_price, s.availability, s.sale, d.rules,
  (SELECT count(*) FROM shop.products v WHERE v.variant_of = p.id AND v.withdrawn_at IS NULL) AS variants`;

function conditionsOf(query: HitQuery, p: Parameters): string[] {
  const { tsquery, tags, anyTag, minPrice, maxPrice } = query;
  const found: string[] = [];
  if (tsquery !== '') found.push(`s.words @@ to_tsquery('shop.words', ${p.add(tsquery)})`);
  if (tags.length > 0) found.push(`s.tags @> ${p.add(tags)}::integer[]`);
  if (anyTag !== null) found.push(`s.tags && ${p.add(anyTag)}::integer[]`);
  if (minPrice !== null) found.push(`s.price >= ${p.add(minPrice)}`);
  if (maxPrice !== null) found.push(`s.price <= ${p.add(maxPrice)}`);
  return found.length === 0 ? ['true'] : found;
}

/** By tags, because they are in the index of the words. */
function tierCondition({ tier, lastTier }: HitQuery, p: Parameters): string[] {
  if (tier >= lastTier) return [];
  const tiers = Array.from({ length: tier + 1 }, (_, i) => tierTag(i));
  return [`s.tags && ${p.add(tiers)}::integer[]`];
}

function scoreOf({ tsquery, exact, ranking }: HitQuery, p: Parameters): string {
  const asked = `to_tsquery('shop.words', ${p.add(tsquery)})`;
  const { fields, quality } = ranking;
  const weights = [fields.D, fields.C, fields.B, fields.A].join(',');
  const rank = `ts_rank('{${weights}}', s.words, ${asked})`;
  const whole =
    exact === ''
      ? ''
      : ` + CASE WHEN s.words @@ to_tsquery('shop.words', ${p.add(exact)}) THEN ${exactBonus} ELSE 0 END`;
  return `round((${rank} * (1 + ${quality} * s.quality)${whole})::numeric * ${scoreScale})::bigint`;
}

function rankedPage({ after, limit }: HitQuery, p: Parameters): string {
  const place = after === null ? 'true' : keyset('score', 'product_id', 'DESC', after, p, 'bigint');
  return `SELECT product_id, score AS key, row_number() OVER (ORDER BY score DESC, product_id) AS place
  FROM hits WHERE ${place} ORDER BY score DESC, product_id LIMIT ${limit + 1}`;
}

function orderedPage(query: HitQuery, conditions: readonly string[], p: Parameters): string {
  const { sort, after, limit, rest, tier } = query;
  const { key, direction } = orders[sort === 'relevance' ? 'quality' : sort];
  const all = [...conditions];
  if (rest) all.push(`s.tier > ${p.add(tier)}`);
  if (after !== null) all.push(keysetOf(sort, key, direction, after, p));
  const by = sort === 'newest' ? 's.registered_at' : key;
  const order = `${by} ${direction}, s.product_id`;
  return `SELECT s.product_id, ${key} AS key, row_number() OVER (ORDER BY ${order}) AS place
  FROM shop.search s WHERE ${all.join(' AND ')} ORDER BY ${order} LIMIT ${limit + 1}`;
}

function keysetOf(
  sort: Sort,
  key: string,
  direction: Order['direction'],
  after: readonly [number, string],
  p: Parameters,
): string {
  switch (sort) {
    case 'newest': {
      const at = `('epoch'::timestamptz + ${p.add(after[0])}::bigint * interval '1 microsecond')`;
      const id = p.add(after[1]);
      return `s.registered_at <= ${at} AND (s.registered_at < ${at} OR s.product_id > ${id})`;
    }
    case 'relevance':
      return keyset(key, 's.product_id', direction, after, p, 'real');
    case 'price':
    case '-price':
    case 'popularity':
      return keyset(key, 's.product_id', direction, after, p, 'bigint');
  }
}

/** After (value, id) in the order `value direction, id ASC`, in a form that an index can begin at. */
function keyset(
  key: string,
  id: string,
  direction: Order['direction'],
  after: readonly [number, string],
  p: Parameters,
  type: 'bigint' | 'real',
): string {
  const beyond = direction === 'DESC' ? '<' : '>';
  const value = `${p.add(after[0])}::${type}`;
  return `${key} ${beyond}= ${value} AND (${key} ${beyond} ${value} OR ${id} > ${p.add(after[1])})`;
}
