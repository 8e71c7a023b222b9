/**
 * Orders, sales and schedules as they go over the engine's interface: what is asked for, and what is
 * shown of it.
 */
import type { Millis, OrderId, ProductId, SaleId, SaleState, VendorId } from './domain/types.ts';

export interface Address {
  readonly name: string;
  readonly line1: string;
  readonly line2?: string;
  readonly city: string;
  readonly region?: string;
  readonly postal_code?: string;
  readonly country: string;
}

export interface Details {
  readonly email: string;
  readonly address: Address;
}

export interface LineDocument {
  readonly product: ProductId;
  readonly sale: SaleId;
  readonly units: readonly number[];
  /** Minor units, for one unit. */
  readonly price: number;
}

/** An order as its owner sees it: the lane's truth until the hold ends, Postgres's after. */
export interface OrderDocument {
  readonly id: OrderId;
  readonly sale: SaleId;
  readonly state: string;
  readonly payment: string;
  readonly parcel: string;
  readonly lines: readonly LineDocument[];
  readonly amount: number;
  readonly heldAt: Millis;
  readonly holdExpiresAt: Millis;
  readonly timeline: readonly { at: Millis; type: string }[];
  readonly details: Details | null;
}

export interface SaleItemTerms {
  readonly product: ProductId;
  /** What the product is called now. */
  readonly name: string;
  readonly allotted: number;
  /** Units ever offered: asked and topped up. Unlike `allotted` it stays when unsold units return. */
  readonly offered?: number;
  readonly price: number;
  readonly listPrice: number;
}

export interface SaleTerms {
  readonly id: SaleId;
  readonly vendor: VendorId;
  readonly kind: 'standing' | 'flash';
  readonly state: SaleState;
  readonly items: readonly SaleItemTerms[];
  readonly startsAt: Millis;
  readonly endsAt: Millis | null;
  readonly limitPerShopper: number;
  readonly holdSeconds: number;
  readonly who: 'verified' | 'anyone';
  readonly admission: Readonly<Record<string, unknown>>;
  /** `sha256:` + hex; empty for a standing sale. */
  readonly seedCommitment: string;
  readonly createdAt: Millis;
  /** Of an occurrence of a schedule. */
  readonly schedule?: {
    readonly id: string;
    readonly localDate: string;
    readonly localTime: string;
    readonly timeZone: string;
  };
  /** When its units will be taken; undefined = they were. */
  readonly fencedAt?: Millis;
  /** What its vendor has to know: that it became smaller than asked for. */
  readonly notice?: Readonly<Record<string, unknown>>;
}

/** A schedule as its vendor sees it. */
export interface ScheduleDocument {
  readonly id: string;
  readonly localTime: string;
  readonly timeZone: string;
  readonly dates: readonly string[] | null;
  readonly rrule: string | null;
  readonly state: 'active' | 'ended' | 'cancelled';
  /** Occurrences that have not ended, soonest first; at most 20. */
  readonly sales: readonly SaleTerms[];
  /** The next bell that has no sale yet; null = none will come. */
  readonly nextBellAt: Millis | null;
  /** Why the next occurrence could not be made. */
  readonly notice: Readonly<Record<string, unknown>> | null;
  readonly createdAt: Millis;
}

/** One of a list: its sales are in its own document. */
export type ScheduleSummary = Omit<ScheduleDocument, 'sales'>;

/** How shoppers come to a sale: at once, or one after the other. */
export interface Admission {
  readonly mode: 'open' | 'queue' | 'draw';
  /** Most tickets admitted in a second; null = as fast as the lane bears. */
  readonly ratePerSecond: number | null;
  readonly turnSeconds: number;
  /** Units that open turns may claim, as a multiple of those free. */
  readonly factor: number;
}

export interface NewSale {
  readonly vendor: VendorId;
  /** Price in minor units, or percent off the standing price (1–99). */
  readonly items: readonly {
    product: ProductId;
    allotted: number;
    price?: number;
    discountPercent?: number;
  }[];
  /** Undefined = as soon as its units are there. */
  readonly startsAt?: Millis;
  readonly durationSeconds: number;
  readonly limitPerShopper: number;
  readonly holdSeconds: number;
  readonly who: 'verified' | 'anyone';
  readonly admission: Admission;
  readonly idempotencyKey?: string;
  /** Canonical JSON of the body: another one under the same key is refused. */
  readonly fingerprint: string;
}

/** What changes of a sale before its bell; what is not there stays. */
export interface SaleChange {
  readonly startsAt?: Millis;
  /** Without it a sale that begins at another time lasts as long as before. */
  readonly durationSeconds?: number;
  readonly limitPerShopper?: number;
  readonly holdSeconds?: number;
  readonly who?: 'verified' | 'anyone';
  readonly admission?: Partial<Admission>;
  /** `allotted` of one item only, and nothing else with it. Null = the sale's only item. */
  readonly items?: readonly {
    readonly product: ProductId | null;
    readonly allotted?: number;
    readonly price?: number;
    /** Of the list price that the sale shows. */
    readonly discountPercent?: number;
  }[];
  readonly idempotencyKey?: string;
  /** Canonical JSON of the body: another one under the same key is refused. */
  readonly fingerprint: string;
}

/** A sale at a local time in an IANA zone, on dates or by an RRULE; checked by the engine. */
export interface NewSchedule extends Omit<NewSale, 'startsAt'> {
  readonly schedule: {
    readonly localTime: string;
    readonly timeZone: string;
    readonly dates?: readonly string[];
    readonly rrule?: string;
  };
}
