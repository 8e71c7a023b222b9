/** Rows of the quarantine that nobody has resolved, and which of them an operator means. */
import type { Query } from '../../platform/postgres/db.ts';
import type { OrderEvent } from '../domain/fold.ts';
import type { TicketEvent } from '../domain/line/tickets.ts';
import type { OrderId } from '../domain/types.ts';
import type { SaleEvent } from '../settle/events.ts';

interface Place {
  readonly lane: number;
  readonly epoch: number;
  readonly seq: number;
  /** Of the event in its entry. */
  readonly index: number;
  readonly reason: string;
  /**
   * The lane of today has decided it and counts it as in doubt. False = it was lost: a recovery has
   * made the lane anew since, or it lies beyond the end of its epoch.
   */
  readonly live: boolean;
  /** When it was put away. */
  readonly at: Date;
}

export type OrderAway = Place & { readonly order: OrderId; readonly event: OrderEvent };
export type SaleAway = Place & { readonly order: null; readonly event: SaleEvent };
export type TicketAway = Place & { readonly order: null; readonly event: TicketEvent };
export type Away = OrderAway | SaleAway | TicketAway;

/** Orders that are meant, each with all its lines; null = everything that is put away. */
export type Chosen = ReadonlySet<OrderId> | null;

export const isMeant = ({ order }: Away, chosen: Chosen): boolean =>
  chosen === null || (order !== null && chosen.has(order));

/** What is put away, oldest position first; of one lane, or of all. */
export function readAway(q: Query, lane: number | null): Promise<Away[]> {
  return q.query<Away>(
    `SELECT lane, epoch, seq, index, order_id AS "order", reason, event, in_doubt AS live,
            created_at AS at
       FROM sale.quarantine
      WHERE resolved_at IS NULL AND ($1::int IS NULL OR lane = $1)
      ORDER BY lane, epoch, seq, index`,
    [lane],
  );
}

/** An order's events as they were put away; false = they cannot be read. */
export function isOrderEvent({ event }: OrderAway): boolean {
  const { type, order, shopper, item, units, at } = event as Partial<OrderEvent>;
  return (
    [type, order, shopper].every((text) => typeof text === 'string') &&
    [item, at].every(Number.isSafeInteger) &&
    Array.isArray(units) &&
    units.length > 0 &&
    units.every(Number.isSafeInteger)
  );
}

/** True of what happened to a ticket; like what happens to a sale it belongs to no order. */
export const isTicket = (row: Away): row is TicketAway =>
  row.order === null && 'key' in row.event && 'shopper' in row.event;

/** What became of something that was put away. */
export type Resolution =
  /** It settled as it stands: its cause is gone. */
  | 'settled'
  /** The order that Postgres has was ended by it, as its shopper was told. */
  | 'ended'
  /** What Postgres has stands: it needs nothing of this. */
  | 'stands'
  /** The order ended as released: it got no units. */
  | 'voided'
  /** The same of an order whose shopper was told that it is paid. */
  | 'refunded'
  /** The lane command had no effect; where one is needed it is written again. */
  | 'refused'
  /** Nothing follows from it. */
  | 'dropped';

export interface Verdict {
  /** Null = it stays where it is; `says` tells why. */
  readonly resolution: Resolution | null;
  readonly says: string;
}
