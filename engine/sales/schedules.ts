/**
 * Schedules as their vendor sees them: created with the occurrences of the first week, read, ended.
 * What comes later is the opener's: occurrences.ts.
 */
import type { KeyObject } from 'node:crypto';
import { clock } from '../../platform/clock.ts';
import type { Db, Query } from '../../platform/postgres/db.ts';
import { base32 } from '../domain/ids.ts';
import type { VendorId } from '../domain/types.ts';
import type {
  NewSchedule,
  Page,
  SaleTerms,
  ScheduleDocument,
  ScheduleSummary,
  VendorOutcome,
  VendorRejection,
} from '../engine.ts';
import { derivedIdentity, requestOf } from '../lanes/order-key.ts';
import { CommandWriter } from '../settle/commands.ts';
import { checkSchedule, nextBell, type Schedule } from './calendar.ts';
import type { CreateContext, Refused } from './create.ts';
import {
  makeOccurrences,
  scheduleColumns,
  scheduleOf,
  type OccurrenceTerms,
  type ScheduleRow,
} from './occurrences.ts';
import { occurrencesOf, readCursor, writeCursor } from './read.ts';
import { untilSettled } from './wait.ts';

const idBytes = 10;
/** Occurrences that a schedule's document shows. */
const shownMax = 20;
const idPattern = /^sch_[0-9a-hjkmnp-tv-z]{16}$/;

interface Written {
  readonly id: string;
  readonly lanes: readonly number[];
  readonly replayed: boolean;
}

function scheduleId(secret: KeyObject, request: string | null): string {
  if (request === null) return `sch_${base32(clock.random(idBytes))}`;
  const identity = derivedIdentity(secret, 'schedule', request);
  return `sch_${base32(Buffer.concat([identity, Buffer.alloc(idBytes)]), idBytes)}`;
}

/** The schedule that this request has made, or why it is another request; null = a new one. */
async function findKnown(
  q: Query,
  request: string | null,
  fingerprint: string,
): Promise<Written | VendorRejection | null> {
  const [known] = await q.query<{ id: string; fingerprint: string }>(
    `SELECT id, fingerprint FROM sale.schedules WHERE request = $1
     UNION ALL SELECT id, '' FROM sale.sales WHERE request = $1 AND state <> 'cancelled'`,
    [request],
  );
  if (known === undefined) return null;
  if (known.fingerprint !== fingerprint) return { code: 'idempotency_key_reused' };
  return { id: known.id, lanes: [], replayed: true };
}

const termsOf = (asked: NewSchedule): OccurrenceTerms => {
  const { schedule: _when, idempotencyKey: _key, fingerprint: _print, ...terms } = asked;
  return terms;
};

async function insertSchedule(
  q: Query,
  id: string,
  asked: NewSchedule,
  when: Schedule,
  request: string | null,
  now: number,
): Promise<ScheduleRow | null> {
  const [row] = await q.query<ScheduleRow>(
    `INSERT INTO sale.schedules (id, vendor_id, local_time, time_zone, dates, rrule, starts_on, terms,
                                 made_until, next_at, fingerprint, request)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11)
     ON CONFLICT DO NOTHING RETURNING ${scheduleColumns}`,
    [
      ...[id, asked.vendor, when.localTime, when.timeZone, when.dates, when.rrule, when.startsOn],
      ...[JSON.stringify(termsOf(asked)), new Date(now), asked.fingerprint, request],
    ],
  );
  return row ?? null;
}

/** Writes a schedule with the occurrences of a week, or finds the one that this key has made. */
export async function writeSchedule(
  q: Query,
  context: CreateContext,
  asked: NewSchedule,
): Promise<Written | VendorRejection> {
  const request = requestOf(context.secret, asked.idempotencyKey, 'sale', asked.vendor);
  const known = await findKnown(q, request, asked.fingerprint);
  if (known !== null) return known;
  const now = clock.wall();
  const when = checkSchedule(asked.schedule, now);
  if ('param' in when) {
    return { code: 'invalid_request', param: `schedule.${when.param}`, detail: when.detail };
  }
  const row = await insertSchedule(
    q,
    scheduleId(context.secret, request),
    asked,
    when,
    request,
    now,
  );
  // Somebody asked the same at the same time, and was first: it is there now.
  if (row === null) return writeSchedule(q, context, asked);
  const writer = new CommandWriter();
  const refused = await makeOccurrences(q, context, row, now, writer);
  if (refused !== null) throw new NotMade(refused);
  const { lanes } = writer;
  await writer.flush(q);
  return { id: row.id, lanes, replayed: false };
}

/** Rolls back a schedule whose first occurrence cannot be made. */
class NotMade extends Error {
  readonly why: Refused;

  constructor(why: Refused) {
    super(why === 'settling' ? why : why.code);
    this.why = why;
  }
}

export interface MadeSchedule {
  readonly id: string;
  readonly sales: readonly SaleTerms[];
}

/** Null = a new price of a product is on its way. */
async function tryWrite(
  db: Db,
  context: CreateContext,
  asked: NewSchedule,
): Promise<Written | VendorRejection | null> {
  try {
    return await db.tx((q) => writeSchedule(q, context, asked));
  } catch (error) {
    if (!(error instanceof NotMade)) throw error;
    return error.why === 'settling' ? null : error.why;
  }
}

/** Creates a schedule, and waits until the lanes have its first occurrences. */
export async function createSchedule(
  db: Db,
  context: CreateContext,
  asked: NewSchedule,
  wake: (lanes: readonly number[]) => void,
): Promise<VendorOutcome<MadeSchedule>> {
  const written = await untilSettled(() => tryWrite(db, context, asked));
  if (written === null) return { kind: 'settling', unwritten: true };
  if ('code' in written) return { kind: 'rejected', rejection: written };
  const { id, lanes, replayed } = written;
  wake(lanes);
  const sales = await untilSettled(async () => {
    const first = await occurrencesOf(db, id, 'first', shownMax);
    return first.some(({ state }) => state === 'creating') ? null : first;
  });
  if (sales === null) return { kind: 'settling' };
  return { kind: 'done', value: { id, sales }, replayed };
}

/** A vendor's schedule with its next occurrences; null = there is none of this vendor. */
export async function readSchedule(
  q: Query,
  vendor: VendorId,
  id: string,
): Promise<ScheduleDocument | null> {
  if (!idPattern.test(id)) return null;
  const [row] = await q.query<ScheduleRow>(
    `SELECT ${scheduleColumns} FROM sale.schedules WHERE id = $1 AND vendor_id = $2`,
    [id, vendor],
  );
  if (row === undefined) return null;
  return { ...summaryOf(row), sales: await occurrencesOf(q, id, 'next', shownMax) };
}

function summaryOf(row: ScheduleRow): ScheduleSummary {
  const next = row.state === 'active' ? nextBell(scheduleOf(row), row.made_until.getTime()) : null;
  return {
    id: row.id,
    ...scheduleOf(row),
    state: row.state,
    nextBellAt: next?.at ?? null,
    notice: row.notice,
    createdAt: row.created_at.getTime(),
  };
}

/** A vendor's schedules in every state, the oldest first. Throws BadCursor. */
export async function listSchedules(
  q: Query,
  vendor: VendorId,
  { limit, cursor }: { readonly limit: number; readonly cursor: string | null },
): Promise<Page<ScheduleSummary>> {
  const isId = (id: string): boolean => idPattern.test(id);
  const [at, after] = cursor === null ? [0, ''] : readCursor(cursor, isId);
  // As fine as a cursor tells times apart.
  const made = `date_trunc('milliseconds', created_at)`;
  const rows = await q.query<ScheduleRow>(
    `SELECT ${scheduleColumns} FROM sale.schedules
      WHERE vendor_id = $1 AND (${made}, id) > ($2::timestamptz, $3)
      ORDER BY ${made}, id LIMIT $4`,
    [vendor, new Date(at), after, limit + 1],
    'schedules_list',
  );
  const items = rows.slice(0, limit).map(summaryOf);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items, nextCursor: more ? writeCursor(last.createdAt, last.id) : null };
}

/** Makes no further occurrences; those that there are stay. Doing it twice is no error. */
export async function endSchedule(
  q: Query,
  vendor: VendorId,
  id: string,
): Promise<VendorOutcome<ScheduleDocument>> {
  await q.run(
    `UPDATE sale.schedules SET state = 'cancelled', next_at = NULL
      WHERE id = $1 AND vendor_id = $2 AND state = 'active'`,
    [id, vendor],
  );
  const document = await readSchedule(q, vendor, id);
  if (document === null) return { kind: 'rejected', rejection: { code: 'not_found' } };
  return { kind: 'done', value: document, replayed: false };
}
