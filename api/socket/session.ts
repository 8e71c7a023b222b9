/**
 * One client, over as many connections as it needs: its identity, what it subscribed to, the numbers of
 * its messages and the last of them.
 *
 * States: fresh (no hello yet) → open ⇄ lagging (it does not read: nothing is sent, much is kept) →
 * parked (no connection; what it misses is kept) → open again, or forgotten.
 */
import type { SocketPeer } from '../../platform/http/socket.ts';
import type { Identity } from '../../platform/http/route.ts';
import type { Millis, OrderId, SaleId } from '../../engine/index.ts';
import type { ToldTicket } from '../line-desk.ts';
import { frameOf, withMember } from './codec.ts';
import type { Form, Frame } from './codec.ts';
import {
  keptMax,
  lagBytes,
  messagesBurst,
  messagesPerSecond,
  ordersMax,
  refusedMax,
} from './limits.ts';
import type { ServerType } from './messages.ts';

/** `drawn` = it waits without a number yet. */
export type TicketMark = 'drawn' | 'waiting' | 'admitted' | 'over';

/** What a caller was told of a ticket. */
export interface KnownTicket {
  readonly mark: TicketMark;
  /** Null = not told yet. */
  readonly id: string | null;
}

export function markOf(state: string, number: number | null): TicketMark {
  if (state === 'waiting') return number === null ? 'drawn' : 'waiting';
  return state === 'admitted' ? 'admitted' : 'over';
}

interface Kept {
  /** As it was sent last. */
  seq: number;
  readonly type: ServerType;
  readonly json: string;
}

/** What a session tells those who own it. */
export interface SessionOwner {
  /** It does not read any more: it is to be caught up, or closed. */
  lags(session: Session): void;
  /** Commands of all sessions that wait for their answer. */
  inFlight: number;
}

export class Session {
  readonly id: string;
  /** Of its connection: who comes back may speak the other one. */
  form: Form;
  readonly openedAt: number;
  identity: Identity | null = null;
  /** Of its token; null = it does not expire. */
  expiresAt: Millis | null = null;
  /** By which the window is asked in its name. */
  authorization = '';
  greeted = false;
  peer: SocketPeer | null;
  inFlight = 0;
  laggingSince: number | null = null;
  /** Subscribed to, connected or not. */
  readonly sales = new Set<SaleId>();
  /** Its caller's tickets, as far as it was told of them. */
  readonly tickets = new Map<SaleId, KnownTicket>();

  readonly #owner: SessionOwner;
  #seq = 0;
  /** The last message that went out to a client that read. */
  #sentSeq = 0;
  #kept: Kept[] | null = null;
  /** The last message that is kept no longer. */
  #lostSeq = 0;
  #orders: Map<OrderId, { sale: SaleId; json: string }> | null = null;
  /** Full at first, however much that is. */
  #tokens = Infinity;
  #tokensAt: number;
  /** Messages beyond the rate since the last one within it. */
  #refused = 0;

  constructor(id: string, form: Form, peer: SocketPeer, owner: SessionOwner, now: number) {
    this.id = id;
    this.form = form;
    this.peer = peer;
    this.openedAt = now;
    this.#owner = owner;
    this.#tokensAt = now;
  }

  get seq(): number {
    return this.#seq;
  }

  /**
   * Counts a message: 0 = it is within the rate, else ms until the next one is, and Infinity when they
   * go on all the same. `now` in ms, monotonic; `times` the rate and the burst, for who may more.
   */
  takes(now: number, times: number): number {
    const perMs = (messagesPerSecond * times) / 1000;
    const gained = (now - this.#tokensAt) * perMs;
    this.#tokens = Math.min(messagesBurst * times, this.#tokens + gained);
    this.#tokensAt = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      this.#refused = 0;
      return 0;
    }
    this.#refused += 1;
    return this.#refused > refusedMax ? Infinity : Math.ceil((1 - this.#tokens) / perMs);
  }

  /** A command of its waits for the answer, and does not any more. */
  asks(): void {
    this.inFlight += 1;
    this.#owner.inFlight += 1;
  }

  answered(): void {
    this.inFlight -= 1;
    this.#owner.inFlight -= 1;
  }

  /** Its caller has a new ticket; what it was told of that ticket since stays. */
  joined(sale: SaleId, mark: TicketMark, id: string | null = null): void {
    const known = this.tickets.get(sale);
    if (known === undefined || known.mark === 'over') this.tickets.set(sale, { mark, id });
    else if (known.id === null && id !== null) this.tickets.set(sale, { mark: known.mark, id });
  }

  /** It is told of this ticket. */
  knowsTicket(sale: SaleId, { id, state, number }: ToldTicket): void {
    this.tickets.set(sale, { mark: markOf(state, number), id });
  }

  /** A message that a snapshot stands for: not kept. `json` is an object's text. */
  tell(type: ServerType, json: string): void {
    this.#seq += 1;
    this.#push(this.#frame(type, json), this.#seq);
  }

  /** A message that is replayed after a cut. */
  send(type: ServerType, json: string): void {
    this.#seq += 1;
    this.#kept ??= [];
    this.#kept.push({ seq: this.#seq, type, json });
    if (this.#kept.length > keptMax) this.#lostSeq = this.#kept.shift()?.seq ?? this.#seq;
    this.#push(this.#frame(type, json), this.#seq);
  }

  /** The last state of one of its orders. */
  remember(order: OrderId, sale: SaleId, json: string): void {
    this.#orders ??= new Map();
    this.#orders.delete(order);
    this.#orders.set(order, { sale, json });
    if (this.#orders.size <= ordersMax) return;
    for (const oldest of this.#orders.keys()) {
      this.#orders.delete(oldest);
      return;
    }
  }

  /** JSON of a list: the orders of a sale that it was told of. */
  ordersOf(sale: SaleId): string {
    const list = [...(this.#orders?.values() ?? [])].filter((order) => order.sale === sale);
    return `[${list.map(({ json }) => json).join()}]`;
  }

  /** Orders of sales that it does not watch, as it was told of them last: JSON of each. */
  ordersElsewhere(): string[] {
    const list = [...(this.#orders?.values() ?? [])];
    return list.filter(({ sale }) => !this.sales.has(sale)).map(({ json }) => json);
  }

  orders(): OrderId[] {
    return [...(this.#orders?.keys() ?? [])];
  }

  knows(order: OrderId): boolean {
    return this.#orders?.has(order) ?? false;
  }

  /** Whether all that came after `seq` is still there. */
  covers(seq: number): boolean {
    return seq >= this.#lostSeq && seq <= this.#seq;
  }

  /** Sends what came after `seq`, in order, under new numbers: what is sent later is never lower. */
  replay(seq: number): void {
    for (const kept of this.#kept ?? []) {
      if (kept.seq <= seq) continue;
      this.#seq += 1;
      kept.seq = this.#seq;
      this.#push(this.#frame(kept.type, kept.json), this.#seq);
    }
  }

  /** It reads again. Answers whether all that it missed was sent. */
  catchUp(): boolean {
    this.laggingSince = null;
    const covered = this.covers(this.#sentSeq);
    if (covered) this.replay(this.#sentSeq);
    else this.#sentSeq = this.#seq;
    return covered;
  }

  /** The client is gone, or comes back over this. */
  moveTo(peer: SocketPeer | null): void {
    this.peer = peer;
    this.laggingSince = null;
  }

  /** A published message did not reach it. */
  lag(now: number): void {
    if (this.laggingSince !== null) return;
    this.laggingSince = now;
    this.#owner.lags(this);
  }

  #frame(type: ServerType, json: string): Frame {
    return frameOf(this.form, withMember(`"type":"${type}","seq":${this.#seq}`, json));
  }

  #push(frame: Frame, seq: number): void {
    const { peer } = this;
    if (peer === null || this.laggingSince !== null) return;
    const sent = peer.send(frame, this.form === 'msgpack');
    // What waits is on its way; only what was dropped has to be sent once more.
    if (sent === 'sent' || sent === 'waiting') this.#sentSeq = seq;
    if (sent === 'dropped' || (sent === 'waiting' && peer.buffered() > lagBytes)) {
      this.lag(performance.now());
    }
  }
}
