/** Orders by their owner: read, list, details, release. Somebody else's order is no order (404). */
import { problem } from '../../platform/http/problems.ts';
import type { Answering, Ctx, Route } from '../../platform/http/route.ts';
import type { Details, LaneOrder, OrderDocument, Outcome } from '../../engine/index.ts';
import { shopperOf } from '../api.ts';
import type { Api, Command } from '../api.ts';
import { askerOf } from '../ask-window.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { CatalogClient } from '../catalog-client.ts';
import { checkedCursor } from '../cursors.ts';
import { timeText } from '../clock-text.ts';
import { endedOrderJson, orderJson } from '../documents.ts';
import { placeProblem } from '../order-place.ts';
import { detailsProblem, notFound, outcomeProblem } from '../refusals.ts';
import { idParams, oneOf, orderIdPattern, pageQuery } from '../schemas/common.ts';
import { detailsBody, orderAnswer, ordersAnswer } from '../schemas/orders.ts';

const common = { half: 'sale', auth: 'shopper', params: idParams(orderIdPattern) } as const;

export function orderRoutes(api: Api, catalog: CatalogClient): Route[] {
  return [readRoute(api), listRoute(api), detailsRoute(api, catalog), releaseRoute(api)];
}

function readRoute(api: Api): Route {
  return {
    ...common,
    id: 'getOrder',
    method: 'GET',
    path: '/v1/orders/{id}',
    summary: 'An order',
    description: 'Exact at every moment.',
    idempotencyKey: 'none',
    responses: { 200: orderAnswer },
    errors: ['not_found', 'unavailable'],
    handle: (ctx) => answerWithOrder(ctx, api),
  };
}

/** Answers with the order as it is now, for the one who asks only. */
async function answerWithOrder(
  ctx: Ctx,
  { engine, currency }: Api,
  replayed = false,
): Promise<void> {
  const outcome = await engine.order(ctx.param('id'), shopperOf(ctx).shopper);
  if (outcome.kind !== 'done') ctx.problem(outcomeProblem(outcome, ctx.idempotencyKey !== ''));
  else if (outcome.value === null) ctx.problem(notFound);
  else {
    const order = currentOrder(outcome.value, outcome.now, currency);
    ctx.reply(200, order, replayed ? replayedHeader : undefined);
  }
}

function currentOrder(order: OrderDocument, now: number, currency: string): object {
  return { ...orderJson(order, currency), server_time: timeText(now) };
}

function listRoute({ engine, currency, now }: Api): Route {
  return {
    id: 'listOrders',
    method: 'GET',
    path: '/v1/orders',
    half: 'sale',
    auth: 'shopper',
    summary: 'One’s own orders, the latest first',
    description: 'May lag by the in-doubt age: `as_of` says how far it has come.',
    query: pageQuery({ state: oneOf('active') }),
    idempotencyKey: 'none',
    responses: { 200: ordersAnswer },
    errors: ['unavailable'],
    handle: async (ctx) => {
      const { state, limit, cursor } = ctx.query as unknown as ListQuery;
      const asked = { active: state === 'active', limit, cursor: cursor ?? null };
      const page = await checkedCursor(engine.orders(shopperOf(ctx).shopper, asked));
      ctx.reply(200, {
        items: page.items.map((order: OrderDocument) => orderJson(order, currency)),
        next_cursor: page.nextCursor,
        as_of: timeText(page.asOf),
        server_time: timeText(now()),
      });
    },
  };
}

interface ListQuery {
  readonly state?: 'active';
  readonly limit: number;
  readonly cursor?: string;
}

function detailsRoute(api: Api, catalog: CatalogClient): Route {
  return {
    ...common,
    id: 'setOrderDetails',
    method: 'PATCH',
    path: '/v1/orders/{id}',
    summary: 'Set e-mail and address',
    description:
      'While the order is held. Both the first time, later either may be sent alone. Sent again with its ' +
      'Idempotency-Key it changes nothing, whatever came in between; the answer is the order as it is now.',
    body: detailsBody,
    idempotencyKey: 'optional',
    responses: { 200: orderAnswer },
    errors: [
      'not_found',
      'hold_expired',
      'illegal_transition',
      'idempotency_key_reused',
      'details_required',
      'undeliverable',
      'unsupported',
      'unavailable',
    ],
    handle: async (ctx) => {
      const body = ctx.body as Partial<Details> & { readonly delivery_option?: string };
      if (body.delivery_option !== undefined) {
        ctx.problem(noOptions);
        return;
      }
      const { shopper } = shopperOf(ctx);
      const order = { id: ctx.param('id'), shopper };
      const { idempotencyKey } = ctx;
      const asked =
        idempotencyKey === '' ? undefined : { idempotencyKey, fingerprint: canonicalJson(body) };
      const before = asked && (await api.engine.detailsAsked(order.id, shopper, asked));
      if (before) {
        await answerDetails(ctx, api, before);
        return;
      }
      const inTheWay = await placeProblem({ api, catalog }, order, askerOf(ctx), body.address);
      if (inTheWay !== null) {
        ctx.problem(inTheWay);
        return;
      }
      const details = detailsOf(body);
      await answerDetails(
        ctx,
        api,
        await api.engine.storeDetails(order.id, shopper, details, asked),
      );
    },
  };
}

async function answerDetails(ctx: Ctx, api: Api, outcome: Outcome<LaneOrder>): Promise<void> {
  if (outcome.kind === 'done') await answerWithOrder(ctx, api, outcome.replayed);
  else if (outcome.kind === 'rejected' && outcome.rejection.code === 'details_required') {
    ctx.problem(detailsProblem(ctx.body as Partial<Details>));
  } else ctx.problem(outcomeProblem(outcome, ctx.idempotencyKey !== ''));
}

const noOptions = problem('unsupported', '`delivery_option`: this version has no options yet.', {
  param: 'delivery_option',
});

/** E-mail and address of a body that may hold more. */
export function detailsOf(body: Partial<Details>): Partial<Details> {
  return {
    ...(body.email === undefined ? {} : { email: body.email }),
    ...(body.address === undefined ? {} : { address: body.address }),
  };
}

function releaseRoute(api: Api): Route {
  return {
    ...common,
    id: 'releaseOrder',
    method: 'DELETE',
    path: '/v1/orders/{id}',
    summary: 'Release a hold',
    description:
      'Its units are free at once. A hold that ended otherwise stays as it is (409). To cancel what is ' +
      'paid is `unsupported` so far.',
    idempotencyKey: 'optional',
    responses: { 200: orderAnswer },
    errors: [
      'not_found',
      'illegal_transition',
      'idempotency_key_reused',
      'unsupported',
      'unavailable',
    ],
    handle: (ctx) => {
      const command = { ...shopperOf(ctx), id: ctx.param('id'), key: ctx.idempotencyKey };
      releaseHold(api, command, ctx);
    },
  };
}

const noCancel = problem(
  'unsupported',
  'The order is paid: this version can release a hold, but cannot cancel what is paid.',
);

const isPaid = (outcome: Outcome<LaneOrder>): boolean =>
  outcome.kind === 'rejected' &&
  outcome.rejection.code === 'illegal_transition' &&
  outcome.rejection.state === 'paid';

/** Releases the order `id`; over HTTP and over the socket. */
export function releaseHold(
  api: Pick<Api, 'engine' | 'currency'>,
  command: Command,
  to: Answering,
): void {
  const { id, shopper, key } = command;
  api.engine.release({ order: id, shopper, idempotencyKey: key }, (outcome) => {
    if (isPaid(outcome)) to.problem(noCancel);
    else answerEnd(to, outcome, api.currency, key !== '');
  });
}

const replayedHeader = { 'idempotent-replayed': 'true' };

/**
 * Answers for a command that ended a hold; a replay is the answer of then to the last byte. Never
 * throws: others of the batch wait behind it.
 */
export function answerEnd(
  to: Answering,
  outcome: Outcome<LaneOrder>,
  currency: string,
  hasKey = true,
): void {
  try {
    if (outcome.kind !== 'done') {
      to.problem(outcomeProblem(outcome, hasKey));
      return;
    }
    const json = endedOrderJson(outcome.value, outcome.value.endedAt ?? outcome.now, currency);
    if (outcome.replayed) to.reply(200, json, replayedHeader);
    else to.reply(200, json);
  } catch (error) {
    to.fail(error);
  }
}
