/**
 * A sale as everybody watches it: looked at once for all, told to all by one publish. `version` is the
 * lane's time of the look, so the messages of every process can be put in order.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Publisher } from '../../platform/http/socket.ts';
import type {
  Engine,
  InDoubt,
  LaneSale,
  LineFigures,
  Millis,
  SaleId,
  SaleTerms,
} from '../../engine/index.ts';
import { timeText } from '../clock-text.ts';
import { saleJson, statsJson } from '../documents.ts';
import { hasLine } from '../line-desk.ts';
import type { LineDesk } from '../line-desk.ts';
import { lookOf, waitOf, waitsOf } from '../line-book.ts';
import type { Outlook } from '../line-book.ts';
import { frameOf } from './codec.ts';
import type { Form } from './codec.ts';
import { viewFreshMs } from './limits.ts';
import type { Session } from './session.ts';

export interface RoomContext {
  readonly engine: Engine;
  readonly currency: string;
  readonly publisher: Publisher;
  readonly desk: LineDesk;
}

/** What was seen of a sale at one moment. */
export interface View {
  readonly terms: SaleTerms;
  /** Null while the lane cannot say. */
  readonly lane: (LaneSale & { readonly inDoubt: InDoubt }) | null;
  /** Null without a line, or while the lane cannot say. */
  readonly line: LineFigures | null;
  readonly now: Millis;
  readonly version: number;
  /** The sale's JSON without its braces, and the tick's with them. */
  readonly members: string;
  readonly tick: string | null;
  /** Differs when everybody has to be told. */
  readonly shape: string;
  /** Nothing of it will change any more. */
  readonly isOver: boolean;
}

/** How long whoever comes first waits for the head of the chain. */
const firstHeadMs = 200;

const forms: readonly Form[] = ['json', 'msgpack'];

export const topicOf = (form: Form, sale: SaleId): string => `${form}:${sale}`;

/** Fields that change with every hold: ticks tell of them. */
function shapeOf(json: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(json, (name, value: unknown) =>
    name === 'claimed_share' || name === 'server_time' ? undefined : value,
  );
}

export class Room {
  readonly sale: SaleId;
  /** Subscribed, whether connected or waiting to be resumed. */
  readonly members = new Set<Session>();

  readonly #context: RoomContext;
  #view: View | null = null;
  #seenAt = -Infinity;
  #looking: Promise<View | null> | null = null;
  #version = 0;
  /** Undefined = nobody has asked for it yet. */
  #chain: string | null | undefined = undefined;
  #chaining: Promise<void> | null = null;
  /** As everybody knows it. */
  #told: View | null = null;

  constructor(sale: SaleId, context: RoomContext) {
    this.sale = sale;
    this.#context = context;
  }

  /** At most a quarter of a second old; null = no such sale. Rejects while nobody can say. */
  async current(): Promise<View | null> {
    if (this.#view !== null && performance.now() - this.#seenAt < viewFreshMs) return this.#view;
    return this.look();
  }

  /** Looks now; those who ask meanwhile get the same look. */
  look(): Promise<View | null> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(): Promise<View | null> {
    const { engine } = this.#context;
    const terms = await engine.sale(this.sale);
    if (terms === null) return null;
    const outcome = await engine.laneSale(this.sale);
    const lane = outcome.kind === 'done' ? outcome.value : null;
    const line = hasLine(terms) ? await this.#lookAtLine() : null;
    const now = outcome.kind === 'done' ? outcome.now : (this.#view?.now ?? Date.now());
    this.#version = Math.max(this.#version + 1, Math.floor(now));
    this.#view = this.#viewOf(terms, lane, line, now);
    this.#seenAt = performance.now();
    this.#told ??= this.#view;
    return this.#view;
  }

  async #lookAtLine(): Promise<LineFigures | null> {
    const chain = this.#followChain();
    const figures = await this.#context.engine.line(this.sale);
    // Postgres may be away or hang: no tick waits for the head, only who comes first does, a little.
    if (this.#chain === undefined) {
      await Promise.race([chain, sleep(firstHeadMs, undefined, { ref: false })]);
      this.#chain ??= null;
    }
    return figures.kind === 'done' ? figures.value : null;
  }

  /** Reads the head of the chain beside the looks; where it cannot be read it is the one seen last. */
  #followChain(): Promise<void> {
    this.#chaining ??= this.#context.engine
      .chainHead(this.sale)
      .then(
        (head) => {
          this.#chain = head;
        },
        () => {
          this.#chain ??= null;
        },
      )
      .finally(() => (this.#chaining = null));
    return this.#chaining;
  }

  #viewOf(terms: SaleTerms, lane: View['lane'], line: LineFigures | null, now: Millis): View {
    const json = saleJson(terms, lane, now, this.#context.currency);
    const members = JSON.stringify({ sale: this.sale, version: this.#version, ...json }).slice(
      1,
      -1,
    );
    const outlook =
      lane === null || line?.numbered !== true
        ? null
        : this.#context.desk.book.see(this.sale, lookOf(terms, lane, line, now));
    const tick = lane === null ? null : this.#tickOf(lane, line, outlook, json, now);
    const isOver = json['state'] === 'closed' || json['state'] === 'cancelled';
    const shape = shapeOf(json);
    return { terms, lane, line, now, version: this.#version, members, tick, shape, isOver };
  }

  #tickOf(
    lane: LaneSale,
    line: LineFigures | null,
    outlook: Outlook | null,
    json: Readonly<Record<string, unknown>>,
    now: Millis,
  ): string {
    return JSON.stringify({
      version: this.#version,
      sale: this.sale,
      serving: line?.serving ?? null,
      cut_line: line?.cutLine ?? null,
      claimed: json['claimed_share'],
      available: lane.items.reduce((sum, { available }) => sum + available, 0),
      waiting: line?.waiting ?? null,
      eta: line === null || outlook === null ? null : waitOf(line.waiting, outlook),
      eta_by_ahead: line === null || outlook === null ? [] : waitsOf(line.waiting, outlook),
      chain: this.#chain ?? null,
      server_time: timeText(now),
    });
  }

  /** Looks, and tells everybody: the sale when it changed, and a tick. The last comes with its end. */
  async tell(withTick: boolean): Promise<void> {
    const view = await this.look();
    if (view === null) return;
    const wasOver = this.#told?.isOver === true;
    if (view.shape !== this.#told?.shape) {
      this.#told = view;
      this.#publish(`{"type":"sale",${view.members}}`);
    }
    if (!wasOver && (withTick || view.isOver) && view.tick !== null) {
      this.#publish(`{"type":"tick",${view.tick.slice(1)}`);
      this.#tellVendors(view, view.lane);
    }
  }

  #tellVendors({ terms, line, now }: View, lane: View['lane']): void {
    if (lane === null) return;
    let stats: string | null = null;
    for (const session of this.members) {
      const { identity } = session;
      if (identity?.kind !== 'vendor' || identity.vendor !== terms.vendor) continue;
      stats ??= JSON.stringify(statsJson(terms, lane, now, this.#context.currency, line));
      session.tell('stats', stats);
    }
  }

  #publish(json: string): void {
    for (const form of forms) {
      if (!this.#isWanted(form)) continue;
      const frame = frameOf(form, json);
      this.#context.publisher.publish(topicOf(form, this.sale), frame, form === 'msgpack');
    }
  }

  #isWanted(form: Form): boolean {
    for (const one of this.members) if (one.form === form && one.peer !== null) return true;
    return false;
  }

  /** Whether the bell of its line rings within so many milliseconds, as far as it was seen. */
  bellIsNear(ms: number): boolean {
    const { terms, line, now } = this.#view ?? {};
    if (terms === undefined || now === undefined || line?.bell !== null) return false;
    const left = terms.startsAt - now - (performance.now() - this.#seenAt);
    return left > 0 && left < ms;
  }

  /** Whether it was seen to have a line. */
  get isLined(): boolean {
    return this.#view !== null && hasLine(this.#view.terms);
  }

  /** Whether anybody is connected who watches it. */
  get isWatched(): boolean {
    return forms.some((form) => this.#isWanted(form));
  }

  /** An object's text: the sale, and what is this session's in it; of no ticket where it is undefined. */
  snapshotFor(session: Session, view: View, ticket: string | null | undefined): string {
    const ticketMember = ticket === undefined ? '' : `"ticket":${ticket ?? 'null'},`;
    const own = `${ticketMember}"orders":${session.ordersOf(this.sale)}`;
    return `{${view.members},"tick":${view.tick ?? 'null'},${own}}`;
  }
}
