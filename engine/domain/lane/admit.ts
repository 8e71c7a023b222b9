/**
 * The admitter's decisions: whose turn it is, and whose is over. Claims of open turns never exceed
 * what is free, times the factor. Pure.
 */
import type { Millis, ShopperId } from '../types.ts';
import { isLive, turnClock } from './evolve-line.ts';
import { turnEndOf } from './line.ts';
import { owned, recordOf } from './record.ts';
import type { Line, Sale } from './state.ts';
import { allAvailable, ticketOf } from './turn.ts';
import { happen, type SaleWork } from './work.ts';
import type { LineReply } from './words.ts';

/** Who has not been seen for longer is away: its number is parked. */
export const graceMs = 30_000;
/** Tickets, or turns, that one command looks at. */
export const placesMax = 1024;

/** Units that new turns may claim. */
export function roomOf(sale: Sale, line: Line): number {
  const most = Math.floor((allAvailable(sale) * line.terms.factorPercent) / 100);
  return Math.max(0, most - line.claims);
}

/** Admits up to `most` of the lowest numbers that wait, as far as there is room. */
export function decideAdmit(work: SaleWork, most: number): LineReply {
  const { sale } = work;
  const { line } = sale;
  if (line === null) return ['not_found'];
  if (work.bounded) return ['overloaded'];
  let admitted = 0;
  const mayAdmit = sale.state === 'live' && line.numbered;
  for (let looked = 0; mayAdmit && looked < placesMax && admitted < most; looked++) {
    const room = roomOf(sale, line);
    const next = room > 0 ? lowest(line.queue) : null;
    if (next === null) break;
    const [shopper, number] = next;
    if (isAway(work, line, shopper)) {
      line.queue.delete(shopper);
      line.parked.set(shopper, number);
      continue;
    }
    admit(work, line, shopper, room);
    admitted += 1;
  }
  return ['done', admitted, roomOf(sale, line)];
}

/** Begins a turn; `room` = units that it may claim, at least one. */
export function admit(work: SaleWork, line: Line, shopper: ShopperId, room: number): void {
  const record = recordOf(work.sale, shopper);
  if (record.ticket === null) throw new Error(`${shopper} waits without a ticket`);
  const claim = Math.max(1, Math.min(work.sale.limit - owned(record), room));
  happen(work, ['admitted', record.ticket.key, shopper, turnEndOf(work, line), claim]);
}

function isAway(work: SaleWork, line: Line, shopper: ShopperId): boolean {
  const seen = Math.max(line.seen.get(shopper) ?? 0, work.since);
  return work.clock.now - seen > graceMs;
}

/** Ends up to `most` turns that are over. `drained` = no other one is. */
export function decideLapse(work: SaleWork, most: number): LineReply {
  const { line } = work.sale;
  if (line === null) return ['not_found'];
  const now = turnClock(line, work.clock);
  let ended = 0;
  for (let looked = 0; looked < placesMax && ended < most; looked++) {
    const next = lowest(line.due);
    if (next === null || next[1] > now) return ['done', ended, 1];
    ended += look(work, line, next[0]);
  }
  return ['done', ended, 0];
}

/** Looks at a turn whose end has come; answers how many ended. */
function look(work: SaleWork, line: Line, shopper: ShopperId): number {
  line.due.delete(shopper);
  const before = work.events.length;
  const ticket = ticketOf(work, shopper);
  if (ticket === null || !isLive(ticket)) line.seen.delete(shopper);
  return work.events.length - before;
}

/** As Redis orders them: by score, then by name. */
function lowest(places: ReadonlyMap<ShopperId, number | Millis>): [ShopperId, number] | null {
  let first: [ShopperId, number] | null = null;
  for (const [shopper, score] of places) {
    const isLower =
      first === null || score < first[1] || (score === first[1] && shopper < first[0]);
    if (isLower) first = [shopper, score];
  }
  return first;
}
