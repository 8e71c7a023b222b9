/**
 * Routes of the contract that this version does not have. Each asks for the right identity and
 * then answers 422 `unsupported`, whatever the body holds: never a 404, never a pretence. What every
 * route asks for is asked for here too: a key where the contract wants one, a body that is not too large.
 */
import { problem } from '../platform/http/problems.ts';
import type { Method, Route } from '../platform/http/route.ts';

type Row = readonly [id: string, line: string, summary: string];

const vendors: readonly Row[] = [
  ['listSaleOrders', 'GET /v1/sales/{id}/orders', 'Orders of a sale'],
  ['packOrder', 'POST /v1/orders/{id}/pack', 'Pack an order'],
  ['shipOrder', 'POST /v1/orders/{id}/ship', 'Ship an order'],
  ['deliverOrder', 'POST /v1/orders/{id}/deliver', 'Deliver an order'],
  ['refundOrder', 'POST /v1/orders/{id}/refunds', 'Refund an order'],
  ['createWebhook', 'POST /v1/webhook-endpoints', 'Add a webhook endpoint'],
  ['listWebhooks', 'GET /v1/webhook-endpoints', 'Webhook endpoints'],
  ['changeWebhook', 'PATCH /v1/webhook-endpoints/{id}', 'Change a webhook endpoint'],
  ['deleteWebhook', 'DELETE /v1/webhook-endpoints/{id}', 'Remove a webhook endpoint'],
  ['listDeliveries', 'GET /v1/webhook-endpoints/{id}/deliveries', 'Deliveries of an endpoint'],
  ['redeliver', 'POST /v1/webhook-endpoints/deliveries/{id}/redeliver', 'Deliver once more'],
  ['testWebhook', 'POST /v1/webhook-endpoints/{id}/test', 'Send a test event'],
];

const everybody: readonly Row[] = [
  ['lookUpOrder', 'POST /v1/orders/lookup', 'Find an order by its e-mail'],
  ['paymentWebhook', 'POST /v1/payments/webhooks/{provider}', 'Webhooks of a payment provider'],
];

const withKey: ReadonlySet<string> = new Set(['refundOrder']);
const noKey = problem('idempotency_key_required', 'Send an Idempotency-Key header.', {
  param: 'Idempotency-Key',
});

export function unsupportedRoutes(): Route[] {
  return [
    ...vendors.map((row) => unsupported(row, 'vendor')),
    ...everybody.map((row) => unsupported(row, 'public')),
  ];
}

function unsupported([id, line, summary]: Row, auth: Route['auth']): Route {
  const [method, path] = line.split(' ') as [Method, string];
  const refusal = problem('unsupported', `${line} is known, but this version does not have it.`);
  const needsKey = withKey.has(id);
  return {
    id,
    method,
    path,
    half: 'sale',
    auth,
    summary: `${summary} (later)`,
    bodyMode: 'raw',
    idempotencyKey: needsKey ? 'required' : 'none',
    responses: {},
    errors: ['unsupported'],
    handle: (ctx) => {
      const key = ctx.header('idempotency-key') ?? '';
      ctx.problem(needsKey && key === '' ? noKey : refusal);
    },
  };
}
