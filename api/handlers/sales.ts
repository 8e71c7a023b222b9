/** Sales as anybody sees them: the list, one sale with the lane's own counts, its bell as iCalendar. */
import type { Ctx, Route } from '../../platform/http/route.ts';
import type { LaneSale, Outcome, SaleTerms } from '../../engine/index.ts';
import type { Api } from '../api.ts';
import { checkedCursor } from '../cursors.ts';
import { saleJson, vendorSaleJson } from '../documents.ts';
import { LaneViews, laneOrNull } from '../lane-views.ts';
import { notFound } from '../refusals.ts';
import { idParams, oneOf, pageOf, pageQuery, saleIdPattern } from '../schemas/common.ts';
import { saleAnswer } from '../schemas/sales.ts';
import { calendarOf } from './ics.ts';

const readsPerMinute = 6000;
const icsSuffix = '.ics';
/** One pattern for both paths: the router cannot tell `{id}` from `{id}.ics`. */
const saleOrIcsPattern = saleIdPattern.replace(/\$$/, '(\\.ics)?$');

export type SaleStates = readonly ('upcoming' | 'live')[];

export interface SalesQuery {
  readonly state?: SaleStates;
  readonly limit: number;
  readonly cursor?: string;
}

const states = {
  type: 'array',
  items: oneOf('upcoming', 'live'),
  minItems: 1,
  maxItems: 2,
  description: 'With commas: upcoming,live',
};

export const salesQuery = pageQuery({ state: states });
const salesAnswer = pageOf(saleAnswer, {
  stale: {
    type: 'boolean',
    description: 'Which sales there are could not be read again, or not soon',
  },
});

export function saleRoutes(api: Api): Route[] {
  return [listRoute(api), readRoute(api)];
}

function listRoute(api: Api): Route {
  const list = pageReader(api);
  return {
    id: 'listSales',
    method: 'GET',
    path: '/v1/sales',
    half: 'sale',
    auth: 'public',
    summary: 'Flash sales, upcoming and live',
    description:
      'Counts may be half a second old. While Postgres does not answer, a first page that this api has read before is as it was, ten minutes ago at most: `stale`.',
    query: salesQuery,
    idempotencyKey: 'none',
    rateLimit: { name: 'sales', perMinute: readsPerMinute, by: 'ip' },
    responses: { 200: salesAnswer },
    errors: ['unavailable'],
    handle: (ctx) => list(ctx, null, ['upcoming', 'live']),
  };
}

/** Answers with a page of sales: all vendors' (null) or one's. */
export function pageReader(api: Api) {
  const { engine, currency, now } = api;
  const views = new LaneViews(engine, now);
  return async (ctx: Ctx, vendor: string | null, otherwise: SaleStates): Promise<void> => {
    const { state, limit, cursor } = ctx.query as unknown as SalesQuery;
    const asked = { states: state ?? otherwise, vendor, limit, cursor: cursor ?? null };
    const page = await checkedCursor(engine.sales(asked));
    const items = await Promise.all(
      page.items.map(async (terms) => {
        const lane = isKept(terms) ? await views.view(terms.id) : null;
        const json = vendor === null ? saleJson : vendorSaleJson;
        return json(terms, lane, now(), currency);
      }),
    );
    const shown = { items, next_cursor: page.nextCursor };
    // A vendor's own list is read each time.
    ctx.reply(200, vendor === null ? { ...shown, stale: page.stale } : shown, noStore);
  };
}

/** Whether its lane can be expected to know it. */
const isKept = ({ state }: SaleTerms): boolean => state !== 'cancelled';

const noStore = { 'cache-control': 'no-store' };

function readRoute(api: Api): Route {
  return {
    id: 'getSale',
    method: 'GET',
    path: '/v1/sales/{id}',
    half: 'sale',
    auth: 'public',
    summary: 'A sale',
    description:
      'With `server_time` for the countdown. Counts are the lane’s own; null while it cannot say.',
    params: idParams(saleOrIcsPattern),
    idempotencyKey: 'none',
    rateLimit: { name: 'sales', perMinute: readsPerMinute, by: 'ip' },
    responses: { 200: saleAnswer },
    errors: ['not_found', 'unavailable'],
    handle: async (ctx) => {
      const named = ctx.param('id');
      const wantsIcs = named.endsWith(icsSuffix);
      const id = wantsIcs ? named.slice(0, -icsSuffix.length) : named;
      const terms = await api.engine.sale(id);
      if (terms === null || (wantsIcs && terms.kind === 'standing')) ctx.problem(notFound);
      else if (wantsIcs) ctx.reply(200, calendarOf(terms, api.now()), calendarHeaders);
      else await answerSale(ctx, api, terms, 200);
    },
  };
}

const calendarHeaders = {
  'content-type': 'text/calendar; charset=utf-8',
  'cache-control': 'public, max-age=60',
};

/** For the docs only: requests come by the route above. */
export function icsRoute(): Route {
  return {
    id: 'getSaleCalendar',
    method: 'GET',
    path: '/v1/sales/{id}.ics',
    half: 'sale',
    auth: 'public',
    summary: 'The bell of a flash sale, for calendars',
    params: idParams(saleIdPattern),
    idempotencyKey: 'none',
    produces: 'text/calendar',
    responses: { 200: { type: 'string' } },
    errors: ['not_found', 'unavailable'],
    handle: () => {
      throw new Error('listed in the docs, never registered');
    },
  };
}

/** Answers with a sale and what its lane counts now; `json` is who sees it. */
export async function answerSale(
  ctx: Ctx,
  { engine, currency, now }: Api,
  terms: SaleTerms,
  status: number,
  headers: Readonly<Record<string, string>> = {},
  json = saleJson,
): Promise<void> {
  const outcome: Outcome<LaneSale> = await engine.laneSale(terms.id);
  const at = outcome.kind === 'done' ? outcome.now : now();
  const body = json(terms, laneOrNull(outcome), at, currency);
  ctx.reply(status, body, { ...noStore, ...headers });
}
