/**
 * Numbers of a draw, told to a crowd: from one list, chunk by chunk as the lane has them. Who is not on
 * the list, or is about to be looked at, is left to a look of its own.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { LineStanding, SaleId, ShopperId } from '../../engine/index.ts';
import type { TellTicket } from '../line-desk.ts';
import type { Audience } from './audience.ts';
import {
  againMinMs,
  crowdMin,
  gatherMs,
  readsAtOnce,
  tickRestsMs,
  tickWaitsMs,
  toldAtOnce,
} from './limits.ts';
import { inRounds } from './looks.ts';
import type { Looks } from './looks.ts';
import type { Room } from './room.ts';

/** Numbers of a sale are about to be told, being told, or to be told once more after that. */
interface Numbering {
  stage: 'soon' | 'now' | 'again';
}

/** Read anew: it changes while something is awaited. */
const isAsked = ({ stage }: Numbering): boolean => stage === 'again';

const againMaxMs = 8000;

const pause = (ms: number): Promise<void> => sleep(ms, undefined, { ref: false });

/** What is needed of the pusher. */
export interface NumbersParts {
  readonly hub: Audience;
  readonly looks: Looks;
  /** Answers false when nobody could say. */
  readonly look: (sale: SaleId, shopper: ShopperId) => Promise<boolean>;
}

export class Numbers {
  readonly #hub: Audience;
  readonly #looks: Looks;
  readonly #look: NumbersParts['look'];
  readonly #numbering = new Map<SaleId, Numbering>();
  /** Bells of the last moments: their numbers are on their way. */
  readonly #rungAt = new Map<SaleId, number>();
  /** The last of its list that was told, of sales whose numbers are not all there. */
  readonly #last = new Map<SaleId, LineStanding>();
  #closed = false;

  constructor({ hub, looks, look }: NumbersParts) {
    this.#hub = hub;
    this.#looks = looks;
    this.#look = look;
  }

  close(): void {
    this.#closed = true;
  }

  /**
   * Chunks of numbers come one after the other, and a crowd is told of each while the next is on its
   * way. Whatever comes while it is told is one look more afterwards, not one beside it.
   */
  came(sale: SaleId): void {
    const numbering = this.#numbering.get(sale);
    if (numbering?.stage === 'now') numbering.stage = 'again';
    if (numbering !== undefined) return;
    const begun: Numbering = { stage: 'soon' };
    this.#numbering.set(sale, begun);
    void this.#numbersTold(sale, begun);
  }

  /**
   * Whether a crowd is about to be told its numbers, each of which says what a tick does: the next tick
   * can wait. One in the last moment before the bell would hold the bell up.
   */
  isTelling(room: Room): boolean {
    if (room.members.size <= crowdMin) return false;
    if (room.bellIsNear(tickRestsMs)) return true;
    const rungAt = this.#rungAt.get(room.sale) ?? -Infinity;
    return this.#numbering.has(room.sale) || performance.now() - rungAt < tickWaitsMs;
  }

  /** Its numbers are on their way. */
  rang(sale: SaleId): void {
    this.#rungAt.set(sale, performance.now());
    setTimeout(() => {
      this.#rungAt.delete(sale);
      // Should the rest come after all, the list is read from its beginning.
      if (!this.#numbering.has(sale)) this.#last.delete(sale);
    }, tickWaitsMs).unref();
  }

  /** Tells numbers until everybody here has his. */
  async #numbersTold(sale: SaleId, numbering: Numbering): Promise<void> {
    await pause(gatherMs);
    for (let againMs = againMinMs; !this.#closed;) {
      numbering.stage = 'now';
      const failed = await this.#tellNumbers(sale);
      if (isAsked(numbering)) {
        await pause(gatherMs);
        againMs = againMinMs;
      } else if (failed > 0) {
        await pause(againMs);
        againMs = Math.min(againMs * 2, againMaxMs);
      } else break;
    }
    this.#numbering.delete(sale);
  }

  /** Everybody has a number: the crowd is told the rest. */
  #allNumbered(sale: SaleId): void {
    this.#rungAt.delete(sale);
    this.#last.delete(sale);
    const room = this.#hub.rooms.get(sale);
    if (room !== undefined) this.#hub.tell(room, true);
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
    if (waiting.size > crowdMin || this.#last.has(sale)) {
      await this.#tellCrowd(sale, figures.value.bell ?? 0);
      waiting = this.#drawn(sale);
    }
    // The others' come with a later chunk, which is an event of its own.
    if (!figures.value.numbered) return 0;
    this.#allNumbered(sale);
    return inRounds(waiting, readsAtOnce, (shopper) => this.#look(sale, shopper));
  }

  /**
   * Tells a crowd from one list instead of a look for each: of who was there at the bell, because who
   * came later has had its number by then, and stands behind chunks that are still to come. Whoever is
   * not in it, or is about to be looked at, is left to the looks.
   */
  async #tellCrowd(sale: SaleId, bell: number): Promise<void> {
    try {
      const tell = await this.#hub.parts.desk.tellerOf(sale);
      if (tell === null) return;
      let told = 0;
      const after = this.#last.get(sale);
      for await (const piece of this.#hub.api.engine.waitingIn(sale, bell, after)) {
        for (const standing of piece) {
          this.#last.set(sale, standing);
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
}
