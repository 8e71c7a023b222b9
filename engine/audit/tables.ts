/**
 * What Postgres says, as rows: the small tables whole, orders as a stream in the order of their
 * ids. A lane is read in one repeatable-read snapshot, whose watermark says up to which position
 * it has settled.
 */
import type { Query } from '../../platform/postgres/db.ts';
import { orderRange } from './names.ts';
import type { EpochEnds, Position } from './positions.ts';

export interface LaneRow {
  readonly lane: number;
  readonly epoch: number;
  readonly run_id: string | null;
  readonly state: string;
  readonly reasons: readonly { readonly code: string; readonly detail: string }[];
  readonly token: string | null;
  readonly last_command: number;
  readonly watermark: Position & { readonly decided: number };
  /** Decisions in quarantine that the lane counts and the watermark does not. */
  readonly putAway: number;
  readonly ends: EpochEnds;
  /** The epoch that the last `recover` began: what lies beyond the ends of older ones is forgiven. */
  readonly recovered: number;
}

type LaneColumns = Omit<LaneRow, 'watermark' | 'ends'> & {
  readonly w_epoch: number;
  readonly w_seq: number;
  readonly w_decided: number;
};

/** Lanes with their watermarks and epochs. */
export async function readLanes(q: Query): Promise<Map<number, LaneRow>> {
  const rows = await q.query<LaneColumns>(
    `SELECT l.lane, l.epoch, l.run_id, l.state, l.reasons, l.token, l.last_command,
            l.recovered_epoch AS recovered,
            (SELECT count(*) FROM sale.quarantine q WHERE q.lane = l.lane AND in_doubt) AS "putAway",
            w.epoch AS w_epoch, w.seq AS w_seq, w.decided AS w_decided
       FROM sale.lanes l JOIN sale.watermarks w USING (lane) ORDER BY lane`,
  );
  const epochs = await q.query<{
    lane: number;
    epoch: number;
    ended_at: number | null;
  }>('SELECT lane, epoch, ended_at FROM sale.epochs ORDER BY lane, epoch');
  return new Map(
    rows.map((row) => {
      const own = epochs.filter((e) => e.lane === row.lane);
      return [
        row.lane,
        {
          ...row,
          watermark: { epoch: row.w_epoch, seq: row.w_seq, decided: row.w_decided },
          ends: new Map(own.map((e) => [e.epoch, e.ended_at])),
        },
      ];
    }),
  );
}

export interface ItemRow {
  readonly sale_id: string;
  readonly item: number;
  readonly product_id: string;
  readonly price: number;
  readonly allotted: number;
  readonly last_number: number;
  /** Recounted: units of settled moves into the item less those out of it. */
  readonly moved: number;
}

export interface SaleRow {
  readonly id: string;
  readonly lane: number;
  readonly kind: string;
  readonly state: string;
  readonly start: number;
  /** 0 = no end. */
  readonly end: number;
  readonly limit_per_shopper: number;
  readonly hold_seconds: number;
  readonly who: string;
  readonly installed: boolean;
  readonly closedAt: number;
  /** Credits of the sale that were taken, as settled; and how many its bell waits for. */
  readonly credits: number;
  readonly wanted: number;
  /** Null = it has no line. */
  readonly line: {
    readonly mode: string;
    readonly turn_seconds: number;
    readonly factor: number;
    readonly line_max: number;
  } | null;
  readonly items: ItemRow[];
}

/** States of a move whose units have left their source and are not back. */
export const debitedStates = `('debited', 'crediting', 'done', 'undoing')`;

/** The sales of a lane, or only one of them. */
export async function readSales(
  q: Query,
  lane: number,
  only: string | null,
): Promise<Map<string, SaleRow>> {
  const rows = await q.query<Omit<SaleRow, 'items'>>(
    `WITH commands AS (
       SELECT sale_id, count(*) AS credits FROM sale.lane_commands
        WHERE lane = $1 AND kind = 'credit' AND (outcome->>'ok')::boolean GROUP BY sale_id)
     SELECT s.id, s.lane, s.kind, s.state, s.limit_per_shopper, s.hold_seconds, s.who, s.installed,
            CASE WHEN s.kind = 'standing' THEN 0
                 ELSE (extract(epoch FROM s.starts_at) * 1000)::bigint END AS start,
            coalesce((extract(epoch FROM s.ends_at) * 1000)::bigint, 0) AS end,
            coalesce((extract(epoch FROM s.closed_at) * 1000)::bigint, 0) AS "closedAt",
            coalesce(c.credits, 0) AS credits,
            (SELECT jsonb_build_object('mode', mode, 'turn_seconds', turn_seconds,
                                       'factor', factor, 'line_max', line_max)
               FROM sale.lines WHERE sale_id = s.id) AS line,
            CASE WHEN s.kind = 'standing' THEN 0
                 ELSE (SELECT count(*) FROM sale.sale_items i WHERE i.sale_id = s.id) END AS wanted
       FROM sale.sales s LEFT JOIN commands c ON c.sale_id = s.id
      WHERE s.lane = $1 AND ($2::text IS NULL OR s.id = $2)`,
    [lane, only],
  );
  const items = await q.query<ItemRow>(
    `WITH moved AS (
       SELECT sale, item, sum(units)::bigint AS units FROM (
         SELECT to_sale AS sale, to_item AS item, units FROM sale.moves WHERE state = 'done'
         UNION ALL
         SELECT from_sale, from_item, -units FROM sale.moves WHERE state IN ${debitedStates}
       ) m GROUP BY sale, item)
     SELECT i.sale_id, i.item, i.product_id, i.price, i.allotted, i.last_number,
            coalesce(m.units, 0) AS moved
       FROM sale.sale_items i JOIN sale.sales s ON s.id = i.sale_id
       LEFT JOIN moved m ON m.sale = i.sale_id AND m.item = i.item
      WHERE s.lane = $1 AND ($2::text IS NULL OR s.id = $2) ORDER BY i.sale_id, i.item`,
    [lane, only],
  );
  const sales = new Map(rows.map((row) => [row.id, { ...row, items: [] as ItemRow[] }]));
  for (const item of items) sales.get(item.sale_id)?.items.push(item);
  return sales;
}

export interface OrderRow {
  readonly id: string;
  readonly shopper: string;
  readonly state: string;
  readonly item: number;
  /** As `{1,2}`. */
  readonly units: string;
  readonly heldAt: number;
  /** In the hold clock, ms. */
  readonly deadline: number;
  /** The lane's total when it was held, ms. */
  readonly outage: number;
  readonly endedAt: number | null;
  readonly price: number;
  readonly fingerprint: number;
  readonly endKey: string;
  readonly endFingerprint: number;
  /** Generation of details that the hold ended with, and the latest that is stored; 0 = none. */
  readonly details: number;
  readonly storedDetails: number;
}

/** Units as Postgres writes them: `{1,2}`. */
export const textOfUnits = (units: readonly number[]): string => `{${units.join(',')}}`;

const orderColumns = `o.id, o.shopper, o.state, o.item, o.units::text AS units, o.price,
  o.held_at AS "heldAt", o.deadline, o.hold_expires_at - o.deadline AS outage,
  o.ended_at AS "endedAt",
  o.fingerprint, o.end_key AS "endKey", o.end_fingerprint AS "endFingerprint", o.details`;
const rowsPerPage = 10_000;

/** The orders of a lane, or of one of its sales, by id. */
export async function* readOrders(
  q: Query,
  lane: number,
  only: string | null,
): AsyncGenerator<OrderRow> {
  const [first, end] = orderRange(lane, only);
  let after = first;
  for (;;) {
    const page = await q.query<OrderRow>(
      `SELECT ${orderColumns}, coalesce(
                (SELECT max(generation) FROM sale.order_details
                  WHERE order_id = o.id AND (o.state = 'held' OR generation <= o.details)), 0)
              AS "storedDetails"
         FROM sale.orders o
        WHERE o.id > $1 AND o.id < $2 ORDER BY o.id LIMIT ${rowsPerPage}`,
      [after, end],
    );
    yield* page;
    if (page.length < rowsPerPage) return;
    after = page.at(-1)?.id ?? after;
  }
}

/** The latest generation of details that is stored, of those of these orders that have any. */
export async function readDetailsOf(
  q: Query,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await q.query<{ id: string; latest: number }>(
    `SELECT order_id AS id, max(generation) AS latest FROM sale.order_details
      WHERE order_id = ANY($1) GROUP BY order_id`,
    [ids],
  );
  return new Map(rows.map(({ id, latest }) => [id, latest]));
}

/** Lines of orders of which one was resolved so that all ended alike, whatever the log says of them. */
export const endedAlikeSql = `
  SELECT l.order_id FROM sale.quarantine a
    JOIN sale.order_lines n ON n.order_id = a.order_id JOIN sale.order_lines l ON l.home = n.home
   WHERE a.lane = $1 AND a.resolution IN ('voided', 'refunded')`;

/**
 * Orders of a lane that have something in quarantine, or had a line there: true = it is open, and
 * the lane was not made anew since.
 */
export async function readAway(q: Query, lane: number): Promise<Map<string, boolean>> {
  const rows = await q.query<{ id: string; open: boolean }>(
    `SELECT order_id AS id, bool_or(open) AS open
       FROM (SELECT order_id, resolved_at IS NULL AND q.epoch >= recovered_epoch AS open
               FROM sale.quarantine q JOIN sale.lanes USING (lane)
              WHERE lane = $1 AND order_id IS NOT NULL
             UNION ALL SELECT order_id, false FROM (${endedAlikeSql}) alike) every
      GROUP BY order_id`,
    [lane],
  );
  return new Map(rows.map(({ id, open }) => [id, open]));
}

/** The rows of these orders that there are. */
export function readOrdersOf(q: Query, ids: readonly string[]): Promise<OrderRow[]> {
  return q.query<OrderRow>(
    `SELECT ${orderColumns}, 0 AS "storedDetails" FROM sale.orders o WHERE o.id = ANY($1)`,
    [ids],
  );
}
