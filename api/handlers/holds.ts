/**
 * POST /v1/sales/{id}/holds: the moment itself. No promise, no JSON.stringify of an object; one
 * closure a request, because the engine answers by callback.
 */
import type { Answering, Route } from '../../platform/http/route.ts';
import type { LaneOrder, Outcome } from '../../engine/index.ts';
import { shopperOf } from '../api.ts';
import type { Api, Command } from '../api.ts';
import { timeText } from '../clock-text.ts';
import { outcomeProblem } from '../refusals.ts';
import { idParams, saleIdPattern } from '../schemas/common.ts';
import { holdAnswer, holdBody } from '../schemas/orders.ts';
import { nextOrderStates } from '../states.ts';

export interface HoldBody {
  readonly quantity: number;
  readonly product_id?: string;
}

const afterHeld = JSON.stringify(nextOrderStates('held'));
const replayed = { 'idempotent-replayed': 'true' };

export function holdRoute(api: Api): Route {
  return {
    id: 'holdUnits',
    method: 'POST',
    path: '/v1/sales/{id}/holds',
    half: 'sale',
    hot: true,
    auth: 'shopper',
    summary: 'Hold units',
    description:
      'All or none. The hold is the order’s first state and ends by itself at `hold_expires_at`, ' +
      'unless it is paid or released before. The same key always gets the same answer, in which ' +
      '`server_time` is the instant of the hold.',
    params: idParams(saleIdPattern),
    body: holdBody,
    idempotencyKey: 'required',
    responses: { 201: holdAnswer },
    errors: [
      'forbidden',
      'sale_not_started',
      'not_admitted',
      'not_found',
      'sold_out',
      'limit_reached',
      'sale_ended',
      'idempotency_key_reused',
      'rate_limited',
      'sale_paused',
      'unavailable',
    ],
    handle: (ctx) => {
      const { shopper, verified } = shopperOf(ctx);
      // Not `...`: V8 adds what follows a spread property by property, 2 µs a hold.
      const id = ctx.param('id');
      const command: Command = { kind: 'shopper', shopper, verified, id, key: ctx.idempotencyKey };
      holdUnits(api, command, ctx.body as HoldBody, ctx);
    },
  };
}

/** Holds units in the sale `id`; over HTTP and over the socket. */
export function holdUnits(
  { engine, currency }: Pick<Api, 'engine' | 'currency'>,
  { shopper, verified, id, key }: Command,
  { quantity, product_id }: HoldBody,
  to: Answering,
): void {
  const command = {
    sale: id,
    shopper,
    verified,
    quantity,
    product: product_id ?? '',
    idempotencyKey: key,
  };
  engine.hold(command, (outcome) => {
    answerHold(to, outcome, currency);
  });
}

/** Never throws: it runs inside the engine's batch, where others wait behind it. */
function answerHold(to: Answering, outcome: Outcome<LaneOrder>, currency: string): void {
  try {
    if (outcome.kind !== 'done') {
      to.problem(outcomeProblem(outcome));
      return;
    }
    const json = holdJson(outcome.value, currency);
    if (outcome.replayed) to.reply(201, json, replayed);
    else to.reply(201, json);
  } catch (error) {
    to.fail(error);
  }
}

/**
 * A replay is the answer of then to the last byte, whatever became of the hold: `server_time` is
 * the instant of the hold. By how much an outage has lengthened it, reading the order tells.
 */
function holdJson(order: LaneOrder, currency: string): string {
  const amount = order.price * order.units.length;
  return (
    `{"id":"${order.id}","state":"held","units":[${order.units.join()}],` +
    `"amount":{"amount":${amount},"currency":"${currency}"},` +
    `"hold_expires_at":"${timeText(order.holdExpiresAt)}",` +
    `"server_time":"${timeText(order.heldAt)}","next_states":${afterHeld}}`
  );
}
