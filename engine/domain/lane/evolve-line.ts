/**
 * What an event changes in its sale's line. Presence, parking and which ticket has which drawn number
 * are told by no event. Pure.
 */
import type { Millis, ShopperId } from '../types.ts';
import { holdClock, type Clock } from './clock.ts';
import { recordOf } from './record.ts';
import type { Line, LineTerms, Sale, Ticket } from './state.ts';
import type { AdmittedEvent, JoinedEvent, TicketEvent } from './words.ts';

export const newLine = (terms: LineTerms): Line => ({
  terms,
  joined: 0,
  bell: -1,
  numbered: false,
  given: 0,
  waiting: 0,
  turns: 0,
  claims: 0,
  serving: 0,
  begun: 0,
  paused: 0,
  pausedAt: 0,
  queue: new Map(),
  parked: new Map(),
  due: new Map(),
  seen: new Map(),
});

/** All pauses up to now, the one that lasts among them, ms. */
export const pausedMs = (line: Line, clock: Clock): number =>
  line.paused + (line.pausedAt > 0 ? holdClock(clock) - line.pausedAt : 0);

/** Ends of turns are in it. */
export const turnClock = (line: Line, clock: Clock): Millis =>
  holdClock(clock) - pausedMs(line, clock);

export const isLive = (ticket: Ticket): boolean =>
  ticket.state === 'waiting' || ticket.state === 'admitted';

export function lineOf(sale: Sale): Line {
  if (sale.line === null) throw new Error(`sale ${sale.id} has no line`);
  return sale.line;
}

export function evolveTicket(sale: Sale, event: TicketEvent): void {
  switch (event[0]) {
    case 'joined':
      joined(sale, event);
      return;
    case 'admitted':
      admitted(sale, event);
      return;
    case 'left':
      ended(sale, event[2], 'left');
      if (event[3] !== undefined) addLeave(ticketOf(sale, event[2]), event[3]);
      return;
    case 'lapsed':
    case 'finished':
      ended(sale, event[2], event[0]);
  }
}

function joined(sale: Sale, event: JoinedEvent): void {
  const [, key, shopper, index, number] = event;
  const line = lineOf(sale);
  const record = recordOf(sale, shopper);
  const before = record.ticket;
  const past = before === null ? [] : [...before.past, before.key];
  const leaves = before?.leaves ?? [];
  record.ticket = { key, index, number, state: 'waiting', turnEnds: 0, claim: 0, past, leaves };
  sale.records.set(shopper, record);
  line.joined += 1;
  line.waiting += 1;
  if (number > 0) line.queue.set(shopper, number);
}

function admitted(sale: Sale, event: AdmittedEvent): void {
  const [, , shopper, turnEnds, claim] = event;
  const line = lineOf(sale);
  const ticket = ticketOf(sale, shopper);
  if (ticket.state !== 'waiting') throw new Error(`admitted: ticket ${ticket.key} does not wait`);
  ticket.state = 'admitted';
  ticket.turnEnds = turnEnds;
  ticket.claim = claim;
  line.waiting -= 1;
  line.turns += 1;
  line.begun += 1;
  line.claims += claim;
  line.serving = Math.max(line.serving, ticket.number);
  line.queue.delete(shopper);
  line.parked.delete(shopper);
  line.due.set(shopper, turnEnds);
}

function ended(sale: Sale, shopper: ShopperId, state: 'left' | 'lapsed' | 'finished'): void {
  const line = lineOf(sale);
  const ticket = ticketOf(sale, shopper);
  if (!isLive(ticket)) throw new Error(`${state}: ticket ${ticket.key} is ${ticket.state}`);
  if (ticket.state === 'waiting') {
    line.waiting -= 1;
    line.queue.delete(shopper);
    line.parked.delete(shopper);
  } else {
    line.turns -= 1;
    line.claims -= ticket.claim;
    ticket.claim = 0;
  }
  ticket.state = state;
}

function addLeave(ticket: Ticket, key: string): void {
  ticket.leaves = [...ticket.leaves, key];
}

/** A hold takes its units out of its turn's claim. */
export function takeClaim(sale: Sale, shopper: ShopperId, units: number): void {
  const { ticket } = recordOf(sale, shopper);
  if (sale.line === null || ticket?.state !== 'admitted') return;
  const taken = Math.min(ticket.claim, units);
  ticket.claim -= taken;
  sale.line.claims -= taken;
}

export function rung(sale: Sale, tickets: number): void {
  const line = lineOf(sale);
  line.bell = tickets;
  line.numbered = tickets === 0;
}

export function numbered(sale: Sale, last: number): void {
  const line = lineOf(sale);
  line.given = last;
  line.numbered = last === line.bell;
}

/** The pause is over, however: all turns end later by its length. */
export function endPause({ line }: Sale, clock: Clock): void {
  if (line === null) return;
  line.paused = pausedMs(line, clock);
  line.pausedAt = 0;
}

function ticketOf(sale: Sale, shopper: ShopperId): Ticket {
  const { ticket } = recordOf(sale, shopper);
  if (ticket === null) throw new Error(`${shopper} has no ticket`);
  return ticket;
}
