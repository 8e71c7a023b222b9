/** What Postgres has of the sales of a lane, read inside one snapshot. */
import type { Query } from '../../platform/postgres/db.ts';
import { saleTag } from '../domain/ids.ts';
import type { SaleId } from '../domain/types.ts';
import type { InstalledLine } from '../line/terms.ts';
import type { Resolution } from '../quarantine/rows.ts';
import type { OrderRow } from './shopper.ts';

/** A sale that its lane has installed. */
export interface SaleRow {
  readonly id: SaleId;
  readonly state: string;
  /** Body of the last `install` or `terms` that the lane has taken: see lua/command.lua. */
  readonly terms: readonly [
    id: SaleId,
    startsAt: number,
    endsAt: number,
    limit: number,
    holdMs: number,
    verifiedOnly: number,
    creditsWanted: number,
    items: readonly (readonly [product: string, price: number])[],
    line?: InstalledLine | null,
  ];
  /** Credits that the lane has taken. */
  readonly credits: number;
  readonly items: readonly { readonly allotted: number; readonly last_number: number }[];
  /** Returned numbers that debits and closes have taken away for good, by item. */
  readonly gone: readonly (readonly [item: number, number: number])[];
}

/** Every sale that the lane has installed and that has settled. */
export function readSales(q: Query, lane: number): Promise<SaleRow[]> {
  return q.query<SaleRow>(
    `WITH done AS (
       SELECT number, kind, sale_id, body, outcome->'rest' AS rest FROM sale.lane_commands
        WHERE lane = $1 AND (outcome->>'ok')::boolean),
     gone AS (
       SELECT sale_id, (rest->>2)::int AS item, unit::bigint AS number
         FROM done, jsonb_array_elements_text(rest->7) AS unit
        WHERE kind = 'debit'
       UNION ALL
       SELECT sale_id, (nth - 1)::int, unit::bigint
         FROM done, jsonb_array_elements(rest->3) WITH ORDINALITY AS list(units, nth),
              jsonb_array_elements_text(list.units) AS unit
        WHERE kind = 'close')
     SELECT s.id, s.state, d.body AS terms,
            (SELECT count(*) FROM done c WHERE c.sale_id = s.id AND c.kind = 'credit') AS credits,
            (SELECT jsonb_agg(jsonb_build_object('allotted', allotted, 'last_number', last_number)
                              ORDER BY item) FROM sale.sale_items i WHERE i.sale_id = s.id) AS items,
            coalesce((SELECT jsonb_agg(jsonb_build_array(item, number)) FROM gone g
                       WHERE g.sale_id = s.id), '[]') AS gone
       FROM (SELECT DISTINCT ON (sale_id) sale_id, body FROM done
              WHERE kind IN ('install', 'terms') ORDER BY sale_id, number DESC) d
       JOIN sale.sales s ON s.id = d.sale_id ORDER BY s.id`,
    [lane],
  );
}

const rowsPerFetch = 2000;

const prefixOf = (sale: SaleId): string => `ord_${saleTag(sale)}`;

/** Version of a row that a resolution makes; one that it ends as refunded has a later one. */
const madeAs = 2;

/** Orders of the sale of which something was put away, and resolved so. */
const resolved = (as: Resolution, sale: SaleId): string => `
  SELECT order_id FROM sale.quarantine
   WHERE resolution = '${as}' AND order_id COLLATE "C" > '${prefixOf(sale)}'
     AND order_id COLLATE "C" < '${prefixOf(sale)}~'`;

/** Orders of a sale, each shopper's together in the order in which they were held. */
export async function* readOrders(q: Query, sale: SaleId): AsyncGenerator<OrderRow> {
  const prefix = prefixOf(sale);
  await q.run(
    `DECLARE orders NO SCROLL CURSOR FOR
     SELECT o.shopper, substr(o.id, 21) AS key, o.state, o.item, o.units, o.held_at, o.deadline,
            o.hold_expires_at - o.deadline AS outage, o.ended_at, o.fingerprint, o.end_key,
            o.end_fingerprint,
            CASE WHEN o.state <> 'held' THEN o.details ELSE coalesce(
              (SELECT max(generation) FROM sale.order_details WHERE order_id = o.id), 0)
            END AS details,
            o.state NOT IN ('held', 'paid', 'released', 'expired') AND EXISTS (
              SELECT 1 FROM sale.units u
               WHERE u.sale_id = '${sale}' AND u.item = o.item AND u.number = o.units[1]
                 AND u.order_id = o.id) AS keeps,
            o.id IN (${resolved('voided', sale)})
              OR (o.version = ${madeAs} AND o.id IN (${resolved('refunded', sale)})) AS voided
       FROM sale.orders o
      WHERE o.id > '${prefix}' AND o.id < '${prefix}~'
      ORDER BY o.shopper COLLATE "C", o.held_at, o.id`,
  );
  for (;;) {
    const rows = await q.query<OrderRow>(`FETCH ${rowsPerFetch} FROM orders`);
    yield* rows;
    if (rows.length < rowsPerFetch) break;
  }
  await q.run('CLOSE orders');
}
