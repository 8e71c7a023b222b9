/**
 * Opens the standing sale of a registered product: the sale, its item, an `install` and a `grant`
 * of its supply, in one transaction. Doing it again changes nothing.
 */
import { createHash, type KeyObject } from 'node:crypto';
import type { Query } from '../../platform/postgres/db.ts';
import { saleIdOf } from '../domain/ids.ts';
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

export function standingSaleId(secret: KeyObject, product: ProductId, lanes: number): SaleId {
  return saleIdOf(standingLane(product, lanes), derivedIdentity(secret, 'standing', product));
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
  const made = await q.run(
    `INSERT INTO sale.sales (id, lane, vendor_id, kind, state, starts_at, limit_per_shopper,
                             hold_seconds, who, admission, currency)
     VALUES ($1, $2, $3, 'standing', 'creating', now(), $4, $5, 'anyone', '{"mode":"open"}', $6)
     ON CONFLICT (id) DO NOTHING`,
    [id, lane, product.vendor, standingTerms.limit, standingTerms.holdSeconds, currency],
  );
  if (made === 0) return [];
  await q.run(
    `INSERT INTO sale.sale_items (sale_id, item, product_id, price, list_price, asked)
     VALUES ($1, 0, $2, $3, $3, $4)`,
    [id, product.id, product.price, product.supply],
  );
  await q.run('UPDATE sale.registrations SET standing_sale = $2 WHERE id = $1', [product.id, id]);
  const writer = new CommandWriter();
  const items = [[product.id, product.price]];
  const holdMs = standingTerms.holdSeconds * 1000;
  const body = [id, 0, 0, standingTerms.limit, holdMs, 0, 0, items];
  writer.add({ lane, kind: 'install', sale: id, move: null, body });
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
