/** GET /health/ready for the public and for balancers: in one word and by check. */
import type { JsonSchema, Route } from '../../platform/http/route.ts';
import { answer, oneOf } from '../schemas/common.ts';
import type { Health, HealthWatch } from '../readiness.ts';

const readyAnswer: JsonSchema = answer({
  status: oneOf('ok', 'degraded', 'unavailable'),
  checks: { type: 'object', additionalProperties: { type: 'string' } },
});

/** As the contract words it. */
export function healthJson({ status, checks }: Health): object {
  return { status: status === 'down' ? 'unavailable' : status, checks };
}

export function healthRoute(watch: HealthWatch): Route {
  return {
    id: 'getReadiness',
    method: 'GET',
    path: '/health/ready',
    half: 'sale',
    auth: 'public',
    summary: 'Whether sales go on here',
    description:
      '200 when every lane is verified and open; `degraded` when Postgres, Kafka, the worker or ' +
      'the catalog is away: sales go on without them for a while.',
    idempotencyKey: 'none',
    responses: { 200: readyAnswer, 503: readyAnswer },
    errors: [],
    handle: (ctx) => {
      const health = watch.health();
      const headers = { 'cache-control': 'no-store' };
      ctx.reply(health.status === 'down' ? 503 : 200, healthJson(health), headers);
    },
  };
}
