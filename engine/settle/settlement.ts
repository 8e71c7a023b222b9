/**
 * One settlement: a run of entries of one lane, written to Postgres in one transaction together
 * with the watermark that says so. Nothing else writes the watermark but the verifier's epoch and
 * `recover`, and all hold its row.
 */
import type { Query } from '../../platform/postgres/db.ts';
import { foldOrders, type OrderEvent } from '../domain/fold.ts';
import { foldTickets, type TicketEvent } from '../domain/line/tickets.ts';
import { judge, type EpochEnd, type Position } from '../domain/contiguity.ts';
import type { Entry } from '../lanes/codec.ts';
import { whole, type Way } from './apart.ts';
import { Chains, type Strays } from './chains.ts';
import { CommandWriter, lockLanes } from './commands.ts';
import { readEvents, type SaleEvent } from './events.ts';
import { alreadyAway, freezeLane, putAway, type Away } from './quarantine.ts';

export interface Watermark extends Position {
  readonly decided: number;
  readonly kafkaOffset: number;
}

/** Locks a lane's watermark: serialises settlers, verifiers and recoveries of the lane. */
export async function lockWatermark(q: Query, lane: number): Promise<Watermark> {
  const [row] = await q.query<Watermark>(
    `SELECT epoch, seq, decided, kafka_offset AS "kafkaOffset"
       FROM sale.watermarks WHERE lane = $1 FOR UPDATE`,
    [lane],
    'watermark_lock',
  );
  if (row === undefined) throw new Error(`lane ${lane} has no watermark: not formatted`);
  return row;
}

export function readEpochs(q: Query, lane: number): Promise<EpochEnd[]> {
  return q.query<EpochEnd>(
    `SELECT epoch, ended_at AS "end", ended_by AS "endedBy" FROM sale.epochs WHERE lane = $1`,
    [lane],
    'epochs_read',
  );
}

export interface Settled {
  readonly taken: readonly Entry[];
  /** A position is missing: ask the relay to publish again from the watermark. */
  readonly gap: boolean;
  readonly decisions: number;
  readonly quarantined: number;
  /** Lanes that were given commands: their dispatchers should be woken. */
  readonly commandLanes: readonly number[];
}

interface Judged {
  readonly taken: Entry[];
  readonly away: Away[];
  readonly gap: boolean;
  readonly freeze: string | null;
  readonly end: Position;
}

function judgeAll(entries: readonly Entry[], from: Position, epochs: readonly EpochEnd[]): Judged {
  const taken: Entry[] = [];
  const away: Away[] = [];
  let freeze: string | null = null;
  let gap = false;
  let end: Position = { epoch: from.epoch, seq: from.seq };
  for (const entry of entries) {
    const verdict = judge(entry, end, epochs);
    if (verdict.kind === 'gap') {
      // What is behind it is still judged: what no lane can have decided must not slip by.
      gap = true;
    } else if (verdict.kind === 'take') {
      taken.push(entry);
      end = { epoch: entry.epoch, seq: entry.seq };
    } else if (verdict.kind === 'quarantine') {
      away.push(...allOf(entry, verdict.reason));
      if (verdict.freeze) freeze = verdict.reason;
    }
  }
  return { taken, away, gap, freeze, end };
}

/**
 * Settles entries of one lane. `offset` is the Kafka offset after them (null = leave it); on a gap
 * it is stored too, because what is missing will come again at a later one.
 */
export async function settle(
  q: Query,
  lane: number,
  entries: readonly Entry[],
  offset: number | null,
  way: Way = whole,
): Promise<Settled> {
  const watermark = await lockWatermark(q, lane);
  const judged = judgeAll(entries, watermark, await readEpochs(q, lane));
  const writer = new CommandWriter();
  const chains = new Chains(q);
  const orders: OrderEvent[] = [];
  const tickets: TicketEvent[] = [];
  const away = [...judged.away];
  const entryOf = new Map<string, Entry>();
  let decisions = 0;
  const read = judged.taken.map((entry) => [entry, readEvents(entry)] as const);
  const together = await way.openings(
    q,
    lane,
    read.flatMap(([, { sales }]) => sales),
  );
  for (const [entry, events] of read) {
    entryOf.set(`${entry.epoch}-${entry.seq}`, entry);
    decisions += entry.count;
    orders.push(...events.orders);
    const refused: Strays = new Map();
    const settleEach = async (own: readonly SaleEvent[]): Promise<void> => {
      for (const event of own) {
        if (event.type === 'bell' || together.has(event.sale)) continue;
        const reason = await way.sale(q, lane, event, writer);
        if (reason !== null) refused.set(event, reason);
      }
    };
    // A line may come with new terms, and its bell ring by them at once.
    await settleEach(events.sales.filter(isChange));
    const strays = await chains.take(events);
    tickets.push(...events.tickets.filter((event) => !strays.has(event)));
    await settleEach(events.sales.filter((event) => !isChange(event)));
    for (const [event, reason] of [...strays, ...refused]) {
      away.push({ entry, index: event.index, order: null, reason, event, inDoubt: true });
    }
  }
  await chains.write();
  await settleFold(q, lane, orders, away, entryOf, way);
  await settleTicketFold(q, tickets, away, entryOf, way);
  // What is put away stays in doubt.
  decisions -= away.filter((a) => a.inDoubt).length;
  const last = judged.taken.at(-1);
  await writeWatermark(q, lane, judged.end, last ?? never, decisions, offset);
  await putAway(q, lane, away);
  const commandLanes = writer.lanes;
  const failed = away.find((a) => a.inDoubt);
  if (judged.freeze !== null || failed !== undefined) await lockLanes(q, [lane, ...commandLanes]);
  await writer.flush(q);
  if (judged.freeze !== null) await freezeLane(q, lane, 'rolled_back', judged.freeze);
  if (failed !== undefined) await freezeLane(q, lane, 'quarantine', failed.reason);
  return {
    taken: judged.taken,
    gap: judged.gap,
    decisions,
    quarantined: away.length,
    commandLanes,
  };
}

const isChange = ({ type }: SaleEvent): boolean => type === 'changed';

const never = { at: 0, outage: 0 } as const;

async function writeWatermark(
  q: Query,
  lane: number,
  to: Position,
  clock: { readonly at: number; readonly outage: number },
  decisions: number,
  offset: number | null,
): Promise<void> {
  await q.run(
    `UPDATE sale.watermarks
        SET epoch = $2, seq = $3, lane_time = greatest(lane_time, $4), decided = decided + $5,
            kafka_offset = coalesce($6, kafka_offset), outage = greatest(outage, $7),
            updated_at = now()
      WHERE lane = $1`,
    [lane, to.epoch, to.seq, clock.at, decisions, offset, clock.outage],
    'watermark_write',
  );
}

/** Every event of an entry that no lane can have decided. */
function allOf(entry: Entry, reason: string): Away[] {
  const { orders, sales, tickets } = readEvents(entry);
  const row = { entry, reason, inDoubt: false };
  return [
    ...orders.map((event) => ({ ...row, index: event.index, order: event.order, event })),
    ...[...sales, ...tickets].map((event) => ({ ...row, index: event.index, order: null, event })),
  ];
}

/** Folds and settles orders; what cannot settle, and what follows it, is put away. */
async function settleFold(
  q: Query,
  lane: number,
  events: readonly OrderEvent[],
  away: Away[],
  entryOf: ReadonlyMap<string, Entry>,
  way: Way,
): Promise<void> {
  if (events.length === 0) return;
  const put = (event: OrderEvent, reason: string): void => {
    const entry = entryOf.get(event.position);
    if (entry === undefined) throw new Error(`no entry ${event.position}`);
    away.push({ entry, index: event.index, order: event.order, reason, event, inDoubt: true });
  };
  const before = await alreadyAway(q, lane);
  const clean = before.size === 0 ? events : events.filter((e) => !before.has(e.order));
  if (clean.length < events.length) {
    for (const e of events) if (before.has(e.order)) put(e, 'follows a quarantined event');
  }
  const { orders, illegal } = foldOrders(clean);
  for (const event of illegal) put(event, `a second ${event.type} of the order`);
  for (const { order, reason } of await way.orders(q, orders)) {
    for (const event of order.events) put(event, reason);
  }
}

/** The same of tickets. Later events of one that is put away find no row in the state they need. */
async function settleTicketFold(
  q: Query,
  events: readonly TicketEvent[],
  away: Away[],
  entryOf: ReadonlyMap<string, Entry>,
  way: Way,
): Promise<void> {
  if (events.length === 0) return;
  const put = (event: TicketEvent, reason: string): void => {
    const entry = entryOf.get(event.position);
    if (entry === undefined) throw new Error(`no entry ${event.position}`);
    away.push({ entry, index: event.index, order: null, reason, event, inDoubt: true });
  };
  const { tickets, illegal } = foldTickets(events);
  for (const event of illegal) put(event, `${event.type} cannot follow in its ticket`);
  for (const { ticket, reason } of await way.tickets(q, tickets)) {
    for (const event of ticket.events) put(event, reason);
  }
}
