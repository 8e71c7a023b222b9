/**
 * All sockets of this process: who they are, which sales they watch, and what is told to them by the
 * clock: ticks, ends of waits, the goodbye.
 */
import { problem } from '../../platform/http/problems.ts';
import type { Publisher } from '../../platform/http/socket.ts';
import type { Identity } from '../../platform/http/route.ts';
import type { Log } from '../../platform/log.ts';
import { metrics } from '../../platform/metrics.ts';
import type { SaleId, ShopperId } from '../../engine/index.ts';
import type { Api } from '../api.ts';
import { isVendorKey } from '../auth.ts';
import type { CatalogClient } from '../catalog-client.ts';
import { timeText, timeTextOrNull } from '../clock-text.ts';
import { hasLine } from '../line-desk.ts';
import type { LineDesk } from '../line-desk.ts';
import { notFound } from '../refusals.ts';
import { refuseMessage } from './commands.ts';
import type { CommandParts } from './commands.ts';
import type { Form } from './codec.ts';
import type { SocketPeer } from '../../platform/http/socket.ts';
import {
  caughtUpBytes,
  helloWithinMs,
  lagMaxMs,
  presenceMs,
  returnSpreadMaxMs,
  returnSpreadMinMs,
  returnsPerSecond,
  salesPerSocketMax,
  sweepMs,
  tickMs,
} from './limits.ts';
import { closeCodes } from './messages.ts';
import { Pusher } from './pusher.ts';
import { Room, topicOf } from './room.ts';
import type { Session, SessionOwner } from './session.ts';
import { Sessions } from './sessions.ts';

export interface Identified {
  readonly identity: Identity;
  /** Of a token; null = it does not expire. */
  readonly expiresAt: number | null;
}

export interface HubOptions {
  readonly api: Api;
  readonly catalog: CatalogClient;
  readonly desk: LineDesk;
  readonly log: Log;
  readonly publisher: Publisher;
  /** Who a bearer is; null = nobody. Rejects while that cannot be said. */
  readonly identify: (token: string) => Identified | null | Promise<Identified | null>;
}

export class Hub {
  readonly api: Api;
  readonly parts: CommandParts;
  readonly log: Log;
  readonly sessions: Sessions;
  readonly rooms = new Map<SaleId, Room>();

  readonly #options: HubOptions;
  readonly #fresh = new Set<Session>();
  readonly #lagging = new Set<Session>();
  /** Tokens that came by header, until hello. */
  readonly #offered = new WeakMap<Session, string>();
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #pusher: Pusher;
  readonly #owner: SessionOwner;

  constructor(options: HubOptions) {
    this.#options = options;
    this.api = options.api;
    this.parts = { api: options.api, catalog: options.catalog, desk: options.desk };
    this.log = options.log;
    this.#owner = { lags: (session) => this.#lags(session), inFlight: 0 };
    this.sessions = new Sessions(this.#owner, (session) => this.#leaveAll(session));
    this.#pusher = new Pusher(this);
    this.#timers = [
      setInterval(() => this.#tick(), tickMs).unref(),
      setInterval(() => this.#sweep(), sweepMs).unref(),
      setInterval(() => this.#present(), presenceMs).unref(),
    ];
  }

  begin(form: Form, peer: SocketPeer, token: string): Session {
    const session = this.sessions.begin(form, peer, performance.now());
    this.#fresh.add(session);
    if (token !== '') this.#offered.set(session, token);
    metrics.sockets.set(this.sessions.open.size);
    return session;
  }

  end(peer: SocketPeer | null, code: number, reason: string): void {
    if (peer === null) return;
    metrics.socketsClosed.inc({ code });
    peer.end(code, reason);
  }

  /** By the token of its hello, else by that of its header. */
  identify(session: Session, said: string | undefined): boolean | Promise<boolean> {
    const token = said ?? this.#offered.get(session);
    if (token === undefined) return false;
    const found = this.#options.identify(token);
    const take = (identified: Identified | null): boolean => {
      if (identified === null) return false;
      session.identity = identified.identity;
      session.expiresAt = identified.expiresAt;
      session.authorization = `Bearer ${token}`;
      return true;
    };
    return found instanceof Promise ? found.then(take) : take(found);
  }

  renew(session: Session, token: string): 'done' | 'bad' | 'other' {
    // A vendor's key does not expire, so nobody has to renew one.
    const found = isVendorKey(token) ? null : this.#options.identify(token);
    if (found === null || found instanceof Promise) return 'bad';
    const { identity } = session;
    if (identity?.kind !== 'shopper' || found.identity.kind !== 'shopper') return 'other';
    if (identity.shopper !== found.identity.shopper) return 'other';
    session.identity = found.identity;
    session.expiresAt = found.expiresAt;
    session.authorization = `Bearer ${token}`;
    return 'done';
  }

  /** Answers hello. The session that goes on, or null when the caller has too many. */
  welcome(fresh: Session, resume?: { session: string; seq: number }): Session | null {
    this.#fresh.delete(fresh);
    const { identity } = fresh;
    if (identity === null) return null;
    const found = resume === undefined ? undefined : this.sessions.find(resume.session, identity);
    if (found !== undefined && resume !== undefined) {
      const before = this.sessions.resume(found, fresh);
      this.end(before, closeCodes.normal, 'resumed by another connection');
      this.#lagging.delete(found);
      const covered = found.covers(resume.seq);
      this.#greeted(found, covered ? 'replay' : 'snapshot');
      if (covered) found.replay(resume.seq);
      this.#showAll(found, covered);
      return found;
    }
    if (!this.sessions.greet(fresh, identity)) {
      this.end(fresh.peer, closeCodes.tooMany, 'too many sockets of one caller');
      return null;
    }
    this.#pusher.start();
    this.#greeted(fresh, false);
    return fresh;
  }

  #greeted(session: Session, resumed: 'replay' | 'snapshot' | false): void {
    const { identity } = session;
    const json = {
      session: session.id,
      server_time: timeText(this.api.now()),
      resumed,
      shopper_id: identity?.kind === 'shopper' ? identity.shopper : null,
      expires_at: timeTextOrNull(session.expiresAt),
    };
    session.tell('welcome', JSON.stringify(json));
  }

  async subscribe(session: Session, sale: SaleId, id: string | null): Promise<void> {
    if (!session.sales.has(sale) && session.sales.size >= salesPerSocketMax) {
      this.end(session.peer, closeCodes.tooMany, 'too many sales on one socket');
      return;
    }
    await this.#show(session, sale, id);
  }

  /** A snapshot, and from now on what is published. Who unsubscribes meanwhile gets neither. */
  async #show(session: Session, sale: SaleId, id: string | null): Promise<void> {
    const isNew = !session.sales.has(sale);
    session.sales.add(sale);
    const room = this.#roomOf(sale);
    try {
      const view = await room.current();
      if (!this.#wants(session, sale)) return;
      if (view === null) {
        this.unsubscribe(session, sale);
        refuseMessage(session, id, notFound);
        return;
      }
      this.#enter(session, room);
      const ticket = hasLine(view.terms) ? await this.#ticketOf(session, sale) : null;
      if (!this.#wants(session, sale)) return;
      session.tell('snapshot', room.snapshotFor(session, view, ticket));
    } catch (error) {
      this.log.warn({ sale, err: error }, 'a sale cannot be shown');
      if (isNew) this.unsubscribe(session, sale);
      refuseMessage(session, id, away);
    } finally {
      this.#vacate(room);
    }
  }

  /** Still subscribed, and not forgotten while it was looked. */
  #wants(session: Session, sale: SaleId): boolean {
    return session.sales.has(sale) && this.sessions.has(session);
  }

  /** One for all who come at once. */
  #roomOf(sale: SaleId): Room {
    let room = this.rooms.get(sale);
    if (room === undefined) this.rooms.set(sale, (room = new Room(sale, this.#roomContext())));
    return room;
  }

  /** Whoever looks into it next opens it anew. */
  #vacate(room: Room): void {
    if (room.members.size === 0 && this.rooms.get(room.sale) === room) this.rooms.delete(room.sale);
  }

  /** JSON; null = it has none, undefined = nobody can say now. */
  async #ticketOf(session: Session, sale: SaleId): Promise<string | null | undefined> {
    const { identity } = session;
    if (identity?.kind !== 'shopper') return null;
    const ticket = await this.parts.desk.ticketOf(sale, identity.shopper, true);
    if (ticket === 'none') return null;
    if (ticket === null) {
      // It is told as soon as somebody can say.
      session.joined(sale, 'drawn');
      return undefined;
    }
    session.knowsTicket(sale, ticket);
    return ticket.json;
  }

  #roomContext() {
    const { engine, currency } = this.api;
    return { engine, currency, publisher: this.#options.publisher, desk: this.parts.desk };
  }

  #enter(session: Session, room: Room): void {
    const { sale } = room;
    this.rooms.set(sale, this.rooms.get(sale) ?? room);
    this.rooms.get(sale)?.members.add(session);
    if (session.laggingSince === null) session.peer?.subscribe(topicOf(session.form, sale));
  }

  unsubscribe(session: Session, sale: SaleId): void {
    if (!session.sales.delete(sale)) return;
    session.peer?.unsubscribe(topicOf(session.form, sale));
    this.#leave(session, sale);
  }

  #leave(session: Session, sale: SaleId): void {
    const room = this.rooms.get(sale);
    room?.members.delete(session);
    if (room !== undefined) this.#vacate(room);
  }

  #leaveAll(session: Session): void {
    for (const sale of session.sales) this.#leave(session, sale);
    this.#lagging.delete(session);
  }

  /** Its connection is gone. */
  parted(session: Session): void {
    this.#fresh.delete(session);
    this.#lagging.delete(session);
    this.sessions.park(session, performance.now());
    metrics.sockets.set(this.sessions.open.size);
  }

  /** It does not read: no more is put before it than what waits already. */
  #lags(session: Session): void {
    for (const sale of session.sales) session.peer?.unsubscribe(topicOf(session.form, sale));
    this.#lagging.add(session);
  }

  /** It has read what waited: what it missed comes now, or a snapshot in its place. */
  drained(session: Session): void {
    if ((session.peer?.buffered() ?? 0) > caughtUpBytes) return;
    this.#lagging.delete(session);
    const covered = session.catchUp();
    if (!covered) this.#greeted(session, 'snapshot');
    this.#showAll(session, covered);
  }

  /** Snapshots of what it watches; where messages are lost also of what it has beside that. */
  #showAll(session: Session, covered: boolean): void {
    for (const sale of session.sales) void this.#show(session, sale, null);
    if (!covered) this.#pusher.retell(session);
  }

  #tick(): void {
    for (const room of this.rooms.values()) {
      if (!this.#pusher.isTelling(room)) this.tell(room, true);
    }
  }

  tell(room: Room, withTick: boolean): void {
    if (!room.isWatched) return;
    room.tell(withTick).catch((error: unknown) => {
      this.log.debug({ sale: room.sale, err: error }, 'no tick');
    });
  }

  /** Whoever waits and is connected is here. */
  #present(): void {
    const here = new Map<SaleId, Set<ShopperId>>();
    for (const { identity, tickets } of this.sessions.open) {
      if (identity?.kind !== 'shopper') continue;
      for (const [sale, { mark }] of tickets) {
        if (mark !== 'waiting' && mark !== 'drawn') continue;
        const shoppers = here.get(sale) ?? new Set();
        here.set(sale, shoppers.add(identity.shopper));
      }
    }
    for (const [sale, shoppers] of here) {
      this.api.engine.seen(sale, [...shoppers]).catch((error: unknown) => {
        this.log.debug({ sale, err: error }, 'presence was not told');
      });
    }
  }

  #sweep(): void {
    const now = performance.now();
    for (const session of this.#fresh) {
      if (now - session.openedAt < helloWithinMs) break;
      this.end(session.peer, closeCodes.noIdentity, 'no hello within 5 s');
    }
    for (const session of this.#lagging) {
      if (now - (session.laggingSince ?? now) > lagMaxMs) {
        this.end(session.peer, closeCodes.tooSlow, 'too slow');
      } else this.drained(session);
    }
    this.sessions.sweep(now);
  }

  inFlight(): number {
    return this.#owner.inFlight;
  }

  /** Each comes back after a wait of its own, so that a crowd does not do it in one instant. */
  goodbye(): void {
    const { open } = this.sessions;
    const wanted = (open.size * 1000) / returnsPerSecond;
    const spreadMs = Math.min(Math.max(wanted, returnSpreadMinMs), returnSpreadMaxMs);
    for (const session of open) {
      const wait = Math.floor(Math.random() * spreadMs);
      session.tell('goodbye', `{"reconnect_after_ms":${wait}}`);
    }
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#pusher.close();
    for (const session of [...this.sessions.open]) {
      this.end(session.peer, closeCodes.goingAway, 'closing');
    }
  }
}

const away = problem('unavailable', 'The sale cannot be shown now: ask again.', {
  retryAfterMs: 1000,
});
