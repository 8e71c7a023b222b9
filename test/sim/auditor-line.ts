/**
 * The line, predicted: places and numbers from the tickets, the seed and the root alone; turns and holds
 * from the order in which they must come. What shoppers were told of their tickets has to agree.
 */
import { laneOfId } from '../../engine/domain/ids.ts';
import type { LineTicket, TicketState } from '../../engine/domain/line/types.ts';
import type { Db } from '../../platform/postgres/pool.ts';
import { predictDraw } from '../support/line-draw.ts';
import { laneSpan, type Evidence } from './evidence.ts';
import type { Faults } from './faults.ts';
import type { LineAsked, SaleHistory, Telling } from './history.ts';
import { wallOf } from './scheduler.ts';

interface Ticket {
  readonly id: string;
  readonly index: number;
  readonly shopper: string;
  readonly state: TicketState;
  readonly joined: number;
  /** Of its turn; infinite = it never had one. */
  readonly admitted: number;
  readonly turnEnds: number;
  readonly ended: number;
}

interface Line {
  readonly sale: SaleHistory;
  readonly bell: number | null;
  readonly bellAt: number | null;
  readonly numberedAt: number | null;
  readonly outage: number;
  readonly root: string;
  readonly seed: string;
  readonly tickets: readonly Ticket[];
  readonly entries: readonly { readonly first: number; readonly count: number }[];
  readonly given: ReadonlyMap<number, number>;
}

/** After so much of lane time without a sign a shopper is passed by. */
const graceMs = 30_000;
/** So much of lane time a run may last without anybody being away for so long. */
const runMs = 14_000;

export async function checkLines(
  db: Db,
  evidence: Evidence,
  faults: Faults,
  deaths: readonly number[],
): Promise<void> {
  for (const sale of evidence.history.sales.values()) {
    if (sale.line === null) continue;
    const line = await readLine(db, sale);
    checkPlaces(evidence, line);
    const numbers = checkDraw(evidence, line);
    checkOrder(evidence, line, numbers, faults);
    checkTurns(evidence, line);
    checkTold(evidence, line, numbers);
    count(evidence, line, faults, deaths);
  }
}

async function readLine(db: Db, sale: SaleHistory): Promise<Line> {
  const [head] = await db.query<Pick<Line, 'bell' | 'bellAt' | 'numberedAt' | 'root' | 'seed'>>(
    `SELECT l.bell_n AS bell, l.bell_at AS "bellAt", l.numbered_at AS "numberedAt",
            encode(l.root, 'hex') AS root, encode(s.seed, 'hex') AS seed
       FROM sale.lines l JOIN sale.sales s ON s.id = l.sale_id WHERE l.sale_id = $1`,
    [sale.id],
  );
  const tickets = await db.query<Ticket>(
    `SELECT 'tkt_' || substr(sale_id, 5) || key AS id, index, shopper, state, joined_at AS joined,
            coalesce(admitted_at, 'Infinity'::float8) AS admitted,
            coalesce(turn_ends, 0) AS "turnEnds", coalesce(ended_at, 'Infinity'::float8) AS ended
       FROM sale.tickets WHERE sale_id = $1 ORDER BY index`,
    [sale.id],
  );
  const entries = await db.query<{ first: number; count: number }>(
    'SELECT first_index AS first, count FROM sale.line_entries WHERE sale_id = $1 ORDER BY 1',
    [sale.id],
  );
  const given = await db.query<{ index: number; number: number }>(
    'SELECT index, number FROM sale.ticket_numbers WHERE sale_id = $1',
    [sale.id],
  );
  const [mark] = await db.query<{ outage: number }>(
    'SELECT outage FROM sale.watermarks WHERE lane = $1',
    [laneOfId(sale.id)],
  );
  if (head === undefined) throw new Error(`${sale.id} has no line`);
  return {
    ...head,
    sale,
    outage: mark?.outage ?? 0,
    tickets,
    entries,
    given: new Map(given.map(({ index, number }) => [index, number])),
  };
}

/** Every place once, and nobody in two at a time. */
function checkPlaces({ wrong }: Evidence, { sale, tickets }: Line): void {
  for (const [i, ticket] of tickets.entries()) {
    if (ticket.index !== i) wrong.push(`${sale.id}: place ${i} is ${ticket.index}`);
    for (const other of tickets.slice(0, i)) {
      if (other.shopper === ticket.shopper && ticket.joined < other.ended) {
        wrong.push(`${ticket.shopper} has ${other.id} and ${ticket.id} at once`);
      }
    }
  }
}

/** Numbers by place, recomputed; empty = the bell has not rung. */
function checkDraw({ wrong }: Evidence, line: Line): ReadonlyMap<number, number> {
  const { sale, bell, tickets, given } = line;
  if (bell === null) return new Map();
  const draw = predictDraw({ ...line, bell, tickets: tickets.map(({ id }) => id) });
  wrong.push(...draw.wrong.map((says) => `${sale.id}: ${says}`));
  for (const [index, number] of given) {
    const own = draw.numbers.get(index);
    if (number !== own) wrong.push(`${sale.id}: place ${index} has number ${number}, not ${own}`);
  }
  return draw.numbers;
}

/**
 * Turns begin in the order of numbers: nobody who waits is passed by, but for those who were not seen for
 * long enough by the time of the lane. Whoever was told of their ticket has been seen at that time.
 */
function checkOrder(
  { skews, wrong, history }: Evidence,
  { sale, tickets }: Line,
  numbers: ReadonlyMap<number, number>,
  faults: Faults,
): void {
  const mayBeAway = Math.max(...skews.map(({ ms }) => ms)) >= runMs;
  const seen = new Map<string, number[]>();
  for (const { kind, tellings } of history.lines) {
    for (const { outcome } of kind === 'leave' ? [] : tellings) {
      if (outcome?.kind !== 'done') continue;
      const { id } = outcome.value;
      seen.set(id, [...(seen.get(id) ?? []), outcome.now]);
    }
  }
  const isHere = (id: string, at: number): boolean =>
    !mayBeAway || (seen.get(id) ?? []).some((time) => time >= at - graceMs && time < at);
  const byNumber = [...tickets].sort(
    (a, b) => (numbers.get(a.index) ?? 0) - (numbers.get(b.index) ?? 0),
  );
  for (const [i, behind] of byNumber.entries()) {
    if (behind.admitted === Infinity) continue;
    for (const before of byNumber.slice(0, i)) {
      if (before.admitted <= behind.admitted || before.ended <= behind.admitted) continue;
      if (isHere(before.id, behind.admitted)) {
        wrong.push(`${sale.id}: ${behind.id} has a turn before ${before.id}`);
      } else faults.count('one who was away was passed by');
    }
  }
}

/** A turn ends once, has an owner with units at the most, and no hold is without one. */
function checkTurns({ rows, lost, wrong }: Evidence, { sale, tickets, outage }: Line): void {
  for (const { id, state, admitted } of tickets) {
    const hadOne = admitted !== Infinity;
    const needs = ['admitted', 'finished', 'lapsed'].includes(state);
    if (needs && !hadOne) wrong.push(`${id} is ${state} and had no turn`);
    if (state === 'waiting' && hadOne) wrong.push(`${id} waits and had a turn`);
  }
  for (const { id, shopper, held, sale: of } of rows.values()) {
    if (of !== sale.id || lost.has(id)) continue;
    // A pause makes turns longer by its length.
    const isPaused = sale.pauseAskedAt !== Infinity;
    const isOpen = (one: Ticket): boolean =>
      one.admitted <= held && held <= one.ended && (isPaused || held <= one.turnEnds + outage);
    if (!tickets.some((one) => one.shopper === shopper && isOpen(one))) {
      wrong.push(`${id} of ${shopper} was held without a turn`);
    }
  }
}

/** Whether a ticket that was seen in one state may end in another. */
function mayBecome(seen: TicketState, last: TicketState): boolean {
  if (seen === 'waiting' || seen === last) return true;
  return seen === 'admitted' && last !== 'waiting';
}

interface Told {
  readonly ticket: LineTicket;
  readonly telling: Telling<LineTicket>;
}

const toldOf = ({ tellings }: LineAsked): Told[] =>
  tellings.flatMap((telling) =>
    telling.outcome?.kind === 'done' ? [{ ticket: telling.outcome.value, telling }] : [],
  );

function checkTold(
  evidence: Evidence,
  { sale, tickets }: Line,
  numbers: ReadonlyMap<number, number>,
): void {
  const { history, lost, touched, lossy, wrong } = evidence;
  const asked = history.lines.filter((one) => one.sale === sale.id);
  const byId = new Map(tickets.map((ticket) => [ticket.id, ticket]));
  for (const { ticket } of asked.flatMap(toldOf)) {
    const { id, index, number, state, line } = ticket;
    const last = byId.get(id);
    if (lost.has(id)) continue;
    if (last === undefined) wrong.push(`${id} was told, and Postgres has no such ticket`);
    else if (last.index !== index) wrong.push(`${id}: place ${index} was told, is ${last.index}`);
    else if (!touched.has(id) && !mayBecome(state, last.state)) {
      wrong.push(`${id}: was ${state}, is ${last.state}`);
    }
    if (number !== null && number !== numbers.get(index) && !lossy) {
      wrong.push(`${id}: number ${number} was told, is ${numbers.get(index)}`);
    }
    // Turns begin within available × factor; a hold then takes as much off claims as off what is free.
    const over = sale.offered * ((sale.line?.factor ?? 1) - 1);
    if (line.state === 'live' && line.claims > line.available + over) {
      wrong.push(`${sale.id}: ${line.claims} units claimed, ${line.available} free`);
    }
  }
  if (!lossy) checkArrival(asked, wrong);
  for (const one of asked) {
    for (const telling of one.tellings) {
      const why = whyRefused(evidence, sale, one, telling);
      if (why !== '') wrong.push(`${one.kind} of ${one.shopper} by ${one.key}: ${why}`);
    }
  }
}

/** Whoever asks when another's place was told is behind it. */
function checkArrival(asked: readonly LineAsked[], wrong: string[]): void {
  const joins = asked
    .filter(({ kind }) => kind === 'join')
    .flatMap((one) => {
      const [first] = toldOf(one);
      const isNew = first !== undefined && !first.ticket.known && one.tellings.length === 1;
      return isNew ? [first] : [];
    });
  for (const before of joins) {
    for (const { ticket, telling } of joins) {
      if (telling.askedAt > before.telling.toldAt && ticket.index < before.ticket.index) {
        wrong.push(`${ticket.id} is before ${before.ticket.id}, which was there first`);
      }
    }
  }
}

/** '' = it may be, or was no refusal. */
function whyRefused(
  evidence: Evidence,
  sale: SaleHistory,
  asked: LineAsked,
  { outcome, askedAt, toldAt }: Telling<LineTicket>,
): string {
  if (outcome?.kind !== 'rejected') return '';
  const world = { from: wallOf(askedAt), to: wallOf(toldAt) };
  const lane = laneSpan(evidence, world);
  const { code } = outcome.rejection;
  switch (code) {
    case 'sale_ended':
      return lane.to < sale.endsAt && world.to < sale.closeAskedAt ? 'ended before its end' : '';
    case 'draw_closed':
      return sale.line?.mode !== 'draw' || lane.to < sale.startsAt ? 'closed before its bell' : '';
    case 'not_found': {
      if (asked.kind === 'join') return 'not found';
      const { lines } = evidence.history;
      const own = lines.filter((one) => one.shopper === asked.shopper && one.sale === sale.id);
      const had = own.flatMap(toldOf).some(({ telling }) => telling.toldAt < askedAt);
      return had && !evidence.lossy ? 'not found' : '';
    }
    case 'limit_reached':
    case 'idempotency_key_reused':
    case 'rate_limited':
      return '';
    case 'details_required':
    case 'forbidden':
    case 'hold_expired':
    case 'illegal_transition':
    case 'line_full':
    case 'not_admitted':
    case 'product_required':
    case 'undeliverable':
    case 'other_lane':
    case 'lines_refused':
    case 'sale_not_started':
    case 'sale_paused':
    case 'sold_out':
      return code;
  }
}

/** What this run has met, for the set's "sometimes". */
function count({ history }: Evidence, line: Line, faults: Faults, deaths: readonly number[]): void {
  const { tickets, bell, bellAt, numberedAt, given } = line;
  if (bell !== null && bell > 1 && given.size >= bell) faults.count('a line was drawn');
  faults.count('a turn lapsed', tickets.filter(({ state }) => state === 'lapsed').length);
  faults.count('a place was left', tickets.filter(({ state }) => state === 'left').length);
  faults.count('a late joiner', tickets.filter(({ index }) => index >= (bell ?? Infinity)).length);
  const cut = deaths.some((at) => bellAt !== null && at >= bellAt && at < (numberedAt ?? Infinity));
  if (cut && given.size > 0) faults.count('a draw was cut by a crash');
  for (const { tellings } of history.lines) {
    for (const { outcome } of tellings) {
      if (outcome?.kind === 'rejected') faults.count(`refused ${outcome.rejection.code}`);
    }
  }
}
