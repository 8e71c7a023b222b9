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

async function insertStanding(
  q: Query,
  id: SaleId,
  lane: number,
  currency: string,
  { id: product, vendor, price, supply }: NewProduct,
): Promise<boolean> {
  const made = await q.run(
    `INSERT INTO sale.sales (id, lane, vendor_id, kind, state, starts_at, limit_per_shopper,
                             hold_seconds, who, admission, currency)
     VALUES ($1, $2, $3, 'standing', 'creating', now(), $4, $5, 'anyone', '{"mode":"open"}', $6)
     ON CONFLICT (id) DO NOTHING`,
    [id, lane, vendor, standingTerms.limit, standingTerms.holdSeconds, currency],
  );
  if (made === 0) return false;
  await q.run(
    `INSERT INTO sale.sale_items (sale_id, item, product_id, price, list_price, asked)
     VALUES ($1, 0, $2, $3, $3, $4)`,
    [id, product, price, supply],
  );
  await q.run('UPDATE sale.registrations SET standing_sale = $2 WHERE id = $1', [product, id]);
  return true;
}

function addInstall(writer: CommandWriter, id: SaleId, lane: number, product: NewProduct): void {
  const items = [[product.id, product.price]];
  const body = [id, 0, 0, standingTerms.limit, standingTerms.holdSeconds * 1000, 0, 0, items];
  writer.add({ lane, kind: 'install', sale: id, move: null, body });
}

/** Answers the lanes that were given commands; none when the sale was there. */
export async function openStanding(
  q: Query,
  secret: KeyObject,
  lanes: number,
  currency: string,
  product: NewProduct,
): Promise<readonly number[]> {
  const lane = standingLane(product.id, lanes);
  const id = standingSaleId(secret, product.id, lanes);
  if (!(await insertStanding(q, id, lane, currency, product))) return [];
  const writer = new CommandWriter();
  addInstall(writer, id, lane, product);
  if (product.supply > 0) {
    const move = `mov_grant_${product.id}`;
    await q.run(
      `INSERT INTO sale.moves (id, kind, product_id, to_sale, to_item, units, group_id, state)
       VALUES ($1, 'grant', $2, $3, 0, $4, $3, 'crediting')`,
      [move, product.id, id, product.supply],
    );
    writer.add({ lane, kind: 'credit', sale: id, move, body: [move, 0, product.supply] });
  }
  const commandLanes = writer.lanes;
  await writer.flush(q);
  return commandLanes;
}

/**
 * Closes a standing sale: what is free leaves it at once, the rest as its holds end. Written last in
 * its transaction, after the `successor` at another price, to which the units then return. Terms of
 * a sale never change, so that every order of it has its price.
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
    await insertStanding(q, id, lane, currency, product);
    addInstall(writer, id, lane, product);
  }
  await q.run('UPDATE sale.sales SET close_requested = true WHERE id = $1', [sale]);
  writer.add({ lane, kind: 'close', sale, move: null, body: [] });
  await writer.flush(q);
  return [lane];
}
