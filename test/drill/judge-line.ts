/** Tickets as shoppers were told of them against Postgres, and every draw recomputed. */
import type { Client as Postgres } from 'pg';
import { predictDraw } from '../support/line-draw.ts';
import type { History, Violation } from './history.ts';

export interface TicketRow {
  readonly id: string;
  readonly sale: string;
  readonly index: number;
  readonly shopper: string;
  readonly state: string;
  readonly joined: number;
  readonly admitted: number;
  readonly ended: number;
  /** Its sale is over: a ticket without an end of its own has lapsed with it. */
  readonly over: boolean;
}

export interface LineRow {
  readonly sale: string;
  readonly bell: number;
  readonly seed: string;
  readonly root: string;
  readonly entries: readonly { readonly first: number; readonly count: number }[];
  /** Numbers by place, as they were given. */
  readonly given: readonly (readonly [index: number, number: number])[];
}

/** An order of a sale with a line. */
export interface HeldRow {
  readonly id: string;
  readonly sale: string;
  readonly shopper: string;
  readonly at: number;
}

const ticketSql = `
  SELECT 'tkt_' || substr(sale_id, 5) || key AS id, sale_id AS sale, index::int, shopper, t.state,
         joined_at::float8 AS joined, coalesce(admitted_at::float8, 'Infinity') AS admitted,
         coalesce(ended_at::float8, 'Infinity') AS ended,
         s.state IN ('closing', 'closed', 'cancelled') AS over
    FROM sale.tickets t JOIN sale.sales s ON s.id = t.sale_id
   WHERE sale_id = ANY($1) ORDER BY sale_id, index`;

const lineSql = `
  SELECT l.sale_id AS sale, l.bell_n::int AS bell, encode(s.seed, 'hex') AS seed,
         encode(l.root, 'hex') AS root,
         (SELECT coalesce(jsonb_agg(jsonb_build_object('first', first_index, 'count', count)
                                    ORDER BY first_index), '[]')
            FROM sale.line_entries e WHERE e.sale_id = l.sale_id) AS entries,
         (SELECT coalesce(jsonb_agg(jsonb_build_array(index, number)), '[]')
            FROM sale.ticket_numbers n WHERE n.sale_id = l.sale_id) AS given
    FROM sale.lines l JOIN sale.sales s ON s.id = l.sale_id
   WHERE l.sale_id = ANY($1) AND l.bell_n IS NOT NULL`;

const heldSql = `
  SELECT o.id, l.sale_id AS sale, o.shopper, o.held_at::float8 AS at
    FROM sale.orders o JOIN sale.lines l ON l.sale_id = 'sal_' || substr(o.id, 5, 16)
   WHERE l.sale_id = ANY($1)`;

const blame = (id: string, says: string): Violation => ({ what: `I5: ${id} ${says}`, order: id });
const blamePlace = (id: string, says: string): Violation => ({
  ...{ ...blame(id, says), ofBeginning: true },
});

/** What Postgres has of the lines: tickets by sale and place. */
export interface LineRows {
  readonly tickets: readonly TicketRow[];
  /** Lines whose bell has rung. */
  readonly lines: readonly LineRow[];
  readonly held: readonly HeldRow[];
}

/** `accounts` = id of each shopper by index. */
export async function checkLines(
  db: Postgres,
  history: History,
  accounts: readonly string[],
  sales: readonly string[],
): Promise<Violation[]> {
  const { rows: tickets } = await db.query<TicketRow>(ticketSql, [sales]);
  const { rows: lines } = await db.query<LineRow>(lineSql, [sales]);
  const { rows: held } = await db.query<HeldRow>(heldSql, [sales]);
  return judgeLines({ tickets, lines, held }, history, accounts);
}

/** Pure: what of the lines contradicts a promise, or what somebody was told. */
export function judgeLines(
  { tickets, lines, held }: LineRows,
  history: Pick<History, 'tickets'>,
  accounts: readonly string[],
): Violation[] {
  const bySale = new Map(tickets.map(({ sale }) => [sale, [] as TicketRow[]]));
  for (const ticket of tickets) bySale.get(ticket.sale)?.push(ticket);
  const numbers = new Map<string, number>();
  const wrong = [...bySale.values()].flatMap(placesOf);
  for (const line of lines) wrong.push(...drawOf(line, bySale.get(line.sale) ?? [], numbers));
  for (const own of bySale.values()) wrong.push(...orderOf(own, numbers));
  for (const { id, sale, shopper, at } of held) {
    const isOpen = (one: TicketRow): boolean =>
      one.shopper === shopper && one.admitted <= at && at <= one.ended;
    if (!(bySale.get(sale) ?? []).some(isOpen)) wrong.push(blame(id, 'was held without a turn'));
  }
  return [...wrong, ...toldOf(history, accounts, tickets, numbers)];
}

/** Every place once, nobody in two at a time. */
function placesOf(tickets: readonly TicketRow[]): Violation[] {
  const wrong: Violation[] = [];
  const last = new Map<string, TicketRow>();
  for (const [i, ticket] of tickets.entries()) {
    const { id, index, shopper, joined } = ticket;
    if (index !== i) wrong.push(blamePlace(id, `has place ${index}, not ${i}`));
    if (joined < (last.get(shopper)?.ended ?? 0)) wrong.push(blame(id, 'is a second one'));
    last.set(shopper, ticket);
  }
  return wrong;
}

function drawOf(
  line: LineRow,
  tickets: readonly TicketRow[],
  numbers: Map<string, number>,
): Violation[] {
  const draw = predictDraw({ ...line, tickets: tickets.map(({ id }) => id) });
  const wrong = draw.wrong.map((says) => blame(line.sale, says));
  for (const [index, number] of draw.numbers) numbers.set(tickets[index]?.id ?? '', number);
  for (const [index, number] of line.given) {
    const own = draw.numbers.get(index);
    if (number !== own) {
      wrong.push(
        blame(tickets[index]?.id ?? line.sale, `has number ${number}, not ${String(own)}`),
      );
    }
  }
  return wrong;
}

/** Turns begin in the order of numbers. Nobody of a drill is away for so long that they are passed by. */
function orderOf(tickets: readonly TicketRow[], numbers: ReadonlyMap<string, number>): Violation[] {
  const wrong: Violation[] = [];
  const numbered = tickets.filter(({ id }) => numbers.has(id));
  numbered.sort((a, b) => (numbers.get(b.id) ?? 0) - (numbers.get(a.id) ?? 0));
  let first = Infinity;
  for (const { id, admitted, ended } of numbered) {
    if (admitted > first && ended > first) wrong.push(blame(id, 'was passed by'));
    first = Math.min(first, admitted);
  }
  return wrong;
}

const ends: ReadonlySet<string> = new Set(['finished', 'lapsed', 'left']);

const lapsedWithSale = (row: TicketRow, told: string): boolean =>
  told === 'lapsed' && row.over && !ends.has(row.state);

function toldOf(
  history: Pick<History, 'tickets'>,
  accounts: readonly string[],
  tickets: readonly TicketRow[],
  numbers: ReadonlyMap<string, number>,
): Violation[] {
  const wrong: Violation[] = [];
  const stored = new Map(tickets.map((ticket) => [ticket.id, ticket]));
  for (const { id, shopper, number, state } of history.tickets.values()) {
    const row = stored.get(id);
    if (row === undefined) wrong.push(blamePlace(id, 'was told, and is in no store'));
    else if (row.shopper !== accounts[shopper]) {
      wrong.push(blamePlace(id, `belongs to ${row.shopper}`));
    } else if (state === 'admitted' && row.admitted === Infinity) {
      wrong.push(blame(id, 'was told of a turn, and had none'));
    } else if (ends.has(state) && row.state !== state && !lapsedWithSale(row, state)) {
      wrong.push(blame(id, `was ${state}, is stored as ${row.state}`));
    }
    if (row !== undefined && number !== null && number !== numbers.get(id)) {
      wrong.push(blamePlace(id, `was told number ${number}, has ${String(numbers.get(id))}`));
    }
  }
  return wrong;
}
