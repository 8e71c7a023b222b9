// The window's real server on Postgres behind a cable, with a clock that tests move, and its callers.
import { createSigner } from 'fast-jwt';
import { loadPlaces } from '../../../catalog/delivery/places.ts';
import { createIdentities } from '../../../catalog/identity.ts';
import type { ProductRow } from '../../../catalog/new-product.ts';
import { createOffers } from '../../../catalog/offers.ts';
import type { Offers } from '../../../catalog/offers.ts';
import { writeProducts } from '../../../catalog/product-rows.ts';
import { createPages, pagePauseMs } from '../../../catalog/products.ts';
import { watch } from '../../../catalog/readiness.ts';
import { windowRoutes } from '../../../catalog/routes.ts';
import { createSavedPlaces } from '../../../catalog/saved-place.ts';
import { createHttpServer } from '../../../platform/http/server.ts';
import { createDb } from '../../../platform/postgres/pool.ts';
import type { Db } from '../../../platform/postgres/pool.ts';
import { linkTo } from '../../support/link.ts';
import type { Link } from '../../support/link.ts';
import { insertLane } from './database.ts';
import { silent as log } from '../../support/environment.ts';
import { createDatabase } from '../../support/postgres.ts';
import type { TestDatabase } from '../../support/postgres.ts';

export const secret = 'a secret of this test only';
export const rules = { issuer: 'highnoon', audience: 'highnoon' };

const sign = createSigner({ key: secret, iss: rules.issuer, aud: rules.audience });
const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3600;

export const tokenOf = (sub: string): string =>
  sign({ sub, exp: inAnHour(), ...(sub.startsWith('gst_') && { guest: true }) });

type Json = Readonly<Record<string, unknown>>;

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Json;
}

export interface WindowServer {
  readonly database: TestDatabase;
  readonly link: Link;
  readonly db: Db;
  readonly offers: Offers;
  readonly port: number;
  /** Adds to the window's clock: what it remembers grows old without anybody waiting. */
  age(ms: number): void;
  /** Mends the cable, and lets the pause pass that follows a failure. */
  mend(): Promise<void>;
  get(path: string, init?: RequestInit): Promise<Response>;
  /** As this shopper; `gst_…` is a guest. */
  as(shopper: string, method: string, path: string, body?: unknown, key?: string): Promise<Told>;
  close(): Promise<void>;
}

export async function openWindow(): Promise<WindowServer> {
  const database = await createDatabase({ max: 4 });
  await insertLane(database.db);
  await database.db.run(`INSERT INTO platform.settings VALUES ('token_secret', $1)`, [secret]);
  const link = await linkTo(database.url);
  const db = createDb(link.url, { max: 4, statementTimeoutMs: 1000, connectTimeoutMs: 500 });
  const health = watch(db, () => 'ok');
  let later = 0;
  const now = (): number => performance.now() + later;
  const offers = createOffers(db, now);
  const identities = createIdentities(db, rules);
  const { authenticate, shopperOfToken } = identities;
  const saved = createSavedPlaces(identities, db, now);
  const server = await createHttpServer({
    ...{ name: 'catalog', host: '127.0.0.1', port: 0, log, rateLimits: 'off' },
    routes: windowRoutes({
      ...{ pages: createPages(db, log, now), ready: () => health.ready() },
      ...{ db, offers, currency: 'USD', shopperOfToken, now },
      search: { db, places: loadPlaces(), savedPlace: saved.read, now },
      addressSaved: saved.put,
    }),
    authenticate,
  });
  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}${path}`, init);
  return {
    ...{ database, link, db, offers, port: server.port, get },
    age: (ms) => (later += ms),
    async mend() {
      if (await link.mend()) later += pagePauseMs;
    },
    async as(shopper, method, path, body, key) {
      const headers = new Headers({ authorization: `Bearer ${tokenOf(shopper)}` });
      if (body !== undefined) headers.set('content-type', 'application/json');
      if (key !== undefined) headers.set('idempotency-key', key);
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await get(path, { method, headers, ...sent });
      const json = (await answer.json()) as Json;
      return { status: answer.status, headers: answer.headers, json };
    },
    async close() {
      await server.close(1000);
      await health.close();
      await db.close();
      await link.close();
      await database.close();
    },
  };
}

export async function addProduct(
  db: Db,
  id: string,
  more: Partial<ProductRow> = {},
): Promise<void> {
  const row: ProductRow = {
    ...{ id, vendor_id: 'ven_1', name: 'KUHL Laptop', description: 'A gaming laptop' },
    ...{ price: 20_000, currency: 'USD', sku: null, category: null, brand: null, images: [] },
    ...{ attributes: {}, variant_of: null, options: {}, delivery: null, version: 1 },
    registered_at: '2026-01-02T03:04:05.000Z',
    withdrawn: false,
    ...more,
  };
  if ((await writeProducts(db, [row])) !== 1) throw new Error(`${id} was not written`);
}
