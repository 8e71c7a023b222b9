/**
 * POST /v1/checkout: an order of what the shopper wants, or nothing held and each line named that is
 * in the way. All its sales are decided by one lane; the same product twice is one line.
 */
import { refuse } from '../../platform/http/problems.ts';
import type { ProblemInput } from '../../platform/http/problems.ts';
import type { Ctx, Route } from '../../platform/http/route.ts';
import type { Address, CheckoutLine, LaneOrder, Outcome, WantedLine } from '../../engine/index.ts';
import { orderLinesMax, orderUnitsMax } from '../../engine/index.ts';
import { shopperOf } from '../api.ts';
import type { Api } from '../api.ts';
import { canonicalJson } from '../canonical-json.ts';
import { askerOf, askWindow, deliverableTo, windowAway } from '../ask-window.ts';
import type { Asker, Delivered } from '../ask-window.ts';
import type { CatalogClient } from '../catalog-client.ts';
import { timeText } from '../clock-text.ts';
import { laneLinesJson } from '../documents.ts';
import { undeliverable } from '../order-place.ts';
import { linesProblem, outcomeProblem } from '../refusals.ts';
import { checkoutAnswer, checkoutBody } from '../schemas/orders.ts';
import { nextOrderStates } from '../states.ts';

interface CheckoutBody {
  readonly cart?: true;
  readonly lines?: readonly { readonly product_id: string; readonly quantity: number }[];
  readonly email: string;
  readonly address: Address;
}

export function checkoutRoute(api: Api, catalog: CatalogClient): Route {
  return {
    id: 'checkout',
    method: 'POST',
    path: '/v1/checkout',
    half: 'sale',
    auth: 'shopper',
    summary: 'Order what is wanted',
    description:
      'Each product in the sale by which the cart is priced; the lane has the last word on price ' +
      'and units, and the answer says what it came to. All lines are held or none: `errors` names ' +
      'all that are in the way by `line`, `product_id` and the `code` of each; while the lane cannot ' +
      'say, all that are known to be. The whole is 409 or 422: it has the code of the first of them ' +
      'where that is one of these, else `lines_refused`. ' +
      `At most ${orderLinesMax} products; they are \`unsupported\` together when ` +
      'their sales are decided apart. The cart stays as it is. The same key always gets the same order.',
    body: checkoutBody,
    idempotencyKey: 'required',
    responses: { 201: checkoutAnswer },
    errors: [
      'forbidden',
      'sold_out',
      'limit_reached',
      'lines_refused',
      'undeliverable',
      'unsupported',
      'idempotency_key_reused',
      'unavailable',
    ],
    handle: async (ctx) => {
      const body = ctx.body as CheckoutBody;
      const { email, address } = body;
      const outcome = await api.engine.checkout({
        ...shopperOf(ctx),
        lines: () => linesOf(ctx, catalog, body),
        isAwaited: () => !ctx.aborted,
        details: { email, address },
        idempotencyKey: ctx.idempotencyKey,
        fingerprint: canonicalJson(body),
      });
      answer(ctx, outcome, body, api.currency);
    },
  };
}

/** The lines that are wanted, each with what the vendor's rules of delivery say of the address. */
async function linesOf(
  ctx: Ctx,
  catalog: CatalogClient,
  body: CheckoutBody,
): Promise<readonly WantedLine[]> {
  const { cart, lines, address } = body;
  if ((cart === true) === (lines !== undefined)) {
    refuse('invalid_request', 'either `cart` or `lines` says what is wanted', { param: 'lines' });
  }
  const param = cart === true ? 'cart' : 'lines';
  const wanted = summed(lines ?? (await cartOf(ctx, catalog)));
  if (wanted.length === 0) refuse('invalid_request', 'the cart is empty', { param });
  if (wanted.length > orderLinesMax) {
    refuse('invalid_request', `an order has at most ${orderLinesMax} products`, { param });
  }
  if (wanted.reduce((sum, { quantity }) => sum + quantity, 0) > orderUnitsMax) {
    refuse('invalid_request', `an order has at most ${orderUnitsMax} units`, { param });
  }
  const delivered = await deliveredOf(askerOf(ctx), catalog, wanted, address);
  return wanted.map((line, i) => {
    const refused = undeliverable(delivered[i] ?? null);
    return refused === null ? line : { ...line, refused };
  });
}

/** Asked at the same time. */
const deliveriesAtOnce = 10;

async function deliveredOf(
  asker: Asker,
  catalog: CatalogClient,
  wanted: readonly CheckoutLine[],
  address: Address,
): Promise<Delivered[]> {
  const delivered: Delivered[] = [];
  for (let from = 0; from < wanted.length; from += deliveriesAtOnce) {
    const some = wanted.slice(from, from + deliveriesAtOnce).map(({ product }) => product);
    delivered.push(
      ...(await Promise.all(
        some.map((product) => deliverableTo(asker, catalog, product, address)),
      )),
    );
  }
  return delivered;
}

/** What is wanted of each product over all lines. */
function summed(lines: NonNullable<CheckoutBody['lines']>): CheckoutLine[] {
  const wanted = new Map<string, number>();
  for (const { product_id: product, quantity } of lines) {
    wanted.set(product, (wanted.get(product) ?? 0) + quantity);
  }
  return [...wanted].map(([product, quantity]) => ({ product, quantity }));
}

/** Where a line first stands in the body that it was summed from. */
const placeIn =
  ({ lines }: CheckoutBody) =>
  (line: number): number => {
    if (lines === undefined) return line;
    const products = lines.map((one) => one.product_id);
    return products.indexOf([...new Set(products)][line] ?? '');
  };

async function cartOf(ctx: Ctx, catalog: CatalogClient) {
  const answered = await askWindow(askerOf(ctx), catalog, '/v1/cart');
  const cart = JSON.parse(answered.body) as {
    readonly lines?: NonNullable<CheckoutBody['lines']>;
    readonly stale?: boolean;
  };
  // What is only remembered may lack what the shopper put since.
  if (answered.status !== 200 || cart.lines === undefined || cart.stale === true) windowAway();
  return cart.lines;
}

function answer(ctx: Ctx, outcome: Outcome<LaneOrder>, body: CheckoutBody, currency: string): void {
  if (outcome.kind !== 'done') {
    ctx.problem(problemOf(outcome, body));
    return;
  }
  const { id, heldAt, holdExpiresAt } = outcome.value;
  const order = {
    id,
    state: 'held',
    ...laneLinesJson(outcome.value, currency),
    hold_expires_at: timeText(holdExpiresAt),
    server_time: timeText(heldAt),
    next_states: nextOrderStates('held'),
  };
  ctx.reply(201, order, outcome.replayed ? { 'idempotent-replayed': 'true' } : {});
}

function problemOf(
  outcome: Exclude<Outcome<LaneOrder>, { kind: 'done' }>,
  body: CheckoutBody,
): ProblemInput {
  if (outcome.kind !== 'rejected') return outcomeProblem(outcome);
  const { rejection } = outcome;
  if (rejection.code === 'lines_refused') return linesProblem(rejection.lines, placeIn(body));
  return outcomeProblem(outcome);
}
