/**
 * Writes a fold of tickets: those that moved on first, because an end lets its shopper join again,
 * then those that joined. Answers what could not be settled; the caller puts that away.
 */
import { numberArray, textArray } from '../../platform/postgres/arrays.ts';
import type { Query } from '../../platform/postgres/db.ts';
import type { FoldedTicket } from '../domain/line/tickets.ts';

export interface UnsettledTicket {
  readonly ticket: FoldedTicket;
  readonly reason: string;
}

/** Of every ticket one event: all name its sale, key and shopper. */
const firstOf = (tickets: readonly FoldedTicket[]) => tickets.map((t) => t.events[0]);

/** What becomes of a row, in the order of the columns of `moveOn` and `insert`. */
const fates = (tickets: readonly FoldedTicket[]): string[] => [
  textArray(tickets.map((t) => t.state)),
  numberArray(tickets.map((t) => t.admitted?.at ?? null)),
  numberArray(tickets.map((t) => t.admitted?.turnEnds ?? null)),
  numberArray(tickets.map((t) => t.admitted?.claim ?? null)),
  numberArray(tickets.map((t) => t.ended?.at ?? null)),
  // One that an older version has put away knows of no key.
  textArray(tickets.map((t) => t.ended?.leaveKey ?? '')),
];

/** Moves live tickets on. Answers those that were not in the state that their events need. */
async function moveOn(q: Query, tickets: readonly FoldedTicket[]): Promise<FoldedTicket[]> {
  if (tickets.length === 0) return [];
  const first = firstOf(tickets);
  const rows = await q.query<{ sale_id: string; key: string }>(
    `UPDATE sale.tickets t
        SET state = e.state, admitted_at = coalesce(e.admitted_at, t.admitted_at),
            turn_ends = coalesce(e.turn_ends, t.turn_ends), claim = coalesce(e.claim, t.claim),
            ended_at = e.ended_at, left_key = e.left_key
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
                   $7::bigint[], $8::bigint[], $9::bigint[], $10::text[])
            AS e(sale_id, key, shopper, was, state, admitted_at, turn_ends, claim, ended_at,
                 left_key)
      WHERE t.sale_id = e.sale_id AND t.shopper = e.shopper AND t.key = e.key
        AND t.state IN ('waiting', 'admitted') AND (e.was = '' OR t.state = e.was)
     RETURNING t.sale_id, t.key`,
    [
      textArray(first.map((e) => e.sale)),
      textArray(first.map((e) => e.key)),
      textArray(first.map((e) => e.shopper)),
      textArray(tickets.map((t) => t.was)),
      ...fates(tickets),
    ],
    'settle_tickets',
  );
  if (rows.length === tickets.length) return [];
  return without(tickets, rows);
}

/** Inserts tickets that joined. Answers those whose index or whose shopper's place is taken. */
async function insert(q: Query, tickets: readonly FoldedTicket[]): Promise<FoldedTicket[]> {
  if (tickets.length === 0) return [];
  const first = firstOf(tickets);
  const rows = await q.query<{ sale_id: string; key: string }>(
    `INSERT INTO sale.tickets (sale_id, index, key, shopper, joined_at, state, admitted_at,
                               turn_ends, claim, ended_at, left_key)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[],
                          $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                          $11::text[])
     ON CONFLICT DO NOTHING RETURNING sale_id, key`,
    [
      textArray(first.map((e) => e.sale)),
      numberArray(first.map((e) => e.ticket)),
      textArray(first.map((e) => e.key)),
      textArray(first.map((e) => e.shopper)),
      numberArray(first.map((e) => e.at)),
      ...fates(tickets),
    ],
    'settle_joined',
  );
  if (rows.length === tickets.length) return [];
  return without(tickets, rows);
}

function without(
  tickets: readonly FoldedTicket[],
  rows: readonly { readonly sale_id: string; readonly key: string }[],
): FoldedTicket[] {
  const done = new Set(rows.map((r) => `${r.sale_id} ${r.key}`));
  return tickets.filter(({ events: [e] }) => !done.has(`${e.sale} ${e.key}`));
}

/** Settles a fold. Must run inside the watermark's transaction. */
export async function settleTickets(
  q: Query,
  tickets: readonly FoldedTicket[],
): Promise<readonly UnsettledTicket[]> {
  const moved = await moveOn(
    q,
    tickets.filter((t) => t.joined === null),
  );
  const fresh = await insert(
    q,
    tickets.filter((t) => t.joined !== null),
  );
  return [
    ...moved.map((ticket) => ({ ticket, reason: 'its ticket is not in the state before it' })),
    ...fresh.map((ticket) => ({ ticket, reason: 'its place or a ticket of its shopper is there' })),
  ];
}
