/**
 * The line as the api sees it: a shopper's ticket, and the figures that a tick tells everybody.
 * Pure types.
 */
import type { Millis, SaleId, SaleState, ShopperId } from '../types.ts';

/** `tkt_` + 16 base32 characters of the sale + 24 of the HMAC. */
export type TicketId = string;

export type TicketState = 'waiting' | 'admitted' | 'finished' | 'lapsed' | 'left';

/**
 * Shows that a join stands in the sale's hash chain. `digest` = hex of SHA-256 over the entrants
 * that the entry at `position` joined, in order; `signature` = base64url of Ed25519 over the text
 * sale, position, digest, one after the other (engine/lanes/receipt.ts).
 */
export interface Receipt {
  /** `epoch-sequence` of the entry. */
  readonly position: string;
  /** Of the ticket, in joining order from 0. */
  readonly index: number;
  readonly digest: string;
  readonly signature: string;
}

/** What the line counts, exact at the moment of the answer. */
export interface LineFigures {
  readonly sale: SaleId;
  readonly mode: 'queue' | 'draw';
  readonly state: SaleState;
  /** Tickets of before the bell; null = it has not rung. */
  readonly bell: number | null;
  /** Every ticket of before the bell has its number. */
  readonly numbered: boolean;
  /** Tickets ever taken. */
  readonly joined: number;
  /** Tickets that wait, none once the sale ends: with or without a number, parked ones among them. */
  readonly waiting: number;
  /** Reached while their owners were away; they come first when they return. */
  readonly parked: number;
  /** Open turns; none once the sale ends. */
  readonly admitted: number;
  /** Units that open turns may still take. */
  readonly claims: number;
  /** Units that are free, over all items. */
  readonly available: number;
  readonly limit: number;
  /** Highest number admitted so far; 0 = none. */
  readonly serving: number;
  /** Turns that ever began. */
  readonly begun: number;
  /** The units left surely reach this number; null while not all have theirs. */
  readonly cutLine: number | null;
  readonly turnMs: number;
  readonly factorPercent: number;
}

export interface LineTicket {
  readonly id: TicketId;
  readonly sale: SaleId;
  /** Joining order, from 0. */
  readonly index: number;
  readonly state: TicketState;
  /** Null before the draw. Never changes. */
  readonly number: number | null;
  /** Waiting numbers below this one, without the parked; null without a number or once not waiting. */
  readonly ahead: number | null;
  /** While admitted: later by every outage and pause. */
  readonly turnEndsAt: Millis | null;
  /** Of the answer to a join before the bell; null in every other. */
  readonly receipt: Receipt | null;
  /** A join found this ticket alive: no new one was made. */
  readonly known: boolean;
  readonly line: LineFigures;
}

/** Who waits with which number, in a list of many. */
export interface LineStanding {
  readonly shopper: ShopperId;
  readonly number: number;
  /** Waiting numbers below this one, without the parked. */
  readonly ahead: number;
}

export interface LeaveCommand {
  readonly sale: SaleId;
  readonly shopper: ShopperId;
  /** '' = without one. */
  readonly idempotencyKey: string;
}

export interface JoinCommand {
  readonly sale: SaleId;
  readonly shopper: ShopperId;
  /** False for a guest. */
  readonly verified: boolean;
  readonly idempotencyKey: string;
  /** What else was asked, in one form: the same key with another is refused. */
  readonly asked?: string;
}
