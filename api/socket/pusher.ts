/**
 * From what lanes decide to what their owners are told: orders at each change, sales at once. Follows
 * the lanes only while somebody has come; what was missed is looked at again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewsEvent, NewsListener, OrderId, SaleId, ShopperId } from '../../engine/index.ts';
import { laneOfId, mayBePart, mayHaveParts } from '../../engine/index.ts';
import { laneOrderJson } from '../documents.ts';
import type { Audience } from './audience.ts';
import { againMinMs, gatherMs, looksMax, readsAtOnce } from './limits.ts';
import { inRounds, Looks } from './looks.ts';
import { Numbers } from './numbers.ts';
import type { Room } from './room.ts';
import type { Session } from './session.ts';

type Held = Extract<NewsEvent, { kind: 'held' }>;

const makeGoodTriesMax = 5;

const pause = (ms: number): Promise<void> => sleep(ms, undefined, { ref: false });

/** Sales in which a session has a ticket that is not over. */
function ticketed({ tickets }: Session): Set<SaleId> {
  const sales = new Set<SaleId>();
  for (const [sale, { mark }] of tickets) if (mark !== 'over') sales.add(sale);
  return sales;
}

export class Pusher implements NewsListener {
  readonly #hub: Audience;
  #unfollow: (() => void) | null = null;
  readonly #gathered = new Set<SaleId>();
  /** Joins of the last moment, by the names of their looks. */
  readonly #joins = new Map<string, readonly [sale: SaleId, shopper: ShopperId]>();
  /** Lanes of which something was missed, and sales whose lines are over, while they are looked at. */
  readonly #making = new Map<number | SaleId, 'now' | 'again'>();
  readonly #looks = new Looks({ atOnce: readsAtOnce, waitingMax: looksMax });
  readonly #numbers: Numbers;
  #closed = false;

  constructor(hub: Audience) {
    this.#hub = hub;
    const look = (sale: SaleId, shopper: ShopperId) => this.#lookAtTicket(sale, shopper);
    this.#numbers = new Numbers({ hub, looks: this.#looks, look });
  }

  /** Whether everybody in the room is about to be told a number: a tick can wait. */
  isTelling(room: Room): boolean {
    return this.#numbers.isTelling(room);
  }

  start(): void {
    this.#unfollow ??= this.#hub.api.engine.follow(this);
  }

  close(): void {
    this.#closed = true;
    this.#numbers.close();
    this.#unfollow?.();
    this.#unfollow = null;
  }

  event(event: NewsEvent): void {
    switch (event.kind) {
      case 'held':
      case 'ended':
        if (this.#isHere(event.shopper)) this.#orderChanged(event);
        return;
      case 'ticket':
        this.#ticketChanged(event.sale, event.shopper, event.type);
        return;
      case 'sale':
        if (event.type === 'bell') this.#numbers.rang(event.sale);
        if (event.type === 'numbers') this.#numbers.came(event.sale);
        // Who still waits or has a turn has lapsed with it.
        if (event.type === 'closing' || event.type === 'closed') this.#lookAgain(event.sale);
        this.#saleChanged(event.sale);
    }
  }

  lost(lane: number): void {
    for (const sale of this.#hub.rooms.keys()) {
      if (laneOfId(sale) === lane) this.#saleChanged(sale);
    }
    this.#lookAgain(lane);
  }

  #lookAgain(of: number | SaleId): void {
    const isUnderWay = this.#making.has(of);
    this.#making.set(of, isUnderWay ? 'again' : 'now');
    if (!isUnderWay) void this.#makeGood(of);
  }

  /**
   * Whatever this process shows of a lane, or the tickets of a sale, is looked at again, a round at a
   * time, until all of it was.
   */
  async #makeGood(of: number | SaleId): Promise<void> {
    for (let tries = 1; ; tries++) {
      this.#making.set(of, 'now');
      const failed = await inRounds(this.#shownOf(of), readsAtOnce, (look) => look());
      if (this.#closed) return;
      if (this.#making.get(of) === 'again') tries = 0;
      // A lane that is shut tells of what was lost when it opens.
      else if (failed === 0 || tries >= makeGoodTriesMax) break;
      else await pause(againMinMs * 2 ** tries);
    }
    this.#making.delete(of);
  }

  /** Looks at orders and tickets, one at a time: there may be a hundred thousand. */
  *#shownOf(of: number | SaleId): Generator<() => Promise<boolean>> {
    const isOf = (id: SaleId | OrderId): boolean => id === of || laneOfId(id) === of;
    const lined = (session: Session): ReadonlySet<SaleId> =>
      typeof of === 'number' ? this.#lined(session) : ticketed(session);
    for (const session of this.#hub.sessions.all()) {
      const { identity } = session;
      if (identity?.kind !== 'shopper') continue;
      const { shopper } = identity;
      for (const order of session.orders()) {
        if (!isOf(order) || !this.#leads(session, shopper, (s) => s.knows(order))) continue;
        yield () => this.#look(order, shopper);
      }
      for (const sale of lined(session)) {
        const shows = (one: Session): boolean => lined(one).has(sale);
        if (!isOf(sale) || !this.#leads(session, shopper, shows)) continue;
        yield () => this.#lookAtTicket(sale, shopper);
      }
    }
  }

  /** Sales in which a session has a ticket that is not over, or may have one that it was not told of. */
  #lined(session: Session): ReadonlySet<SaleId> {
    const sales = ticketed(session);
    for (const sale of session.sales) {
      if (this.#hub.rooms.get(sale)?.isLined === true) sales.add(sale);
    }
    return sales;
  }

  /** Whether it is the first of its shopper's that shows it: one look is for all of them. */
  #leads(session: Session, shopper: ShopperId, shows: (session: Session) => boolean): boolean {
    for (const one of this.#hub.sessions.ofShopper(shopper)) {
      if (one === session) return true;
      if (shows(one)) return false;
    }
    return true;
  }

  /** What a session has in sales that it does not watch: no snapshot stands for it. */
  retell(session: Session): void {
    for (const json of session.ordersElsewhere()) session.tell('order', json);
    const { identity } = session;
    if (identity?.kind !== 'shopper') return;
    const { shopper } = identity;
    for (const [sale, { mark }] of session.tickets) {
      if (mark === 'over' || session.sales.has(sale)) continue;
      this.#ask(sale, `${sale} ${shopper}`, () => this.#lookAtTicket(sale, shopper));
    }
  }

  /** A line of several is told with its order. A look finds no order where an id only seems one. */
  #orderChanged(event: Extract<NewsEvent, { kind: 'held' | 'ended' }>): void {
    const { order, shopper } = event;
    const look = event.kind === 'ended' || mayHaveParts(order) || mayBePart(order);
    if (look) this.#ask(order, order, () => this.#look(order, shopper));
    else void this.#held(event);
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
      // A crowd hears that its sale is open by its numbers, and of the rest with the tick behind them.
      if (room !== undefined && !this.#numbers.isTelling(room)) this.#hub.tell(room, false);
    }, gatherMs).unref();
  }

  #ticketChanged(sale: SaleId, shopper: ShopperId, type: string): void {
    if (!this.#isHere(shopper)) return;
    const name = `${sale} ${shopper}`;
    if (type === 'joined') this.#hasJoined(sale, shopper, name);
    else this.#ask(sale, name, () => this.#lookAtTicket(sale, shopper));
  }

  /**
   * Who joined by a socket here is told by the outcome, which may still be on its way. Who joined by HTTP,
   * elsewhere, or anew after leaving, waits from now on like the others: he is present, and is told.
   */
  #hasJoined(sale: SaleId, shopper: ShopperId, name: string): void {
    for (const session of this.#hub.sessions.ofShopper(shopper)) session.joined(sale, 'drawn');
    this.#looks.again(name);
    if (this.#joins.size === 0) setTimeout(() => this.#tellJoins(), gatherMs).unref();
    this.#joins.set(name, [sale, shopper]);
  }

  #tellJoins(): void {
    const joins = [...this.#joins];
    this.#joins.clear();
    for (const [name, [sale, shopper]] of joins) {
      for (const { tickets } of this.#hub.sessions.ofShopper(shopper)) {
        if (tickets.get(sale)?.id !== null) continue;
        this.#ask(sale, name, () => this.#lookAtTicket(sale, shopper));
        break;
      }
    }
  }

  /** One look of many; when too many wait, all of its lane is looked at in rounds instead. */
  #ask(id: SaleId | OrderId, name: string, look: () => Promise<boolean>): void {
    if (!this.#looks.ask(name, look)) this.lost(laneOfId(id));
  }

  /** Answers false when nobody could say. */
  async #lookAtTicket(sale: SaleId, shopper: ShopperId): Promise<boolean> {
    try {
      // Presence is told in rounds: a look that writes nothing waits for no disk.
      const ticket = await this.#hub.parts.desk.ticketOf(sale, shopper, false);
      if (ticket === null) return false;
      for (const session of this.#hub.sessions.ofShopper(shopper)) {
        if (ticket === 'none') session.tickets.delete(sale);
        else {
          session.knowsTicket(sale, ticket);
          session.send('ticket', ticket.json);
        }
      }
      return true;
    } catch (error) {
      this.#hub.log.warn({ sale, err: error }, 'a ticket was not told');
      return false;
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

  /** Answers false when nobody could say. */
  async #look(id: OrderId, shopper: ShopperId): Promise<boolean> {
    try {
      const outcome = await this.#hub.api.engine.laneOrder(id, shopper);
      if (outcome.kind !== 'done') return outcome.kind === 'rejected';
      const { value, now } = outcome;
      const endedAt = value.state === 'held' ? null : (value.endedAt ?? now);
      const json = laneOrderJson(value, endedAt, endedAt ?? now, this.#hub.api.currency);
      this.#tell(shopper, id, value.sale, JSON.stringify(json), false);
      return true;
    } catch (error) {
      this.#hub.log.warn({ order: id, err: error }, 'an order was not told');
      return false;
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
