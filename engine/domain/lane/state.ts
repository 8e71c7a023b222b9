/**
 * A lane's state, as data: what Redis keeps under the lane's keys (lua/README.md), without the
 * packing. Only `evolve.ts`, `due.ts` and the two ends of a batch (`batch.ts`, `command.ts`)
 * change it. Pure.
 */
import type { TicketState } from '../line/types.ts';
import type { LaneOrderState, Millis, ProductId, SaleId, ShopperId } from '../types.ts';

/** States that a lane knows; `creating` and `cancelled` are Postgres's. */
export type LaneSaleState = 'scheduled' | 'live' | 'paused' | 'closing' | 'closed';

/** One item of a sale: always allotted = available + held + sold. */
export interface Item {
  readonly product: ProductId;
  /** Minor units, for one unit. */
  price: number;
  allotted: number;
  /** Numbers next…last were never issued. */
  next: number;
  last: number;
  held: number;
  sold: number;
  /** Numbers that came back, ascending: they go out again before a new one. */
  returned: number[];
}

export interface Order {
  readonly key: string;
  /** Of the hold's body: another one under the same key is refused. */
  readonly fingerprint: number;
  readonly item: number;
  readonly units: readonly number[];
  /** In the hold clock, ms. */
  readonly deadline: Millis;
  /** For so long it was held: the sale's own time, or less beside other lines of its order. */
  readonly holdMs: number;
  /** The lane's total when it was held, ms: the deadline as it was first told is later by this. */
  readonly outage: number;
  state: LaneOrderState;
  /** Generation of the e-mail and address that Postgres stores; 0 = none. */
  details: number;
  /** The command that ended the hold; '' = it ended by itself, or without a key. */
  endKey: string;
  endFingerprint: number;
  /** Lane time; 0 = held. */
  endedAt: Millis;
}

/** A shopper's place in a sale's line. An ended one stays until the next takes its place. */
export interface Ticket {
  readonly key: string;
  /** In joining order, from 0. */
  readonly index: number;
  /** 0 = not drawn yet. Never changes. */
  number: number;
  state: TicketState;
  /** In the turn clock, ms; 0 = never admitted. */
  turnEnds: Millis;
  /** Units that its turn may still take. */
  claim: number;
  /** Keys of the shopper's earlier tickets: the same one must not make the same ticket again. */
  readonly past: readonly string[];
  /** Keys by which the shopper has left this ticket and the earlier ones: none ends a later one. */
  leaves: readonly string[];
}

/** Of a sale with a line. */
export interface LineTerms {
  readonly mode: 'queue' | 'draw';
  readonly turnMs: number;
  /** Open turns may claim so many percent of what is free. */
  readonly factorPercent: number;
  /** Most tickets that wait at once. */
  readonly lineMax: number;
}

/**
 * The line of a sale. Its *turn clock* is the hold clock less all pauses of the sale, and stands
 * while it is paused: so a resume lengthens every open turn without rewriting a record.
 */
export interface Line {
  terms: LineTerms;
  /** Tickets ever taken. */
  joined: number;
  /** How many had joined when the bell rang; -1 = it has not. */
  bell: number;
  /** Every ticket of before the bell has its number: from now on turns are given. */
  numbered: boolean;
  /** Highest number that was given by a command. */
  given: number;
  /** Tickets that wait, parked ones among them. */
  waiting: number;
  /** Open turns, and the units that they may still take. */
  turns: number;
  claims: number;
  /** Highest number admitted; 0 = none. */
  serving: number;
  /** Turns that ever began. */
  begun: number;
  /** All pauses that are over, ms. */
  paused: number;
  /** In the hold clock: since when it is paused; 0 = it is not. */
  pausedAt: Millis;
  /** Who waits with a number and is not parked, by number. */
  readonly queue: Map<ShopperId, number>;
  /** Who was away when its number was reached, by number. */
  readonly parked: Map<ShopperId, number>;
  /** Turns by their end, in the turn clock; one that ended otherwise stays until it is looked at. */
  readonly due: Map<ShopperId, Millis>;
  /** Lane time at which a shopper was last here: a hint. */
  readonly seen: Map<ShopperId, Millis>;
}

/** What a shopper has done in a sale. */
export interface ShopperRecord {
  /** Holds released or expired: from the third on, the next one has to wait. */
  letGo: number;
  /** Lane time until which it waits. */
  coolUntil: Millis;
  /** The latest; null = none ever. */
  ticket: Ticket | null;
  /** In the order in which they were held: the first ones are read together, see `headMax`. */
  readonly orders: Order[];
}

/** How the index names a hold: by its shopper, or by its own key where it stands for itself. */
export interface DueName {
  readonly shopper: ShopperId;
  /** '' = whatever is overdue among the first orders of the record. */
  readonly key: string;
}

/** One member of the deadline index: the holds of one batch. */
export interface DueHolds {
  /** In the hold clock, ms. */
  readonly deadline: Millis;
  /** The batch's position. */
  readonly epoch: number;
  readonly seq: number;
  /** Batches that have done a part of it, counted from 0, or from where `due.ts` begins. */
  generation: number;
  /** Those not looked at yet, one for each hold. */
  readonly names: DueName[];
}

export interface Sale {
  readonly id: SaleId;
  startsAt: Millis;
  /** 0 = no end (standing sale). */
  endsAt: Millis;
  /** Units that a shopper may own here, held and paid together. */
  limit: number;
  holdMs: number;
  verifiedOnly: boolean;
  /** The bell waits for these. */
  readonly creditsWanted: number;
  creditsIn: number;
  state: LaneSaleState;
  readonly items: readonly Item[];
  readonly records: Map<ShopperId, ShopperRecord>;
  /** In the order in which they are looked at. */
  due: DueHolds[];
  /** Units whose holds expired, or were released. */
  expired: number;
  released: number;
  /** Holds asked for; refusals among them by code. Figures, not decisions. */
  attempts: number;
  readonly refused: Map<string, number>;
  /** A fault froze this sale; '' = it is not. */
  frozen: string;
  /** Null = whoever comes may hold. */
  line: Line | null;
}

export interface Lane {
  epoch: number;
  /** The outbox's head: sequence of the last entry of this epoch, -1 = none. */
  seq: number;
  /** Ends of the epochs before. */
  readonly ends: Map<number, number>;
  /** Events ever appended, and those that Postgres has by the lane's copy of the watermark. */
  decided: number;
  settled: number;
  /** Lane time of the first decision in doubt. */
  doubtSince: Millis;
  /** Lane time never falls below it. */
  lastTime: Millis;
  /** Lane time at which this epoch began: nobody counts as away since longer. */
  since: Millis;
  /** Total outage, ms: the hold clock is lane time less this. */
  outage: number;
  lastCommand: number;
  readonly sales: Map<SaleId, Sale>;
}

/** A lane as `format` makes it. */
export const newLane = (): Lane => ({
  epoch: 1,
  seq: -1,
  ends: new Map(),
  decided: 0,
  settled: 0,
  doubtSince: 0,
  lastTime: 0,
  since: 0,
  outage: 0,
  lastCommand: 0,
  sales: new Map(),
});
