/**
 * What goes into a lane and what comes out: commands, replies, events. Replies and events are the
 * arrays of the scripts, with words where those have numbers (engine/lanes/codes.ts). Pure.
 */
import type { TicketState } from '../line/types.ts';
import type { LaneOrderState, Millis, ProductId, SaleId, ShopperId } from '../types.ts';
import type { LaneSaleState, LineTerms } from './state.ts';

export interface Hold {
  readonly kind: 'hold';
  readonly sale: SaleId;
  readonly shopper: ShopperId;
  /** The order's own part of its id, made from the shopper's idempotency key. */
  readonly key: string;
  readonly fingerprint: number;
  readonly quantity: number;
  /** '' = the sale's only one. */
  readonly product: ProductId;
  readonly verified: boolean;
}

/** Ends a hold: as paid, or given back. `endKey` '' = without a key, so never replayed. */
export interface EndHold {
  readonly kind: 'pay' | 'release';
  readonly sale: SaleId;
  readonly shopper: ShopperId;
  readonly key: string;
  readonly endKey: string;
  readonly endFingerprint: number;
}

/** Names the generation of e-mail and address that is stored for the order. */
export interface DetailsCommand {
  readonly kind: 'details';
  readonly sale: SaleId;
  readonly shopper: ShopperId;
  readonly key: string;
  /** From 1. */
  readonly generation: number;
}

export interface ReadOrder {
  readonly kind: 'read';
  readonly sale: SaleId;
  readonly shopper: ShopperId;
  readonly key: string;
}

/** The lines of one order: holds, or pays, releases or reads, of one shopper. All are done or none. */
export interface Together {
  readonly kind: 'together';
  /** Of the first, which carries the details of all. */
  readonly sale: SaleId;
  readonly lines: readonly Hold[] | readonly EndHold[] | readonly ReadOrder[];
  /** Of holds: says what is in the way, and takes nothing. */
  readonly isLook?: boolean;
}

export type ShopCommand =
  | Hold
  | EndHold
  | DetailsCommand
  | ReadOrder
  | Together
  | { readonly kind: 'count' | 'touch'; readonly sale: SaleId }
  | { readonly kind: 'reap'; readonly sale: SaleId; readonly most: number };

export interface Terms {
  readonly startsAt: Millis;
  readonly endsAt: Millis;
  readonly limit: number;
  readonly holdMs: number;
  readonly verifiedOnly: boolean;
  readonly creditsWanted: number;
  readonly items: readonly { readonly product: ProductId; readonly price: number }[];
  /** Null = no line: whoever comes may hold. */
  readonly line: LineTerms | null;
}

/** Takes a place. `key` = the ticket's own part of its id, made from the idempotency key. */
export interface Join {
  readonly kind: 'join';
  readonly sale: SaleId;
  readonly shopper: ShopperId;
  readonly key: string;
  readonly verified: boolean;
}

export type LineCommand =
  | Join
  | {
      readonly kind: 'leave';
      readonly sale: SaleId;
      readonly shopper: ShopperId;
      /** '' = without a key, so never replayed. */
      readonly key: string;
    }
  | {
      readonly kind: 'ticket';
      readonly sale: SaleId;
      readonly shopper: ShopperId;
      /** Its owner is here now. */
      readonly present: boolean;
    }
  | { readonly kind: 'seen'; readonly sale: SaleId; readonly shoppers: readonly ShopperId[] }
  | { readonly kind: 'admit' | 'lapse'; readonly sale: SaleId; readonly most: number }
  | { readonly kind: 'line'; readonly sale: SaleId };

/** What Postgres or a vendor decided for the lane; applied only as the one after the last. */
export type LaneCommand = { readonly number: number; readonly sale: SaleId } &
  /** `terms` are the sale's new ones, all of them: before its bell only. */
  (
    | { readonly kind: 'install' | 'terms'; readonly terms: Terms }
    | {
        readonly kind: 'credit' | 'debit';
        readonly move: string;
        readonly item: number;
        readonly units: number;
      }
    | { readonly kind: 'pause' | 'resume' | 'close' }
    | {
        /** Numbers `from`, `from` + 1, … for these tickets, in this order. */
        readonly kind: 'numbers';
        readonly from: number;
        readonly tickets: readonly (readonly [index: number, shopper: ShopperId])[];
      }
  );

export type OrderReply = readonly [
  code: 'done' | 'replayed',
  state: LaneOrderState,
  item: number,
  product: ProductId,
  price: number,
  heldAt: Millis,
  deadline: Millis,
  details: number,
  units: readonly number[],
  /** 0 = held. */
  endedAt: Millis,
];

export type CountReply = readonly [
  code: 'done',
  state: LaneSaleState,
  startsAt: Millis,
  endsAt: Millis,
  expired: number,
  released: number,
  items: readonly (readonly [
    product: ProductId,
    price: number,
    allotted: number,
    available: number,
    held: number,
    sold: number,
  ])[],
  attempts: number,
  refused: readonly (readonly [code: string, times: number])[],
  inDoubt: number,
  inDoubtAgeMs: number,
];

export type Refusal =
  | readonly ['sale_not_started', Millis]
  | readonly ['sold_out', available: number, mayReturn: 0 | 1]
  | readonly ['limit_reached', limit: number, owned: number]
  | readonly ['rate_limited', retryAfterMs: number]
  | readonly ['illegal_transition', LaneOrderState]
  /** Of a join: with the same body, and its ticket has been followed by another. */
  | readonly ['idempotency_key_reused', isExact: 1]
  | readonly [
      | 'sale_ended'
      | 'sale_paused'
      | 'forbidden'
      | 'not_found'
      | 'product_required'
      | 'hold_expired'
      | 'details_required'
      | 'idempotency_key_reused'
      | 'overloaded'
      | 'sale_frozen'
      | 'not_admitted'
      | 'line_full'
      | 'draw_closed',
    ];

export type TogetherReply =
  | readonly [code: 'done' | 'replayed', orders: readonly OrderReply[]]
  /** Of holds: which are in the way, and how; none of them perhaps, of a look. */
  | readonly ['lines_refused', readonly (readonly [line: number, Refusal])[]];

export type Reply =
  | OrderReply
  | TogetherReply
  | CountReply
  | Refusal
  | readonly ['done', ended: number, drained: 0 | 1]
  | readonly ['done', LaneSaleState];

export type TicketReply = readonly [
  code: 'done' | 'replayed',
  /** 1 = it was there before this command. */
  known: 0 | 1,
  index: number,
  /** 0 = none yet. */
  number: number,
  state: TicketState,
  /** Lane time; 0 = not admitted. */
  turnEndsAt: Millis,
  key: string,
  /** Waiting numbers below its own at the end of the batch; -1 = it has none, or does not wait. */
  ahead: number,
];

export type LineReply =
  | TicketReply
  | Refusal
  | readonly ['done']
  | readonly ['done', admitted: number, room: number]
  | readonly ['done', ended: number, drained: 0 | 1];

/** What a sale's line counts at the end of a batch. */
export type Figures = readonly [
  mode: 'queue' | 'draw',
  state: LaneSaleState,
  /** -1 = it has not rung. */
  bell: number,
  numbered: 0 | 1,
  joined: number,
  waiting: number,
  parked: number,
  turns: number,
  claims: number,
  available: number,
  limit: number,
  serving: number,
  /** -1 = not all have their number. */
  cutLine: number,
  turnMs: number,
  factorPercent: number,
  begun: number,
];

export type HeldEvent = readonly [
  type: 'held',
  key: string,
  shopper: ShopperId,
  item: number,
  price: number,
  expiresAt: Millis,
  fingerprint: number,
  units: readonly number[],
];

export type EndEvent = readonly [
  type: 'paid' | 'released' | 'expired',
  key: string,
  shopper: ShopperId,
  endKey: string,
  endFingerprint: number,
  item: number,
  units: readonly number[],
  /** The generation of details that it had; 0 = none. */
  details: number,
];

/** Of `close`: what it took out of each item, what it left, the returned numbers among it. */
export type ClosedEvent = readonly [
  type: 'closed' | 'closing',
  number: number,
  ok: 1,
  reason: '',
  units: readonly number[],
  allotted: readonly number[],
  last: readonly number[],
  returned: readonly (readonly number[])[],
];

export type CreditedEvent = readonly [
  type: 'moved',
  number: number,
  ok: 1,
  reason: '',
  move: string,
  direction: 'credit',
  item: number,
  units: number,
  allotted: number,
  last: number,
];

/** The returned numbers that it took come last; the others were never issued. */
export type DebitedEvent = readonly [
  type: 'moved',
  number: number,
  ok: 1,
  reason: '',
  move: string,
  direction: 'debit',
  item: number,
  units: number,
  allotted: number,
  last: number,
  available: number,
  returned: readonly number[],
];

/** What became of a lane command that changed nothing: number, 0, reason, and what helps. */
export type RefusedEvent = readonly [
  type: 'installed' | 'changed' | 'moved' | 'paused' | 'resumed' | 'closed' | 'numbers',
  number: number,
  ok: 0,
  reason: string,
  ...rest: unknown[],
];

export type JoinedEvent = readonly [
  type: 'joined',
  key: string,
  shopper: ShopperId,
  /** In joining order, from 0. */
  index: number,
  /** 0 = before the bell. */
  number: number,
];

export type AdmittedEvent = readonly [
  type: 'admitted',
  key: string,
  shopper: ShopperId,
  /** In the turn clock of the sale, ms (`state.ts`). */
  turnEnds: Millis,
  /** Units that the turn may take. */
  claim: number,
];

/** A ticket's end. */
export type TicketEndEvent = readonly [
  type: 'lapsed' | 'finished',
  key: string,
  shopper: ShopperId,
];

/** Its end by its shopper. A leave without a key has none here, like all of older versions. */
export type LeftEvent = readonly [type: 'left', key: string, shopper: ShopperId, leaveKey?: string];

export type TicketEvent = JoinedEvent | AdmittedEvent | TicketEndEvent | LeftEvent;

/** Numbers `from` to `from` + `count` - 1 are given. Which ticket has which, the command says. */
export type NumbersEvent = readonly [
  type: 'numbers',
  number: number,
  ok: 1,
  reason: '',
  from: number,
  count: number,
];

/**
 * A latch has number 0: nobody asked for it. Of a sale with a line `paused` tells the hold clock,
 * and `resumed` how long the sale has been paused in all, ms.
 */
export type SaleEvent =
  | readonly ['opened', number: 0]
  | readonly ['bell', number: 0, joined: number]
  | readonly ['closing', number: 0]
  | readonly ['installed' | 'changed' | 'paused' | 'resumed', number: number, ok: 1, reason: '']
  | readonly ['paused' | 'resumed', number: number, ok: 1, reason: '', ms: number]
  | NumbersEvent
  | CreditedEvent
  | DebitedEvent
  | ClosedEvent;

export type LaneEvent = HeldEvent | EndEvent | TicketEvent | SaleEvent | RefusedEvent;

/** The decisions of one batch, as they stand in the outbox, in Kafka and before the settler. */
export interface LaneEntry {
  readonly epoch: number;
  readonly seq: number;
  readonly at: Millis;
  /** Of the first entry of an epoch: the one before and its end. */
  readonly before: readonly [epoch: number, end: number] | null;
  readonly count: number;
  readonly groups: readonly (readonly [sale: SaleId, events: readonly LaneEvent[]])[];
  /** Total outage of the lane, ms. */
  readonly outage: Millis;
}
