/**
 * Routes of the window that the contract names and this version does not have: each is in the
 * table with its rules, answers 422 `unsupported`.
 */
import { problem } from '../platform/http/problems.ts';
import type { Auth, JsonSchema, Method, Route } from '../platform/http/route.ts';
import { deliveryQuery, searchQuery, suggestQuery } from './schemas.ts';

interface Later {
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  readonly auth: Auth;
  readonly summary: string;
  readonly query?: JsonSchema;
}

const publicOnes: readonly Later[] = [
  {
    id: 'search',
    method: 'GET',
    path: '/v1/search',
    auth: 'public',
    summary: 'Search for products',
    query: searchQuery,
  },
  {
    id: 'suggest',
    method: 'GET',
    path: '/v1/suggest',
    auth: 'public',
    summary: 'Suggestions while typing',
    query: suggestQuery,
  },
  {
    id: 'getDelivery',
    method: 'GET',
    path: '/v1/delivery',
    auth: 'public',
    summary: 'Whether a product is delivered to a place',
    query: deliveryQuery,
  },
];

export function laterRoutes(): Route[] {
  return publicOnes.map((later) => ({
    ...later,
    half: 'window' as const,
    idempotencyKey: 'none' as const,
    responses: {},
    errors: ['unsupported' as const],
    handle: (ctx) => {
      ctx.problem(problem('unsupported', `${later.summary}: this version does not have it yet.`));
    },
  }));
}
