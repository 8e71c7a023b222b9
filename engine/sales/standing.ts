/**
 * The standing sale of a registered product: opened with an `install` and a `grant` of its supply,
 * closed for another one when the price changes, each in one transaction. Opening it again changes
 * nothing.
 */
import { createHash, type KeyObject } from 'node:crypto';
import type { Query } from '../../platform/postgres/db.ts';
import { laneOfId, saleIdOf } from '../domain/ids.ts';
import type { ProductId, SaleId, VendorId } from '../domain/types.ts';
import { derivedIdentity } from '../lanes/order-key.ts';
import { CommandWriter } from '../settle/commands.ts';

/** The standing sale: anyone, 100 units per shopper, holds of 300 s, no end. */
export const standingTerms = { limit: 100, holdSeconds: 300 } as const;

export interface NewProduct {
  readonly id: ProductId;
  readonly vendor: VendorId;
  /** Minor units. */
  readonly price: number;
  readonly supply: number;
}

/** Lane by a hash of the product, so that standing sales spread over all lanes. */
export const standingLane = (product: ProductId, lanes: number): number =>
  createHash('sha256').update(product).digest().readUInt32BE(0) % lanes;

/** `version` = of the product whose price it has; the first one's sale is named by the product alone. */
export function standingSaleId(
  secret: KeyObject,
  product: ProductId,
  lanes: number,
  version = 1,
): SaleId {
  const parts = version === 1 ? [product] : [product, String(version)];
  return saleIdOf(standingLane(product, lanes), derivedIdentity(secret, 'standing', ...parts));
}

interface NewStanding {
  readonly id: SaleId;
  readonly lane: number;
  readonly product: NewProduct;
}

const insertText = `
WITH given AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb)
    AS g(id text, lane integer, vendor text, product text, price bigint, supply bigint)),
made AS (
  INSERT INTO sale.sales (id, lane, vendor_id, kind, state, starts_at, limit_per_shopper,
                          hold_seconds, who, admission, currency)
  SELECT id, lane, vendor, 'standing', 'creating', now(), $2, $3, 'anyone', '{"mode":"open"}', $4
    FROM given
  ON CONFLICT (id) DO NOTHING RETURNING id),
named AS (
  UPDATE sale.registrations r SET standing_sale = given.id
    FROM given JOIN made USING (id) WHERE r.id = given.product)
SELECT id FROM made`;

/** Their rows, with an item each. Answers which were new. */
async function insertStandings(
  q: Query,
  currency: string,
  sales: readonly NewStanding[],
): Promise<ReadonlySet<SaleId>> {
  const given = sales.map(({ id, lane, product: { id: product, vendor, price, supply } }) => {
    return { id, lane, vendor, product, price, supply };
  });
  const { limit, holdSeconds } = standingTerms;
  const rows = await q.query<{ id: SaleId }>(
    insertText,
    [JSON.stringify(given), limit, holdSeconds, currency],
    'standing_insert',
  );
  const made = new Set(rows.map(({ id }) => id));
  await q.run(
    `INSERT INTO sale.sale_items (sale_id, item, product_id, price, list_price, asked)
     SELECT id, 0, product, price, price, supply FROM jsonb_to_recordset($1::jsonb)
       AS g(id text, product text, price bigint, supply bigint)`,
    [JSON.stringify(given.filter(({ id }) => made.has(id)))],
    'standing_items',
  );
  return made;
}

function addInstall(writer: CommandWriter, id: SaleId, lane: number, product: NewProduct): void {
  const items = [[product.id, product.price]];
  const body = [id, 0, 0, standingTerms.limit, standingTerms.holdSeconds * 1000, 0, 0, items];
  writer.add({ lane, kind: 'install', sale: id, move: null, body });
}

/** Answers the lanes that were given commands; none when the sale was there. */
export const openStanding = (
  q: Query,
  secret: KeyObject,
  lanes: number,
  currency: string,
  product: NewProduct,
): Promise<readonly number[]> => openStandings(q, secret, lanes, currency, [product]);

/** Of different products, in one go. Answers the lanes that were given commands. */
export async function openStandings(
  q: Query,
  secret: KeyObject,
  lanes: number,
  currency: string,
  products: readonly NewProduct[],
): Promise<readonly number[]> {
  const sales = products.map((product): NewStanding => {
    const id = standingSaleId(secret, product.id, lanes);
    return { id, lane: standingLane(product.id, lanes), product };
  });
  const made = await insertStandings(q, currency, sales);
  const writer = new CommandWriter();
  const grants: { move: string; product: ProductId; sale: SaleId; units: number }[] = [];
  for (const { id, lane, product } of sales) {
    if (!made.has(id)) continue;
    addInstall(writer, id, lane, product);
    if (product.supply === 0) continue;
    const move = `mov_grant_${product.id}`;
    grants.push({ move, product: product.id, sale: id, units: product.supply });
    writer.add({ lane, kind: 'credit', sale: id, move, body: [move, 0, product.supply] });
  }
  await q.run(
    `INSERT INTO sale.moves (id, kind, product_id, to_sale, to_item, units, group_id, state)
     SELECT move, 'grant', product, sale, 0, units, sale, 'crediting'
       FROM jsonb_to_recordset($1::jsonb) AS g(move text, product text, sale text, units bigint)`,
    [JSON.stringify(grants)],
    'standing_grants',
  );
  const commandLanes = writer.lanes;
  await writer.flush(q);
  return commandLanes;
}

/**
 * Closes a standing sale: what is free leaves it at once, the rest as its holds end. Written last in
 * its transaction, after the `successor` at another price, to which the units then return. Terms of
 * a sale that sells never change, so that every order of it has its price.
 */
export async function closeStanding(
  q: Query,
  sale: SaleId,
  successor?: { readonly id: SaleId; readonly currency: string; readonly product: NewProduct },
): Promise<readonly number[]> {
  const lane = laneOfId(sale);
  const writer = new CommandWriter();
  if (successor !== undefined) {
    const { id, currency, product } = successor;
    await insertStandings(q, currency, [{ id, lane, product }]);
    addInstall(writer, id, lane, product);
  }
  await q.run('UPDATE sale.sales SET close_requested = true WHERE id = $1', [sale]);
  writer.add({ lane, kind: 'close', sale, move: null, body: [] });
  await writer.flush(q);
  return [lane];
}
