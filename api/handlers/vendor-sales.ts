/** Sales by their vendor: create, change, pause, resume, close, top up, list, watch. */
import type { Ctx, Route } from '../../platform/http/route.ts';
import type { SaleTerms, VendorOutcome } from '../../engine/index.ts';
import { vendorOf } from '../api.ts';
import type { Api } from '../api.ts';
import { saleChangeOf } from '../change-sale.ts';
import type { SaleChangeBody } from '../change-sale.ts';
import { statsJson, vendorSaleJson } from '../documents.ts';
import { hasLine } from '../line-desk.ts';
import { newSaleOf, newScheduleOf } from '../new-sale.ts';
import type { SaleBody } from '../new-sale.ts';
import { notFound, outcomeProblem, vendorProblem } from '../refusals.ts';
import { idParams, pageOf, saleIdPattern } from '../schemas/common.ts';
import {
  newSaleBody,
  ownSaleAnswer,
  saleChangeBody,
  statsAnswer,
  topUpBody,
} from '../schemas/sales.ts';
import { madeScheduleAnswer } from '../schemas/schedules.ts';
import { answerMadeSchedule, scheduleRoutes } from './schedules.ts';
import { answerSale, pageReader, salesQuery } from './sales.ts';

const salesPerMinute = 600;

const common = { half: 'sale', auth: 'vendor', params: idParams(saleIdPattern) } as const;

export function vendorSaleRoutes(api: Api): Route[] {
  return [
    createRoute(api),
    changeRoute(api),
    controlRoute(api, 'pause', 'Take no holds for the moment; live ones may be paid'),
    controlRoute(api, 'resume', 'Take holds again'),
    controlRoute(
      api,
      'close',
      'End it after its bell: live holds may still be paid, unsold units return',
    ),
    topUpRoute(api),
    cancelRoute(api),
    listRoute(api),
    statsRoute(api),
    ...scheduleRoutes(api),
  ];
}

function createRoute(api: Api): Route {
  const { engine, currency, holdSecondsDefault } = api;
  return {
    id: 'createSale',
    method: 'POST',
    path: '/v1/sales',
    half: 'sale',
    auth: 'vendor',
    summary: 'Create a flash sale',
    description:
      'Answered once its units are fenced. One product (`product_id`, `allotted`, and `price` or ' +
      '`discount_percent`) or several (`items`). Without `starts_at` it opens as soon as it can. ' +
      'With a `schedule` it is a sale for each of its bells: announced a week before, its units ' +
      'fenced a quarter of an hour before, fewer when fewer are there. A local time that summer ' +
      'time skips rings as much later as the clock jumps; one that comes twice, the first time.',
    body: newSaleBody,
    idempotencyKey: 'optional',
    rateLimit: { name: 'new-sales', perMinute: salesPerMinute },
    responses: { 201: { anyOf: [ownSaleAnswer, madeScheduleAnswer] } },
    errors: [
      'not_found',
      'insufficient_supply',
      'idempotency_key_reused',
      'unsupported',
      'unavailable',
    ],
    handle: async (ctx) => {
      const { idempotencyKey } = ctx;
      const body = ctx.body as SaleBody;
      const context = {
        vendor: vendorOf(ctx),
        idempotencyKey,
        currency,
        holdSecondsDefault,
      };
      if (body.schedule !== undefined) {
        const made = await engine.createSchedule(newScheduleOf(body, body.schedule, context));
        answerMadeSchedule(ctx, api, asAsked(made, body));
        return;
      }
      const command = newSaleOf(body, context);
      const outcome = asAsked(await engine.createSale(command), body);
      const location =
        outcome.kind === 'done' ? { location: `/v1/sales/${outcome.value.id}` } : undefined;
      await answerCommand(ctx, api, outcome, 201, location);
    },
  };
}

/** The engine knows items only: a body of one product has its fields at the top. */
function asAsked<T>(
  outcome: VendorOutcome<T>,
  body: { readonly items?: unknown },
): VendorOutcome<T> {
  if (body.items !== undefined || outcome.kind !== 'rejected') return outcome;
  const { rejection } = outcome;
  if (rejection.code !== 'invalid_request') return outcome;
  const param = rejection.param.replace(/^items\.0\./, '');
  return { kind: 'rejected', rejection: { ...rejection, param } };
}

type Control = 'pause' | 'resume' | 'close';

function controlRoute(api: Api, what: Control, summary: string): Route {
  const { engine } = api;
  return {
    ...common,
    id: `${what}Sale`,
    method: 'POST',
    path: `/v1/sales/{id}/${what}`,
    summary,
    idempotencyKey: 'optional',
    responses: { 200: ownSaleAnswer },
    errors: ['not_found', 'illegal_transition', 'unavailable'],
    handle: async (ctx) => {
      const key = ctx.idempotencyKey === '' ? undefined : ctx.idempotencyKey;
      const outcome = await controlled(engine, what, vendorOf(ctx), ctx.param('id'), key);
      await answerCommand(ctx, api, outcome, 200);
    },
  };
}

function controlled(
  engine: Api['engine'],
  what: Control,
  vendor: string,
  id: string,
  key: string | undefined,
) {
  switch (what) {
    case 'pause':
      return engine.pauseSale(vendor, id, key);
    case 'resume':
      return engine.resumeSale(vendor, id, key);
    case 'close':
      return engine.closeSale(vendor, id, key);
  }
}

interface TopUpBody {
  readonly units: number;
  readonly product_id?: string;
  readonly new_stock: boolean;
}

function topUpRoute(api: Api): Route {
  return {
    ...common,
    id: 'topUpSale',
    method: 'POST',
    path: '/v1/sales/{id}/top-up',
    summary: 'Add units',
    description: 'From the product’s standing sale, or, with `new_stock`, as new stock.',
    body: topUpBody,
    idempotencyKey: 'optional',
    responses: { 200: ownSaleAnswer },
    errors: [
      'not_found',
      'insufficient_supply',
      'illegal_transition',
      'idempotency_key_reused',
      'unavailable',
    ],
    handle: async (ctx) => {
      const body = ctx.body as TopUpBody;
      const outcome = await api.engine.topUp(vendorOf(ctx), ctx.param('id'), {
        units: body.units,
        product: body.product_id ?? null,
        newStock: body.new_stock,
        ...(ctx.idempotencyKey === '' ? {} : { idempotencyKey: ctx.idempotencyKey }),
      });
      await answerCommand(ctx, api, outcome, 200);
    },
  };
}

function changeRoute(api: Api): Route {
  const { engine, currency } = api;
  return {
    ...common,
    id: 'changeSale',
    method: 'PATCH',
    path: '/v1/sales/{id}',
    summary: 'Change a sale before its bell',
    description:
      'What is not named stays; so do its seed and the tickets that were taken. With another ' +
      '`starts_at` it lasts as long as before. `discount_percent` is of the list price that the ' +
      'sale shows. `allotted`, up or down, is a request of its own, for one item. The line’s ' +
      'mode changes only while nobody has joined. From the bell on: 409.',
    body: saleChangeBody,
    idempotencyKey: 'optional',
    responses: { 200: ownSaleAnswer },
    errors: [
      'not_found',
      'insufficient_supply',
      'illegal_transition',
      'idempotency_key_reused',
      'unsupported',
      'unavailable',
    ],
    handle: async (ctx) => {
      const body = ctx.body as SaleChangeBody;
      const { idempotencyKey } = ctx;
      const change = saleChangeOf(body, { idempotencyKey, currency });
      const outcome = await engine.changeSale(vendorOf(ctx), ctx.param('id'), change);
      await answerCommand(ctx, api, asAsked(outcome, body), 200);
    },
  };
}

function cancelRoute(api: Api): Route {
  return {
    ...common,
    id: 'cancelSale',
    method: 'DELETE',
    path: '/v1/sales/{id}',
    summary: 'Cancel a sale before its bell',
    description: 'Its units return. After the bell: 409, and `close` ends it.',
    idempotencyKey: 'optional',
    responses: { 200: ownSaleAnswer },
    errors: ['not_found', 'illegal_transition', 'unavailable'],
    handle: async (ctx) => {
      const key = ctx.idempotencyKey === '' ? undefined : ctx.idempotencyKey;
      const outcome = await api.engine.cancelSale(vendorOf(ctx), ctx.param('id'), key);
      await answerCommand(ctx, api, outcome, 200);
    },
  };
}

async function answerCommand(
  ctx: Ctx,
  api: Api,
  outcome: VendorOutcome<SaleTerms>,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  if (outcome.kind === 'done') {
    const replayed = outcome.replayed ? { 'idempotent-replayed': 'true' } : {};
    const told = { ...headers, ...replayed };
    await answerSale(ctx, api, outcome.value, status, told, vendorSaleJson);
  } else {
    ctx.problem(vendorProblem(outcome, ctx.idempotencyKey !== ''));
  }
}

function listRoute(api: Api): Route {
  const list = pageReader(api);
  return {
    id: 'listVendorSales',
    method: 'GET',
    path: '/v1/vendor/sales',
    half: 'sale',
    auth: 'vendor',
    summary: 'One’s own sales, in every state',
    query: salesQuery,
    idempotencyKey: 'none',
    responses: { 200: pageOf(ownSaleAnswer) },
    errors: ['unavailable'],
    handle: (ctx) => list(ctx, vendorOf(ctx), []),
  };
}

function statsRoute({ engine, currency }: Api): Route {
  return {
    ...common,
    id: 'getSaleStats',
    method: 'GET',
    path: '/v1/sales/{id}/stats',
    summary: 'What a sale counts now',
    description: 'Exact, from the lane; `in_doubt` is its lane’s.',
    idempotencyKey: 'none',
    responses: { 200: statsAnswer },
    errors: ['not_found', 'unavailable'],
    handle: async (ctx) => {
      const id = ctx.param('id');
      const terms = await engine.sale(id);
      if (terms?.vendor !== vendorOf(ctx)) {
        ctx.problem(notFound);
        return;
      }
      const outcome = await engine.laneSale(id);
      if (outcome.kind !== 'done') {
        ctx.problem(outcomeProblem(outcome, false));
        return;
      }
      const line = hasLine(terms) ? await engine.line(id) : null;
      const figures = line?.kind === 'done' ? line.value : null;
      ctx.reply(200, statsJson(terms, outcome.value, outcome.now, currency, figures));
    },
  };
}
