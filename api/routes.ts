/** The api's table of routes: all that stands in the contract, built or not. */
import { invariant } from '../platform/fault.ts';
import { standardRoutes } from '../platform/http/standard.ts';
import { pageRoutes } from '../platform/http/static.ts';
import type { Route } from '../platform/http/route.ts';
import type { Api } from './api.ts';
import { asyncapiRoute } from './asyncapi.ts';
import type { CatalogClient } from './catalog-client.ts';
import { withExamples } from './examples.ts';
import { checkoutRoute } from './handlers/checkout.ts';
import { healthRoute } from './handlers/health.ts';
import { holdRoute } from './handlers/holds.ts';
import { importRoutes } from './handlers/imports.ts';
import { orderRoutes } from './handlers/orders.ts';
import { payRoute } from './handlers/pay.ts';
import { productRoutes } from './handlers/products.ts';
import { registrationRoutes } from './handlers/registrations.ts';
import { icsRoute, saleRoutes } from './handlers/sales.ts';
import { sessionRoutes } from './handlers/sessions.ts';
import { proofRoute, ticketRoutes } from './handlers/tickets.ts';
import { vendorSaleRoutes } from './handlers/vendor-sales.ts';
import { vendorRoutes } from './handlers/vendors.ts';
import type { LineDesk } from './line-desk.ts';
import type { HealthWatch } from './readiness.ts';
import { openSocketRoute } from './socket/route.ts';
import { unsupportedRoutes } from './unsupported.ts';
import { windowRoutes } from './window.ts';

export const apiInfo = {
  title: 'Highnoon',
  version: '1',
  description:
    'Flash sales that never sell a unit twice. Vendors send an API key (`hnk_…`), shoppers a JWT, ' +
    'both as `Authorization: Bearer`. Money is in minor units, times are RFC 3339 in UTC. The socket ' +
    'and the topics are in `/asyncapi.json`.',
} as const;

export interface Surroundings {
  readonly api: Api;
  readonly catalog: CatalogClient;
  readonly desk: LineDesk;
  readonly watch: HealthWatch;
}

/**
 * Every route that is registered, with /openapi.json, /docs and /health/live made from them, and
 * the shop's page.
 */
export function apiRoutes(around: Surroundings): Route[] {
  const routes = contractRoutes(around);
  const standard = standardRoutes(asDocumented(routes), apiInfo, 'sale');
  return [...routes, ...standard, ...pageRoutes('window')];
}

/** Requests for a calendar come by the sale's own route; the docs tell the two apart. */
function asDocumented(routes: readonly Route[]): Route[] {
  const calendar = icsRoute();
  const { params } = calendar;
  invariant(params !== undefined, 'the calendar has an id');
  const told = routes.map((route) => (route.id === 'getSale' ? { ...route, params } : route));
  return [...told, calendar];
}

/** Without what is made from the table. */
export function contractRoutes({ api, catalog, desk, watch }: Surroundings): Route[] {
  return withExamples([
    holdRoute(api),
    ...orderRoutes(api, catalog),
    payRoute(api, catalog),
    checkoutRoute(api, catalog),
    ...saleRoutes(api),
    ...vendorSaleRoutes(api),
    ...registrationRoutes(api),
    ...productRoutes(api),
    ...importRoutes(api),
    ...vendorRoutes(api),
    ...sessionRoutes(api),
    ...ticketRoutes(desk),
    proofRoute(api),
    openSocketRoute(),
    asyncapiRoute({ title: apiInfo.title, version: apiInfo.version }),
    ...windowRoutes(catalog),
    ...unsupportedRoutes(),
    healthRoute(watch),
  ]);
}
