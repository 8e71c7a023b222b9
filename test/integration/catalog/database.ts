// What the catalog's tests put into a database: lanes, vendors, sales.
import type { Db } from '../../../platform/postgres/pool.ts';

export interface SaleFixture {
  readonly id: string;
  readonly product: string;
  readonly kind?: 'standing' | 'flash';
  readonly state?: string;
  readonly allotted: number;
  /** Numbers 1…claimed belong to an order, the next `freed` did once. */
  readonly claimed?: number;
  readonly freed?: number;
  readonly startsAt?: Date;
  /** Minor units; default 100.00. */
  readonly price?: number;
  readonly who?: 'anyone' | 'verified';
  readonly limit?: number;
  readonly line?: 'queue' | 'draw';
  /** Default 0. */
  readonly lane?: number;
}

/** Lane 0 with a watermark, and a vendor. */
export async function insertLane(db: Db): Promise<void> {
  await db.run(`INSERT INTO sale.lanes (lane, epoch) VALUES (0, 1)`);
  await db.run(
    `INSERT INTO sale.watermarks (lane, epoch, seq, lane_time) VALUES (0, 1, 5, 1767355200000)`,
  );
  await db.run(`INSERT INTO platform.vendors (id, name) VALUES ('ven_1', 'Bob')`);
}

export async function insertSale(db: Db, sale: SaleFixture): Promise<void> {
  const { id, product, allotted, kind = 'standing', state = 'live' } = sale;
  const startsAt = sale.startsAt ?? new Date('2026-01-02T12:00:00Z');
  const endsAt = kind === 'flash' ? new Date(startsAt.getTime() + 3_600_000) : null;
  await db.run(
    `INSERT INTO sale.sales (id, lane, vendor_id, kind, state, starts_at, ends_at,
       limit_per_shopper, hold_seconds, who, admission, currency)
     VALUES ($1, $8, 'ven_1', $2, $3, $4, $5, $6, 300, $7, '{"mode": "open"}', 'USD')`,
    [id, kind, state, startsAt, endsAt, sale.limit ?? 1, sale.who ?? 'anyone', sale.lane ?? 0],
  );
  await db.run(
    `INSERT INTO sale.sale_items (sale_id, item, product_id, price, list_price, asked, allotted)
     VALUES ($1, 0, $2, $4, 20000, $3, $3)`,
    [id, product, allotted, sale.price ?? 10_000],
  );
  if (sale.line !== undefined) {
    await db.run(
      `INSERT INTO sale.lines (sale_id, lane, mode, turn_seconds, factor, line_max)
       VALUES ($1, 0, $2, 120, 1, 1000)`,
      [id, sale.line],
    );
  }
  const { claimed = 0, freed = 0 } = sale;
  await db.run(
    `INSERT INTO sale.units (sale_id, item, number, order_id)
     SELECT $1, 0, n, CASE WHEN n <= $2 THEN 'ord_' || n END
     FROM generate_series(1, $2::bigint + $3::bigint) AS n`,
    [id, claimed, freed],
  );
}
