/**
 * The words of the sale, as types. Every outcome of a command is a union on `kind`:
 * `done` (it happened, or had happened under the same key), `rejected` (a refusal without effect),
 * `unavailable` (a lane cannot decide now) or `unknown` (the answer did not come; ask again by key).
 * Pure: nothing is imported here.
 */

/** Milliseconds since 1970 UTC. Lane time unless a name says otherwise. */
export type Millis = number;

/** `ord_` + 16 base32 characters of the sale + 24 of the HMAC. */
export type OrderId = string;
/** `sal_` + 16 base32 characters: lane (2 bytes) and 8 bytes of identity. */
export type SaleId = string;
export type ProductId = string;
export type ShopperId = string;
export type VendorId = string;

/** States that the lane owns: an order is the lane's until its hold ends. */
export type LaneOrderState = 'held' | 'paid' | 'released' | 'expired';

export type SaleState =
  'creating' | 'scheduled' | 'live' | 'paused' | 'closing' | 'closed' | 'cancelled';

/** An order as its lane's record tells it. */
export interface LaneOrder {
  readonly id: OrderId;
  readonly sale: SaleId;
  readonly shopper: ShopperId;
  readonly state: LaneOrderState;
  /** Index of the item in the sale, from 0. */
  readonly item: number;
  readonly product: ProductId;
  readonly units: readonly number[];
  /** Minor units, for one unit. */
  readonly price: number;
  readonly heldAt: Millis;
  /** When the hold ends by itself: later by every outage of its lane, but in a replay. */
  readonly holdExpiresAt: Millis;
  /** When the hold ended; null while it is held, or as told by the answer to its hold. */
  readonly endedAt: Millis | null;
  /** Generation of the e-mail and address that Postgres stores; 0 = none. */
  readonly details: number;
  /** Its other lines, where it has several: they have its state and deadline. */
  readonly parts?: readonly LaneOrder[];
}

/** A refusal: a value, without effect, never stored. */
export type Rejection =
  | { readonly code: 'sale_not_started'; readonly startsAt: Millis; readonly now: Millis }
  | { readonly code: 'sale_ended' }
  | { readonly code: 'sale_paused'; readonly retryAfterMs: number }
  /** `available` = null in a sale that has no end. */
  | { readonly code: 'sold_out'; readonly available: number | null; readonly mayReturn: boolean }
  | { readonly code: 'limit_reached'; readonly limit: number; readonly owned: number }
  | { readonly code: 'rate_limited'; readonly retryAfterMs: number }
  | { readonly code: 'forbidden' }
  | { readonly code: 'not_found' }
  | { readonly code: 'product_required' }
  | { readonly code: 'hold_expired' }
  | { readonly code: 'illegal_transition'; readonly state: LaneOrderState }
  | { readonly code: 'details_required' }
  /** `isExact` = of a join with the same body: the lane has forgotten what it made. */
  | { readonly code: 'idempotency_key_reused'; readonly isExact?: true }
  | { readonly code: 'not_admitted' }
  | { readonly code: 'line_full'; readonly retryAfterMs: number }
  | { readonly code: 'draw_closed' }
  /** The vendor's rules of delivery; `needs` = what would have to be another, or sent at all. */
  | { readonly code: 'undeliverable'; readonly needs: 'address' | 'postal_code' }
  /** Of an order of several: its sale is in another lane than most. */
  | { readonly code: 'other_lane' }
  | { readonly code: 'lines_refused'; readonly lines: readonly RefusedLine[] };

/** A line that is in the way of its order, from 0. */
export interface RefusedLine {
  readonly line: number;
  /** Where it is known by now. */
  readonly product?: ProductId;
  readonly rejection: Rejection;
}

export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T; readonly replayed: boolean; readonly now: Millis }
  | { readonly kind: 'rejected'; readonly rejection: Rejection; readonly now: Millis }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly retryAfterMs: number }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface HoldCommand {
  readonly sale: SaleId;
  readonly shopper: ShopperId;
  /** False for a guest. */
  readonly verified: boolean;
  readonly quantity: number;
  /** Empty when the sale has one item and the client named none. */
  readonly product: ProductId;
  readonly idempotencyKey: string;
}

export interface OrderCommand {
  readonly order: OrderId;
  readonly shopper: ShopperId;
  /** Empty when the client sent none (DELETE). */
  readonly idempotencyKey: string;
}

/** What a sale's lane counts, exact at the moment of the answer. One entry per item. */
export interface LaneItemCounts {
  readonly product: ProductId;
  readonly price: number;
  readonly allotted: number;
  readonly available: number;
  readonly held: number;
  readonly sold: number;
}

export interface LaneSale {
  readonly id: SaleId;
  readonly state: SaleState;
  readonly startsAt: Millis;
  /** 0 = no end (standing sale). */
  readonly endsAt: Millis;
  readonly items: readonly LaneItemCounts[];
  readonly expired: number;
  readonly released: number;
  readonly attempts: number;
  /** Refusals by code. */
  readonly refused: Readonly<Record<string, number>>;
}
