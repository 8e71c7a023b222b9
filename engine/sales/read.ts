/** Sales as Postgres knows them: terms and settled state. What counts now, the lane says. */
import { createHash } from 'node:crypto';
import type { Query } from '../../platform/postgres/db.ts';
import { isSaleId } from '../domain/ids.ts';
import type { Millis, SaleId, SaleState, VendorId } from '../domain/types.ts';
import type { Page, SalesAsked, SaleTerms } from '../engine.ts';

interface Row {
  readonly id: SaleId;
  readonly vendor_id: VendorId;
  readonly kind: 'standing' | 'flash';
  readonly state: SaleState;
  readonly starts_at: Date;
  readonly ends_at: Date | null;
  readonly limit_per_shopper: number;
  readonly hold_seconds: number;
  readonly who: 'verified' | 'anyone';
  readonly admission: Record<string, unknown>;
  readonly seed: Buffer | null;
  readonly created_at: Date;
  readonly cancel_reason: { code: string; product: string; available: number } | null;
  readonly schedule: NonNullable<SaleTerms['schedule']> | null;
  readonly fence_at: Date | null;
  readonly notice: NonNullable<SaleTerms['notice']> | null;
  readonly items: SaleTerms['items'];
}

/** A sale that was closed before its bell was cancelled; in its lane, and for the loops, it is closed. */
const shownState = `CASE WHEN s.withdrawn_at IS NOT NULL AND s.opened_at IS NULL AND s.state = 'closed'
                         THEN 'cancelled' ELSE s.state END`;

/**
 * Columns of a sale with its items. Before its units are in, `allotted` is what was asked; after,
 * what has settled.
 */
const select = `
  SELECT s.id, s.vendor_id, s.kind, ${shownState} AS state, s.starts_at, s.ends_at, s.limit_per_shopper,
         s.hold_seconds, s.who, s.admission, s.seed, s.created_at, s.cancel_reason,
         s.fence_at, s.notice,
         (SELECT jsonb_build_object('id', h.id, 'localDate', s.local_date, 'localTime', h.local_time,
                                    'timeZone', h.time_zone)
            FROM sale.schedules h WHERE h.id = s.schedule_id) AS schedule,
         (SELECT jsonb_agg(jsonb_build_object(
                   'product', i.product_id, 'name', r.body->>'name', 'price', i.price, 'listPrice', i.list_price,
                   'offered', CASE WHEN s.kind = 'standing' THEN i.allotted ELSE i.asked + (
                     SELECT coalesce(sum(m.units), 0) FROM sale.moves m
                      WHERE m.product_id = i.product_id AND m.to_sale = s.id AND m.to_item = i.item
                        AND m.kind IN ('grant', 'fence') AND m.group_id <> s.id
                        AND m.state = 'done') END,
                   'allotted', CASE WHEN s.state IN ('creating', 'cancelled')
                                      OR s.fence_at IS NOT NULL THEN i.asked
                                    ELSE i.allotted END) ORDER BY i.item)
            FROM sale.sale_items i JOIN sale.registrations r ON r.id = i.product_id
           WHERE i.sale_id = s.id) AS items
    FROM sale.sales s`;

export interface StoredSale {
  readonly terms: SaleTerms;
  readonly cancelReason: Row['cancel_reason'];
}

function saleOf(row: Row): StoredSale {
  const commitment =
    row.seed === null ? '' : `sha256:${createHash('sha256').update(row.seed).digest('hex')}`;
  return {
    cancelReason: row.cancel_reason,
    terms: {
      id: row.id,
      vendor: row.vendor_id,
      kind: row.kind,
      state: row.state,
      items: row.items,
      startsAt: row.starts_at.getTime(),
      endsAt: row.ends_at?.getTime() ?? null,
      limitPerShopper: row.limit_per_shopper,
      holdSeconds: row.hold_seconds,
      who: row.who,
      admission: row.admission,
      seedCommitment: commitment,
      createdAt: row.created_at.getTime(),
      ...(row.schedule === null ? {} : { schedule: row.schedule }),
      ...(row.fence_at === null ? {} : { fencedAt: row.fence_at.getTime() }),
      ...(row.notice === null ? {} : { notice: row.notice }),
    },
  };
}

export async function readSale(q: Query, id: SaleId): Promise<StoredSale | null> {
  const [row] = await q.query<Row>(`${select} WHERE s.id = $1`, [id], 'sale_read');
  return row === undefined ? null : saleOf(row);
}

/**
 * Occurrences of a schedule, soonest first: those made with it, as its creation answers them, or those
 * that have not ended.
 */
export async function occurrencesOf(
  q: Query,
  schedule: string,
  which: 'first' | 'next',
  most: number,
): Promise<readonly SaleTerms[]> {
  const of =
    which === 'first'
      ? 's.created_at = (SELECT created_at FROM sale.schedules WHERE id = $1)'
      : `s.state IN ('creating', 'scheduled', 'live', 'paused', 'closing')`;
  const rows = await q.query<Row>(
    `${select} WHERE s.schedule_id = $1 AND ${of} ORDER BY s.starts_at, s.id LIMIT $2`,
    [schedule, most],
  );
  return rows.map((row) => saleOf(row).terms);
}

const statesOf = {
  upcoming: ['scheduled'],
  live: ['live', 'paused'],
} as const;

/** Flash sales, soonest first. The cursor is the last one's start and id. */
export async function listSales(q: Query, asked: SalesAsked): Promise<Page<SaleTerms>> {
  const states = asked.states.flatMap((s) => [...statesOf[s]]);
  const [at, after] = asked.cursor === null ? [0, ''] : readCursor(asked.cursor, isSaleId);
  const rows = await q.query<Row>(
    `${select}
      WHERE s.kind = 'flash'
        AND (cardinality($1::text[]) = 0 OR s.state = ANY($1))
        AND ($2::text IS NULL AND s.state <> 'creating' AND ${shownState} <> 'cancelled'
             OR s.vendor_id = $2)
        AND (s.starts_at, s.id) > ($3::timestamptz, $4)
      ORDER BY s.starts_at, s.id LIMIT $5`,
    [states, asked.vendor, new Date(at), after, asked.limit + 1],
    'sales_list',
  );
  const items = rows.slice(0, asked.limit).map((r) => saleOf(r).terms);
  const last = items.at(-1);
  const more = rows.length > asked.limit && last !== undefined;
  return { items, nextCursor: more ? writeCursor(last.startsAt, last.id) : null };
}

export const writeCursor = (at: Millis, id: string): string =>
  Buffer.from(`${at}:${id}`).toString('base64url');

/** Thrown for a cursor that this list did not make. */
export class BadCursor extends Error {}

/** `Date` knows no later one. */
const latestMs = 8.64e15;

/** The instant and id that a cursor names, of a list of such ids. Throws BadCursor. */
export function readCursor(cursor: string, isId: (text: string) => boolean): [Millis, string] {
  const [digits, id = ''] = Buffer.from(cursor, 'base64url').toString('latin1').split(':');
  const at = Number(digits);
  const isTime = Number.isInteger(at) && at >= 0 && at <= latestMs;
  // Written again it is the same text: base64 and numbers have many spellings, a cursor has one.
  if (!isTime || !isId(id) || writeCursor(at, id) !== cursor) throw new BadCursor('not a cursor');
  return [at, id];
}
