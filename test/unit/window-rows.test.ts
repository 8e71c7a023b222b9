// What the api publishes of the shop window is what the catalog does: every route of the one is a
// route of the other, with the same parameters, body and answers.
import { describe, expect, it } from 'vitest';
import { loadPlaces } from '../../catalog/delivery/places.ts';
import { createOffers } from '../../catalog/offers.ts';
import { createPages } from '../../catalog/products.ts';
import { windowRoutes } from '../../catalog/routes.ts';
import { openapiOf } from '../../platform/http/openapi.ts';
import type { Route } from '../../platform/http/route.ts';
import type { Db } from '../../platform/postgres/pool.ts';
import { createLog } from '../../platform/log.ts';
import { routeTable } from './api/harness.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string }[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

const info = { title: 't', version: '1', description: 'd' };

function operationsOf(routes: readonly Route[]): Map<string, Operation> {
  const paths = openapiOf(routes, info)['paths'] as Record<string, Record<string, Operation>>;
  return new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method} ${path}`, operation]),
    ),
  );
}

/** Nobody is asked: only the table is looked at. */
const db = {} as Db;
const ofCatalog = operationsOf(
  windowRoutes({
    ...{
      db,
      offers: createOffers(db),
      currency: 'USD',
      pages: createPages(db, createLog('test', 'silent')),
    },
    shopperOfToken: () => Promise.resolve(null),
    ready: () => ({ status: 'ok', checks: {} }),
    search: { db, places: loadPlaces(), savedPlace: () => Promise.resolve(null) },
    addressSaved: () => undefined,
  }).filter(({ id }) => id !== 'healthReady'),
);
const ofApi = operationsOf(routeTable().filter(({ half }) => half === 'window'));

describe('the window, as the api publishes it', () => {
  it('has the routes of the catalog', () => {
    expect([...ofApi.keys()].sort()).toEqual([...ofCatalog.keys()].sort());
    expect(ofApi.size).toBeGreaterThan(10);
  });

  it.each([...ofCatalog])('%s is as the catalog answers it', (line, catalog) => {
    const api = ofApi.get(line);
    expect(api).toEqual(catalog);
  });

  it('tells what a search takes and answers', () => {
    const { parameters = [], responses = {} } = ofApi.get('get /v1/search') ?? {};
    const names = parameters.map(({ name }) => name);
    const expected = ['q', 'category', 'min_price', 'attribute', 'country', 'sort', 'cursor'];
    expect(names).toEqual(expect.arrayContaining(expected));
    const answer = JSON.stringify(responses['200']);
    for (const field of ['attributes', 'on_sale', 'brand', 'discount_percent', 'matched']) {
      expect(answer).toContain(`"${field}":`);
    }
  });
});
