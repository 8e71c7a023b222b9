/**
 * One search from what was asked to what is answered. Few statements: words that are not
 * remembered are looked up, then one statement finds, ranks, cuts and counts.
 */
import type { Query } from '../../platform/postgres/pool.ts';
import { refuse } from '../../platform/http/problems.ts';
import type { Place } from '../delivery/rules.ts';
import { readCursor, writeCursor } from './cursor.ts';
import type { Position } from './cursor.ts';
import { facetsOf, totalOf } from './facets.ts';
import { countUpTo, findHits } from './hits.ts';
import type { Found, Hit, HitQuery, Sort } from './hits.ts';
import type { Deliverable } from './deliverable.ts';
import type { Labels } from './labels.ts';
import { nextStage, planOf, tiersFor } from './plan.ts';
import type { Plan, Stage } from './plan.ts';
import { exactCountMax, fewHits, rankedMax } from './ranking.ts';
import type { Ranking } from './ranking.ts';
import { onSaleTag, tagOf } from './tags.ts';
import { readTiers } from './tiers.ts';
import type { Tiers } from './tiers.ts';
import type { Vocabulary, WordFacts } from './vocabulary.ts';
import { readTyped } from './words.ts';
import type { Typed } from './words.ts';

export interface Ask {
  readonly q: string;
  readonly category: string | null;
  readonly brand: string | null;
  /** `name=value`; all of them have to hold. */
  readonly attributes: readonly string[];
  readonly minPrice: number | null;
  readonly maxPrice: number | null;
  readonly onSale: boolean;
  readonly deliverable: boolean;
  readonly place: Place | null;
  readonly sort: Sort;
  readonly limit: number;
  readonly cursor: string | null;
}

export interface SearchParts {
  readonly q: Query;
  readonly vocabulary: Vocabulary;
  readonly labels: Labels;
  readonly deliverable: Deliverable;
  /** Remembered for a moment by whoever makes it. */
  readonly tiers: () => Promise<Tiers>;
  readonly ranking: Ranking;
}

/** No product has it: of a label that does not exist. */
const noTag = 0;

interface Filters {
  readonly tags: readonly number[];
  readonly deliveryTags: readonly number[] | null;
}

/** What was typed, and what the shop knows of its words. */
interface Understood {
  readonly typed: Typed;
  readonly facts: ReadonlyMap<string, WordFacts>;
}

interface Result {
  readonly plan: Plan;
  readonly position: Position;
  readonly found: Found;
}

/** The answer as JSON, without what each reply adds. Throws a ProblemError for a cursor of another query. */
export async function search(parts: SearchParts, ask: Ask): Promise<string> {
  const typed = readTyped(ask.q);
  const query = queryText(ask);
  const start = ask.cursor === null ? null : readCursor(ask.cursor, query);
  if (ask.cursor !== null && start === null) {
    refuse('invalid_request', '`cursor` is not one of this search', { param: 'cursor' });
  }
  const words = [...typed.wanted, ...typed.unwanted].flat();
  const [filters, tiers, facts] = await Promise.all([
    filtersOf(parts, ask),
    parts.tiers(),
    parts.vocabulary.lookUp(words),
  ]);
  const result = await staged(parts, ask, { typed, facts }, filters, tiers, start);
  return answerOf(parts, ask, tiers, result, query);
}

/** All that the hits and their order follow from. */
function queryText({ cursor: _, limit: __, place, ...asked }: Ask): string {
  const where = place === null || !asked.deliverable ? '' : `${place.country} ${place.postalCode}`;
  return JSON.stringify([asked, where]);
}

async function filtersOf({ labels, deliverable }: SearchParts, ask: Ask): Promise<Filters> {
  const { category, brand, attributes, onSale, place } = ask;
  const wanted = attributes.map((value) => tagOf('attribute', value).label);
  if (category !== null) wanted.push(tagOf('category', category.replace(/\s*>\s*/g, ' > ')).label);
  if (brand !== null) wanted.push(tagOf('brand', brand).label);
  const ids = await labels.idsOf(wanted);
  const tags = wanted.map((label) => ids.get(label) ?? noTag);
  const deliveryTags = place === null ? null : await deliverable.tagsFor(place);
  return { tags: onSale ? [...tags, onSaleTag] : tags, deliveryTags };
}

/** Lets more in stage by stage, until there is something; a cursor goes on in its own stage. */
async function staged(
  parts: SearchParts,
  ask: Ask,
  { typed, facts }: Understood,
  filters: Filters,
  tiers: Tiers,
  start: Position | null,
): Promise<Result> {
  let stage: Stage = start?.stage ?? 'strict';
  let result: Result | null = null;
  for (;;) {
    const plan = planOf(typed, facts, tiers.docs, stage);
    // A stage that lets nothing new in is not asked for.
    if (plan.tsquery !== result?.plan.tsquery) {
      result = await tiered(parts, ask, plan, filters, tiers, start);
    }
    const more = start === null && parts.ranking.near;
    const next = more ? nextStage(plan, result.found.count) : null;
    if (next === null || !(await isRare(parts.q, ask, filters, result))) return result;
    stage = next;
  }
}

/** Few hits because of the words, not of the filters: else a facet's count would not be kept. */
async function isRare(q: Query, ask: Ask, filters: Filters, result: Result): Promise<boolean> {
  const { minPrice, maxPrice, deliverable } = ask;
  const filtered = filters.tags.length > 0 || deliverable || minPrice !== null || maxPrice !== null;
  return !filtered || (await countUpTo(q, result.plan.tsquery, fewHits)) < fewHits;
}

/** Ranks as few tiers as hold enough hits. */
async function tiered(
  { q, ranking }: SearchParts,
  ask: Ask,
  plan: Plan,
  filters: Filters,
  tiers: Tiers,
  start: Position | null,
): Promise<Result> {
  const last = tiers.shares.length - 1;
  let tier = Math.min(last, start?.tier ?? tiersFor(plan.share, tiers.docs));
  for (;;) {
    const position: Position = start ?? { stage: plan.stage, tier, part: 'ranked', after: null };
    const found = await findHits(q, hitQuery(ask, plan, filters, position, last, ranking));
    if (start !== null || tier >= last || found.count >= exactCountMax) {
      return { plan, position, found };
    }
    const share = found.count / ((tiers.shares[tier] ?? 1) * tiers.docs);
    tier = Math.max(tier + 1, Math.min(last, tiersFor(share, tiers.docs)));
  }
}

function hitQuery(
  ask: Ask,
  plan: Plan,
  { tags, deliveryTags }: Filters,
  position: Position,
  last: number,
  ranking: Ranking,
): HitQuery {
  return {
    tsquery: plan.tsquery,
    some: plan.some,
    exact: plan.exact,
    tags,
    anyTag: ask.deliverable ? (deliveryTags ?? []) : null,
    deliveryTags,
    minPrice: ask.minPrice,
    maxPrice: ask.maxPrice,
    sort: ask.sort,
    limit: ask.limit,
    after: position.after,
    tier: position.tier,
    lastTier: last,
    rest: position.part === 'rest',
    ranking,
  };
}

async function answerOf(
  { labels, deliverable }: SearchParts,
  ask: Ask,
  tiers: Tiers,
  { plan, position, found }: Result,
  query: string,
): Promise<string> {
  const share = tiers.shares[position.tier] ?? 1;
  const { total, approximate, factor } = totalOf(found.count, share, found.count >= rankedMax);
  const tags = await labels.tagsOf([...found.tags.keys()].filter((id) => id > 0));
  const shown = found.hits.slice(0, ask.limit);
  const hasRest = plan.tsquery !== '' && position.tier < tiers.shares.length - 1;
  const next = nextOf(ask, position, found.hits, hasRest);
  const rest = {
    facets: facetsOf(found, tags, factor, found.deliverable),
    total,
    total_approximate: approximate,
    matched: plan.matched,
    next_cursor: next === null ? null : writeCursor(next, query),
  };
  return `{"hits":[${await hitsText(deliverable, ask.place, shown)}],${JSON.stringify(rest).slice(1)}`;
}

async function hitsText(
  deliverable: Deliverable,
  place: Place | null,
  hits: readonly Hit[],
): Promise<string> {
  const ids = hits.map(({ deliveryId }) => deliveryId);
  const texts = await deliverable.textsFor(place, ids);
  return hits.map(({ shown }, i) => `${shown},"delivery":${texts[i] ?? 'null'}}`).join(',');
}

/** Null at the end. Beyond the tiers that were ranked by words come the others, by quality. */
function nextOf(
  ask: Ask,
  position: Position,
  hits: readonly Hit[],
  hasRest: boolean,
): Position | null {
  const last = hits[ask.limit - 1];
  if (hits.length > ask.limit && last !== undefined) {
    return { ...position, after: [last.key, last.id] };
  }
  const ranked = position.part === 'ranked' && ask.sort === 'relevance';
  return ranked && hasRest ? { ...position, part: 'rest', after: null } : null;
}

const tiersFreshMs = 5000;

/** Tiers, read again when they are some seconds old. */
export function rememberTiers(q: Query, now: () => number): () => Promise<Tiers> {
  let known: { readonly tiers: Tiers; readonly until: number } | null = null;
  return async () => {
    if (known === null || known.until <= now()) {
      known = { tiers: await readTiers(q), until: now() + tiersFreshMs };
    }
    return known.tiers;
  };
}
