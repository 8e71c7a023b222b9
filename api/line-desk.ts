/**
 * Tickets, asked for: join, leave, read. One piece for routes and socket. A place is asked for only
 * once it is known that something can be delivered there; with the window away nobody waits for it.
 */
import type { Answering } from '../platform/http/route.ts';
import { problem } from '../platform/http/problems.ts';
import type { LineTicket, Millis, Outcome, SaleTerms } from '../engine/index.ts';
import type { Api, Command } from './api.ts';
import { deliverableSoon } from './ask-window.ts';
import type { Asker, Place } from './ask-window.ts';
import type { CatalogClient } from './catalog-client.ts';
import { LaneViews } from './lane-views.ts';
import { LineBook, lookOf } from './line-book.ts';
import type { Outlook } from './line-book.ts';
import { notFound, outcomeProblem } from './refusals.ts';
import { ticketJson } from './ticket-json.ts';

export interface JoinBody {
  readonly delivery?: Place;
}

const undeliverable = problem('undeliverable', 'Nothing of this sale is delivered to that place.', {
  param: 'delivery',
});
const replayedHeader = { 'idempotent-replayed': 'true' };

export const hasLine = ({ admission }: Pick<SaleTerms, 'admission'>): boolean =>
  admission['mode'] === 'queue' || admission['mode'] === 'draw';

/** A ticket as a push tells it. */
export interface ToldTicket {
  readonly state: string;
  readonly number: number | null;
  readonly json: string;
}

export class LineDesk {
  readonly book = new LineBook();
  readonly #api: Api;
  readonly #catalog: CatalogClient;
  readonly #views: LaneViews;

  constructor(api: Api, catalog: CatalogClient) {
    this.#api = api;
    this.#catalog = catalog;
    this.#views = new LaneViews(api.engine, api.now);
  }

  /** Takes a place in the line of the sale `id`. */
  async join(command: Command, body: JoinBody, asker: Asker, to: Answering): Promise<void> {
    const { id: sale, shopper, verified, key } = command;
    const terms = await this.#api.engine.sale(sale);
    if (terms === null || !hasLine(terms)) {
      to.problem(notFound);
      return;
    }
    const { delivery } = body;
    const deliverable =
      delivery === undefined ? undefined : await this.#asks(terms, delivery, asker);
    if (deliverable === false) {
      to.problem(undeliverable);
      return;
    }
    const outcome = await this.#api.engine.join({ sale, shopper, verified, idempotencyKey: key });
    if (outcome.kind !== 'done') {
      to.problem(outcomeProblem(outcome));
      return;
    }
    const ticket = await this.#withReceipt(outcome.value);
    const json = await this.#json(ticket, terms, outcome.now, deliverable);
    if (outcome.replayed) to.reply(201, json, replayedHeader);
    else to.reply(outcome.value.known ? 200 : 201, json);
  }

  /** True where any item goes there, false where none does; null = nobody can say. */
  async #asks(terms: SaleTerms, place: Place, asker: Asker): Promise<boolean | null> {
    let said: boolean | null = false;
    for (const { product } of terms.items) {
      const one = await deliverableSoon(asker, this.#catalog, product, place);
      if (one === true) return true;
      if (one === null) said = null;
    }
    return said;
  }

  async leave({ id: sale, shopper }: Command, to: Answering): Promise<void> {
    await this.#answer(sale, await this.#api.engine.leave({ sale, shopper }), to);
  }

  async read({ id: sale, shopper }: Command, to: Answering): Promise<void> {
    const outcome = await this.#api.engine.ticket({ sale, shopper, present: true });
    const told =
      outcome.kind === 'done'
        ? { ...outcome, value: await this.#withReceipt(outcome.value) }
        : outcome;
    await this.#answer(sale, told, to);
  }

  /** The lane's first answer has it; every later one gets it from what has settled. */
  async #withReceipt(ticket: LineTicket): Promise<LineTicket> {
    const joinedLate = !ticket.known && ticket.number !== null;
    if (ticket.receipt !== null || joinedLate) return ticket;
    return { ...ticket, receipt: await this.#api.engine.receipt(ticket.sale, ticket.index) };
  }

  async #answer(sale: string, outcome: Outcome<LineTicket>, to: Answering): Promise<void> {
    const terms = outcome.kind === 'done' ? await this.#api.engine.sale(sale) : null;
    if (outcome.kind !== 'done') to.problem(outcomeProblem(outcome));
    else if (terms === null) to.problem(notFound);
    else to.reply(200, await this.#json(outcome.value, terms, outcome.now));
  }

  async #json(
    ticket: LineTicket,
    terms: SaleTerms,
    now: Millis,
    deliverable?: boolean | null,
  ): Promise<Record<string, unknown>> {
    return ticketJson(ticket, terms, await this.outlook(ticket, terms, now), now, deliverable);
  }

  /** What the line looks like from a ticket; null while the lane cannot say, or without a number. */
  async outlook(ticket: LineTicket, terms: SaleTerms, now: Millis): Promise<Outlook | null> {
    if (ticket.ahead === null) return null;
    const lane = await this.#views.view(ticket.sale);
    return lane === null ? null : this.book.see(ticket.sale, lookOf(terms, lane, ticket.line, now));
  }

  /** The caller's ticket as JSON, for pushes; null = nobody can say now. */
  async ticketOf(
    sale: string,
    shopper: string,
    present: boolean,
  ): Promise<ToldTicket | 'none' | null> {
    const [terms, outcome] = await Promise.all([
      this.#api.engine.sale(sale),
      this.#api.engine.ticket({ sale, shopper, present }),
    ]);
    if (terms === null || outcome.kind === 'rejected') return 'none';
    if (outcome.kind !== 'done') return null;
    const { state, number } = outcome.value;
    const json = await this.#json(outcome.value, terms, outcome.now);
    return { state, number, json: JSON.stringify(json) };
  }
}
