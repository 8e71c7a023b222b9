/** What clients asked and were told: all that the auditor knows of what happened. */
import type { LineTicket } from '../../engine/domain/line/types.ts';
import type { LaneOrder, Outcome } from '../../engine/domain/types.ts';
import type { CheckoutLine } from '../../engine/engine.ts';

export type Kind = 'hold' | 'checkout' | 'pay' | 'release' | 'details' | 'read';

export interface Telling<T = LaneOrder> {
  readonly askedAt: number;
  readonly toldAt: number;
  /** Null = no answer came. */
  readonly outcome: Outcome<T> | null;
}

/** One command of a client, asked as often as it took. */
export interface Asked {
  readonly kind: Kind;
  readonly shopper: string;
  readonly sale: string;
  readonly key: string;
  /** Of a hold. */
  readonly quantity: number;
  readonly product: string;
  /** Of anything else. */
  readonly order: string;
  /** Of a checkout, which names no sale. */
  readonly lines?: readonly CheckoutLine[];
  readonly tellings: Telling[];
}

/** The same of a sale's line. */
export interface LineAsked {
  readonly kind: 'join' | 'leave' | 'ticket';
  readonly shopper: string;
  readonly sale: string;
  readonly key: string;
  readonly tellings: Telling<LineTicket>[];
}

export interface SaleHistory {
  readonly id: string;
  readonly product: string;
  /** As last changed before the bell, like its price and its units. */
  limit: number;
  /** Minor units. */
  price: number;
  readonly holdMs: number;
  /** Units that it had at least when it began. */
  units: number;
  /** Units that it may ever have had: asked for, and topped up whether it was told of or not. */
  offered: number;
  readonly startsAt: number;
  readonly endsAt: number;
  /** Null = it is open. */
  readonly line: {
    readonly mode: 'queue' | 'draw';
    readonly turnMs: number;
    readonly factor: number;
  } | null;
  closeAskedAt: number;
  pauseAskedAt: number;
  /** When the changes that were accepted had been asked for, virtual ms; more units are none. */
  readonly changedAt: number[];
}

export class History {
  readonly asked: Asked[] = [];
  readonly lines: LineAsked[] = [];
  readonly sales = new Map<string, SaleHistory>();
  /** Changes that were accepted and only gave a sale more units. */
  raises = 0;
  /** Codes by which changes of sales were refused. */
  readonly changesRefused: string[] = [];
  /** Units of each product, with all that was added. */
  readonly supply = new Map<string, number>();

  ask(asked: Omit<Asked, 'tellings'>): Asked {
    const one = { ...asked, tellings: [] };
    this.asked.push(one);
    return one;
  }
}
