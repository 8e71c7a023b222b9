/**
 * POST /register-product and the status of a registration. Recorded in one transaction with the
 * event that announces it, so it is accepted with Kafka away too.
 */
import type { Route } from '../../platform/http/route.ts';
import { vendorOf } from '../api.ts';
import type { Api } from '../api.ts';
import { canonicalJson } from '../canonical-json.ts';
import { notFound, vendorProblem } from '../refusals.ts';
import { checkRegistration, priceOf } from '../../engine/index.ts';
import type { RegistrationBody } from '../../engine/index.ts';
import { idParams, productIdPattern } from '../schemas/common.ts';
import { registrationBody } from '../../engine/index.ts';
import { acceptedAnswer, registrationAnswer } from '../schemas/vendors.ts';

const registrationMaxBytes = 64 * 1024;
const registrationsPerMinute = 6000;

export function registrationRoutes(api: Api): Route[] {
  return [registerRoute(api), statusRoute(api)];
}

function registerRoute({ engine, currency }: Api): Route {
  return {
    id: 'registerProduct',
    method: 'POST',
    path: '/register-product',
    half: 'sale',
    auth: 'vendor',
    summary: 'Register a product',
    description:
      'Recorded at once and announced on the topic `new-product`; `status_url` tells when it is ' +
      'listed. Without an Idempotency-Key each request registers another product.',
    body: registrationBody,
    maxBodyBytes: registrationMaxBytes,
    idempotencyKey: 'optional',
    rateLimit: { name: 'registrations', perMinute: registrationsPerMinute },
    responses: { 202: acceptedAnswer },
    errors: ['not_found', 'idempotency_key_reused', 'unavailable'],
    handle: async (ctx) => {
      const body = ctx.body as RegistrationBody;
      const price = priceOf(body, currency);
      checkRegistration(body, currency);
      const outcome = await engine.register({
        vendor: vendorOf(ctx),
        body: { ...body, price },
        supply: body.remaining_supply,
        fingerprint: canonicalJson(body),
        ...(ctx.idempotencyKey === '' ? {} : { idempotencyKey: ctx.idempotencyKey }),
      });
      if (outcome.kind !== 'done') {
        ctx.problem(vendorProblem(outcome, ctx.idempotencyKey !== ''));
        return;
      }
      const { id } = outcome.value;
      const location = `/v1/registrations/${id}`;
      const headers = outcome.replayed ? { location, 'idempotent-replayed': 'true' } : { location };
      // A replay is the answer of then, so it says `accepted` even when it is listed by now.
      ctx.reply(202, { id, status: 'accepted', status_url: location }, headers);
    },
  };
}

function statusRoute({ engine }: Api): Route {
  return {
    id: 'getRegistration',
    method: 'GET',
    path: '/v1/registrations/{id}',
    half: 'sale',
    auth: 'vendor',
    summary: 'What became of a registration',
    params: idParams(productIdPattern),
    idempotencyKey: 'none',
    responses: { 200: registrationAnswer },
    errors: ['not_found', 'unavailable'],
    handle: async (ctx) => {
      const found = await engine.registration(vendorOf(ctx), ctx.param('id'));
      if (found === null) {
        ctx.problem(notFound);
        return;
      }
      const { id, status, reason } = found;
      ctx.reply(200, reason === null ? { id, status } : { id, status, reason });
    },
  };
}
