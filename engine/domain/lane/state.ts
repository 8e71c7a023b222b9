/**
 * A lane's state, as data: what Redis keeps under the lane's keys (lua/README.md), without the
 * packing. Only `evolve.ts`, `due.ts` and the two ends of a batch (`batch.ts`, `command.ts`)
 * change it. Pure.
 */
import type { LaneOrderState, Millis, ProductId, SaleId, ShopperId } from '../types.ts';

/** States that a lane knows; `creating` and `cancelled` are Postgres's. */
export type LaneSaleState = 'scheduled' | 'live' | 'paused' | 'closing' | 'closed';

/** One item of a sale: always allotted = available + held + sold. */
export interface Item {
  readonly product: ProductId;
  /** Minor units, for one unit. */
  readonly price: number;
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

/** What a shopper has done in a sale. */
export interface ShopperRecord {
  /** Holds released or expired: from the third on, the next one has to wait. */
  letGo: number;
  /** Lane time until which it waits. */
  coolUntil: Millis;
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
  /** Batches that have done a part of it. */
  generation: number;
  /** Those not looked at yet, one for each hold. */
  readonly names: DueName[];
}

export interface Sale {
  readonly id: SaleId;
  readonly startsAt: Millis;
  /** 0 = no end (standing sale). */
  readonly endsAt: Millis;
  /** Units that a shopper may own here, held and paid together. */
  readonly limit: number;
  readonly holdMs: number;
  readonly verifiedOnly: boolean;
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
  outage: 0,
  lastCommand: 0,
  sales: new Map(),
});
