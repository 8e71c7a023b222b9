// A small shop behind a search server of its own: products as intake writes them, real Postgres.
import { writeProducts } from '../../../catalog/product-rows.ts';
import type { ProductRow } from '../../../catalog/new-product.ts';
import { loadPlaces } from '../../../catalog/delivery/places.ts';
import { indexProducts } from '../../../catalog/search/documents.ts';
import type { SavedPlace } from '../../../catalog/search/place-asked.ts';
import { searchRoutes } from '../../../catalog/search/routes.ts';
import { keepUp } from '../../../catalog/search/upkeep.ts';
import { createHttpServer } from '../../../platform/http/server.ts';
import { createDb } from '../../../platform/postgres/pool.ts';
import type { Db } from '../../../platform/postgres/pool.ts';
import { linkTo } from '../../support/link.ts';
import type { Link } from '../../support/link.ts';
import { insertLane } from './database.ts';
import { silent as log } from '../../support/environment.ts';
import { createDatabase } from '../../support/postgres.ts';

export interface FoundHit extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly delivery: { readonly deliverable: boolean | null; readonly reason: string | null };
}

export interface Counted {
  readonly value: string;
  readonly count: number;
}

export interface Answer {
  readonly hits: readonly FoundHit[];
  readonly facets: {
    readonly category: readonly Counted[];
    readonly brand: readonly Counted[];
    readonly price: readonly (Counted & { readonly min: number; readonly max: number | null })[];
    readonly attributes: readonly { readonly name: string; readonly values: readonly Counted[] }[];
    readonly on_sale: number;
    readonly deliverable: number | null;
  };
  readonly total: number;
  readonly total_approximate: boolean;
  readonly matched: string;
  readonly next_cursor: string | null;
  readonly stale: boolean;
}

export interface SearchShop {
  readonly db: Db;
  readonly link: Link;
  /** Added to the clock of the caches. */
  later: number;
  saved: SavedPlace | null;
  add(id: string, more?: Partial<ProductRow>): Promise<void>;
  addAll(rows: readonly ProductRow[]): Promise<void>;
  /** Counts words and sees sales, as the loop does. */
  keepUp(): Promise<void>;
  get(path: string): Promise<Response>;
  search(query: string): Promise<Answer>;
  ids(query: string): Promise<string[]>;
  close(): Promise<void>;
}

export function productRow(id: string, more: Partial<ProductRow> = {}): ProductRow {
  return {
    ...{ id, vendor_id: 'ven_1', name: id, description: '', price: 20_000, currency: 'USD' },
    ...{ sku: null, category: null, brand: null, images: [], attributes: {}, variant_of: null },
    ...{ options: {}, delivery: null, version: 1, registered_at: '2026-01-02T03:04:05.000Z' },
    withdrawn: false,
    ...more,
  };
}

export async function openSearchShop(): Promise<SearchShop> {
  const database = await createDatabase({ max: 4 });
  await insertLane(database.db);
  const link = await linkTo(database.url);
  const db = createDb(link.url, { max: 4, statementTimeoutMs: 5000, connectTimeoutMs: 500 });
  const places = loadPlaces();
  const now = () => performance.now() + shop.later;
  const savedPlace = () => Promise.resolve(shop.saved);
  const server = await createHttpServer({
    ...{ name: 'catalog', host: '127.0.0.1', port: 0, log, rateLimits: 'off' },
    routes: searchRoutes({ db, places, savedPlace, now, freshMs: 0 }),
    authenticate: () => ({ kind: 'operator' }),
  });
  const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
  const shop: SearchShop = {
    ...{ db: database.db, link, later: 0, saved: null, get },
    add: (id, more) => shop.addAll([productRow(id, more)]),
    addAll: (rows) =>
      database.db.tx(async (q) => {
        await writeProducts(q, rows);
        await indexProducts(
          q,
          rows.map(({ id }) => id),
        );
      }),
    async keepUp() {
      // What was written a moment ago is counted later: here it is made older.
      const age = `UPDATE shop.search SET indexed_at = indexed_at - interval '1 minute'`;
      await database.db.run(age);
      await keepUp(database.db, true);
      shop.later += 60_000;
    },
    async search(query) {
      const answer = await get(`/v1/search?${query}`);
      const json: unknown = await answer.json();
      if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(json)}`);
      return json as Answer;
    },
    ids: async (query) => (await shop.search(query)).hits.map(({ id }) => id),
    async close() {
      await server.close(1000);
      await db.close();
      await link.close();
      await database.close();
    },
  };
  return shop;
}
