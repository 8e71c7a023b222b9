/**
 * Tickets, asked for: join, leave, read. One piece for routes and socket. A place is asked for only
 * once it is known that something can be delivered there; with the window away nobody waits for it.
 */
import type { Answering } from '../platform/http/route.ts';
import { problem } from '../platform/http/problems.ts';
import type { ProblemInput } from '../platform/http/problems.ts';
import type {
  LineFigures,
  LineStanding,
  LineTicket,
  Millis,
  Outcome,
  SaleTerms,
} from '../engine/index.ts';
import type { Api, Command } from './api.ts';
import { deliverableSoon } from './ask-window.ts';
import type { Asker, Place } from './ask-window.ts';
import { canonicalJson } from './canonical-json.ts';
import type { CatalogClient } from './catalog-client.ts';
import { LaneViews } from './lane-views.ts';
import { forMany, LineBook, lookOf } from './line-book.ts';
import type { Outlook } from './line-book.ts';
import { notFound, outcomeProblem } from './refusals.ts';
import { shownState, ticketJson, ticketTexts } from './ticket-json.ts';

export interface JoinBody {
  readonly delivery?: Place;
}

const undeliverable = problem('undeliverable', 'Nothing of this sale is delivered to that place.', {
  param: 'delivery',
});
const noLine = problem('not_found', 'The sale has no line: hold its units directly.');
const replayedHeader = { 'idempotent-replayed': 'true' };

export const hasLine = ({ admission }: Pick<SaleTerms, 'admission'>): boolean =>
  admission['mode'] === 'queue' || admission['mode'] === 'draw';

/** Answers the JSON of the ticket `id`. */
export type TellTicket = (id: string, standing: LineStanding) => string;

/** A ticket as a push tells it. */
export interface ToldTicket {
  readonly id: string;
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
      to.problem(terms === null ? notFound : noLine);
      return;
    }
    const { delivery } = body;
    const asked = delivery === undefined ? {} : { asked: canonicalJson(delivery) };
    const joining = { sale, shopper, verified, idempotencyKey: key, ...asked };
    const deliverable =
      delivery === undefined ? undefined : await this.#asks(terms, delivery, asker);
    // What was accepted once is answered again, whatever is delivered there by now.
    const outcome = await (deliverable === false
      ? this.#api.engine.joined(joining)
      : this.#api.engine.join(joining));
    if (outcome === null) to.problem(undeliverable);
    else if (outcome.kind !== 'done') to.problem(joinProblem(outcome, terms));
    else {
      const ticket = await this.#withReceipt(outcome.value);
      const json = await this.#json(ticket, terms, outcome.now, deliverable);
      if (outcome.replayed) to.reply(201, json, replayedHeader);
      else to.reply(outcome.value.known ? 200 : 201, json);
    }
  }

  /** True where any item goes there, false where none does; null = nobody can say. */
  async #asks(terms: SaleTerms, place: Place, asker: Asker): Promise<boolean | null> {
    for (const { product } of terms.items) {
      const one = await deliverableSoon(asker, this.#catalog, product, place);
      // Who cannot say of one will not be waited for with fifty.
      if (one !== false) return one === true ? true : null;
    }
    return false;
  }

  /** With a key that has left before, it leaves nothing: its shopper may have joined anew since. */
  async leave(command: Command, to: Answering): Promise<void> {
    const { id: sale, shopper, key: idempotencyKey } = command;
    const outcome = await this.#api.engine.leave({ sale, shopper, idempotencyKey });
    await this.#answer(command, outcome, to);
  }

  async read(command: Command, to: Answering): Promise<void> {
    const { id: sale, shopper } = command;
    const outcome = await this.#api.engine.ticket({ sale, shopper, present: true });
    const told =
      outcome.kind === 'done'
        ? { ...outcome, value: await this.#withReceipt(outcome.value) }
        : outcome;
    await this.#answer(command, told, to);
  }

  /** The lane's first answer has it; every later one gets it from what has settled. */
  async #withReceipt(ticket: LineTicket): Promise<LineTicket> {
    const joinedLate = !ticket.known && ticket.number !== null;
    if (ticket.receipt !== null || joinedLate) return ticket;
    return { ...ticket, receipt: await this.#api.engine.receipt(ticket.sale, ticket.index) };
  }

  async #answer(
    { id: sale, key }: Command,
    outcome: Outcome<LineTicket>,
    to: Answering,
  ): Promise<void> {
    const terms = outcome.kind === 'done' ? await this.#api.engine.sale(sale) : null;
    if (outcome.kind !== 'done') to.problem(outcomeProblem(outcome, key !== ''));
    else if (terms === null) to.problem(notFound);
    else {
      const json = await this.#json(outcome.value, terms, outcome.now);
      if (outcome.replayed) to.reply(200, json, replayedHeader);
      else to.reply(200, json);
    }
  }

  async #json(
    ticket: LineTicket,
    terms: SaleTerms,
    now: Millis,
    deliverable?: boolean | null,
  ): Promise<Record<string, unknown>> {
    return ticketJson(ticket, terms, await this.outlook(ticket, terms, now), now, deliverable);
  }

  /**
   * What the line looks like from a ticket; null while the lane cannot say, without a number, and for
   * who joined after the bell until all of before it have theirs: a draw may wait for its beacon.
   */
  async outlook(ticket: LineTicket, terms: SaleTerms, now: Millis): Promise<Outlook | null> {
    const { ahead, number, line } = ticket;
    if (ahead === null || number === null || line.bell === null) return null;
    if (!line.numbered && number > line.bell) return null;
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
    const { id, number } = outcome.value;
    const json = await this.#json(outcome.value, terms, outcome.now);
    return { id, state: shownState(outcome.value), number, json: JSON.stringify(json) };
  }

  /**
   * How a waiting ticket with a number is told, for many of them at one moment; null = nobody can say
   * now. What is alike for all of them is found once.
   */
  async tellerOf(sale: string): Promise<TellTicket | null> {
    const [terms, outcome] = await Promise.all([
      this.#api.engine.sale(sale),
      this.#api.engine.line(sale),
    ]);
    if (terms === null || outcome.kind !== 'done' || outcome.value.bell === null) return null;
    const { now } = outcome;
    const line = withCutLine(outcome.value);
    const alike = { sale, index: 0, turnEndsAt: null, receipt: null, known: true, line } as const;
    const first = { ...alike, id: '', state: 'waiting', number: 1, ahead: 0 } as const;
    const outlook = await this.outlook(first, terms, now);
    const many = outlook === null ? null : forMany(outlook);
    const textOf = ticketTexts(first, terms, many, now);
    return (id, { number, ahead }) => textOf(id, number, ahead);
  }
}

/**
 * While numbers are given the lane does not say which of them are reached: at least as many as there
 * are turns. Nobody is admitted or parked before that.
 */
function withCutLine(line: LineFigures): LineFigures {
  if (line.numbered) return line;
  const turns = Math.floor((line.available - line.claims) / line.limit);
  return { ...line, cutLine: Math.max(0, Math.min(turns, line.joined)) };
}

/** A limit that is not the sale's is that of tickets. */
function joinProblem(
  outcome: Exclude<Outcome<LineTicket>, { kind: 'done' }>,
  terms: SaleTerms,
): ProblemInput {
  const input = outcomeProblem(outcome);
  if (outcome.kind !== 'rejected' || outcome.rejection.code !== 'limit_reached') return input;
  if (outcome.rejection.limit === terms.limitPerShopper) return input;
  const { limit } = outcome.rejection;
  return { ...input, detail: `A shopper takes ${limit} tickets of a sale at most.` };
}
