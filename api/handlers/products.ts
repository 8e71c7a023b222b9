/** A vendor's products after their registration: change, withdraw, list. */
import type { Ctx, Route } from '../../platform/http/route.ts';
import type { VendorOutcome, VendorProduct } from '../../engine/index.ts';
import { vendorOf } from '../api.ts';
import type { Api } from '../api.ts';
import { canonicalJson } from '../canonical-json.ts';
import { timeText } from '../clock-text.ts';
import { checkedCursor } from '../cursors.ts';
import { vendorProblem } from '../refusals.ts';
import { checkRegistration, priceOf } from '../../engine/index.ts';
import type { ProductFields } from '../../engine/index.ts';
import { idParams, pageQuery, productIdPattern } from '../schemas/common.ts';
import { productChangeBody } from '../../engine/index.ts';
import { vendorProductAnswer, vendorProductsAnswer } from '../schemas/vendors.ts';

/** As a registration: it may hold all that one may. */
const changeMaxBytes = 64 * 1024;

const common = {
  path: '/v1/products/{id}',
  half: 'sale',
  auth: 'vendor',
  params: idParams(productIdPattern),
  responses: { 200: vendorProductAnswer },
} as const;

export function productRoutes(api: Api): Route[] {
  return [changeRoute(api), withdrawRoute(api), listRoute(api)];
}

function changeRoute({ engine, currency }: Api): Route {
  return {
    ...common,
    id: 'changeProduct',
    method: 'PATCH',
    summary: 'Change a product',
    description:
      'Takes the registered fields; a field replaces the one before. `remaining_supply` sets what ' +
      'is free in the standing sale: more is new stock, less was sold elsewhere. A new price opens ' +
      'another standing sale in place of the one before, whose holds keep their price; flash sales ' +
      'keep theirs. Announced on the topic `catalog-changes`. The same key with the same ' +
      'body does nothing more; the answer is the product as it is then.',
    body: productChangeBody,
    maxBodyBytes: changeMaxBytes,
    idempotencyKey: 'optional',
    errors: ['not_found', 'insufficient_supply', 'idempotency_key_reused', 'unavailable'],
    handle: async (ctx) => {
      const body = ctx.body as ProductFields;
      checkRegistration(body, currency);
      const isPriced = body.price !== undefined || body.price_usd !== undefined;
      const fields = isPriced ? { ...body, price: priceOf(body, currency) } : body;
      const outcome = await engine.changeProduct(vendorOf(ctx), ctx.param('id'), {
        fields,
        ...(body.remaining_supply === undefined ? {} : { remaining: body.remaining_supply }),
        ...(ctx.idempotencyKey === '' ? {} : { idempotencyKey: ctx.idempotencyKey }),
        fingerprint: canonicalJson(body),
      });
      answerProduct(ctx, outcome, currency);
    },
  };
}

function withdrawRoute({ engine, currency }: Api): Route {
  return {
    ...common,
    id: 'withdrawProduct',
    method: 'DELETE',
    summary: 'Withdraw a product',
    description:
      'It is no longer shown or sold; orders go on. Its flash sales have to be closed before. ' +
      'Doing it twice is no error.',
    idempotencyKey: 'optional',
    errors: ['not_found', 'illegal_transition', 'unavailable'],
    handle: async (ctx) => {
      const key = ctx.idempotencyKey === '' ? undefined : ctx.idempotencyKey;
      const outcome = await engine.withdrawProduct(vendorOf(ctx), ctx.param('id'), key);
      answerProduct(ctx, outcome, currency);
    },
  };
}

function listRoute({ engine, currency }: Api): Route {
  return {
    id: 'listVendorProducts',
    method: 'GET',
    path: '/v1/vendor/products',
    half: 'sale',
    auth: 'vendor',
    summary: 'One’s own products, withdrawn ones too',
    query: pageQuery(),
    idempotencyKey: 'none',
    responses: { 200: vendorProductsAnswer },
    errors: ['unavailable'],
    handle: async (ctx) => {
      const { limit, cursor } = ctx.query as { limit: number; cursor?: string };
      const page = await checkedCursor(
        engine.products(vendorOf(ctx), { limit, cursor: cursor ?? null }),
      );
      const items = page.items.map((product) => productJson(product, currency));
      ctx.reply(200, { items, next_cursor: page.nextCursor });
    },
  };
}

function answerProduct(ctx: Ctx, outcome: VendorOutcome<VendorProduct>, currency: string): void {
  if (outcome.kind === 'done') {
    const headers = outcome.replayed ? { 'idempotent-replayed': 'true' } : {};
    ctx.reply(200, productJson(outcome.value, currency), headers);
  } else ctx.problem(vendorProblem(outcome, ctx.idempotencyKey !== ''));
}

function productJson(product: VendorProduct, currency: string): object {
  const { id, status, version, body, price, supply, remaining } = product;
  return {
    ...body,
    ...{ id, status, version, price: { amount: price, currency }, supply },
    remaining_supply: remaining,
    registered_at: timeText(product.registeredAt),
    updated_at: timeText(product.updatedAt),
  };
}
