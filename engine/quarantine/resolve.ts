/**
 * Resolves what a lane has in quarantine, in Postgres alone: the lane is made anew from there
 * afterwards, so both agree whatever is decided here. Runs while the lane is frozen and all that it
 * decided is settled or put away. What can settle now does; the rest ends with a state that is true.
 */
import type { Query } from '../../platform/postgres/db.ts';
import { foldOrders } from '../domain/fold.ts';
import { foldTickets, type TicketEvent } from '../domain/line/tickets.ts';
import type { Millis, OrderId } from '../domain/types.ts';
import { apart, attempt } from '../settle/apart.ts';
import { CommandWriter, lockLanes } from '../settle/commands.ts';
import { storable } from '../settle/quarantine.ts';
import { amendOrder } from './amend-order.ts';
import {
  isMeant,
  isOrderEvent,
  isTicket,
  readAway,
  type Away,
  type Chosen,
  type OrderAway,
  type Resolution,
  type SaleAway,
  type TicketAway,
  type Verdict,
} from './rows.ts';
import { resolveSaleEvent } from './sale-event.ts';
import { endAlike } from './whole.ts';

export interface Resolved extends Verdict {
  readonly lane: number;
  /** `epoch-sequence`, of the first event. */
  readonly position: string;
  readonly order: OrderId | null;
  readonly events: number;
}

/**
 * Resolves what is meant of a lane. Must run inside the lane's watermark's lock; of what follows in its
 * transaction only the lane's own row may be locked by others too.
 */
export async function resolveLane(
  q: Query,
  lane: number,
  chosen: Chosen,
  now: Millis,
): Promise<Resolved[]> {
  const rows = (await readAway(q, lane)).filter((row) => isMeant(row, chosen));
  const writer = new CommandWriter();
  const resolved: Resolved[] = [];
  const done = async (group: readonly Away[], verdict: Verdict): Promise<void> => {
    const [first] = group;
    if (first === undefined) return;
    if (verdict.resolution !== null) await mark(q, group, verdict.resolution);
    const position = `${first.epoch}-${first.seq}`;
    resolved.push({ lane, position, order: first.order, events: group.length, ...verdict });
  };
  // Units of a sale before claims of them; what the lane of today has decided before what was lost.
  for (const live of [true, false]) {
    const some = rows.filter((row) => row.live === live);
    for (const row of some.filter(isSale)) {
      await done([row], await resolveSaleEvent(q, row, writer));
    }
    for (const [group, verdict] of await resolveOrders(q, some.filter(isOrder), live, now)) {
      await done(group, verdict);
    }
    for (const row of some.filter(isTicket)) {
      await done([row], await resolveTicket(q, row));
    }
  }
  const several = await endAlike(q, new Set(resolved.flatMap(unitless)), now);
  // The recovery writes the lane's own row behind them.
  await lockLanes(q, [lane, ...writer.lanes]);
  await writer.flush(q);
  return resolved.map((one) =>
    one.order === null || !several.has(one.order)
      ? one
      : { ...one, says: `${one.says}; so do the other lines of its order` },
  );
}

const unitless = ({ order, resolution }: Resolved): OrderId[] =>
  order !== null && (resolution === 'voided' || resolution === 'refunded') ? [order] : [];

const isSale = (row: Away): row is SaleAway => row.order === null && !isTicket(row);
const isOrder = (row: Away): row is OrderAway => row.order !== null;

type Judged = readonly [group: readonly OrderAway[], verdict: Verdict];

async function resolveOrders(
  q: Query,
  rows: readonly OrderAway[],
  live: boolean,
  now: Millis,
): Promise<Judged[]> {
  const groups = new Map<OrderId, OrderAway[]>();
  for (const row of rows) {
    const group = groups.get(row.order) ?? [];
    groups.set(row.order, group);
    group.push(row);
  }
  const judged: Judged[] = [];
  for (const group of groups.values()) {
    judged.push([group, await resolveOrder(q, group, live, now)]);
  }
  return judged;
}

async function resolveOrder(
  q: Query,
  group: readonly OrderAway[],
  live: boolean,
  now: Millis,
): Promise<Verdict> {
  if (!group.every(isOrderEvent)) return { resolution: null, says: 'its events cannot be read' };
  // A second hold or end of an order says nothing: the first one stands.
  const [fold] = foldOrders(group.map(({ event }) => event)).orders;
  if (fold === undefined) return { resolution: null, says: 'it has no events' };
  // What was lost keeps no unit: the lane that decided it, with its limits, is gone.
  if (live && (await apart.orders(q, [fold])).length === 0) {
    return { resolution: 'settled', says: 'it settles now, as it was decided' };
  }
  const amended: Verdict[] = [];
  const reason = await attempt(q, async () => {
    amended.push(await amendOrder(q, fold, now));
  });
  const [verdict] = reason === null ? amended : [];
  return verdict ?? { resolution: null, says: reason ?? '' };
}

/** What cannot settle of a ticket leaves it as Postgres has it: whoever has none may join again. */
async function resolveTicket(q: Query, { event, live }: TicketAway): Promise<Verdict> {
  const what = `${event.type} of ${event.shopper}`;
  const { tickets } = foldTickets([event]);
  // A join that the chain does not have has no place: the next one takes it.
  const isPlaced = event.type !== 'joined' || (await isInChain(q, event));
  if (live && isPlaced && (await apart.tickets(q, tickets)).length === 0) {
    return { resolution: 'settled', says: `${what} settles now` };
  }
  if (event.type === 'joined' && isPlaced) await keepPlace(q, event);
  if (event.type === 'left') await keepLeaveKey(q, event);
  return { resolution: 'dropped', says: `${what}: the lane goes on from what has settled` };
}

async function isInChain(q: Query, { sale, ticket }: TicketEvent): Promise<boolean> {
  const [row] = await q.query('SELECT 1 FROM sale.lines WHERE sale_id = $1 AND joined > $2', [
    sale,
    ticket,
  ]);
  return row !== undefined;
}

/**
 * The chain has the entrant of a join that cannot settle: its place stays, as one that was left, so
 * that the list is whole and the others can be drawn.
 */
async function keepPlace(q: Query, { sale, key, shopper, ticket, at }: TicketEvent): Promise<void> {
  await q.run(
    `INSERT INTO sale.tickets (sale_id, index, key, shopper, state, joined_at, ended_at)
     VALUES ($1, $2, $3, $4, 'left', $5, $5) ON CONFLICT DO NOTHING`,
    [sale, ticket, key, storable(shopper), at],
  );
}

/** By whichever event a place is over: who asked to leave it must not leave the next by the same key. */
async function keepLeaveKey(
  q: Query,
  {
    sale,
    key,
    shopper,
    leaveKey = '',
  }: Pick<TicketEvent, 'sale' | 'key' | 'shopper'> & Partial<Pick<TicketEvent, 'leaveKey'>>,
): Promise<void> {
  await q.run(
    `UPDATE sale.tickets SET left_key = $4
      WHERE sale_id = $1 AND shopper = $2 AND key = $3 AND state = 'left' AND left_key = ''`,
    [sale, storable(shopper), key, leaveKey],
  );
}

async function mark(q: Query, group: readonly Away[], resolution: Resolution): Promise<void> {
  await q.run(
    `UPDATE sale.quarantine a SET resolved_at = now(), resolution = $2
       FROM unnest($3::int[], $4::bigint[], $5::int[]) AS r(epoch, seq, index)
      WHERE a.lane = $1 AND a.epoch = r.epoch AND a.seq = r.seq AND a.index = r.index`,
    [
      group[0]?.lane,
      resolution,
      group.map(({ epoch }) => epoch),
      group.map(({ seq }) => seq),
      group.map(({ index }) => index),
    ],
  );
}
