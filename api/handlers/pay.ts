/**
 * POST /v1/orders/{id}/pay. Details that come with it are judged and stored first; the lane then decides
 * alone. A hold that has ended is no reason to stop before it: the same key may have paid it.
 */
import { problem } from '../../platform/http/problems.ts';
import type { ProblemInput } from '../../platform/http/problems.ts';
import type { Answering, Route } from '../../platform/http/route.ts';
import type { Details, LaneOrder, Outcome } from '../../engine/index.ts';
import { fnv1a } from '../../engine/index.ts';
import { shopperOf } from '../api.ts';
import type { Api, Command } from '../api.ts';
import { askerOf, savedDetails } from '../ask-window.ts';
import type { Asker } from '../ask-window.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { CatalogClient } from '../catalog-client.ts';
import { detailsProblem, outcomeProblem } from '../refusals.ts';
import { placeProblem } from '../order-place.ts';
import { idParams, orderIdPattern } from '../schemas/common.ts';
import { orderAnswer, payBody } from '../schemas/orders.ts';
import { answerEnd, detailsOf } from './orders.ts';

export interface PayBody extends Partial<Details> {
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
      '`{"type":"test"}` pays at once, in development. E-mail and address may come with it; what ' +
      'is neither sent nor set before is taken from those that are saved.',
    params: idParams(orderIdPattern),
    body: payBody,
    idempotencyKey: 'required',
    responses: { 200: orderAnswer },
    errors: [
      'not_found',
      'illegal_transition',
      'hold_expired',
      'details_required',
      'undeliverable',
      'idempotency_key_reused',
      'unsupported',
      'unavailable',
    ],
    handle: (ctx) => {
      const command = { ...shopperOf(ctx), id: ctx.param('id'), key: ctx.idempotencyKey };
      return payOrder({ api, catalog }, command, ctx.body as PayBody, askerOf(ctx), ctx);
    },
  };
}

export interface PayParts {
  readonly api: Pick<Api, 'engine' | 'currency' | 'development'>;
  readonly catalog: CatalogClient;
}

/** Pays the order `id`; over HTTP and over the socket. */
export async function payOrder(
  { api, catalog }: PayParts,
  command: Command,
  body: PayBody,
  asker: Asker,
  to: Answering,
): Promise<void> {
  const refusal = methodProblem(body.method, api.development);
  if (refusal !== null) {
    to.problem(refusal);
    return;
  }
  const sent = detailsOf(body);
  const kept = hasAny(sent) ? await keep({ api, catalog }, command, sent, asker) : null;
  if (kept !== null && kept.code !== 'details_required') {
    to.problem(kept);
    return;
  }
  if (kept === null) {
    const outcome = await pay(api, command, body);
    if (!lacksDetails(outcome)) {
      answerEnd(to, outcome, api.currency);
      return;
    }
  }
  const inTheWay = await keepWithSaved({ api, catalog }, command, sent, asker);
  if (inTheWay === null) answerEnd(to, await pay(api, command, body), api.currency);
  else to.problem(inTheWay);
}

type KeepParts = Pick<PayParts, 'api' | 'catalog'>;

const hasAny = ({ email, address }: Partial<Details>): boolean =>
  email !== undefined || address !== undefined;

/** Stores what was sent, and of what was saved what is missing there; or why not. */
async function keepWithSaved(
  parts: KeepParts,
  command: Command,
  sent: Partial<Details>,
  asker: Asker,
): Promise<ProblemInput | null> {
  const { email, address } = { ...(await savedDetails(asker, parts.catalog)), ...sent };
  if (email === undefined || address === undefined) {
    return detailsProblem({ email });
  }
  return keep(parts, command, { email, address }, asker);
}

/** Stores them for the order, if it goes there; or why not. */
async function keep(
  { api, catalog }: KeepParts,
  command: Command,
  details: Partial<Details>,
  asker: Asker,
): Promise<ProblemInput | null> {
  const inTheWay = await placeProblem({ api, catalog }, command, asker, details.address);
  if (inTheWay !== null) return inTheWay;
  const stored = await api.engine.storeDetails(command.id, command.shopper, details);
  return stored.kind === 'done' || isEnded(stored) ? null : outcomeProblem(stored);
}

/** The order has none, and too little came with the payment: only then is the window asked. */
const lacksDetails = (outcome: Outcome<LaneOrder>): boolean =>
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

function pay(
  { engine }: Pick<Api, 'engine'>,
  { id, shopper, key }: Command,
  body: PayBody,
): Promise<Outcome<LaneOrder>> {
  const command = { order: id, shopper, idempotencyKey: key };
  const fingerprint = fnv1a(canonicalJson(body));
  return new Promise((resolve) => {
    engine.pay(command, fingerprint, resolve);
  });
}
