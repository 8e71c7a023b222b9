/**
 * From what lanes decide to what their owners are told: orders at each change, sales at once. Follows
 * the lanes only while somebody has come; what was missed is looked at again.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type {
  LineStanding,
  NewsEvent,
  NewsListener,
  OrderId,
  SaleId,
  ShopperId,
} from '../../engine/index.ts';
import { laneOfId, mayBePart, mayHaveParts } from '../../engine/index.ts';
import { laneOrderJson } from '../documents.ts';
import type { Log } from '../../platform/log.ts';
import type { Api } from '../api.ts';
import type { TellTicket } from '../line-desk.ts';
import type { CommandParts } from './commands.ts';
import { crowdMin, looksMax, readsAtOnce, tickWaitsMs, toldAtOnce } from './limits.ts';
import { inRounds, Looks } from './looks.ts';
import type { Room } from './room.ts';
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
/** Until what nobody could say is asked again; twice as long each time. */
const againMinMs = 500;
const againMaxMs = 8000;
const makeGoodTriesMax = 5;

const pause = (ms: number): Promise<void> => sleep(ms, undefined, { ref: false });

export class Pusher implements NewsListener {
  readonly #hub: Audience;
  #unfollow: (() => void) | null = null;
  readonly #gathered = new Set<SaleId>();
  /** Sales whose numbers are about to be told, being told, or to be told once more after that. */
  readonly #numbering = new Map<SaleId, 'soon' | 'now' | 'again'>();
  /** Bells of the last moments: their numbers are on their way. */
  readonly #rungAt = new Map<SaleId, number>();
  /** Lanes of which something was missed, while it is looked at again. */
  readonly #making = new Map<number, 'now' | 'again'>();
  readonly #looks = new Looks({ atOnce: readsAtOnce, waitingMax: looksMax });
  #closed = false;

  constructor(hub: Audience) {
    this.#hub = hub;
  }

  start(): void {
    this.#unfollow ??= this.#hub.api.engine.follow(this);
  }

  close(): void {
    this.#closed = true;
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
        if (event.type === 'bell') this.#rang(event.sale);
        if (event.type === 'numbers') this.#numbersCame(event.sale);
        this.#saleChanged(event.sale);
    }
  }

  lost(lane: number): void {
    for (const sale of this.#hub.rooms.keys()) {
      if (laneOfId(sale) === lane) this.#saleChanged(sale);
    }
    const isUnderWay = this.#making.has(lane);
    this.#making.set(lane, isUnderWay ? 'again' : 'now');
    if (!isUnderWay) void this.#makeGood(lane);
  }

  /** Whatever this process shows of a lane is looked at again, a round at a time, until all of it was. */
  async #makeGood(lane: number): Promise<void> {
    for (let tries = 1; ; tries++) {
      this.#making.set(lane, 'now');
      const failed = await inRounds(this.#shownOf(lane), readsAtOnce, (look) => look());
      if (this.#closed) return;
      if (this.#making.get(lane) === 'again') tries = 0;
      // A lane that is shut tells of what was lost when it opens.
      else if (failed === 0 || tries >= makeGoodTriesMax) break;
      else await pause(againMinMs * 2 ** tries);
    }
    this.#making.delete(lane);
  }

  /** Looks at orders and tickets, one at a time: there may be a hundred thousand. */
  *#shownOf(lane: number): Generator<() => Promise<boolean>> {
    for (const session of this.#hub.sessions.all()) {
      const { identity } = session;
      if (identity?.kind !== 'shopper') continue;
      const { shopper } = identity;
      for (const order of session.orders()) {
        if (laneOfId(order) !== lane || !this.#leads(session, shopper, (s) => s.knows(order))) {
          continue;
        }
        yield () => this.#look(order, shopper);
      }
      for (const sale of this.#lined(session)) {
        const shows = (one: Session): boolean => this.#lined(one).has(sale);
        if (laneOfId(sale) !== lane || !this.#leads(session, shopper, shows)) continue;
        yield () => this.#lookAtTicket(sale, shopper);
      }
    }
  }

  /** Sales in which a session has a ticket that is not over, or may have one that it was not told of. */
  #lined(session: Session): ReadonlySet<SaleId> {
    const sales = new Set<SaleId>();
    for (const [sale, { mark }] of session.tickets) if (mark !== 'over') sales.add(sale);
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
      if (room !== undefined) this.#hub.tell(room, false);
    }, gatherMs).unref();
  }

  /**
   * Who joined by his only socket was told by the outcome. Who joined by HTTP beside it, or anew after
   * leaving, waits from now on like the others: he is present, and is told his number.
   */
  #ticketChanged(sale: SaleId, shopper: ShopperId, type: string): void {
    let own = 0;
    for (const session of this.#hub.sessions.ofShopper(shopper)) {
      own += 1;
      if (type === 'joined') session.joined(sale, 'drawn');
    }
    if (own > (type === 'joined' ? 1 : 0)) {
      this.#ask(sale, `${sale} ${shopper}`, () => this.#lookAtTicket(sale, shopper));
    } else if (own === 1) this.#looks.again(`${sale} ${shopper}`);
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

  /**
   * Chunks of numbers come one after the other: one look for all, once the last is there. A crowd takes
   * seconds to be told; whatever comes meanwhile is one look more afterwards, not one beside it.
   */
  #numbersCame(sale: SaleId): void {
    const stage = this.#numbering.get(sale);
    if (stage === 'now') this.#numbering.set(sale, 'again');
    if (stage !== undefined) return;
    this.#numbering.set(sale, 'soon');
    void this.#numbersTold(sale);
  }

  /**
   * Whether a crowd is about to be told its numbers, each of which says what a tick does: the next tick
   * can wait.
   */
  isTelling(room: Room): boolean {
    if (room.members.size <= crowdMin) return false;
    const rungAt = this.#rungAt.get(room.sale) ?? -Infinity;
    return this.#numbering.has(room.sale) || performance.now() - rungAt < tickWaitsMs;
  }

  #rang(sale: SaleId): void {
    this.#rungAt.set(sale, performance.now());
    setTimeout(() => this.#rungAt.delete(sale), tickWaitsMs).unref();
  }

  /** Tells numbers until everybody here has his. */
  async #numbersTold(sale: SaleId): Promise<void> {
    await pause(gatherMs);
    for (let againMs = againMinMs; !this.#closed;) {
      this.#numbering.set(sale, 'now');
      const failed = await this.#tellNumbers(sale);
      if (this.#numbering.get(sale) === 'again') {
        await pause(gatherMs);
        againMs = againMinMs;
      } else if (failed > 0) {
        await pause(againMs);
        againMs = Math.min(againMs * 2, againMaxMs);
      } else break;
    }
    this.#numbering.delete(sale);
    this.#rungAt.delete(sale);
  }

  /** Who waits here for a number. */
  #drawn(sale: SaleId): Set<ShopperId> {
    const waiting = new Set<ShopperId>();
    for (const { identity, tickets } of this.#hub.sessions.all()) {
      if (identity?.kind === 'shopper' && tickets.get(sale)?.mark === 'drawn') {
        waiting.add(identity.shopper);
      }
    }
    return waiting;
  }

  /** Answers how many could not be told. */
  async #tellNumbers(sale: SaleId): Promise<number> {
    let waiting = this.#drawn(sale);
    if (waiting.size === 0) return 0;
    const figures = await this.#hub.api.engine.line(sale).catch(() => null);
    if (figures?.kind === 'rejected') return 0;
    if (figures?.kind !== 'done') return waiting.size;
    if (!figures.value.numbered) return 0;
    if (waiting.size > crowdMin) {
      await this.#tellCrowd(sale);
      waiting = this.#drawn(sale);
    }
    return inRounds(waiting, readsAtOnce, (shopper) => this.#lookAtTicket(sale, shopper));
  }

  /**
   * Tells a crowd from one list instead of a look for each. Whoever is not in it, or is about to be
   * looked at, is left to the looks.
   */
  async #tellCrowd(sale: SaleId): Promise<void> {
    try {
      const tell = await this.#hub.parts.desk.tellerOf(sale);
      if (tell === null) return;
      let told = 0;
      for await (const piece of this.#hub.api.engine.waitingIn(sale)) {
        for (const standing of piece) {
          if (this.#tellStanding(sale, standing, tell)) told += 1;
          else continue;
          // Others are served in between.
          if (told % toldAtOnce === 0) await turn();
          if (this.#closed) return;
        }
      }
    } catch (error) {
      this.#hub.log.warn({ sale, err: error }, 'numbers were not told at once');
    }
  }

  #tellStanding(sale: SaleId, standing: LineStanding, tell: TellTicket): boolean {
    let json: string | null = null;
    for (const session of this.#hub.sessions.ofShopper(standing.shopper)) {
      const known = session.tickets.get(sale);
      if (known?.mark !== 'drawn' || known.id === null) continue;
      if (this.#looks.isAsked(`${sale} ${standing.shopper}`)) continue;
      json ??= tell(known.id, standing);
      session.tickets.set(sale, { mark: 'waiting', id: known.id });
      session.send('ticket', json);
    }
    return json !== null;
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
