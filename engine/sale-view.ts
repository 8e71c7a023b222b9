/** Sales as an operator looks at them: what Postgres says beside what their lane counts. */
import type { Db } from '../platform/postgres/db.ts';
import type { Redis } from '../platform/redis/connection.ts';
import { laneOfId } from './domain/ids.ts';
import type { SaleId } from './domain/types.ts';
import { unpack } from './lanes/codec.ts';
import { saleStates } from './lanes/codes.ts';
import { pushSaleKeys } from './lanes/keys.ts';

export interface SaleRow {
  readonly id: SaleId;
  readonly lane: number;
  readonly kind: string;
  readonly state: string;
  readonly vendor: string;
  readonly starts_at: Date;
  /** Null = no end. */
  readonly ends_at: Date | null;
  readonly items: readonly {
    readonly product: string;
    /** Minor units. */
    readonly price: number;
    /** As settled. */
    readonly allotted: number;
  }[];
}

/** Sales by their start, the latest first. `open` = without standing and ended ones. */
export function listSales(db: Db, open: boolean): Promise<SaleRow[]> {
  return rowsOf(db, `NOT $1 OR s.kind = 'flash' AND s.state NOT IN ('closed', 'cancelled')`, open);
}

/** Null = Postgres has no such sale. */
export async function readSale(db: Db, sale: SaleId): Promise<SaleRow | null> {
  const [row] = await rowsOf(db, 's.id = $1', sale);
  return row ?? null;
}

function rowsOf(db: Db, where: string, value: unknown): Promise<SaleRow[]> {
  return db.query<SaleRow>(
    `SELECT s.id, s.lane, s.kind, s.state, s.vendor_id AS vendor, s.starts_at, s.ends_at,
            (SELECT jsonb_agg(jsonb_build_object('product', product_id, 'price', price,
                                                 'allotted', allotted) ORDER BY item)
               FROM sale.sale_items i WHERE i.sale_id = s.id) AS items
       FROM sale.sales s WHERE ${where} ORDER BY s.starts_at DESC, s.id`,
    [value],
  );
}

export interface LaneView {
  readonly state: string;
  /** Why it is frozen; '' = it is not. */
  readonly frozen: string;
  readonly expired: number;
  readonly released: number;
  readonly items: readonly {
    readonly allotted: number;
    readonly available: number;
    readonly held: number;
    readonly sold: number;
  }[];
}

const countsHead = 2;
const countsPerItem = 6;

/** What the lane has of a sale, by its own counters (lua/include/sale.lua); null = nothing. */
export async function readLaneView(redis: Redis, sale: SaleId): Promise<LaneView | null> {
  const keys: string[] = [];
  pushSaleKeys(keys, laneOfId(sale), sale);
  const fields = await redis.hmgetBuffer(keys[0] ?? '', 'st', 'frz', 'n');
  const [state = null, frozen = null, packed = null] = fields;
  if (state === null || packed === null) return null;
  const counts = unpack(packed) as number[];
  const items = [];
  for (let at = countsHead; at < counts.length; at += countsPerItem) {
    const [allotted = 0, next = 0, last = 0, held = 0, sold = 0, returned = 0] = counts.slice(at);
    items.push({ allotted, available: last - next + 1 + returned, held, sold });
  }
  return {
    state: saleStates[Number(String(state))] ?? 'unknown',
    frozen: frozen?.toString() ?? '',
    expired: counts[0] ?? 0,
    released: counts[1] ?? 0,
    items,
  };
}
