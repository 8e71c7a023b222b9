/**
 * What a turn lets its shopper do: hold units, of which it claims some. Over its end it lapses, found
 * by whoever looks. Pure.
 */
import type { ShopperId } from '../types.ts';
import { isLive, turnClock } from './evolve-line.ts';
import { owned, recordOf } from './record.ts';
import type { Sale, ShopperRecord, Ticket } from './state.ts';
import { available } from './units.ts';
import { happen, type SaleWork } from './work.ts';

export const allAvailable = (sale: Sale): number =>
  sale.items.reduce((sum, it) => sum + available(it), 0);

/** The shopper's ticket; a turn that is over has lapsed. Null = none ever. */
export function ticketOf(work: SaleWork, shopper: ShopperId): Ticket | null {
  const { sale, clock } = work;
  const { ticket } = recordOf(sale, shopper);
  if (ticket === null || sale.line === null) return null;
  if (ticket.state === 'admitted' && ticket.turnEnds <= turnClock(sale.line, clock)) {
    happen(work, ['lapsed', ticket.key, shopper]);
  }
  return ticket;
}

export const hasTurn = (work: SaleWork, shopper: ShopperId): boolean =>
  ticketOf(work, shopper)?.state === 'admitted';

/**
 * Most units that a hold may take: all that its turn claims, and beyond them what leaves the claims
 * of the others in their bounds.
 */
export function inReach(sale: Sale, { ticket }: ShopperRecord): number {
  const { line } = sale;
  if (line === null || ticket === null) return Infinity;
  const { factorPercent } = line.terms;
  const others = (line.claims - ticket.claim) * 100;
  const spare = Math.floor((allAvailable(sale) * factorPercent - others) / factorPercent);
  return Math.max(ticket.claim, spare);
}

/** A turn ends with the last unit that it claims, or that its shopper may own. */
export function finishIfDone(work: SaleWork, shopper: ShopperId): void {
  const record = recordOf(work.sale, shopper);
  const { ticket } = record;
  if (work.sale.line === null || ticket === null || !isLive(ticket)) return;
  if (ticket.claim > 0 && owned(record) < work.sale.limit) return;
  happen(work, ['finished', ticket.key, shopper]);
}
