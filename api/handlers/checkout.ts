/**
 * POST /v1/checkout: an order of what the shopper wants, or nothing held and each line named that is
 * in the way. An order holds one product so far; the same product twice is one line.
 */
import { refuse } from '../../platform/http/problems.ts';
import type { ProblemCode } from '../../platform/http/problems.ts';
import type { Ctx, Route } from '../../platform/http/route.ts';
import type { Address, CheckoutLine, LaneOrder, Outcome } from '../../engine/index.ts';
import { nextStates } from '../../engine/index.ts';
import { shopperOf } from '../api.ts';
import type { Api } from '../api.ts';
import { canonicalJson } from '../canonical-json.ts';
import { askerOf, askWindow, deliverableTo, windowAway } from '../ask-window.ts';
import type { CatalogClient } from '../catalog-client.ts';
import { timeText } from '../clock-text.ts';
import { outcomeProblem } from '../refusals.ts';
import { checkoutAnswer, checkoutBody } from '../schemas/orders.ts';

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
      'and units, and the answer says what it came to. So far an order holds one product: more are ' +
      '422 `unsupported`. The cart stays as it is. The same key always gets the same order.',
    body: checkoutBody,
    idempotencyKey: 'required',
    responses: { 201: checkoutAnswer },
    errors: [
      'forbidden',
      'sale_not_started',
      'not_admitted',
      'not_found',
      'sold_out',
      'limit_reached',
      'sale_ended',
      'undeliverable',
      'unsupported',
      'idempotency_key_reused',
      'rate_limited',
      'sale_paused',
      'unavailable',
    ],
    handle: async (ctx) => {
      const body = ctx.body as CheckoutBody;
      const { email, address } = body;
      const outcome = await api.engine.checkout({
        ...shopperOf(ctx),
        line: () => lineOf(ctx, catalog, body),
        details: { email, address },
        idempotencyKey: ctx.idempotencyKey,
        fingerprint: canonicalJson(body),
      });
      answer(ctx, outcome, api.currency);
    },
  };
}

/** The one line that is wanted and can be delivered; refuses whatever else there is. */
async function lineOf(
  ctx: Ctx,
  catalog: CatalogClient,
  { cart, lines, address }: CheckoutBody,
): Promise<CheckoutLine> {
  if ((cart === true) === (lines !== undefined)) {
    refuse('invalid_request', 'either `cart` or `lines` says what is wanted', { param: 'lines' });
  }
  const wanted = summed(lines ?? (await cartOf(ctx, catalog)));
  const [line, ...others] = wanted;
  if (line === undefined) refuse('invalid_request', 'the cart is empty', { param: 'cart' });
  if (others.length > 0) {
    const detail = 'An order holds one product so far: order these one by one.';
    refuse('unsupported', detail, { errors: others.map((one) => inTheWay(one, 'unsupported')) });
  }
  // What nobody can say is not in the way.
  if ((await deliverableTo(askerOf(ctx), catalog, line.product, address)) === false) {
    const errors = [inTheWay(line, 'undeliverable')];
    refuse('undeliverable', 'This is not delivered to that address.', { errors });
  }
  return line;
}

const inTheWay = ({ product }: CheckoutLine, code: ProblemCode) => ({ product_id: product, code });

/** What is wanted of each product over all lines. */
function summed(lines: NonNullable<CheckoutBody['lines']>): CheckoutLine[] {
  const wanted = new Map<string, number>();
  for (const { product_id: product, quantity } of lines) {
    wanted.set(product, (wanted.get(product) ?? 0) + quantity);
  }
  return [...wanted].map(([product, quantity]) => ({ product, quantity }));
}

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

function answer(ctx: Ctx, outcome: Outcome<LaneOrder>, currency: string): void {
  if (outcome.kind !== 'done') {
    const refusal = outcomeProblem(outcome);
    // There is one line, so that is the one in the way.
    const errors = [{ line: 0, code: refusal.code }];
    ctx.problem(outcome.kind === 'rejected' ? { ...refusal, errors } : refusal);
    return;
  }
  const { id, sale, product, units, price, heldAt, holdExpiresAt } = outcome.value;
  const order = {
    id,
    state: 'held',
    lines: [{ product_id: product, sale_id: sale, units, price: { amount: price, currency } }],
    units,
    amount: { amount: price * units.length, currency },
    hold_expires_at: timeText(holdExpiresAt),
    server_time: timeText(heldAt),
    next_states: nextStates('held'),
  };
  ctx.reply(201, order, outcome.replayed ? { 'idempotent-replayed': 'true' } : {});
}
