/**
 * Recounts the lines of a lane from their tickets, and compares each ticket with Postgres at its
 * sale's cut. What the log tells of a ticket after the cut makes it unknown: that one is left out.
 */
import type { Query } from '../../platform/postgres/db.ts';
import { upTo } from './cut.ts';
import type { TicketFact } from './entries.ts';
import type { Check, Findings } from './findings.ts';
import type { LaneLog } from './lane-log.ts';
import { saleOfTag } from './names.ts';
import { compare } from './positions.ts';
import { ticketStates, type RecordedTicket, type SaleReading } from './records.ts';

export interface TicketContext {
  /** The snapshot. */
  readonly q: Query;
  readonly sales: Iterable<SaleReading>;
  readonly log: LaneLog;
  readonly findings: Findings;
}

export async function checkTickets({ q, sales, log, findings }: TicketContext): Promise<void> {
  for (const sale of sales) {
    if (sale.terms.line === null) continue;
    const facts = log.ticketTail.get(sale.terms.id) ?? [];
    const late = facts.filter((fact) => compare(fact, sale.cut) > 0);
    const busy = new Set(late.map(({ shopper }) => shopper));
    const known = upTo(facts, sale.cut);
    const check = findings.of('lane.lines');
    checkPlaces(sale, busy, check);
    const given = (log.saleTail.get(sale.terms.id) ?? []).filter(
      ({ kind, ok }) => kind === 'numbers' && ok,
    );
    const doubtful = upTo(given, sale.cut).length;
    // Counts were read at the cut, tickets and places after it.
    if (given.length === doubtful) checkGiven(sale, busy, check);
    if (late.length === 0) checkCounts(sale, check);
    await compareTickets(q, sale, { known, busy, doubtful }, findings.of('match.tickets'));
  }
}

const stateOf = ({ state }: RecordedTicket): string => ticketStates[state] ?? '?';

function checkCounts({ terms, tickets }: SaleReading, check: Check): void {
  const { line, id } = terms;
  if (line === null) return;
  const recount = { waiting: 0, turns: 0, claims: 0 };
  let places = 0;
  for (const ticket of tickets.values()) {
    places = Math.max(places, ticket.index + 1);
    if (stateOf(ticket) === 'waiting') recount.waiting += 1;
    if (stateOf(ticket) !== 'admitted') continue;
    recount.turns += 1;
    recount.claims += ticket.claim;
  }
  for (const name of ['waiting', 'turns', 'claims'] as const) {
    if (line[name] !== recount[name]) {
      check.violate(id, `${name} ${line[name]}, found ${recount[name]}`);
    }
  }
  if (places > line.joined) {
    check.violate(id, `${line.joined} joined, place ${places - 1} is taken`);
  }
  const complete = line.bell >= 0 && line.given === line.bell;
  if ((line.numbered === 1) !== complete) {
    check.violate(id, `numbered ${line.numbered}, ${line.given} of ${line.bell} are given`);
  }
}

/** Whoever waits with a number stands in one of two sets at it, whoever has a turn at its end. */
function checkPlaces({ terms, tickets, places }: SaleReading, busy: Set<string>, check: Check) {
  const { id, line } = terms;
  if (places === null || line === null) return;
  const { waits, parked, turns } = places;
  for (const [shopper, ticket] of tickets) {
    check.checked += 1;
    if (busy.has(shopper)) continue;
    const at = [waits.get(shopper), parked.get(shopper)].filter((score) => score !== undefined);
    const stands = ticket.number > 0 || line.numbered === 1;
    const wanted = stateOf(ticket) === 'waiting' && stands ? [ticket.number] : [];
    if (at.join() !== wanted.join()) {
      check.violate(id, `${shopper} waits at ${text(at)}, not ${text(wanted)}`);
    }
    if (stateOf(ticket) === 'admitted' && turns.get(shopper) !== ticket.turnEnds) {
      check.violate(id, `the turn of ${shopper} ends at ${ticket.turnEnds}, and is not there`);
    }
  }
  for (const shopper of [...waits.keys(), ...parked.keys(), ...turns.keys()]) {
    if (!tickets.has(shopper) && !busy.has(shopper)) {
      check.violate(id, `${shopper} has a place, and no ticket`);
    }
  }
}

/** The draw's numbers come from 1 on; who left before theirs has a bit until the last one is given. */
function checkGiven({ terms, tickets, places }: SaleReading, busy: Set<string>, check: Check) {
  const { id, line } = terms;
  if (places === null || line === null) return;
  const { gone } = places;
  if (line.numbered === 1 && gone !== null) check.violate(id, 'still knows who left unnumbered');
  for (const [shopper, ticket] of tickets) {
    const { index, number } = ticket;
    if (busy.has(shopper) || (line.bell >= 0 && index >= line.bell)) continue;
    if (number > line.given) check.violate(id, `${shopper} has ${number}, ${line.given} are given`);
    if (line.numbered === 1) continue;
    const isGone = (((gone?.[index >> 3] ?? 0) << (index & 7)) & 0x80) > 0;
    if (isGone === (stateOf(ticket) === 'left' && number === 0)) continue;
    check.violate(id, `${shopper} is ${isGone ? '' : 'not '}known to have left without a number`);
  }
}

const text = (scores: readonly number[]): string =>
  scores.length === 0 ? 'nothing' : scores.join(' and ');

/** A ticket as Postgres has it. */
interface Row {
  readonly shopper: string;
  readonly key: string;
  readonly index: number;
  readonly number: number;
  readonly state: string;
  readonly turnEnds: number;
  readonly claim: number;
  readonly leaveKey: string;
}

const rowsPerPage = 10_000;

/** Numbers by place: those that the lane has, and those that were given at the join. */
async function readNumbers(q: Query, sale: string): Promise<(index: number) => number> {
  const drawn = await q.query<{ first: number; indexes: number[] }>(
    'SELECT first, indexes FROM sale.line_numbers WHERE sale_id = $1 AND given',
    [sale],
  );
  const [line] = await q.query<{ bell: number | null }>(
    'SELECT bell_n AS bell FROM sale.lines WHERE sale_id = $1',
    [sale],
  );
  const bell = line?.bell ?? null;
  const numbers = new Map<number, number>();
  for (const { first, indexes } of drawn) {
    for (const [i, index] of indexes.entries()) numbers.set(index, first + i);
  }
  return (index) => (bell !== null && index >= bell ? index + 1 : (numbers.get(index) ?? 0));
}

/** Every shopper's tickets in the order of joining, as they will be at the cut. */
async function readRows(
  q: Query,
  sale: string,
  facts: readonly TicketFact[],
): Promise<Map<string, Row[]>> {
  const rows = new Map<string, Row[]>();
  // Put together here: Postgres cannot tell how many a list of places has, and joined row by row.
  const numberOf = await readNumbers(q, sale);
  for (let next = 0; ;) {
    const page = await q.query<Omit<Row, 'number'>>(
      `SELECT shopper, key, index, state, coalesce(turn_ends, 0) AS "turnEnds",
              coalesce(claim, 0) AS claim, left_key AS "leaveKey"
         FROM sale.tickets WHERE sale_id = $1 AND index >= $2 ORDER BY index LIMIT ${rowsPerPage}`,
      [sale, next],
    );
    for (const row of page) add(rows, { ...row, number: numberOf(row.index) });
    next = (page.at(-1)?.index ?? 0) + 1;
    if (page.length < rowsPerPage) break;
  }
  for (const fact of facts) apply(rows, fact);
  return rows;
}

function add(rows: Map<string, Row[]>, row: Row): void {
  const own = rows.get(row.shopper);
  if (own === undefined) rows.set(row.shopper, [row]);
  else own.push(row);
}

function apply(rows: Map<string, Row[]>, fact: TicketFact): void {
  const { kind, shopper, key, index, number, turnEnds, claim, leaveKey } = fact;
  if (kind === 'joined') {
    const fresh = { state: 'waiting', turnEnds: 0, claim: 0, leaveKey: '' };
    add(rows, { shopper, key, index, number, ...fresh });
    return;
  }
  const own = rows.get(shopper);
  const last = own?.at(-1);
  if (own === undefined || last?.key !== key) return;
  own[own.length - 1] =
    kind === 'admitted'
      ? { ...last, state: kind, turnEnds, claim }
      : { ...last, state: kind, leaveKey };
}

interface Unsettled {
  /** What happened to tickets up to the cut. */
  readonly known: readonly TicketFact[];
  /** To whose tickets something happened after it. */
  readonly busy: ReadonlySet<string>;
  /** Commands up to the cut that gave numbers. */
  readonly doubtful: number;
}

async function compareTickets(
  q: Query,
  sale: SaleReading,
  { known, busy, doubtful }: Unsettled,
  check: Check,
): Promise<void> {
  const rows = await readRows(q, saleOfTag(sale.tag), known);
  // Numbers that a command has given which is not settled yet are in the lane only.
  const numbered = sale.terms.line?.numbered === 1 && doubtful === 0;
  for (const [shopper, own] of rows) {
    check.checked += 1;
    if (busy.has(shopper)) continue;
    const ticket = sale.tickets.get(shopper);
    const last = own.at(-1);
    if (last === undefined) continue;
    const wrong =
      ticket === undefined
        ? [`${last.state} in Postgres, and not in its lane`]
        : differences(ticket, last, own, numbered);
    if (wrong.length > 0) check.violate(sale.terms.id, `${shopper}: ${wrong.join(', ')}`);
  }
  for (const shopper of sale.tickets.keys()) {
    if (rows.has(shopper) || busy.has(shopper)) continue;
    check.violate(sale.terms.id, `${shopper}: a ticket in its lane, and none in Postgres`);
  }
}

function differences(
  ticket: RecordedTicket,
  row: Row,
  all: readonly Row[],
  numbered: boolean,
): string[] {
  const state = stateOf(ticket);
  const before = all.slice(0, -1).map(({ key }) => key);
  const leaves = all.map(({ leaveKey }) => leaveKey).filter((key) => key !== '');
  const pairs: (readonly [string, string | number, string | number])[] = [
    ['key', ticket.key, row.key],
    ['place', ticket.index, row.index],
    ['state', state, row.state],
    ['turn ends', ticket.turnEnds, row.turnEnds],
    ['earlier tickets', ticket.past.join(), before.join()],
    ['leaves', ticket.leaves.join(), leaves.join()],
  ];
  // Who had left before the draw came to its number was given none.
  if (numbered && ticket.number > 0) pairs.push(['number', ticket.number, row.number]);
  if (numbered && state === 'waiting') pairs.push(['number', ticket.number, row.number]);
  const wrong = pairs.filter(([, a, b]) => a !== b).map(([name, a, b]) => `${name} ${a} ≠ ${b}`);
  if (state === 'admitted' && (ticket.claim < 1 || ticket.claim > row.claim)) {
    wrong.push(`claims ${ticket.claim} of ${row.claim} units`);
  }
  return [...new Set(wrong)];
}
