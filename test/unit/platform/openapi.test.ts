/** OpenAPI and the docs page say what the table says, all of it. */
import { describe, expect, it } from 'vitest';
import { docsPage } from '../../../platform/http/docs-page.ts';
import { errorsPage } from '../../../platform/http/docs-errors.ts';
import { exampleOf } from '../../../platform/http/examples.ts';
import { errorsOf, openapiOf } from '../../../platform/http/openapi.ts';
import { problemCodes } from '../../../platform/http/problems.ts';
import { standardRoutes } from '../../../platform/http/standard.ts';
import { Validators } from '../../../platform/http/validate.ts';
import { info, route, routes } from './http-fixture.ts';

const all = [...routes, ...standardRoutes(routes, info, 'sale')];
const document = openapiOf(all, info);
const paths = document['paths'] as Record<string, Record<string, Record<string, unknown>>>;

function operation(method: string, path: string): Record<string, unknown> {
  const found = paths[path]?.[method];
  if (found === undefined) throw new Error(`${method} ${path} is missing`);
  return found;
}

describe('openapi.json', () => {
  it('is 3.1 and has every route, each id once', () => {
    expect(document['openapi']).toBe('3.1.0');
    const ids = Object.values(paths).flatMap((path) =>
      Object.values(path).map((o) => o['operationId']),
    );
    expect(ids.sort()).toEqual(all.map((r) => r.id).sort());
    for (const { method, path, id } of all) {
      expect(operation(method.toLowerCase(), path)['operationId']).toBe(id);
    }
  });

  it('tells parameters, body, keys and identity', () => {
    const hold = operation('post', '/v1/sales/{id}/holds');
    expect(hold['security']).toEqual([{ shopperToken: [] }]);
    expect(hold['parameters']).toMatchObject([
      { name: 'id', in: 'path', required: true, schema: { pattern: '^sal_[a-z0-9]+$' } },
      { name: 'Idempotency-Key', in: 'header', required: true },
    ]);
    expect(hold['requestBody']).toMatchObject({
      required: true,
      content: { 'application/json': { schema: { required: ['quantity'] } } },
    });
    expect(operation('get', '/v1/list')['parameters']).toMatchObject([
      { name: 'limit', in: 'query', required: false, schema: { default: 20 } },
    ]);
    expect(operation('get', '/v1/csv')['security']).toEqual([{ vendorKey: [] }]);
    expect(operation('get', '/v1/list')['security']).toEqual([]);
  });

  it('tells the problems of a route, those of the server included', () => {
    const hold = operation('post', '/v1/sales/{id}/holds');
    const statuses = Object.keys(hold['responses'] as object);
    expect(statuses).toEqual(['200', '400', '401', '403', '404', '413', '415', 'default']);
    const sold = errorsOf(route({ id: 'x', path: '/x', errors: ['sold_out'], handle: () => {} }));
    expect(sold).toEqual(['invalid_request', 'unknown_field', 'sold_out']);
  });

  it('keeps an answer and a problem of one status apart', () => {
    const ready = route({
      id: 'ready',
      path: '/ready',
      responses: { 503: { type: 'object' } },
      errors: ['unavailable'],
      handle: () => {},
    });
    const made = openapiOf([ready], info)['paths'] as typeof paths;
    const responses = made['/ready']?.['get']?.['responses'] as Record<string, { content: object }>;
    const media = Object.keys(responses['503']?.content ?? {});
    expect(media).toEqual(['application/json', 'application/problem+json']);
  });
});

describe('the docs page', () => {
  const page = docsPage(all, info);

  it('shows every route with its example and links its problems', () => {
    for (const { id } of all) expect(page).toContain(`<article id="${id}"`);
    expect(page).toContain('/docs/errors#idempotency_key_required');
    expect(page).toContain('&quot;quantity&quot;:1');
  });

  it('sets apart in its menu what can only be refused', () => {
    const built = route({ id: 'a', path: '/a', responses: { 204: null }, handle: () => {} });
    const later = route({ id: 'b', path: '/b', responses: {}, handle: () => {} });
    const shown = docsPage([built, later], info);
    expect([...shown.matchAll(/<li[^>]* class="later"><a href="#(\w+)"/g)].length).toBe(1);
    expect(shown).toMatch(/class="later"><a href="#b"/);
  });

  it('needs nothing from elsewhere', () => {
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(page).not.toContain('@import');
  });

  it('escapes what it shows', () => {
    const evil = route({
      id: 'evil',
      path: '/evil',
      summary: '<script>alert(1)</script>',
      description: '"><img src=x onerror=alert(1)>',
      handle: () => {},
    });
    const shown = docsPage([evil], info);
    expect(shown).not.toContain('<script>alert');
    expect(shown).not.toContain('<img');
  });

  it('gives examples that the route would take', () => {
    const validators = new Validators();
    for (const { body } of routes) {
      if (body !== undefined) expect(validators.body(body)(exampleOf(body))).toBeNull();
    }
  });

  it('has an anchor for every problem', () => {
    const errors = errorsPage();
    for (const code of problemCodes) expect(errors).toContain(`<tr id="${code}">`);
  });
});
