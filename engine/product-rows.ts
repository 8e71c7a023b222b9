/** A vendor's product as Postgres has it, read and locked. */
import type { Query } from '../platform/postgres/db.ts';
import type { ProductId, SaleId, VendorId } from './domain/types.ts';

export interface ProductRow {
  readonly id: ProductId;
  readonly vendor_id: VendorId;
  readonly body: Readonly<Record<string, unknown>>;
  readonly status: 'accepted' | 'rejected';
  readonly version: number;
  readonly supply: number;
  readonly standing_sale: SaleId | null;
  readonly standing_state: string | null;
  readonly remaining: number | null;
  readonly registered_at: Date;
  readonly updated_at: Date;
  readonly withdrawn_at: Date | null;
}

export const selectProducts = `
  SELECT r.id, r.vendor_id, r.body, r.status, r.version, r.supply, r.standing_sale,
         s.state AS standing_state, f.allotted - f.claimed AS remaining,
         r.registered_at, r.updated_at, r.withdrawn_at
    FROM sale.registrations r
    LEFT JOIN sale.sales s ON s.id = r.standing_sale
    LEFT JOIN sale.storefront f ON f.sale_id = r.standing_sale`;

export const isWithdrawn = (row: ProductRow): boolean => row.withdrawn_at !== null;

export async function readOwn(
  q: Query,
  vendor: VendorId,
  id: ProductId,
): Promise<ProductRow | null> {
  const [row] = await q.query<ProductRow>(
    `${selectProducts} WHERE r.id = $1 AND r.vendor_id = $2`,
    [id, vendor],
  );
  return row ?? null;
}

/** Locked, the standing sale before it as settlements lock them; null = not there any more. */
export async function lockOwn(
  q: Query,
  vendor: VendorId,
  id: ProductId,
): Promise<ProductRow | null> {
  const seen = await readOwn(q, vendor, id);
  await q.query('SELECT 1 FROM sale.sales WHERE id = $1 FOR UPDATE', [seen?.standing_sale ?? '']);
  await q.query('SELECT 1 FROM sale.registrations WHERE id = $1 FOR UPDATE', [id]);
  const row = await readOwn(q, vendor, id);
  return row?.withdrawn_at === null ? row : null;
}
