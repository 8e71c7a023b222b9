/**
 * From what lanes decide to what their owners are told: orders at each change, sales at once. Follows
 * the lanes only while somebody has come; what was missed is looked at again.
 */
import type { NewsEvent, NewsListener, OrderId, SaleId, ShopperId } from '../../engine/index.ts';
import { laneOfId } from '../../engine/index.ts';
import { laneOrderJson } from '../documents.ts';
import type { Log } from '../../platform/log.ts';
import type { Api } from '../api.ts';
import type { CommandParts } from './commands.ts';
import { readsAtOnce } from './limits.ts';
import type { Room } from './room.ts';
import { markOf } from './session.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** What is needed of the hub. */
export interface Audience {
  readonly api: Api;
  readonly parts: CommandParts;
  readonly log: Log;
  readonly sessions: Sessions;
  readonly rooms: ReadonlyMap<SaleId, Room>;
  tell(room: Room, withTick: boolean): void;
}

type Held = Extract<NewsEvent, { kind: 'held' }>;

/** Several changes of a sale at once are one look. */
const gatherMs = 20;

export class Pusher implements NewsListener {
  readonly #hub: Audience;
  #unfollow: (() => void) | null = null;
  readonly #gathered = new Set<SaleId>();
  /** Sales whose numbers are about to be told, being told, or to be told once more after that. */
  readonly #numbering = new Map<SaleId, 'soon' | 'now' | 'again'>();

  constructor(hub: Audience) {
    this.#hub = hub;
  }

  start(): void {
    this.#unfollow ??= this.#hub.api.engine.follow(this);
  }

  close(): void {
    this.#unfollow?.();
    this.#unfollow = null;
  }

  event(event: NewsEvent): void {
    switch (event.kind) {
      case 'held':
        if (this.#isHere(event.shopper)) void this.#held(event);
        return;
      case 'ended':
        if (this.#isHere(event.shopper)) void this.#look(event.order, event.shopper);
        return;
      case 'ticket':
        this.#ticketChanged(event.sale, event.shopper, event.type);
        return;
      case 'sale':
        if (event.type === 'numbers') this.#numbersCame(event.sale);
        this.#saleChanged(event.sale);
    }
  }

  lost(lane: number): void {
    for (const sale of this.#hub.rooms.keys()) {
      if (laneOfId(sale) === lane) this.#saleChanged(sale);
    }
    for (const session of this.#hub.sessions.open) {
      const { identity } = session;
      if (identity?.kind !== 'shopper') continue;
      for (const order of session.orders()) {
        if (laneOfId(order) === lane) void this.#look(order, identity.shopper);
      }
      for (const sale of session.tickets.keys()) {
        if (laneOfId(sale) === lane) this.#numbersCame(sale);
      }
    }
  }

  #isHere(shopper: ShopperId): boolean {
    for (const _ of this.#hub.sessions.ofShopper(shopper)) return true;
    return false;
  }

  #saleChanged(sale: SaleId): void {
    if (!this.#hub.rooms.has(sale) || this.#gathered.has(sale)) return;
    this.#gathered.add(sale);
    setTimeout(() => {
      this.#gathered.delete(sale);
      const room = this.#hub.rooms.get(sale);
      if (room !== undefined) this.#hub.tell(room, false);
    }, gatherMs).unref();
  }

  /** Who joined by his only socket was told by the outcome. */
  #ticketChanged(sale: SaleId, shopper: ShopperId, type: string): void {
    const own = [...this.#hub.sessions.ofShopper(shopper)];
    if (own.length > (type === 'joined' ? 1 : 0)) void this.#lookAtTicket(sale, shopper);
  }

  async #lookAtTicket(sale: SaleId, shopper: ShopperId): Promise<void> {
    try {
      // Presence is told in rounds: a look that writes nothing waits for no disk.
      const ticket = await this.#hub.parts.desk.ticketOf(sale, shopper, false);
      if (ticket === null) return;
      for (const session of this.#hub.sessions.ofShopper(shopper)) {
        session.tickets.set(sale, markOf(ticket.state, ticket.number));
        session.send('ticket', ticket.json);
      }
    } catch (error) {
      this.#hub.log.warn({ sale, err: error }, 'a ticket was not told');
    }
  }

  /**
   * Chunks of numbers come one after the other: one look for all, once the last is there. A crowd takes
   * seconds to be told; whatever comes meanwhile is one look more afterwards, not one beside it.
   */
  #numbersCame(sale: SaleId): void {
    const stage = this.#numbering.get(sale);
    if (stage === 'now') this.#numbering.set(sale, 'again');
    if (stage !== undefined) return;
    this.#numbering.set(sale, 'soon');
    setTimeout(() => void this.#numbersTold(sale), gatherMs).unref();
  }

  async #numbersTold(sale: SaleId): Promise<void> {
    this.#numbering.set(sale, 'now');
    try {
      await this.#tellNumbers(sale);
    } catch (error) {
      this.#hub.log.warn({ sale, err: error }, 'numbers were not told');
    }
    const isAskedAgain = this.#numbering.get(sale) === 'again';
    this.#numbering.delete(sale);
    if (isAskedAgain) this.#numbersCame(sale);
  }

  async #tellNumbers(sale: SaleId): Promise<void> {
    const figures = await this.#hub.api.engine.line(sale);
    if (figures.kind !== 'done' || !figures.value.numbered) return;
    const waiting = new Set<ShopperId>();
    for (const { identity, tickets } of this.#hub.sessions.all()) {
      if (identity?.kind === 'shopper' && tickets.get(sale) === 'drawn') {
        waiting.add(identity.shopper);
      }
    }
    const all = [...waiting];
    for (let at = 0; at < all.length; at += readsAtOnce) {
      const some = all.slice(at, at + readsAtOnce);
      await Promise.all(some.map((shopper) => this.#lookAtTicket(sale, shopper)));
    }
  }

  /** All that a hold is stands in its event. */
  async #held(event: Held): Promise<void> {
    const { order: id, sale, shopper, item, price, units, heldAt, holdExpiresAt } = event;
    try {
      const terms = await this.#hub.api.engine.sale(sale);
      const product = terms?.items[item]?.product ?? '';
      const order = {
        id,
        sale,
        state: 'held',
        product,
        units,
        price,
        heldAt,
        holdExpiresAt,
      } as const;
      const json = laneOrderJson(order, null, heldAt, this.#hub.api.currency);
      this.#tell(shopper, id, sale, JSON.stringify(json), true);
    } catch (error) {
      this.#hub.log.warn({ order: id, err: error }, 'a hold was not told');
    }
  }

  async #look(id: OrderId, shopper: ShopperId): Promise<void> {
    try {
      const outcome = await this.#hub.api.engine.laneOrder(id, shopper);
      if (outcome.kind !== 'done') return;
      const { value, now } = outcome;
      const endedAt = value.state === 'held' ? null : (value.endedAt ?? now);
      const json = laneOrderJson(value, endedAt, endedAt ?? now, this.#hub.api.currency);
      this.#tell(shopper, id, value.sale, JSON.stringify(json), false);
    } catch (error) {
      this.#hub.log.warn({ order: id, err: error }, 'an order was not told');
    }
  }

  #tell(shopper: ShopperId, order: OrderId, sale: SaleId, json: string, isHold: boolean): void {
    for (const session of this.#hub.sessions.ofShopper(shopper)) {
      // Its end was told already: a hold that is told late is no news.
      if (isHold && session.knows(order)) continue;
      this.#tellOne(session, order, sale, json);
    }
  }

  #tellOne(session: Session, order: OrderId, sale: SaleId, json: string): void {
    session.remember(order, sale, json);
    session.send('order', json);
  }
}
