/**
 * A catalog of a benchmark's own: a database beside the stack's, migrated like it and filled with
 * generated products that sell as their demand says. No sale stands behind them, so nothing else
 * of the stack moves.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ProductRow } from '../../catalog/new-product.ts';
import { writeProducts } from '../../catalog/product-rows.ts';
import { indexProducts } from '../../catalog/search/documents.ts';
import { qualityOf } from '../../catalog/search/ranking.ts';
import { availabilities } from '../../platform/window/answers.ts';
import type { Availability } from '../../catalog/search/ranking.ts';
import { renewTiers, retier } from '../../catalog/search/tiers.ts';
import { countWords } from '../../catalog/search/vocabulary-count.ts';
import type { GeneratedProduct, Generator } from '../../catalog/seed/generator.ts';
import { projectRoot } from '../../platform/config.ts';
import { createLog } from '../../platform/log.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import { createDb } from '../../platform/postgres/pool.ts';
import type { Db } from '../../platform/postgres/pool.ts';

export interface Stand {
  readonly db: Db;
  readonly url: string;
  /** Adds the products from `from` to below `to`. */
  fill(from: number, to: number, say: (done: number) => void): Promise<void>;
  drop(): Promise<void>;
}

const batch = 500;
const unitsMax = 20_000;
const statementTimeoutMs = 600_000;

export const productId = (number: number): string => `prd_${String(number).padStart(8, '0')}`;

export async function openStand(adminUrl: string, generator: Generator): Promise<Stand> {
  const name = `bench_search_${randomBytes(4).toString('hex')}`;
  const admin = createDb(adminUrl, { max: 1, statementTimeoutMs });
  await admin.run(`CREATE DATABASE ${name}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  const db = createDb(url.href, { max: 2, statementTimeoutMs });
  const log = createLog('bench', 'silent');
  for (const scope of ['engine', 'catalog']) {
    await migrate(db, join(projectRoot(), scope, 'migrations'), scope, log);
  }
  return {
    db,
    url: url.href,
    fill: (from, to, say) => fill(db, generator, from, to, say),
    async drop() {
      await db.close();
      await admin.run(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.close();
    },
  };
}

async function fill(
  db: Db,
  generator: Generator,
  from: number,
  to: number,
  say: (done: number) => void,
): Promise<void> {
  for (let at = from; at < to; at += batch) {
    const numbers = Array.from({ length: Math.min(batch, to - at) }, (_, i) => at + i);
    const products = numbers.map((number) => generator.product(number));
    await db.tx(async (q) => {
      await writeProducts(
        q,
        products.map((product, i) => rowOf(product, at + i)),
      );
      await indexProducts(q, numbers.map(productId));
      await q.run(standingText, standingsOf(products, at));
    });
    say(at + numbers.length - from);
  }
  await db.run(
    `UPDATE shop.search SET indexed_at = indexed_at - interval '1 minute' WHERE indexed_at > now() - interval '1 minute'`,
  );
  for (let at = 0; at < to; at += batch * 10) await countWords(db, batch * 10);
  if (await renewTiers(db)) await retier(db);
  // Each row was written twice, in a moment; a shop's is written twice when it sells.
  await db.run('VACUUM (FULL, ANALYZE) shop.search');
  await db.run('VACUUM (ANALYZE) shop.products');
  await db.run('ANALYZE shop.search_vocabulary');
  // What filling left to be written would be written while searches are measured.
  await db.run('CHECKPOINT');
}

const standingText = `
UPDATE shop.search s SET availability = t.availability, popularity = t.popularity, quality = t.quality
FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::real[])
  AS t(id, availability, popularity, quality)
WHERE s.product_id = t.id`;

function standingsOf(products: readonly GeneratedProduct[], at: number): unknown[] {
  const standings = products.map(({ demand, registration: { remaining_supply: left } }) => {
    const units = Math.round(demand * unitsMax);
    const availability: Availability = left === 0 ? 'sold_out' : left < 5 ? 'low' : 'in_stock';
    return { units, availability, quality: qualityOf(availability, units, demand) };
  });
  return [
    products.map((_, i) => productId(at + i)),
    standings.map(({ availability }) => availabilities.indexOf(availability)),
    standings.map(({ units }) => units),
    standings.map(({ quality }) => quality),
  ];
}

function rowOf({ vendor, variantOf, registration }: GeneratedProduct, number: number): ProductRow {
  const { price_usd: usd, sku, name, description, category, brand } = registration;
  return {
    ...{
      id: productId(number),
      vendor_id: `ven_${vendor}`,
      name,
      description,
      category,
      brand,
      sku,
    },
    ...{ price: Math.round(usd * 100), currency: 'USD', images: [], version: 1, withdrawn: false },
    attributes: registration.attributes,
    options: registration.options ?? {},
    variant_of: variantOf === null ? null : productId(variantOf),
    delivery: registration.delivery === undefined ? null : { ...registration.delivery },
    registered_at: new Date(1.75e12 + number * 1000).toISOString(),
  };
}
