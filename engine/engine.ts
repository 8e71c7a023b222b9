/**
 * The engine's interface to the api. Hot commands answer by callback, because a promise per
 * hold costs more than the hold; everything else returns promises.
 */
import type {
  JoinCommand,
  LeaveCommand,
  LineFigures,
  LineStanding,
  LineTicket,
  Receipt,
} from './domain/line/types.ts';
import type {
  Details,
  NewSale,
  NewSchedule,
  OrderDocument,
  SaleChange,
  SaleTerms,
  ScheduleDocument,
  ScheduleSummary,
} from './documents.ts';
import type { ProofOutcome } from './line/proof.ts';
import type {
  HoldCommand,
  LaneOrder,
  LaneSale,
  Millis,
  OrderCommand,
  OrderId,
  Outcome,
  Rejection,
  ProductId,
  SaleId,
  ShopperId,
  VendorId,
} from './domain/types.ts';
import type { NewsListener } from './news.ts';

export type * from './domain/line/types.ts';
export type * from './documents.ts';
export type * from './domain/types.ts';
export type * from './line/proof.ts';
export type { NewsEvent, NewsListener } from './news.ts';

export type Done<T> = (outcome: Outcome<T>) => void;

export interface NewRegistration {
  readonly vendor: VendorId;
  /** The registered fields, checked. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly supply: number;
  readonly idempotencyKey?: string;
  readonly fingerprint: string;
}

/** A file with products, as it comes in. */
export interface ImportedFile {
  readonly format: 'ndjson' | 'csv';
  /** Only says what would become of it. */
  readonly dryRun: boolean;
  readonly idempotencyKey?: string;
  /** Resolves with the bytes of all of it, each piece taken before the next is read. */
  readonly readBody: (
    pieceBytes: number,
    take: (piece: Buffer) => Promise<void>,
  ) => Promise<number>;
}

export interface ImportJob {
  readonly id: string;
  readonly status: 'running' | 'done' | 'failed';
  readonly dryRun: boolean;
  /** Null before they were counted. */
  readonly rows: number | null;
  /** Rows that were looked at, `refused` of them at fault. */
  readonly done: number;
  readonly refused: number;
  /** The first of them, a thousand at most; rows from 1. */
  readonly errors: readonly {
    readonly row: number;
    readonly code: string;
    readonly detail: string;
  }[];
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

export interface CheckoutLine {
  readonly product: ProductId;
  readonly quantity: number;
}

export interface WantedLine extends CheckoutLine {
  /** Why it cannot be had, as far as whoever asks knows. */
  readonly refused?: Rejection;
}

export interface CheckoutCommand {
  readonly shopper: ShopperId;
  readonly verified: boolean;
  /** Of a product each. Asked only when the key is new; may throw a refusal of the whole. */
  readonly lines: () => Promise<readonly WantedLine[]>;
  /** False once whoever asks has gone: nothing is held for them any more. */
  readonly isAwaited?: () => boolean;
  readonly details: Details;
  readonly idempotencyKey: string;
  /** Canonical JSON of the body: another one under the same key is refused. */
  readonly fingerprint: string;
}

export interface ProductChange {
  /** The registered fields that change, checked; `price` in minor units as money. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Units that shall be free in the standing sale; undefined = as they are. */
  readonly remaining?: number;
  readonly idempotencyKey?: string;
  /** Of the body, to know another one under the same key. */
  readonly fingerprint?: string;
}

/** A product as its vendor sees it. */
export interface VendorProduct {
  readonly id: ProductId;
  readonly version: number;
  readonly status: 'accepted' | 'listed' | 'withdrawn' | 'rejected';
  /** The registered fields as they are now. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Minor units. */
  readonly price: number;
  /** All units that there are, over all sales. */
  readonly supply: number;
  /** Free in the standing sale, as settled; null before it is there. */
  readonly remaining: number | null;
  readonly registeredAt: Millis;
  readonly updatedAt: Millis;
}

/** Refusals of the vendor's side, by the codes of docs/errors.md. */
export type VendorRejection =
  | { readonly code: 'not_found' }
  | { readonly code: 'idempotency_key_reused' }
  | { readonly code: 'rate_limited' }
  | {
      readonly code: 'insufficient_supply';
      readonly available: number;
      readonly product: ProductId;
    }
  | {
      readonly code: 'illegal_transition';
      readonly state: string;
      readonly detail?: string;
      /** Nothing of it can be asked for in any state. */
      readonly never?: true;
    }
  | { readonly code: 'invalid_request'; readonly param: string; readonly detail: string };

/** `settling` = recorded, but its settlement did not come within the wait: ask again with the same key. */
export type VendorOutcome<T> =
  | { readonly kind: 'done'; readonly value: T; readonly replayed: boolean }
  | { readonly kind: 'rejected'; readonly rejection: VendorRejection }
  /** `unwritten`: it waits for something else, and is to be asked for again. */
  | { readonly kind: 'settling'; readonly unwritten?: true };

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface InDoubt {
  readonly count: number;
  readonly ageMs: number;
}

export interface Registration {
  readonly id: ProductId;
  readonly status: 'accepted' | 'listed' | 'rejected';
  readonly reason: string | null;
}

export interface ApiKey {
  readonly id: string;
  readonly hint: string;
  readonly createdAt: Millis;
  readonly revokedAt: Millis | null;
}

export interface NewKey {
  readonly id: string;
  /** Null in a replay: it is shown once and kept nowhere. */
  readonly key: string | null;
}

export interface NewVendor {
  readonly id: VendorId;
  /** Of its first key, and that key. */
  readonly keyId: string;
  readonly key: string | null;
}

export interface SalesAsked {
  readonly states: readonly ('upcoming' | 'live')[];
  /** Null = everybody's. */
  readonly vendor: VendorId | null;
  readonly limit: number;
  readonly cursor: string | null;
}

export interface SalesPage extends Page<SaleTerms> {
  /** As this process knew it last: Postgres is away or slow. */
  readonly stale: boolean;
}

/** A change of details by a key. */
export interface DetailsAsked {
  readonly idempotencyKey: string;
  /** The body, in one form however it was written. */
  readonly fingerprint: string;
}

export interface Engine {
  // -- hot: decided in the lane's script, answered by callback --
  hold(command: HoldCommand, done: Done<LaneOrder>): void;
  /** Ends the hold as paid. Details must be stored before (`storeDetails`), else `details_required`. */
  pay(command: OrderCommand, fingerprint: number, done: Done<LaneOrder>): void;
  release(command: OrderCommand, done: Done<LaneOrder>): void;

  // -- the line: decided in the lane's script --
  /**
   * Takes a place. `replayed` = by the same key before; `value.known` = one was held already.
   * Refused as `sale_ended`, `forbidden`, `draw_closed`, `line_full`, `limit_reached`; a sale without
   * a line has none to join: `not_found`.
   */
  join(command: JoinCommand): Promise<Outcome<LineTicket>>;
  /** The ticket that this join made before, as it is now; null = it made none. */
  joined(command: JoinCommand): Promise<Outcome<LineTicket> | null>;
  /**
   * Gives the place up; one that is over stays as it is. `replayed` = the key has left a place before:
   * whatever ticket there is now stays too. Key '' = without one. `not_found` = no ticket.
   */
  leave(who: LeaveCommand): Promise<Outcome<LineTicket>>;
  /** `present` = its owner is here now: a parked ticket comes back. `not_found` = no ticket. */
  ticket(who: { sale: SaleId; shopper: ShopperId; present: boolean }): Promise<Outcome<LineTicket>>;
  /** These shoppers are here now. A hint: what does not reach the lane is lost. */
  seen(sale: SaleId, shoppers: readonly ShopperId[]): Promise<void>;
  line(sale: SaleId): Promise<Outcome<LineFigures>>;
  /**
   * Everybody who waits with a number in the line of a sale of ours, in pieces, in the order of
   * numbers, from behind `after` to the number `last`. Throws while the lane is shut.
   */
  waitingIn(
    sale: SaleId,
    last: number,
    after?: LineStanding,
  ): AsyncIterable<readonly LineStanding[]>;
  /** Head of its hash chain, hex, as settled; null = no line. Throws while Postgres is away. */
  chainHead(sale: SaleId): Promise<string | null>;
  /**
   * Of the ticket at `index` of a sale's line, once its join has settled; null = not yet, nobody can say
   * now, or it joined after the bell.
   */
  receipt(sale: SaleId, index: number): Promise<Receipt | null>;
  /** What shows that the draw was fair, from the bell on. Throws while Postgres is away. */
  proof(sale: SaleId): Promise<ProofOutcome>;

  // -- orders --
  /** Exact: the lane first, then the Postgres primary. `null` = no such order of this shopper. */
  order(id: OrderId, shopper: ShopperId): Promise<Outcome<OrderDocument | null>>;
  /** As its lane's record tells it: exact while the lane keeps it, else `not_found`. */
  laneOrder(id: OrderId, shopper: ShopperId): Promise<Outcome<LaneOrder>>;
  /** Tells of what lanes decide from now on, until the answer is called. */
  follow(listener: NewsListener): () => void;
  /** From Postgres; `asOf` is the settled lane time, so it may lag by the in-doubt age. */
  orders(
    shopper: ShopperId,
    query: { active: boolean; limit: number; cursor: string | null },
  ): Promise<Page<OrderDocument> & { asOf: Millis }>;
  /**
   * Postgres first, then the record's bit. Refused once the hold has ended. With a key it is done once,
   * whatever comes between two that ask by it.
   */
  storeDetails(
    id: OrderId,
    shopper: ShopperId,
    details: Partial<Details>,
    asked?: DetailsAsked,
  ): Promise<Outcome<LaneOrder>>;
  /** What `storeDetails` by this key has come to; null = nothing was stored by it. */
  detailsAsked(
    id: OrderId,
    shopper: ShopperId,
    asked: DetailsAsked,
  ): Promise<Outcome<LaneOrder> | null>;

  /**
   * Holds each line in the sale that carts are priced by, all or none, and stores the details. Lines in
   * the way are `lines_refused`, by their places.
   */
  checkout(command: CheckoutCommand): Promise<Outcome<LaneOrder>>;

  // -- sales --
  createSale(sale: NewSale): Promise<VendorOutcome<SaleTerms>>;
  /** With the occurrences of seven days. */
  createSchedule(
    schedule: NewSchedule,
  ): Promise<VendorOutcome<{ readonly id: string; readonly sales: readonly SaleTerms[] }>>;
  /** `null` = no such schedule of this vendor. */
  schedule(vendor: VendorId, id: string): Promise<ScheduleDocument | null>;
  /** A vendor's, in every state, the oldest first. */
  schedules(
    vendor: VendorId,
    query: { readonly limit: number; readonly cursor: string | null },
  ): Promise<Page<ScheduleSummary>>;
  endSchedule(vendor: VendorId, id: string): Promise<VendorOutcome<ScheduleDocument>>;
  /** Before the bell: after it the lane refuses. */
  changeSale(vendor: VendorId, id: SaleId, change: SaleChange): Promise<VendorOutcome<SaleTerms>>;
  /** Before the bell; its units return. */
  cancelSale(
    vendor: VendorId,
    id: SaleId,
    idempotencyKey?: string,
  ): Promise<VendorOutcome<SaleTerms>>;
  /** `null` = unknown. Terms from Postgres, remembered for a second. */
  sale(id: SaleId): Promise<SaleTerms | null>;
  /** What the lane counts now; `unavailable` or `unknown` when it cannot say. */
  laneSale(id: SaleId): Promise<Outcome<LaneSale & { readonly inDoubt: InDoubt }>>;
  /** The first page of everybody's may be `stale`, by ten minutes at most; all others then reject. */
  sales(asked: SalesAsked): Promise<SalesPage>;
  pauseSale(
    vendor: VendorId,
    id: SaleId,
    idempotencyKey?: string,
  ): Promise<VendorOutcome<SaleTerms>>;
  resumeSale(
    vendor: VendorId,
    id: SaleId,
    idempotencyKey?: string,
  ): Promise<VendorOutcome<SaleTerms>>;
  closeSale(
    vendor: VendorId,
    id: SaleId,
    idempotencyKey?: string,
  ): Promise<VendorOutcome<SaleTerms>>;
  topUp(
    vendor: VendorId,
    id: SaleId,
    what: { units: number; product: ProductId | null; newStock: boolean; idempotencyKey?: string },
  ): Promise<VendorOutcome<SaleTerms>>;

  // -- vendors --
  createVendor(name: string, idempotencyKey?: string): Promise<VendorOutcome<NewVendor>>;
  createKey(vendor: VendorId, idempotencyKey?: string): Promise<NewKey>;
  keys(vendor: VendorId): Promise<readonly ApiKey[]>;
  revokeKey(vendor: VendorId, id: string): Promise<boolean>;
  /** The vendor of a key, or null. Remembered for some seconds. */
  vendorOfKey(key: string): Promise<VendorId | null>;
  register(registration: NewRegistration): Promise<VendorOutcome<Registration>>;
  registration(vendor: VendorId, id: ProductId): Promise<Registration | null>;
  /** The file is kept when this resolves; the job goes on in the worker. */
  importProducts(
    vendor: VendorId,
    file: ImportedFile,
  ): Promise<VendorOutcome<Pick<ImportJob, 'id'>>>;
  importJob(vendor: VendorId, id: string): Promise<ImportJob | null>;
  changeProduct(
    vendor: VendorId,
    id: ProductId,
    change: ProductChange,
  ): Promise<VendorOutcome<VendorProduct>>;
  withdrawProduct(
    vendor: VendorId,
    id: ProductId,
    idempotencyKey?: string,
  ): Promise<VendorOutcome<VendorProduct>>;
  products(
    vendor: VendorId,
    query: { limit: number; cursor: string | null },
  ): Promise<Page<VendorProduct>>;

  // -- health --
  /** Lanes that this process may not use now, with the reason. Empty = all open. */
  lanesNotReady(): readonly { lane: number; reason: string }[];
  /** Rejects while Postgres does not answer. */
  probePostgres(): Promise<void>;
  /** Rejects while Redis does not answer. */
  probeRedis(): Promise<void>;
  readonly currency: string;
  /** Secret for the development issuer's tokens, made at `format`. */
  readonly tokenSecret: string;
  close(): Promise<void>;
}
