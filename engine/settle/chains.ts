/**
 * The chains of the lines that a settlement touches: extended entry by entry in the watermark's
 * transaction, and at the bell closed over those who had joined until then.
 */
import { numberArray, textArray } from '../../platform/postgres/arrays.ts';
import type { Query } from '../../platform/postgres/db.ts';
import { ticketIdOf } from '../domain/ids.ts';
import type { TicketEvent } from '../domain/line/tickets.ts';
import type { Millis, SaleId } from '../domain/types.ts';
import { entrantOf, linkOf } from '../line/chain.ts';
import type { Events, SaleEvent } from './events.ts';

interface Line {
  readonly sale_id: SaleId;
  joined: number;
  chain: Buffer;
  bell_n: number | null;
  bell_at: Millis | null;
  root: Buffer | null;
}

interface Link {
  readonly sale: SaleId;
  readonly first: number;
  readonly position: string;
  readonly count: number;
}

/** Why a join or a bell is no part of its line; null = it is. */
type Verdict = string | null;

/** Joins and bells that are not what their line expects next, with the reason. */
export type Strays = Map<TicketEvent | SaleEvent, string>;

export class Chains {
  readonly #q: Query;
  readonly #lines = new Map<SaleId, Line | null>();
  readonly #links: Link[] = [];

  constructor(q: Query) {
    this.#q = q;
  }

  async #line(sale: SaleId): Promise<Line | null> {
    const known = this.#lines.get(sale);
    if (known !== undefined) return known;
    const [row = null] = await this.#q.query<Line>(
      `SELECT sale_id, joined, chain, bell_n, bell_at, root FROM sale.lines
        WHERE sale_id = $1 FOR UPDATE`,
      [sale],
      'line_lock',
    );
    this.#lines.set(sale, row);
    return row;
  }

  /** Takes the joins and bells of one entry, in the order of its events. */
  async take({ tickets, sales }: Events): Promise<Strays> {
    const strays: Strays = new Map();
    const joins = tickets.filter(({ type }) => type === 'joined');
    const bells = sales.filter(({ type }) => type === 'bell');
    for (const sale of new Set([...bells, ...joins].map((e) => e.sale))) {
      const bell = bells.find((e) => e.sale === sale);
      const own = joins.filter((e) => e.sale === sale);
      const rung = bell?.index ?? Number.POSITIVE_INFINITY;
      await this.#join(
        sale,
        own.filter((e) => e.index < rung),
        strays,
      );
      if (bell === undefined) continue;
      const reason = await this.#bell(sale, Number(bell.rest[0]), bell.at);
      if (reason !== null) strays.set(bell, reason);
      await this.#join(
        sale,
        own.filter((e) => e.index > rung),
        strays,
      );
    }
    return strays;
  }

  async #join(sale: SaleId, joins: readonly TicketEvent[], strays: Strays): Promise<void> {
    const [first] = joins;
    if (first === undefined) return;
    const line = await this.#line(sale);
    const entrants: Buffer[] = [];
    for (const event of joins) {
      const reason =
        line === null ? 'its sale has no line' : wrongPlace(line, event, entrants.length);
      if (reason === null) entrants.push(entrantOf(ticketIdOf(sale, event.key)));
      else strays.set(event, reason);
    }
    if (line === null || entrants.length === 0) return;
    this.#links.push({
      sale,
      first: line.joined,
      position: first.position,
      count: entrants.length,
    });
    line.chain = linkOf(line.chain, entrants);
    line.joined += entrants.length;
  }

  /** Fixes N and the root. */
  async #bell(sale: SaleId, n: number, at: Millis): Promise<Verdict> {
    const line = await this.#line(sale);
    if (line === null) return 'its sale has no line';
    if (line.bell_n !== null) return 'a second bell of its sale';
    if (line.joined !== n) return `${n} joined before the bell, ${line.joined} have settled`;
    line.bell_n = n;
    line.bell_at = at;
    line.root = line.chain;
    return null;
  }

  async write(): Promise<void> {
    const lines = [...this.#lines.values()].filter((line) => line !== null);
    if (lines.length === 0) return;
    await this.#q.run(
      `UPDATE sale.lines l
          SET joined = e.joined, chain = decode(e.chain, 'hex'), bell_n = e.bell_n,
              bell_at = e.bell_at, root = decode(e.root, 'hex')
         FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
              AS e(sale_id, joined, chain, bell_n, bell_at, root)
        WHERE l.sale_id = e.sale_id`,
      [
        textArray(lines.map((l) => l.sale_id)),
        numberArray(lines.map((l) => l.joined)),
        textArray(lines.map((l) => l.chain.toString('hex'))),
        numberArray(lines.map((l) => l.bell_n)),
        numberArray(lines.map((l) => l.bell_at)),
        lines.map((l) => l.root?.toString('hex') ?? null),
      ],
      'settle_lines',
    );
    await this.#writeLinks();
  }

  async #writeLinks(): Promise<void> {
    const links = this.#links;
    if (links.length === 0) return;
    await this.#q.run(
      `INSERT INTO sale.line_entries (sale_id, first_index, position, count)
       SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::int[])`,
      [
        textArray(links.map((l) => l.sale)),
        numberArray(links.map((l) => l.first)),
        textArray(links.map((l) => l.position)),
        numberArray(links.map((l) => l.count)),
      ],
      'settle_links',
    );
  }
}

function wrongPlace(line: Line, event: TicketEvent, before: number): Verdict {
  const index = line.joined + before;
  if (event.ticket !== index) return `it took place ${event.ticket}, the next is ${index}`;
  const number = line.bell_n === null ? 0 : index + 1;
  return event.number === number ? null : `it was given number ${event.number}, not ${number}`;
}
