/** The window's table of routes. The api hands the public ones on; it never imports this. */
import type { Readiness } from '../platform/ops.ts';
import type { JsonSchema, Route } from '../platform/http/route.ts';
import { addressRoutes } from './addresses.ts';
import type { AddressSaved } from './addresses.ts';
import { cartRoutes } from './cart.ts';
import type { CartOptions } from './cart.ts';
import { productRoute } from './products.ts';
import type { Pages } from './products.ts';
import { searchRoutes } from './search/routes.ts';
import type { SearchOptions } from './search/routes.ts';
import { wishlistRoutes } from './wishlist.ts';

export const windowInfo = {
  title: 'Highnoon: the shop window',
  version: '1',
  description: 'Product pages, search, cart and wishlist. A little stale rather than down.',
} as const;

export interface Window extends Omit<CartOptions, 'places'> {
  readonly pages: Pages;
  readonly search: SearchOptions;
  readonly addressSaved: AddressSaved;
  readonly ready: () => Readiness;
}

export function windowRoutes(window: Window): Route[] {
  return [
    productRoute(window.pages, window.search.places, window.search.savedPlace),
    ...cartRoutes({ ...window, places: window.search.places }),
    ...wishlistRoutes(window),
    ...addressRoutes(window.db, window.addressSaved),
    ...searchRoutes(window.search),
    readyRoute(window.ready),
  ];
}

const readySchema: JsonSchema = {
  type: 'object',
  properties: { status: { enum: ['ok', 'degraded', 'down'] }, checks: { type: 'object' } },
  required: ['status', 'checks'],
};

function readyRoute(ready: () => Readiness): Route {
  return {
    id: 'healthReady',
    method: 'GET',
    path: '/health/ready',
    half: 'window',
    auth: 'public',
    summary: 'Whether this process answers',
    description: '200 while it can show pages, from memory too; 503 before Postgres was ever seen.',
    idempotencyKey: 'none',
    responses: { 200: readySchema, 503: readySchema },
    errors: [],
    handle: (ctx) => {
      const readiness = ready();
      const headers = { 'cache-control': 'no-store' };
      ctx.reply(readiness.status === 'down' ? 503 : 200, readiness, headers);
    },
  };
}
