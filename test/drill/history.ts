/**
 * What the crowd asked and what it was told: `ok` (it happened), `refused` (it did not) or
 * `unknown` (no answer came, or only "ask again"). An unknown command is asked again by its key
 * until it is known, as a client is told to do.
 */

export type Verb = 'hold' | 'checkout' | 'pay' | 'release';

/** One command, asked once or more often under one key. */
export interface Asked {
  readonly verb: Verb;
  readonly sale: string;
  /** Index of the shopper's account. */
  readonly shopper: number;
  readonly key: string;
  readonly body: unknown;
  /** Of a hold or checkout: once it was accepted. */
  order: string;
  readonly startedAt: number;
  /** Asked by a fault, once: whoever asked it did not want to wait. */
  readonly probe?: true;
  outcome: 'ok' | 'refused' | 'unknown';
  answeredAt: number;
  tries: number;
  /** Answers "503" among the tries. */
  unavailable: number;
  /** Tries that had no answer at all. */
  silent: number;
  /** When a try ended without a true answer, first and last; 0 = never. */
  feltFrom: number;
  feltUntil: number;
  /** The body of the first accepted answer, until it has been asked for again. */
  said: string;
  status: number;
  code: string;
  /** It got an answer that it must not get: another status or code, or the refusal of what was accepted. */
  untrue?: true;
}

/** A line of an order with several, as the answer told. */
export interface KnownLine {
  readonly sale: string;
  readonly product: string;
  readonly units: readonly number[];
}

/** What a vendor asked to change of a sale before its bell, and was answered. */
export interface KnownChange {
  readonly sale: string;
  readonly askedAt: number;
  readonly accepted: boolean;
  /** Of the sale afterwards, as far as it was asked for. */
  readonly limit?: number;
  /** Minor units, of every item. */
  readonly price?: number;
}

/** An order that a shopper was told of, and what became of it as far as they know. */
export interface KnownOrder {
  readonly id: string;
  readonly sale: string;
  readonly product: string;
  readonly shopper: number;
  readonly units: readonly number[];
  readonly amount: number;
  /** Of an order with several lines; its own first. */
  readonly lines?: readonly KnownLine[];
  /** When its hold was asked for first, and when it had been answered. */
  readonly askedAt: number;
  readonly answeredAt: number;
  /** Ends that were asked for; one that was not must not have happened. */
  payAsked: boolean;
  releaseAsked: boolean;
  end: 'paid' | 'released' | null;
  /** As it was read last; absent = never. */
  lastRead?: string;
}

/** A place in a line that a shopper was told of. */
export interface KnownTicket {
  readonly id: string;
  readonly sale: string;
  readonly shopper: number;
  readonly askedAt: number;
  readonly answeredAt: number;
  number: number | null;
  state: string;
}

export interface Violation {
  readonly what: string;
  readonly order: string;
  /** It denies how the order or ticket began: that its end was lost is no excuse for it. */
  readonly ofBeginning?: true;
}

const begins: readonly Verb[] = ['hold', 'checkout'];

/** Mark of what contradicts the answer to this command. */
export const ofBeginning = (verb: Verb): Pick<Violation, 'ofBeginning'> =>
  begins.includes(verb) ? { ofBeginning: true } : {};

/** Of an order that nobody cancels. */
const ends: readonly string[] = ['paid', 'released', 'expired'];

export class History {
  readonly #forgotten = new Set<string>();
  readonly commands: Asked[] = [];
  #accepted: Asked[] = [];
  readonly orders = new Map<string, KnownOrder>();
  readonly tickets = new Map<string, KnownTicket>();
  readonly changes: KnownChange[] = [];
  /** Orders that could not be read: to be read again when all is well. */
  readonly unread = new Set<KnownOrder>();
  /** Sales that orders with several lines were in: standing ones too. */
  readonly linesIn = new Set<string>();
  /** What contradicts a promise at the moment it was seen. */
  readonly violations: Violation[] = [];
  /** How often the interesting things happened: a run without them has tested nothing. */
  readonly seen = {
    sold_out: 0,
    replayed: 0,
    expired_race: 0,
    unavailable: 0,
    unknown: 0,
    limit: 0,
    turn: 0,
    not_admitted: 0,
    several: 0,
    several_ended: 0,
    several_refused: 0,
    changed: 0,
    change_refused: 0,
  };

  /** `order` = whose answers contradict each other; `verb` = the command they are answers to. */
  blame(what: string, order = '', verb: Verb = 'pay'): void {
    this.violations.push({ what, order, ...ofBeginning(verb) });
  }

  /** Writes down an accepted answer; says so when it is not the one of before. */
  accept(asked: Asked, text: string): void {
    if (asked.said === '') {
      asked.said = text;
      this.#accepted.push(asked);
    } else if (asked.said !== text) {
      const what = `I7: ${asked.verb} ${asked.key}: ${asked.said}, then ${text}`;
      this.blame(what, asked.order, asked.verb);
    }
  }

  /**
   * Writes down in which state an order was read. Says so when that denies an end that its shopper had
   * been told (`endBefore`, of when they asked) or had read: an order ends once.
   */
  read(order: KnownOrder, endBefore: KnownOrder['end'], state: string): void {
    const { id, lastRead = '' } = order;
    const known = endBefore ?? (ends.includes(lastRead) ? lastRead : state);
    if (state !== known) this.blame(`I12: ${id}: ${known}, then read as ${state}`, id);
    order.lastRead = state;
  }

  /** What was accepted since this was last called. */
  takeAccepted(): readonly Asked[] {
    return this.#accepted.splice(0);
  }

  /** An order that a lost disk took: nothing is expected of it any more. */
  forget(id: string): void {
    this.orders.delete(id);
    this.tickets.delete(id);
    this.#forgotten.add(id);
  }

  /** True when somebody was told of this order. */
  isKnown(id: string): boolean {
    return this.orders.has(id) || this.#forgotten.has(id);
  }

  get unknown(): Asked[] {
    return this.commands.filter((c) => c.outcome === 'unknown');
  }

  /** Commands that got an answer from then on, or gave up: those that were under way then, too. */
  since(at: number): Asked[] {
    return this.commands.filter(({ answeredAt }) => answeredAt >= at);
  }
}

/** An order as Postgres has it. */
export interface OrderRow {
  readonly id: string;
  readonly shopper: string;
  readonly state: string;
  readonly units: readonly string[];
  readonly product: string;
  /** Lane time, ms. */
  readonly heldAt: number;
}

/** By id. */
export type Rows = ReadonlyMap<string, OrderRow>;
