/**
 * What the opener does for schedules: makes occurrences a week ahead, and takes their units shortly
 * before the bell. Level-triggered: both look at rows, so whatever a dead process left is done here.
 */
import { createHash } from 'node:crypto';
import { clock } from '../../platform/clock.ts';
import type { Db, Query } from '../../platform/postgres/db.ts';
import type { Millis, ProductId, SaleId, VendorId } from '../domain/types.ts';
import type { NewSale } from '../engine.ts';
import { attendEach, type TellFailure } from '../loop.ts';
import { CommandWriter } from '../settle/commands.ts';
import { decideOccurrence } from '../settle/occurrences.ts';
import { bellsBetween, nextBell, type Schedule } from './calendar.ts';
import { addSale, newSaleId, type CreateContext, type Refused } from './create.ts';
import { writeFences } from './fences.ts';

const dayMs = 86_400_000;
/** Occurrences exist this long before their bell … */
export const aheadMs = 7 * dayMs;
/** … and their units are taken this long before it. */
export const fenceAheadMs = 15 * 60_000;
/** A schedule whose next occurrence cannot be made is tried again so much later. */
const tryAgainMs = 60_000;
const settlingAgainMs = 1000;
/** Of one round of the opener. */
const schedulesMax = 20;
const fencesMax = 50;

/** What every occurrence of a schedule is. */
export type OccurrenceTerms = Omit<NewSale, 'startsAt' | 'idempotencyKey' | 'fingerprint'>;

export interface ScheduleRow {
  readonly id: string;
  readonly vendor_id: VendorId;
  readonly local_time: string;
  readonly time_zone: string;
  readonly dates: readonly string[] | null;
  readonly rrule: string | null;
  readonly starts_on: string;
  readonly terms: OccurrenceTerms;
  readonly state: 'active' | 'ended' | 'cancelled';
  readonly made_until: Date;
  readonly next_at: Date | null;
  readonly notice: Readonly<Record<string, unknown>> | null;
  readonly created_at: Date;
}

export const scheduleColumns = `id, vendor_id, local_time, time_zone, dates, rrule, starts_on, terms,
  state, made_until, next_at, notice, created_at`;

export const scheduleOf = (row: ScheduleRow): Schedule => ({
  localTime: row.local_time,
  timeZone: row.time_zone,
  dates: row.dates,
  rrule: row.rrule,
  startsOn: row.starts_on,
});

/** The sale of a schedule on a local date: the same one however often it is made. */
export function occurrenceId(lanes: number, schedule: string, localDate: string): SaleId {
  const hash = createHash('sha256').update(`${schedule} ${localDate}`).digest();
  return newSaleId(lanes, hash.subarray(0, 8));
}

/**
 * Makes the occurrences that are due, of a schedule whose row is locked. What stands in the way of one
 * (a product that is gone) is noted, answered, and the schedule looked at again later; sooner where it
 * is a new price that is on its way.
 */
export async function makeOccurrences(
  q: Query,
  context: CreateContext,
  row: ScheduleRow,
  now: Millis,
  writer: CommandWriter,
): Promise<Refused | null> {
  const schedule = scheduleOf(row);
  const until = now + aheadMs;
  const from = Math.max(row.made_until.getTime(), now);
  for (const { localDate, at } of bellsBetween(schedule, from, until)) {
    const id = occurrenceId(context.lanes, row.id, localDate);
    const fingerprint = `${row.id} ${localDate}`;
    const sale = { ...row.terms, startsAt: at, fingerprint, fencedLater: true };
    const made = await addSale(q, context, id, sale, writer);
    if (made === 'settling') {
      await lookAgain(q, row.id, at, now + settlingAgainMs, row.notice);
      return made;
    }
    if (typeof made !== 'boolean') {
      const notice = { code: made.code, local_date: localDate, at: new Date(now).toISOString() };
      await lookAgain(q, row.id, at, now + tryAgainMs, notice);
      return made;
    }
    await q.run(
      'UPDATE sale.sales SET schedule_id = $2, local_date = $3, fence_at = $4 WHERE id = $1',
      [id, row.id, localDate, new Date(Math.max(now, at - fenceAheadMs))],
    );
  }
  const next = nextBell(schedule, until);
  await lookAgain(q, row.id, until, next === null ? null : next.at - aheadMs, null);
  return null;
}

async function lookAgain(
  q: Query,
  id: string,
  madeUntil: Millis,
  at: Millis | null,
  notice: Record<string, unknown> | null,
): Promise<void> {
  await q.run(
    `UPDATE sale.schedules SET made_until = $2, next_at = $3, notice = $4,
            state = CASE WHEN state = 'active' AND $3::timestamptz IS NULL THEN 'ended' ELSE state END
      WHERE id = $1`,
    [
      id,
      new Date(madeUntil),
      at === null ? null : new Date(at),
      notice === null ? null : JSON.stringify(notice),
    ],
  );
}

/**
 * Makes what is due of all schedules; the lanes to wake. One that fails is told, and tried again later:
 * it must not keep the others waiting.
 */
export async function makeDue(
  db: Db,
  context: CreateContext,
  tell: TellFailure,
): Promise<readonly number[]> {
  const woken = new Set<number>();
  // One statement, not a transaction: nearly every look finds nothing.
  const [due] = await db.query(
    `SELECT 1 FROM sale.schedules WHERE state = 'active' AND next_at <= $1 LIMIT 1`,
    [new Date(clock.wall())],
    'schedules_look',
  );
  if (due === undefined) return [];
  for (let n = 0; n < schedulesMax; n++) {
    const found: { id: string | null } = { id: null };
    try {
      const lanes = await db.tx((q) => makeNext(q, context, (id) => (found.id = id)));
      if (lanes === null) break;
      for (const lane of lanes) woken.add(lane);
    } catch (error) {
      if (found.id === null) throw error;
      tell(found.id, error);
      await postpone(db, found.id);
    }
  }
  return [...woken];
}

/** Makes what is due of the schedule whose time came first; null = there is none. */
async function makeNext(
  q: Query,
  context: CreateContext,
  onFound: (schedule: string) => void,
): Promise<readonly number[] | null> {
  const now = clock.wall();
  const [row] = await q.query<ScheduleRow>(
    `SELECT ${scheduleColumns} FROM sale.schedules
      WHERE state = 'active' AND next_at <= $1
      ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
    [new Date(now)],
    'schedules_due',
  );
  if (row === undefined) return null;
  onFound(row.id);
  const writer = new CommandWriter();
  await makeOccurrences(q, context, row, now, writer);
  const { lanes } = writer;
  await writer.flush(q);
  return lanes;
}

async function postpone(db: Db, schedule: string): Promise<void> {
  const later = new Date(clock.wall() + tryAgainMs);
  await db.run(
    `UPDATE sale.schedules SET next_at = $2 WHERE id = $1 AND state = 'active' AND next_at < $2`,
    [schedule, later],
  );
}

interface Due {
  readonly id: SaleId;
  readonly items: readonly { item: number; product: ProductId; standing: SaleId; asked: number }[];
}

/** Of the sale's items: what was asked for, and where it is to come from. */
const dueColumns = `s.id, (
  SELECT jsonb_agg(jsonb_build_object('item', i.item, 'product', i.product_id, 'asked', i.asked,
                                      'standing', r.standing_sale) ORDER BY i.item)
    FROM sale.sale_items i JOIN sale.registrations r ON r.id = i.product_id
   WHERE i.sale_id = s.id) AS items`;

/** What the standing sale of a product has. */
export interface FreeUnits {
  readonly free: number;
  /** More are on their way to it, or may be. */
  readonly coming: boolean;
}

/** Null while its lane cannot say. */
export type FreeOf = (standing: SaleId, product: ProductId) => Promise<FreeUnits | null>;

/** The last occurrence that was looked at; null = begin with the one whose time came first. */
export type FenceCursor = { readonly at: Date; readonly id: SaleId } | null;

/**
 * Takes the units of occurrences whose time has come, of a round's worth behind `after`. Answers the lanes
 * to wake and where the next round goes on, also when one of them fails, of which is told.
 */
export async function fenceDue(
  db: Db,
  freeOf: FreeOf,
  tell: TellFailure,
  after: FenceCursor = null,
): Promise<{ readonly lanes: readonly number[]; readonly after: FenceCursor }> {
  const due = await db.query<Due & { readonly at: Date }>(
    `SELECT s.fence_at AS at, ${dueColumns} FROM sale.sales s
      WHERE s.fence_at <= $1 AND s.installed AND (s.fence_at, s.id) > ($2, $3)
      ORDER BY s.fence_at, s.id LIMIT ${fencesMax}`,
    [new Date(clock.wall()), after?.at ?? new Date(0), after?.id ?? ''],
    'fences_due',
  );
  const woken = new Set<number>();
  await attendEach(due, tell, async (sale) => {
    const free = new Map<SaleId, number>();
    for (const { standing, product, asked } of sale.items) {
      const units = await freeOf(standing, product);
      if (units !== null && (units.free >= asked || !units.coming)) free.set(standing, units.free);
    }
    // A source that cannot say now, or will have more, is asked again in the next round: the bell waits.
    if (sale.items.some(({ standing }) => !free.has(standing))) return;
    for (const lane of await db.tx((q) => fence(q, sale, free))) woken.add(lane);
  });
  return { lanes: [...woken], after: due.length < fencesMax ? null : (due.at(-1) ?? null) };
}

/** Asks for what is there, or for less than was wanted; nothing when somebody was faster. */
async function fence(
  q: Query,
  seen: Due,
  free: ReadonlyMap<SaleId, number>,
): Promise<readonly number[]> {
  await q.query('SELECT 1 FROM sale.sales WHERE id = $1 FOR UPDATE', [seen.id]);
  await q.query('SELECT 1 FROM sale.registrations WHERE id = ANY($1) ORDER BY id FOR SHARE', [
    seen.items.map(({ product }) => product),
  ]);
  const [sale] = await q.query<Due>(
    `SELECT ${dueColumns} FROM sale.sales s
      WHERE s.id = $1 AND s.fence_at IS NOT NULL AND s.withdrawn_at IS NULL`,
    [seen.id],
  );
  // A price that has changed since has brought another standing sale: next round.
  if (sale?.items.some(({ standing }) => !free.has(standing)) !== false) return [];
  await q.run('UPDATE sale.sales SET fence_at = NULL WHERE id = $1', [sale.id]);
  const writer = new CommandWriter();
  const fences = sale.items
    .map(({ asked, ...i }) => ({ ...i, units: Math.min(asked, free.get(i.standing) ?? 0) }))
    .filter(({ units }) => units > 0);
  if (fences.length > 0) await writeFences(q, sale.id, fences, writer);
  else await decideOccurrence(q, sale.id, [], writer);
  const { lanes } = writer;
  await writer.flush(q);
  return lanes;
}
