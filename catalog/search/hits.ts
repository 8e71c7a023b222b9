/**
 * The SQL of a search: one statement finds the hits, ranks them, cuts the page and counts facets.
 * Text comes in as parameters only; what is put together here are conditions of our own.
 */
import { createHash } from 'node:crypto';
import type { Query } from '../../platform/postgres/pool.ts';
import { AssertionFailed } from '../../platform/fault.ts';
import { countHits } from './counts.ts';
import type { Counts } from './counts.ts';
import { below1, exactBonus, rankedMax, scoreScale } from './ranking.ts';
import type { Ranking } from './ranking.ts';
import { tierTag } from './tags.ts';

export type Sort = 'relevance' | 'price' | '-price' | 'newest' | 'popularity';

export interface HitQuery {
  /** '' = anything. */
  readonly tsquery: string;
  /** Any of the words; '' = none are wanted. */
  readonly some: string;
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
  /** Its set of rules; null = delivered everywhere. */
  readonly deliveryId: number | null;
  /** As shown.ts writes it. */
  readonly shown: string;
}

export interface Found extends Counts {
  /** At most one more than the limit. */
  readonly hits: readonly Hit[];
  /** Of the tiers asked for. */
  readonly count: number;
}

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
  const { text, values, name } = hitsSql(query);
  const [row] = await q.query<Row>(text, values, name);
  if (row === undefined) throw new AssertionFailed('a search answered no row');
  const { hits, count, counted } = row;
  return {
    hits: hits === null ? [] : hits.split('\n').map(hitOf),
    count,
    ...countHits(counted ?? '', query.deliveryTags),
  };
}

/** Neither an id nor JSON on one line holds what parts them. */
function hitOf(line: string): Hit {
  const [key = '', id = '', delivery = '', shown = ''] = line.split('\t');
  return { id, key: Number(key), deliveryId: delivery === '' ? null : Number(delivery), shown };
}

const countText = `SELECT count(*) AS n FROM (
  SELECT 1 FROM shop.search WHERE words @@ to_tsquery('shop.words', $1) LIMIT $2) found`;

/** How many products fit the words, but no more than `max` are counted. */
export async function countUpTo(q: Query, tsquery: string, max: number): Promise<number> {
  const [row] = await q.query<{ n: number }>(countText, [tsquery, max], 'search_count');
  return row?.n ?? 0;
}

interface Row {
  /** A line each: key, id, rules of delivery, what is shown. */
  readonly hits: string | null;
  readonly count: number;
  /** As countHits takes it. */
  readonly counted: string | null;
}

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Of what has one plan whatever is asked for: planning it costs as much as finding a few hits. */
  readonly name?: string;
}

/** The words asked for, once: as a call in a condition they would be read again for each hit. */
const asked = `(SELECT words FROM asked)`;

export function hitsSql(query: HitQuery): Statement {
  const p = new Parameters();
  const ranked = query.sort === 'relevance' && query.tsquery !== '' && !query.rest;
  const askedText =
    query.tsquery === ''
      ? ''
      : `asked AS MATERIALIZED (SELECT to_tsquery('shop.words', ${p.add(query.tsquery)}) AS words),`;
  const conditions = [...conditionsOf(query, asked, p), ...tierCondition(query, p)];
  const page = ranked ? rankedPage(query, p) : orderedPage(query, p);
  // A row is read again by its place in the table, which cannot change within a statement.
  const text = `
WITH ${askedText} hits AS MATERIALIZED (
  SELECT s.ctid AS at, s.product_id, s.counted${ranked ? `, ${scoreOf(query, p)} AS score` : ''}
  FROM shop.search s WHERE ${conditions.join(' AND ')} LIMIT ${rankedMax}
), page AS (${page})
SELECT n AS count, counted,
  (SELECT string_agg(${hitLine}, E'\\n' ORDER BY page.key ${directionOf(query)}, page.product_id)
    FROM page JOIN shop.search s ON s.ctid = page.at) AS hits
FROM (SELECT count(*) AS n, string_agg(counted, '') AS counted FROM hits) all_of_them`;
  const { values } = p;
  const isUsual = ranked && usualLimits.has(query.limit);
  return isUsual ? { text, values, name: nameOf(text) } : { text, values };
}

/** Of pages; as a parameter it would hide from the planner that a page is small. */
const usualLimits: ReadonlySet<number> = new Set([10, 20, 24, 50]);

/** A few dozen forms for each limit, by which conditions there are. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `search_hits_${createHash('sha1').update(text).digest('base64url').slice(0, 10)}`;
  names.set(text, name);
  return name;
}

const hitLine = `concat(page.key, E'\\t', page.product_id, E'\\t', s.delivery_id, E'\\t', s.shown)`;

const orderOf = (sort: Sort): Order => orders[sort === 'relevance' ? 'quality' : sort];
const directionOf = ({ sort }: HitQuery): Order['direction'] => orderOf(sort).direction;

function conditionsOf(query: HitQuery, words: string, p: Parameters): string[] {
  const { tsquery, tags, anyTag, minPrice, maxPrice } = query;
  const found: string[] = [];
  if (tsquery !== '') found.push(`s.words @@ ${words}`);
  if (tags.length > 0) found.push(`s.tags @> ${p.add(tags)}::integer[]`);
  if (anyTag !== null) found.push(`s.tags && ${p.add(anyTag)}::integer[]`);
  if (minPrice !== null) found.push(`s.price >= ${p.add(minPrice)}`);
  if (maxPrice !== null) found.push(`s.price <= ${p.add(maxPrice)}`);
  return found.length === 0 ? ['true'] : found;
}

/** By tags, because they are in the index of the words. Few hits are exact: those of any tier. */
function tierCondition({ tier, lastTier, exact }: HitQuery, p: Parameters): string[] {
  if (tier >= lastTier) return [];
  const tiers = Array.from({ length: tier + 1 }, (_, i) => tierTag(i));
  const inTiers = `s.tags && ${p.add(tiers)}::integer[]`;
  return [exact === '' ? inTiers : `(${inTiers} OR s.words @@ ${wordsOf(exact, p)})`];
}

/** What each word is worth, and what they are worth where they stand together. */
function scoreOf({ some, tsquery, exact, ranking }: HitQuery, p: Parameters): string {
  const { fields, closeness, quality } = ranking;
  const weights = `'{${[fields.D, fields.C, fields.B, fields.A].join(',')}}'`;
  const isOne = some === tsquery || some === '';
  const each = `ts_rank(${weights}, s.words, ${isOne ? asked : wordsOf(some, p)})`;
  const together = `ts_rank_cd(${weights}, s.words, ${asked}, ${below1})`;
  const rank = isOne ? each : `(${each} + ${closeness} * ${together})`;
  const whole =
    exact === ''
      ? ''
      : ` + CASE WHEN s.words @@ ${wordsOf(exact, p)} THEN ${exactBonus} ELSE 0 END`;
  return `round((${rank} * (1 + ${quality} * s.quality)${whole}) * ${scoreScale})::bigint`;
}

/** Read once, not for each hit. */
const wordsOf = (tsquery: string, p: Parameters): string =>
  `(SELECT to_tsquery('shop.words', ${p.add(tsquery)}))`;

function rankedPage({ after, limit }: HitQuery, p: Parameters): string {
  const place = after === null ? 'true' : keyset('score', 'product_id', 'DESC', after, p, 'bigint');
  return `SELECT at, product_id, score AS key FROM hits WHERE ${place}
  ORDER BY score DESC, product_id LIMIT ${limit + 1}`;
}

/** Its words are a constant to the planner: for a common word it walks an index of the order. */
function orderedPage(query: HitQuery, p: Parameters): string {
  const { sort, after, limit, rest, tier, tsquery } = query;
  const { key, direction } = orderOf(sort);
  const words = tsquery === '' ? '' : `to_tsquery('shop.words', ${p.add(tsquery)})`;
  const all = conditionsOf(query, words, p);
  if (rest) {
    all.push(`s.tier > ${p.add(tier)}`);
    if (query.exact !== '') all.push(`NOT s.words @@ ${wordsOf(query.exact, p)}`);
  }
  if (after !== null) all.push(keysetOf(sort, key, direction, after, p));
  const by = sort === 'newest' ? 's.registered_at' : key;
  const order = `${by} ${direction}, s.product_id`;
  return `SELECT s.ctid AS at, s.product_id, ${key} AS key
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
      const at = `('epoch'::timestamptz + ${p.add(Math.trunc(after[0]))}::bigint * interval '1 microsecond')`;
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
  // Only a cursor that somebody altered has a fraction where there is none.
  const [at] = after;
  const value = `${p.add(type === 'bigint' ? Math.trunc(at) : at)}::${type}`;
  return `${key} ${beyond}= ${value} AND (${key} ${beyond} ${value} OR ${id} > ${p.add(after[1])})`;
}
