/**
 * The SQL of products: what intake writes and what a page reads. Writing is idempotent by id and
 * version, so that a message may come twice, late or out of order.
 */
import type { Query } from '../platform/postgres/pool.ts';
import type { DeliveryRules } from './delivery/rules.ts';
import type { ProductRow } from './new-product.ts';

const columns = `id, vendor_id, name, description, price, currency, sku, category, brand, images,
  attributes, variant_of, options, delivery, version, registered_at`;

const insertText = `
INSERT INTO shop.products (${columns}, withdrawn_at)
SELECT id, vendor_id, name, description, price, currency, sku, category, brand,
  ARRAY(SELECT jsonb_array_elements_text(images)),
  attributes, variant_of, options, delivery, version, registered_at,
  CASE WHEN withdrawn THEN now() END
FROM jsonb_to_recordset($1::jsonb) AS rows(
  id text, vendor_id text, name text, description text, price bigint, currency text, sku text,
  category text, brand text, images jsonb, attributes jsonb, variant_of text, options jsonb,
  delivery jsonb, version integer, registered_at timestamptz, withdrawn boolean)
ON CONFLICT (id) DO UPDATE SET
  name = EXCLUDED.name, description = EXCLUDED.description, price = EXCLUDED.price,
  currency = EXCLUDED.currency, sku = EXCLUDED.sku, category = EXCLUDED.category,
  brand = EXCLUDED.brand, images = EXCLUDED.images, attributes = EXCLUDED.attributes,
  variant_of = EXCLUDED.variant_of, options = EXCLUDED.options, delivery = EXCLUDED.delivery,
  version = EXCLUDED.version, withdrawn_at = EXCLUDED.withdrawn_at, updated_at = now()
WHERE products.version < EXCLUDED.version AND products.vendor_id = EXCLUDED.vendor_id`;

/** Writes what is new or newer, as if one after the other; returns how many writes that were. */
export async function writeProducts(q: Query, rows: readonly ProductRow[]): Promise<number> {
  let written = 0;
  for (const wave of wavesOf(rows)) {
    written += await q.run(insertText, [JSON.stringify(wave)], 'write_products');
  }
  return written;
}

/** A statement cannot touch a row twice: the second message about a product makes a second one. */
function wavesOf(rows: readonly ProductRow[]): ProductRow[][] {
  const waves: ProductRow[][] = [];
  const seen = new Map<string, number>();
  for (const row of rows) {
    const times = seen.get(row.id) ?? 0;
    seen.set(row.id, times + 1);
    const wave = waves[times];
    if (wave === undefined) waves.push([row]);
    else wave.push(row);
  }
  return waves;
}

export interface StoredProduct extends Omit<ProductRow, 'registered_at' | 'withdrawn'> {
  readonly registered_at: Date;
}

export interface StoredVariant {
  readonly id: string;
  readonly name: string;
  readonly price: number;
  readonly currency: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export type Band = 'in_stock' | 'low' | 'sold_out' | 'coming';

/** A row of sale.storefront: all that the window knows of a sale. */
export interface Offer {
  readonly sale_id: string;
  readonly product_id: string;
  readonly kind: 'standing' | 'flash';
  readonly state: string;
  readonly price: number;
  readonly list_price: number;
  readonly starts_at: Date;
  readonly ends_at: Date | null;
  readonly allotted: number;
  readonly claimed: number;
  readonly band: Band;
  readonly who: 'anyone' | 'verified';
  readonly limit_per_shopper: number;
  /** Other than `open`, only who has a turn may buy. */
  readonly admission: 'open' | 'queue' | 'draw';
  /** Only what is of one lane is ordered together. */
  readonly lane: number;
  /** Lane time up to which this is settled; null before its lane has settled anything. */
  readonly as_of: Date | null;
}

export interface ProductPage {
  readonly product: StoredProduct;
  readonly variants: readonly StoredVariant[];
  /** Of the product and of its variants, running and coming ones. */
  readonly offers: readonly Offer[];
}

const productText = `SELECT ${columns} FROM shop.products WHERE id = $1 AND withdrawn_at IS NULL`;

const variantsMax = 100;
const variantsText = `
SELECT id, name, price, currency, options FROM shop.products
WHERE variant_of = $1 AND withdrawn_at IS NULL ORDER BY registered_at, id LIMIT ${variantsMax}`;

const offersMax = 1000;
const offersEach = 20;
const offersText = `
SELECT sale_id, product_id, kind, state, price, list_price, starts_at, ends_at, allotted, claimed,
  band, who, limit_per_shopper, admission, lane, as_of
FROM sale.storefront
WHERE product_id = ANY($1) AND (state IN ('scheduled', 'live', 'paused')
  OR state = 'closing' AND kind = 'flash')
ORDER BY starts_at, sale_id LIMIT $2`;

/** Of these products, running and coming ones. */
export function readOffers(q: Query, ids: readonly string[]): Promise<Offer[]> {
  return q.query<Offer>(offersText, [ids, Math.max(offersMax, ids.length * offersEach)], 'offers');
}

const turnsText = `SELECT sale_id FROM sale.turns WHERE shopper = $1 AND sale_id = ANY($2)`;

/** In which of these sales the shopper has a turn now, as settled. */
export async function readTurns(
  q: Query,
  shopper: string,
  sales: readonly string[],
): Promise<ReadonlySet<string>> {
  if (sales.length === 0) return new Set();
  const rows = await q.query<{ sale_id: string }>(turnsText, [shopper, sales], 'turns');
  return new Set(rows.map(({ sale_id: id }) => id));
}

/** Null when there is no such product. The statements see slightly different moments. */
export async function readProductPage(q: Query, id: string): Promise<ProductPage | null> {
  const [product] = await q.query<StoredProduct>(productText, [id], 'product');
  if (product === undefined) return null;
  const family = product.variant_of ?? product.id;
  const variants = await q.query<StoredVariant>(variantsText, [family], 'variants');
  const ids = [...new Set([product.id, ...variants.map((variant) => variant.id)])];
  return { product, variants, offers: await readOffers(q, ids) };
}

/** What cart and wishlist show of a product. */
export interface ListedProduct {
  readonly id: string;
  readonly name: string;
  readonly image: string | null;
  readonly price: number;
  readonly currency: string;
  readonly delivery: DeliveryRules | null;
  readonly withdrawn: boolean;
}

export interface ProductOffers {
  readonly product: ListedProduct;
  readonly offers: readonly Offer[];
}

const listedText = `
SELECT id, name, images[1] AS image, price, currency, delivery, withdrawn_at IS NOT NULL AS withdrawn
FROM shop.products WHERE id = $1`;

/** A product with its own offers, a withdrawn one too; null when there never was one. */
export async function readProduct(q: Query, id: string): Promise<ProductOffers | null> {
  const [product] = await q.query<ListedProduct>(listedText, [id], 'listed_product');
  if (product === undefined) return null;
  return { product, offers: await readOffers(q, [id]) };
}
