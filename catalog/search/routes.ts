/**
 * GET /v1/search, /v1/suggest and /v1/delivery. Answers are kept for a moment, and for minutes
 * while Postgres is away, then marked `stale`; too many at a time are asked to come back.
 */
import { isRetryable, messageOf } from '../../platform/fault.ts';
import { problem, refuse } from '../../platform/http/problems.ts';
import type { Ctx, Route } from '../../platform/http/route.ts';
import type { Db } from '../../platform/postgres/pool.ts';
import { ReadCache } from '../../platform/read-cache.ts';
import { windowRow } from '../../platform/window/rows.ts';
import type { Places } from '../delivery/places.ts';
import { deliveryTo } from '../delivery/rules.ts';
import type { DeliveryRules, Place } from '../delivery/rules.ts';
import { notYetMigrated } from '../schema-wait.ts';
import { createDeliverable } from './deliverable.ts';
import { createLabels } from './labels.ts';
import { placeOf } from './place-asked.ts';
import type { ReadSavedPlace } from './place-asked.ts';
import { defaultRanking } from './ranking.ts';
import type { Ranking } from './ranking.ts';
import { rememberTiers, search } from './search.ts';
import type { Ask, SearchParts } from './search.ts';
import type { Sort } from './hits.ts';
import { suggest } from './suggest.ts';
import { attributesOf, isAttribute } from './tags.ts';
import { createVocabulary } from './vocabulary.ts';

export interface SearchOptions {
  readonly db: Db;
  readonly places: Places;
  readonly savedPlace: ReadSavedPlace;
  /** How long an answer is shown again without asking; 0 = never. */
  readonly freshMs?: number;
  readonly ranking?: Ranking;
  /** Where answers are remembered, for who has to forget them; made here if missing. */
  readonly answers?: Answers;
  readonly now?: () => number;
}

export const searchFreshMs = 1000;
const staleMs = 600_000;
const cacheMaxBytes = 64 * 1024 * 1024;
/** Searches at a time; those beyond are refused, or answered from an older one. */
const loadsMax = 64;
const pauseMs = 1000;
const patienceMs = 300;
const retryAfterMs = 1000;
const bytesOfEntry = 512;

/** Three questions, one cache: what it is about is in the key. */
type Question =
  | { readonly kind: 'search'; readonly ask: Ask }
  | { readonly kind: 'suggest'; readonly q: string }
  | { readonly kind: 'delivery'; readonly productId: string; readonly place: Place | null };

export type Answers = ReadCache<string>;

export function searchRoutes(options: SearchOptions): Route[] {
  const { places, savedPlace } = options;
  const { answers = createAnswers(options) } = options;
  const placed = (ctx: Ctx) => placeOf(ctx, places, savedPlace, ctx.query['deliverable'] === true);
  return [
    {
      ...windowRow('search'),
      handle: (ctx) =>
        answering(ctx, answers, async () => ({
          kind: 'search',
          ask: askOf(ctx, await placed(ctx)),
        })),
    },
    {
      ...windowRow('suggest'),
      handle: (ctx) =>
        answering(ctx, answers, () => ({ kind: 'suggest', q: String(ctx.query['q']).trim() })),
    },
    {
      ...windowRow('getDelivery'),
      handle: (ctx) =>
        answering(ctx, answers, async () => {
          const productId = String(ctx.query['product_id']);
          return { kind: 'delivery', productId, place: await placed(ctx) };
        }),
    },
  ];
}

export function createAnswers({
  db,
  ranking = defaultRanking,
  freshMs = searchFreshMs,
  now = () => performance.now(),
}: Omit<SearchOptions, 'answers' | 'places' | 'savedPlace'>): Answers {
  const parts: SearchParts = {
    q: db,
    vocabulary: createVocabulary(db, now),
    labels: createLabels(db),
    deliverable: createDeliverable(db, now),
    tiers: rememberTiers(db, now),
    ranking,
  };
  return new ReadCache<string>({
    maxSize: cacheMaxBytes,
    freshMs,
    costShare: freshMs === 0 ? 0 : 1,
    staleMs,
    maxLoads: loadsMax,
    pauseMs,
    patienceMs,
    sizeOf: (json) => json.length * 2 + bytesOfEntry,
    load: async (key) => {
      const document = await answerTo(parts, JSON.parse(key) as Question).catch(
        (error: unknown) => {
          throw notYetMigrated(error);
        },
      );
      return document === null ? null : document.slice(0, -1);
    },
    now,
  });
}

const rulesText = `SELECT delivery FROM shop.products WHERE id = $1 AND withdrawn_at IS NULL`;

/** JSON; null when there is no such product. */
async function answerTo(parts: SearchParts, question: Question): Promise<string | null> {
  switch (question.kind) {
    case 'search':
      return search(parts, question.ask);
    case 'suggest':
      return JSON.stringify({ suggestions: await suggest(parts.q, question.q) });
    case 'delivery': {
      const { productId, place } = question;
      const rows = await parts.q.query<{ delivery: DeliveryRules | null }>(rulesText, [productId]);
      const [row] = rows;
      return row === undefined ? null : JSON.stringify(deliveryTo(row.delivery, place));
    }
  }
}

function askOf(ctx: Ctx, place: Place | null): Ask {
  const text = (name: string): string | null => (ctx.query[name] as string | undefined) ?? null;
  const amount = (name: string): number | null => (ctx.query[name] as number | undefined) ?? null;
  const ask: Ask = {
    q: (text('q') ?? '').trim(),
    category: text('category'),
    brand: text('brand'),
    attributes: attributesOf((ctx.query['attribute'] as readonly string[] | undefined) ?? []),
    minPrice: amount('min_price'),
    maxPrice: amount('max_price'),
    onSale: ctx.query['on_sale'] === true,
    deliverable: ctx.query['deliverable'] === true,
    place,
    sort: (text('sort') ?? 'relevance') as Sort,
    limit: amount('limit') ?? 20,
    cursor: text('cursor'),
  };
  if (!ask.attributes.every(isAttribute)) {
    refuse('invalid_request', '`attribute` must be `name=value`', { param: 'attribute' });
  }
  if (ask.minPrice !== null && ask.maxPrice !== null && ask.minPrice > ask.maxPrice) {
    refuse('invalid_request', '`min_price` is above `max_price`', { param: 'min_price' });
  }
  if (ask.deliverable && place === null) {
    refuse('invalid_request', '`deliverable` needs a place: `country`, or one that is saved', {
      param: 'country',
    });
  }
  return ask;
}

/** From memory where it may be; a 503 with a time to come back instead of a wait without end. */
async function answering(
  ctx: Ctx,
  answers: Answers,
  ask: () => Question | Promise<Question>,
): Promise<void> {
  try {
    const found = await answers.get(JSON.stringify(await ask()));
    if (found === null) {
      ctx.problem(problem('not_found', 'There is no such product.'));
      return;
    }
    const { value, ageMs, stale } = found;
    const headers = {
      age: String(Math.floor(ageMs / 1000)),
      'cache-control': 'private, max-age=0',
    };
    const added = `,"stale":${String(stale)},"server_time":"${new Date().toISOString()}"}`;
    ctx.reply(200, value + added, headers);
  } catch (error) {
    if (!isRetryable(error)) {
      ctx.fail(error);
      return;
    }
    ctx.problem(problem('unavailable', `Not now: ${messageOf(error)}.`, { retryAfterMs }));
  }
}
