/**
 * Settles what can be settled of something that breaks a rule of the database: tried as a whole,
 * then in halves, down to the one event that is to blame. Each try is undone as a whole.
 */
import { messageOf } from '../../platform/fault.ts';
import type { Query } from '../../platform/postgres/db.ts';
import type { FoldedOrder } from '../domain/fold.ts';
import type { FoldedTicket } from '../domain/line/tickets.ts';
import type { SaleId } from '../domain/types.ts';
import { CommandWriter } from './commands.ts';
import { copying } from './copy-rows.ts';
import type { SaleEvent } from './events.ts';
import { settleOpenings } from './openings.ts';
import { settleOrders, type Unsettled } from './orders.ts';
import { CannotSettle, settleSale } from './sales.ts';
import { settleTickets, type UnsettledTicket } from './tickets.ts';

/** Class 22 (data) and 23 (constraint) of SQLSTATE, and 21000: repeating cannot help. */
export function isDataError(error: unknown): boolean {
  if (error instanceof CannotSettle) return true;
  if (!(error instanceof Error) || !('code' in error)) return false;
  return typeof error.code === 'string' && /^(21|22|23)...$/.test(error.code);
}

/** How a settlement writes its events; `orders` and `tickets` are folds, answered is what did not settle. */
export interface Way {
  /** Answers the sales whose events it has settled together. */
  openings(q: Query, lane: number, events: readonly SaleEvent[]): Promise<ReadonlySet<SaleId>>;
  /** Answers why the event did not settle; null = it did. */
  sale(q: Query, lane: number, event: SaleEvent, writer: CommandWriter): Promise<string | null>;
  orders(q: Query, orders: readonly FoldedOrder[]): Promise<readonly Unsettled[]>;
  tickets(q: Query, tickets: readonly FoldedTicket[]): Promise<readonly UnsettledTicket[]>;
}

/** What breaks a rule of the database is thrown, and nothing has settled. */
export const whole: Way = {
  openings: settleOpenings,
  async sale(q, lane, event, writer) {
    await settleSale(q, lane, event, writer);
    return null;
  },
  orders: (q, orders) => settleOrders(q, orders, copying),
  tickets: settleTickets,
};

/** What breaks a rule is answered, and all else has settled. */
export const apart: Way = {
  openings: () => Promise.resolve(new Set()),
  sale: settleSaleApart,
  orders: settleOrdersApart,
  tickets: settleTicketsApart,
};

/** Undone when it breaks a rule of the database, and then answers why; null = it is done. */
export async function attempt(q: Query, work: () => Promise<void>): Promise<string | null> {
  await q.run('SAVEPOINT attempt');
  let reason: string | null = null;
  try {
    await work();
  } catch (error) {
    if (!isDataError(error)) throw error;
    reason = messageOf(error);
    await q.run('ROLLBACK TO SAVEPOINT attempt');
  }
  await q.run('RELEASE SAVEPOINT attempt');
  return reason;
}

/** Commands that follow from an event are written only if it settles. */
async function settleSaleApart(
  q: Query,
  lane: number,
  event: SaleEvent,
  writer: CommandWriter,
): Promise<string | null> {
  const own = new CommandWriter();
  const reason = await attempt(q, () => settleSale(q, lane, event, own));
  if (reason === null) writer.take(own);
  return reason;
}

/**
 * Halves keep the order of the log, so a unit that goes from one order to another is still cleared
 * before it is claimed.
 */
async function settleOrdersApart(
  q: Query,
  orders: readonly FoldedOrder[],
): Promise<readonly Unsettled[]> {
  let unsettled: readonly Unsettled[] = [];
  const reason = await attempt(q, async () => {
    unsettled = await settleOrders(q, orders);
  });
  const [order] = orders;
  if (reason === null || order === undefined) return unsettled;
  if (orders.length === 1) return settleEventsApart(q, order, reason);
  const middle = Math.ceil(orders.length / 2);
  const first = await settleOrdersApart(q, orders.slice(0, middle));
  return [...first, ...(await settleOrdersApart(q, orders.slice(middle)))];
}

/** An order that was held and has ended in one settlement: its hold may settle without its end. */
async function settleEventsApart(
  q: Query,
  order: FoldedOrder,
  reason: string,
): Promise<readonly Unsettled[]> {
  const { held, end } = order;
  if (held === null || end === null) return [{ order, reason }];
  const alone = { held, end: null, events: [held] };
  const [refused] = await settleOrdersApart(q, [alone]);
  if (refused !== undefined) return [{ order, reason: refused.reason }];
  return settleOrdersApart(q, [{ held: null, end, events: [end] }]);
}

/** As with orders. What came of one ticket within one settlement settles as one, or not at all. */
async function settleTicketsApart(
  q: Query,
  tickets: readonly FoldedTicket[],
): Promise<readonly UnsettledTicket[]> {
  let unsettled: readonly UnsettledTicket[] = [];
  const reason = await attempt(q, async () => {
    unsettled = await settleTickets(q, tickets);
  });
  const [ticket] = tickets;
  if (reason === null || ticket === undefined) return unsettled;
  if (tickets.length === 1) return [{ ticket, reason }];
  const middle = Math.ceil(tickets.length / 2);
  const first = await settleTicketsApart(q, tickets.slice(0, middle));
  return [...first, ...(await settleTicketsApart(q, tickets.slice(middle)))];
}
