/**
 * Decisions of the line on one shopper's ticket: join, leave, look, be seen. Pure. The admitter's are
 * in `admit.ts`.
 */
import type { ShopperId } from '../types.ts';
import { expireHead, reap } from './due.ts';
import { isLive, pausedMs, turnClock } from './evolve-line.ts';
import { headMax, owned, recordOf } from './record.ts';
import type { Line, Ticket } from './state.ts';
import { ticketOf } from './turn.ts';
import { happen, type SaleWork } from './work.ts';
import type { Join, LineCommand, LineReply, TicketReply } from './words.ts';

/** Tickets that a shopper may take in one sale, one after the other. */
export const ticketsMax = 16;
/** Characters of a ticket's key before those of what was asked. */
const askerPart = 20;
/** Overdue holds that a join ends at a time, where they stand in the way of its shopper. */
const inlineReapMax = 16;

type TicketCommand = Extract<LineCommand, { kind: 'join' | 'leave' | 'ticket' }>;

export function decideTicket(work: SaleWork, c: TicketCommand): LineReply {
  const { line } = work.sale;
  if (line === null) return ['not_found'];
  const ticket = ticketOf(work, c.shopper);
  if (c.kind === 'join') return join(work, line, c, ticket);
  if (ticket === null) return ['not_found'];
  if (c.kind === 'ticket') {
    if (c.present && isLive(ticket)) here(work, line, c.shopper, ticket);
    return ticketReply('done', work, line, ticket, 1);
  }
  if (ticket.leaves.includes(c.key)) return ticketReply('replayed', work, line, ticket, 1);
  // There is nothing to leave: that is no effect, and nothing is kept of it.
  if (!isLive(ticket)) return ticketReply('done', work, line, ticket, 1);
  const { key } = ticket;
  happen(work, c.key === '' ? ['left', key, c.shopper] : ['left', key, c.shopper, c.key]);
  line.seen.delete(c.shopper);
  return ticketReply('done', work, line, ticket, 1);
}

/** The end of a ticket's key is of what was asked with it. */
const isSameAsker = (a: string, b: string): boolean =>
  a.slice(0, askerPart) === b.slice(0, askerPart);

function join(work: SaleWork, line: Line, c: Join, ticket: Ticket | null): LineReply {
  const { sale, clock } = work;
  if (ticket !== null) {
    const isSame = ticket.key === c.key;
    if (isLive(ticket)) here(work, line, c.shopper, ticket);
    if (isSame) return ticketReply('replayed', work, line, ticket, 1);
    if (isSameAsker(ticket.key, c.key)) return ['idempotency_key_reused'];
    // Its ticket is over, and is not the latest: what became of it is known where it has settled.
    if (ticket.past.includes(c.key)) return ['idempotency_key_reused', 1];
    if (ticket.past.some((key) => isSameAsker(key, c.key))) return ['idempotency_key_reused'];
    if (isLive(ticket)) return ticketReply('done', work, line, ticket, 1);
  }
  const refusal = whyNot(work, line, c, ticket);
  if (refusal !== null) return refusal;
  const index = line.joined;
  happen(work, ['joined', c.key, c.shopper, index, line.bell < 0 ? 0 : index + 1]);
  line.seen.set(c.shopper, clock.now);
  const made = recordOf(sale, c.shopper).ticket;
  if (made === null) throw new Error('a join left no ticket');
  return ticketReply('done', work, line, made, 0);
}

/** Why nobody, or not this shopper, gets a new ticket; null = it does. */
function whyNot(work: SaleWork, line: Line, c: Join, ticket: Ticket | null): LineReply | null {
  const { sale, bounded } = work;
  if (sale.state === 'closing' || sale.state === 'closed') return ['sale_ended'];
  if (sale.verifiedOnly && !c.verified) return ['forbidden'];
  if (bounded) return ['overloaded'];
  if (line.terms.mode === 'draw' && line.bell >= 0) return ['draw_closed'];
  const units = ownedNow(work, c.shopper);
  if (units >= sale.limit) return ['limit_reached', sale.limit, units];
  const taken = ticket === null ? 0 : ticket.past.length + 1;
  if (taken >= ticketsMax) return ['limit_reached', ticketsMax, taken];
  return line.waiting >= line.terms.lineMax ? ['line_full'] : null;
}

/** Units that count against the limit, overdue holds ended where they would fill it. */
function ownedNow(work: SaleWork, shopper: ShopperId): number {
  const { sale } = work;
  const record = recordOf(sale, shopper);
  if (owned(record) < sale.limit) return owned(record);
  expireHead(work, shopper, record);
  while (owned(record) >= sale.limit && record.orders.length > headMax) {
    if (reap(work, inlineReapMax) === 0) break;
  }
  return owned(record);
}

/** Shoppers who are here now: who was parked waits again. */
export function decideSeen(work: SaleWork, shoppers: readonly ShopperId[]): LineReply {
  const { line } = work.sale;
  if (line === null) return ['not_found'];
  for (const shopper of shoppers) {
    const { ticket } = recordOf(work.sale, shopper);
    if (ticket !== null && isLive(ticket)) here(work, line, shopper, ticket);
  }
  return ['done'];
}

function here(work: SaleWork, line: Line, shopper: ShopperId, ticket: Ticket): void {
  line.seen.set(shopper, work.clock.now);
  if (!line.parked.delete(shopper)) return;
  line.queue.set(shopper, ticket.number);
}

/** `ahead` is filled in at the end of the batch. */
function ticketReply(
  code: 'done' | 'replayed',
  { clock }: SaleWork,
  line: Line,
  { key, index, number, state, turnEnds }: Ticket,
  known: 0 | 1,
): TicketReply {
  const isOpen = state === 'admitted';
  const endsAt = isOpen ? turnEnds + pausedMs(line, clock) + clock.outage : 0;
  return [code, known, index, number, state, endsAt, key, -1];
}

/** The end of a turn that begins now, in the turn clock. */
export const turnEndOf = (work: SaleWork, line: Line): number =>
  turnClock(line, work.clock) + line.terms.turnMs;
