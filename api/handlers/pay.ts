/**
 * POST /v1/orders/{id}/pay. Details that come with it are stored first; the lane then decides
 * alone. A hold that has ended is no reason to stop before it: the same key may have paid it.
 */
import { problem } from '../../platform/http/problems.ts';
import type { Ctx, Route } from '../../platform/http/route.ts';
import type { Details, LaneOrder, Outcome } from '../../engine/index.ts';
import { fnv1a } from '../../engine/index.ts';
import { shopperOf } from '../api.ts';
import type { Api } from '../api.ts';
import { savedDetails } from '../ask-window.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { CatalogClient } from '../catalog-client.ts';
import { outcomeProblem } from '../refusals.ts';
import { idParams, orderIdPattern } from '../schemas/common.ts';
import { orderAnswer, payBody } from '../schemas/orders.ts';
import { answerEnd, detailsOf } from './orders.ts';

interface PayBody extends Partial<Details> {
  readonly method: { readonly type: 'test' | 'card'; readonly token?: string };
}

const noCards = problem('unsupported', '`method`: cards are not taken yet.', {
  param: 'method.type',
});
const onlyDevelopment = problem('unsupported', '`method`: `test` pays in development only.', {
  param: 'method.type',
});
const tokenUnwanted = problem('invalid_request', '`method.token` belongs to a card.', {
  param: 'method.token',
});
const tokenMissing = problem('invalid_request', '`method.token` is required for a card.', {
  param: 'method.token',
});

export function payRoute(api: Api, catalog: CatalogClient): Route {
  return {
    id: 'payOrder',
    method: 'POST',
    path: '/v1/orders/{id}/pay',
    half: 'sale',
    auth: 'shopper',
    summary: 'Pay',
    description:
      '`{"type":"test"}` pays at once, in development. E-mail and address may come with it, if ' +
      'they were not set before; else the saved ones count, where both are whole.',
    params: idParams(orderIdPattern),
    body: payBody,
    idempotencyKey: 'required',
    responses: { 200: orderAnswer },
    errors: [
      'not_found',
      'illegal_transition',
      'hold_expired',
      'details_required',
      'idempotency_key_reused',
      'unsupported',
      'unavailable',
    ],
    handle: (ctx) => handlePay(ctx, api, catalog),
  };
}

async function handlePay(ctx: Ctx, api: Api, catalog: CatalogClient): Promise<void> {
  const body = ctx.body as PayBody;
  const refusal = methodProblem(body.method, api.development);
  if (refusal !== null) {
    ctx.problem(refusal);
    return;
  }
  if (body.email !== undefined || body.address !== undefined) {
    if (!(await keeps(ctx, api, detailsOf(body)))) return;
  }
  const outcome = await pay(ctx, api);
  if (!lacksDetails(outcome)) {
    answerEnd(ctx, outcome, api.currency);
    return;
  }
  const saved = await savedDetails(ctx, catalog);
  if (saved === null) ctx.problem(outcomeProblem(outcome));
  else if (await keeps(ctx, api, saved)) answerEnd(ctx, await pay(ctx, api), api.currency);
}

/** Stores them for the order. Answers and is false where that is refused. */
async function keeps(ctx: Ctx, api: Api, details: Partial<Details>): Promise<boolean> {
  const { shopper } = shopperOf(ctx);
  const stored = await api.engine.storeDetails(ctx.param('id'), shopper, details);
  if (stored.kind === 'done' || isEnded(stored)) return true;
  ctx.problem(outcomeProblem(stored));
  return false;
}

type Refused = Extract<Outcome<LaneOrder>, { kind: 'rejected' }>;

/** The order has none, and none came with the payment: only then is the window asked. */
const lacksDetails = (outcome: Outcome<LaneOrder>): outcome is Refused =>
  outcome.kind === 'rejected' && outcome.rejection.code === 'details_required';

function methodProblem({ type, token }: PayBody['method'], development: boolean) {
  if (type === 'card') return token === undefined ? tokenMissing : noCards;
  if (token !== undefined) return tokenUnwanted;
  return development ? null : onlyDevelopment;
}

function isEnded(outcome: Outcome<LaneOrder>): boolean {
  if (outcome.kind !== 'rejected') return false;
  const { code } = outcome.rejection;
  return code === 'illegal_transition' || code === 'hold_expired';
}

function pay(ctx: Ctx, { engine }: Api): Promise<Outcome<LaneOrder>> {
  const { shopper } = shopperOf(ctx);
  const command = { order: ctx.param('id'), shopper, idempotencyKey: ctx.idempotencyKey };
  const fingerprint = fnv1a(canonicalJson(ctx.body));
  return new Promise((resolve) => {
    engine.pay(command, fingerprint, resolve);
  });
}
