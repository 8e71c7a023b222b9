// The window over HTTP, on real Postgres behind a cable: right, cached, stale, and never a 500.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createSigner } from 'fast-jwt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadPlaces } from '../../../catalog/delivery/places.ts';
import { createIdentities } from '../../../catalog/identity.ts';
import type { ProductRow } from '../../../catalog/new-product.ts';
import { createOffers } from '../../../catalog/offers.ts';
import { createPages, pageFreshMs, pageStaleMs } from '../../../catalog/products.ts';
import { readinessOf } from '../../../catalog/readiness.ts';
import { windowRoutes } from '../../../catalog/routes.ts';
import { createHttpServer } from '../../../platform/http/server.ts';
import { productAnswer } from '../../../platform/window/answers.ts';
import { closed } from '../../support/closed.ts';
import type { Link } from '../../support/link.ts';
import { addProduct as add, openWindow, rules, secret } from './window-server.ts';
import type { WindowServer } from './window-server.ts';
import { insertSale } from './database.ts';
import { silent as log } from '../../support/environment.ts';
import { createDatabase } from '../../support/postgres.ts';
import type { TestDatabase } from '../../support/postgres.ts';

let window: WindowServer;
let database: TestDatabase;
let link: Link;

beforeAll(async () => {
  window = await openWindow();
  ({ database, link } = window);
});

afterEach(() => window.mend());

afterAll(() => window.close());

const get = (path: string, init?: RequestInit): Promise<Response> => window.get(path, init);

async function body(answer: Response): Promise<Record<string, unknown>> {
  return (await answer.json()) as Record<string, unknown>;
}

const addProduct = (id: string, more?: Partial<ProductRow>) => add(database.db, id, more);

describe('GET /v1/products/{id}', () => {
  it('answers the whole page, as its schema says', async () => {
    await addProduct('prd_full', { brand: 'KUHL', attributes: { ram: '10 GB' }, images: ['a'] });
    await addProduct('prd_red', { variant_of: 'prd_full', options: { colour: 'red' } });
    const standing = { id: 'sal_f1', product: 'prd_full', allotted: 30, claimed: 29 };
    await insertSale(database.db, standing);
    const soon = { kind: 'flash', state: 'scheduled', startsAt: new Date(2e12) } as const;
    await insertSale(database.db, { id: 'sal_f2', product: 'prd_full', allotted: 10, ...soon });
    await insertSale(database.db, { id: 'sal_f3', product: 'prd_red', allotted: 10 });
    const ended = { kind: 'flash', state: 'closed' } as const;
    await insertSale(database.db, { id: 'sal_f4', product: 'prd_full', allotted: 10, ...ended });

    const answer = await get('/v1/products/prd_full');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('application/json');
    expect(answer.headers.get('cache-control')).toContain('stale-if-error');
    const page = await body(answer);
    const valid = new Ajv2020({ strict: false, validateFormats: false }).compile(
      closed(productAnswer),
    );
    expect([valid(page), valid.errors]).toEqual([true, null]);
    expect(page).toMatchObject({
      ...{ id: 'prd_full', brand: 'KUHL', attributes: { ram: '10 GB' }, images: ['a'] },
      ...{ price: { amount: 20_000, currency: 'USD' }, availability: 'low', stale: false },
      sales: [
        { id: 'sal_f1', kind: 'standing', state: 'live', availability: 'low', ends_at: null },
        { id: 'sal_f2', kind: 'flash', state: 'scheduled', allotted: 10, claimed_share: 0 },
      ],
      variants: [{ id: 'prd_red', options: { colour: 'red' }, availability: 'in_stock' }],
      as_of: '2026-01-02T12:00:00.000Z',
    });
    expect(Math.abs(Date.parse(String(page['server_time'])) - Date.now())).toBeLessThan(5000);
  });

  it('shows a variant among its siblings', async () => {
    const page = await body(await get('/v1/products/prd_red'));
    expect(page).toMatchObject({ variant_of: 'prd_full', variants: [{ id: 'prd_red' }] });
  });

  it('says 304 to a page that the client has, and not when it changed', async () => {
    await addProduct('prd_tag');
    const first = await get('/v1/products/prd_tag');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^W\/".+"$/);
    const ask = (tag: string): Promise<Response> =>
      get('/v1/products/prd_tag', { headers: { 'if-none-match': tag } });
    for (const tag of [etag, `"x", ${etag}`, '*']) {
      const again = await ask(tag);
      expect([again.status, await again.text()]).toEqual([304, '']);
    }
    expect((await ask('"other"')).status).toBe(200);
    await addProduct('prd_tag', { name: 'Another name', version: 2 });
    window.age(pageFreshMs);
    await expect.poll(async () => (await ask(etag)).status).toBe(200);
    expect(await body(await ask(etag))).toMatchObject({ name: 'Another name' });
  });

  it.each(['prd_unknown', 'x', '%F0%9F%98%80', "';DROP", 'p'.repeat(500), '..%2f..'])(
    'knows no %s',
    async (id) => {
      const answer = await get(`/v1/products/${id}`);
      expect(answer.status).toBe(404);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(await body(answer)).toMatchObject({ code: 'not_found', status: 404 });
    },
  );

  it('takes no parameters', async () => {
    expect((await get('/v1/products/prd_tag?x=1')).status).toBe(400);
  });

  it('does not show what was withdrawn', async () => {
    await addProduct('prd_gone');
    expect((await get('/v1/products/prd_gone')).status).toBe(200);
    await database.db.run(`UPDATE shop.products SET withdrawn_at = now() WHERE id = 'prd_gone'`);
    window.age(pageFreshMs);
    // A reader does not wait long where there is an older page to show.
    await expect.poll(async () => (await get('/v1/products/prd_gone')).status).toBe(404);
  });
});

describe('the memory of pages', () => {
  it('counts rules of delivery, which may be larger than the page', async () => {
    const codes = Array.from({ length: 2000 }, (_, i) => String(10_000 + i));
    const delivery = { include: [{ country: 'DE', postal_prefixes: codes }] };
    await addProduct('prd_plain');
    await addProduct('prd_rules', { delivery });
    const pages = createPages(database.db, log);
    await pages.get('prd_plain');
    const plain = pages.size;
    await pages.get('prd_rules');
    expect(pages.size - 2 * plain).toBeGreaterThan(3 * JSON.stringify(delivery).length);
  });
});

describe('with Postgres away', () => {
  it('shows pages it has, marked stale, and asks for patience about others', async () => {
    await addProduct('prd_seen');
    await addProduct('prd_unseen');
    expect((await get('/v1/products/prd_seen')).status).toBe(200);
    await link.cut();
    window.age(30_000);
    const answer = await get('/v1/products/prd_seen');
    expect(answer.status).toBe(200);
    expect(Number(answer.headers.get('age'))).toBeGreaterThanOrEqual(30);
    expect(answer.headers.get('cache-control')).toContain('max-age=0');
    expect(await body(answer)).toMatchObject({ id: 'prd_seen', stale: true });
    const other = await get('/v1/products/prd_unseen');
    expect(other.status).toBe(503);
    expect(other.headers.get('retry-after')).toBe('1');
    expect(await body(other)).toMatchObject({ code: 'unavailable', retry_after_ms: 1000 });
    await window.mend();
    await expect
      .poll(async () => body(await get('/v1/products/prd_seen')))
      .toMatchObject({ stale: false });
    expect((await get('/v1/products/prd_unseen')).status).toBe(200);
  });

  it('does not take one lost connection for the loss of Postgres', async () => {
    await addProduct('prd_lost');
    await get('/v1/products/prd_tag');
    link.drop();
    expect((await get('/v1/products/prd_lost')).status).toBe(200);
  });

  it('does not wait for one that hangs, when it has the page', async () => {
    await addProduct('prd_hang');
    expect((await get('/v1/products/prd_hang')).status).toBe(200);
    link.hang();
    window.age(10_000);
    const startedAt = performance.now();
    expect(await body(await get('/v1/products/prd_hang'))).toMatchObject({ stale: true });
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it('gives a page up when it is too old to be shown', async () => {
    await addProduct('prd_old');
    // What hung in the test before may have ended only now, and pages pause after it.
    await expect
      .poll(async () => (await get('/v1/products/prd_old')).status, { timeout: 5000 })
      .toBe(200);
    await link.cut();
    window.age(pageStaleMs + 1);
    expect((await get('/v1/products/prd_old')).status).toBe(503);
  });

  it('stays ready and says what is missing', async () => {
    await expect.poll(async () => (await body(await get('/health/ready')))['status']).toBe('ok');
    await link.cut();
    await expect
      .poll(async () => body(await get('/health/ready')), { timeout: 5000 })
      .toEqual({ status: 'degraded', checks: { postgres: 'away', intake: 'ok' } });
    expect((await get('/health/ready')).status).toBe(200);
  });
});

describe('before the set-up came by', () => {
  it('asks for patience instead of calling it a defect', async () => {
    const empty = await createDatabase({ migrated: false });
    const { authenticate, shopperOfToken } = createIdentities(empty.db, rules);
    const early = await createHttpServer({
      ...{ name: 'catalog', host: '127.0.0.1', port: 0, log, rateLimits: 'off' },
      routes: windowRoutes({
        pages: createPages(empty.db, log),
        ready: () => readinessOf(null, 'starting'),
        ...{ db: empty.db, offers: createOffers(empty.db), currency: 'USD', shopperOfToken },
        search: { db: empty.db, places: loadPlaces(), savedPlace: () => Promise.resolve(null) },
        addressSaved: () => undefined,
      }),
      authenticate,
    });
    try {
      const ask = (path: string): Promise<Response> =>
        fetch(`http://127.0.0.1:${early.port}${path}`, {
          headers: { authorization: 'Bearer x.y.z' },
        });
      const shown = ['/v1/products/prd_1', '/v1/search?q=x', '/v1/suggest?q=x'];
      for (const path of [...shown, '/v1/cart', '/health/ready']) {
        expect([path, (await ask(path)).status]).toEqual([path, 503]);
      }
    } finally {
      await early.close(0);
      await empty.close();
    }
  });
});

describe('the window', () => {
  it('refuses nonsense first', async () => {
    expect((await get('/v1/search?nonsense=1')).status).toBe(400);
    expect((await get('/v1/search?limit=101')).status).toBe(400);
    expect((await get('/v1/delivery')).status).toBe(400);
    expect((await get('/v1/search', { method: 'POST' })).status).toBe(405);
  });
});

describe('a shopper’s route', () => {
  const sign = createSigner({ key: secret, iss: rules.issuer, aud: rules.audience });
  const exp = Math.floor(Date.now() / 1000) + 3600;

  it.each(['/v1/cart', '/v1/wishlist', '/v1/me/addresses'])('%s asks for one', async (path) => {
    const expired = sign({ sub: 'shp_1', exp: exp - 7200 });
    const forged = createSigner({ key: 'another', iss: rules.issuer, aud: rules.audience });
    const elsewhere = createSigner({ key: secret, iss: 'elsewhere', aud: rules.audience });
    const wrong = [
      ...['x', 'hnk_12345678', expired, forged({ sub: 'shp_1', exp }), sign({ exp })],
      ...[elsewhere({ sub: 'shp_1', exp }), sign({ sub: 'shp_1' })],
    ];
    expect((await get(path)).status).toBe(401);
    for (const bearer of wrong) {
      const answer = await get(path, { headers: { authorization: `Bearer ${bearer}` } });
      expect(answer.status).toBe(401);
    }
  });
});
