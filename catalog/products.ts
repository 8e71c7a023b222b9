/**
 * GET /v1/products/{id}: shown from memory for a moment, and for minutes while Postgres is away,
 * then marked `stale`. It would rather be a little old than not be there.
 */
import { createHash } from 'node:crypto';
import { isRetryable, messageOf } from '../platform/fault.ts';
import { problem } from '../platform/http/problems.ts';
import type { Ctx, Route } from '../platform/http/route.ts';
import type { Log } from '../platform/log.ts';
import type { Db } from '../platform/postgres/pool.ts';
import { ReadCache } from '../platform/read-cache.ts';
import type { Cached } from '../platform/read-cache.ts';
import { windowRow } from '../platform/window/rows.ts';
import type { Places } from './delivery/places.ts';
import { deliveryTo } from './delivery/rules.ts';
import type { DeliveryRules, Place } from './delivery/rules.ts';
import { asOf, productDocument } from './product-page.ts';
import { readProductPage } from './product-rows.ts';
import { readTwice } from './read-twice.ts';
import { notYetMigrated } from './schema-wait.ts';
import { placeOf } from './search/place-asked.ts';
import type { ReadSavedPlace } from './search/place-asked.ts';

export const pageFreshMs = 1000;
export const pageStaleMs = 600_000;
export const pageCacheMaxBytes = 64 * 1024 * 1024;
export const pageLoadsMax = 32;
export const pagePauseMs = 1000;
export const pagePatienceMs = 300;
const retryAfterMs = 1000;
/** Parsed rules take several times the bytes of their JSON. */
const heapPerJson = 4;

interface Page {
  /** The document as JSON without its last brace. */
  readonly head: string;
  /** Of the head only: a page that says the same is the same, however new it is. */
  readonly etag: string;
  /** Its vendor's rules of delivery. */
  readonly rules: DeliveryRules | null;
  /** Length of the rules' JSON. */
  readonly rulesLength: number;
  /** Rest of the JSON up to what each answer adds. */
  readonly asOf: string;
}

export type Pages = ReadCache<Page>;

export function createPages(db: Db, log: Log, now?: () => number): Pages {
  return new ReadCache<Page>({
    maxSize: pageCacheMaxBytes,
    freshMs: pageFreshMs,
    staleMs: pageStaleMs,
    maxLoads: pageLoadsMax,
    pauseMs: pagePauseMs,
    patienceMs: pagePatienceMs,
    // A text of one byte per character or of two; counted as two, with room for the entry.
    sizeOf: ({ head, rulesLength }) => head.length * 2 + rulesLength * heapPerJson + 512,
    load: (id) => loadPage(db, log, id),
    now,
  });
}

async function loadPage(db: Db, log: Log, id: string): Promise<Page | null> {
  try {
    const rows = await readTwice(() => readProductPage(db, id));
    if (rows === null) return null;
    const head = JSON.stringify(productDocument(rows)).slice(0, -1);
    const rules: DeliveryRules | null = rows.product.delivery;
    const rulesJson = JSON.stringify(rules);
    const said = head + rulesJson;
    const digest = createHash('sha1').update(said).digest('base64url').slice(0, 20);
    const time = asOf(rows.offers) ?? new Date();
    return {
      ...{ head, etag: `W/"${digest}"`, rules, rulesLength: rulesJson.length },
      asOf: `,"as_of":"${time.toISOString()}"`,
    };
  } catch (caught) {
    const error = notYetMigrated(caught);
    if (!isRetryable(error)) log.error({ product: id, err: error }, 'a page could not be read');
    throw error;
  }
}

export function productRoute(pages: Pages, places: Places, saved: ReadSavedPlace): Route {
  return {
    ...windowRow('getProduct'),
    handle: (ctx) => {
      // Most who ask say nothing of where they are: then a promise would be half of the work.
      const known = isAnywhere(ctx) ? pages.fresh(ctx.param('id')) : null;
      if (known === null) return answerProduct(ctx, pages, () => placeOf(ctx, places, saved));
      replyPage(ctx, known, null, 'public');
      return undefined;
    },
  };
}

function isAnywhere(ctx: Ctx): boolean {
  const { country, postal_code: postalCode } = ctx.query;
  return (
    country === undefined && postalCode === undefined && ctx.header('authorization') === undefined
  );
}

async function answerProduct(
  ctx: Ctx,
  pages: Pages,
  placed: () => Promise<Place | null>,
): Promise<void> {
  try {
    const place = await placed();
    const found = await pages.get(ctx.param('id'));
    if (found === null) {
      ctx.problem(problem('not_found', 'There is no such product.'));
      return;
    }
    replyPage(ctx, found, place, ctx.header('authorization') === undefined ? 'public' : 'private');
  } catch (error) {
    if (!isRetryable(error)) {
      ctx.fail(error);
      return;
    }
    const detail = `The page cannot be read now: ${messageOf(error)}.`;
    ctx.problem(problem('unavailable', detail, { retryAfterMs }));
  }
}

/** `whose` = who may keep it: behind a token may be a saved place, which is for its shopper only. */
function replyPage(
  ctx: Ctx,
  { value, ageMs, stale }: Cached<Page>,
  place: Place | null,
  whose: 'public' | 'private',
): void {
  const etag = place === null ? value.etag : tagFor(value.etag, place);
  const headers = {
    etag,
    age: String(Math.floor(ageMs / 1000)),
    'cache-control': (stale ? staleControl : freshControl)[whose],
  };
  if (matches(ctx.header('if-none-match'), etag)) {
    ctx.reply(304, '', headers);
    return;
  }
  const delivery = place === null ? nowhere : JSON.stringify(deliveryTo(value.rules, place));
  const added = `,"stale":${String(stale)},"server_time":"${new Date().toISOString()}"}`;
  ctx.reply(200, `${value.head},"delivery":${delivery}${value.asOf}${added}`, headers);
}

const nowhere = JSON.stringify(deliveryTo(null, null));

const tagFor = (etag: string, { country, postalCode }: Place): string =>
  `${etag.slice(0, -1)}-${country}${postalCode ?? ''}"`;

const freshFor = `max-age=${pageFreshMs / 1000}, stale-if-error=${pageStaleMs / 1000}`;
const freshControl = { public: `public, ${freshFor}`, private: `private, ${freshFor}` };
const staleFor = 'max-age=0, must-revalidate';
const staleControl = { public: `public, ${staleFor}`, private: `private, ${staleFor}` };

/** Weak comparison, as RFC 9110 asks for If-None-Match. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const opaque = etag.slice(2);
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === opaque);
}
