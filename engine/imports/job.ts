/**
 * One turn of an import job: some hundred rows, registered in the transaction that moves the job's
 * position. Two workers at the same job do no harm: the position moves for one of them only.
 */
import type { KeyObject } from 'node:crypto';
import { clock } from '../../platform/clock.ts';
import type { Db, Query } from '../../platform/postgres/db.ts';
import type { VendorId } from '../domain/types.ts';
import { ownProducts, productIdOfRow, writeRegistrations } from '../registrations.ts';
import { RecordReader } from './records.ts';
import type { FileRecord, ImportFormat } from './records.ts';
import { isError, readHeader, readRow } from './rows.ts';
import type { GoodRow, Row, RowError } from './rows.ts';
import { errorsKeptMax, importPieceBytes } from './upload.ts';

export interface Job {
  readonly id: string;
  readonly vendor_id: VendorId;
  readonly upload: string;
  readonly bytes: number;
  readonly format: ImportFormat;
  readonly dry_run: boolean;
  readonly columns: readonly string[] | null;
  readonly rows: number | null;
  readonly done: number;
  readonly refused: number;
  readonly position: number;
}

export interface ImportContext {
  readonly db: Db;
  readonly secret: KeyObject;
  readonly currency: string;
}

const rowsPerTurn = 500;
export const claimMs = 10_000;
const claimAgainMs = claimMs / 4;
const recordsAtOnce = 1000;

/**
 * Whether as many products are still to be opened as a turn registers. More of them would only wait
 * in front of a vendor's who registers one now.
 */
export async function isBehind(q: Query): Promise<boolean> {
  const [row] = await q.query<{ behind: number }>(
    `SELECT (SELECT count(*) FROM (SELECT 1 FROM sale.registrations
               WHERE standing_sale IS NULL AND status = 'accepted' LIMIT ${rowsPerTurn}) r)
          + (SELECT count(*) FROM (SELECT 1 FROM sale.lane_commands
               WHERE outcome IS NULL LIMIT ${rowsPerTurn}) c) AS behind`,
    [],
    'import_behind',
  );
  return (row?.behind ?? 0) >= rowsPerTurn;
}

/**
 * The job that waited longest, as the caller's for some seconds; null = none is to be done.
 * `registers` false: only one whose turn registers nothing.
 */
export async function claimJob(db: Db, registers = true): Promise<Job | null> {
  const [job] = await db.query<Job>(
    `UPDATE sale.import_jobs SET touched_at = now(),
            claimed_until = now() + interval '${claimMs} milliseconds'
      WHERE id = (SELECT id FROM sale.import_jobs
                   WHERE status = 'running' AND claimed_until < now()
                     AND ($1 OR dry_run OR rows IS NULL)
                   ORDER BY touched_at LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING id, vendor_id, upload, bytes, format, dry_run, columns, rows, done, refused, position`,
    [registers],
    'import_claim',
  );
  return job ?? null;
}

/** Counts the rows, reads the header, or does the next rows; then others may claim it. */
export async function takeTurn(context: ImportContext, job: Job): Promise<void> {
  if (job.rows === null) await begin(context, job);
  else if (job.position >= job.bytes) await end(context, job);
  else await nextRows(context, job);
}

const freed = `claimed_until = '-infinity', touched_at = now()`;

/** Counts all rows, so that progress has a measure, and keeps the columns. */
async function begin({ db }: ImportContext, job: Job): Promise<void> {
  const reader = new RecordReader(job.format, 0);
  const pace = new Pace(db, job);
  let columns: readonly string[] | null = null;
  let position = 0;
  let rows = 0;
  for (let piece = 0; piece * importPieceBytes < job.bytes; piece += 1) {
    const bytes = await readPiece(db, job.upload, piece);
    if (piece === 0 && isOtherEncoding(bytes)) {
      await fail(db, job, { code: 'invalid_request', detail: 'the file is not UTF-8' });
      return;
    }
    const mark = piece === 0 ? markBytes(bytes) : 0;
    if (piece === 0) reader.skipTo(mark);
    reader.push(bytes.subarray(mark));
    if ((piece + 1) * importPieceBytes >= job.bytes) reader.end();
    for (let record = reader.next(); record !== null; record = reader.next()) {
      if (pace.isDue()) await pace.rest();
      if (job.format === 'ndjson' || columns !== null) {
        rows += 1;
        continue;
      }
      const header = readHeader(record);
      if ('detail' in header) {
        await fail(db, job, header);
        return;
      }
      ({ columns } = header);
      position = record.end;
    }
    if (piece === 0 && columns === null) position = mark;
    await pace.rest();
  }
  await db.run(
    `UPDATE sale.import_jobs SET rows = $2, columns = $3, position = $4, ${freed}
      WHERE id = $1 AND status = 'running' AND rows IS NULL`,
    [job.id, rows, columns === null ? null : JSON.stringify(columns), position],
  );
}

/**
 * Of a turn that passes many records or many pieces without a row: the process has others to serve
 * meanwhile, and the job stays claimed.
 */
class Pace {
  readonly #db: Db;
  readonly #job: Job;
  #claimedAt = clock.now();
  #records = 0;

  constructor(db: Db, job: Job) {
    this.#db = db;
    this.#job = job;
  }

  /** Asked once for each record. */
  isDue(): boolean {
    this.#records += 1;
    return this.#records % recordsAtOnce === 0;
  }

  async rest(): Promise<void> {
    await new Promise<void>((resolve) => {
      clock.soon(resolve);
    });
    if (clock.now() - this.#claimedAt < claimAgainMs) return;
    this.#claimedAt = clock.now();
    await this.#db.run(
      `UPDATE sale.import_jobs SET claimed_until = now() + interval '${claimMs} milliseconds'
        WHERE id = $1`,
      [this.#job.id],
    );
  }
}

/** A byte order mark of UTF-8 is passed over; one of UTF-16 says that it is something else. */
const markBytes = (bytes: Buffer): number =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;

const isOtherEncoding = (bytes: Buffer): boolean =>
  (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);

async function readPiece(db: Db, upload: string, piece: number): Promise<Buffer> {
  const [row] = await db.query<{ bytes: Buffer }>(
    'SELECT bytes FROM sale.import_pieces WHERE upload = $1 AND piece = $2',
    [upload, piece],
    'import_read',
  );
  // It was ended by another worker meanwhile: its position will not move for us.
  return row?.bytes ?? Buffer.alloc(0);
}

async function nextRows(context: ImportContext, job: Job): Promise<void> {
  const records = await readRecords(context.db, job);
  const rows = records.map((record, i) =>
    readRow(record, job.done + i + 1, job.columns, context.currency),
  );
  const position = records.length < rowsPerTurn ? job.bytes : (records.at(-1)?.end ?? job.bytes);
  await context.db.tx(async (q) => {
    const moved = await q.run(
      `UPDATE sale.import_jobs SET position = $3, done = done + $4, ${freed}
        WHERE id = $1 AND position = $2 AND status = 'running'`,
      [job.id, job.position, position, rows.length],
      'import_move',
    );
    if (moved === 0) return;
    const errors = await register(q, context, job, rows);
    if (errors.length > 0) await keepErrors(q, job, errors);
  });
}

async function readRecords(db: Db, job: Job): Promise<FileRecord[]> {
  const reader = new RecordReader(job.format, job.position);
  const pace = new Pace(db, job);
  const records: FileRecord[] = [];
  let skip = job.position % importPieceBytes;
  for (let piece = Math.floor(job.position / importPieceBytes); ; piece += 1) {
    reader.push((await readPiece(db, job.upload, piece)).subarray(skip));
    skip = 0;
    if ((piece + 1) * importPieceBytes >= job.bytes) reader.end();
    for (let record = reader.next(); record !== null; record = reader.next()) {
      records.push(record);
      if (records.length === rowsPerTurn) return records;
    }
    if ((piece + 1) * importPieceBytes >= job.bytes) return records;
    await pace.rest();
  }
}

/** Registers the good ones, unless it is a dry run. Answers those at fault. */
async function register(
  q: Query,
  { secret, currency }: ImportContext,
  job: Job,
  rows: readonly Row[],
): Promise<RowError[]> {
  const errors = rows.filter(isError);
  const good = rows.filter((row): row is GoodRow => !isError(row));
  const fitting = await withParents(q, secret, job, good);
  const lost = good.filter(({ row }) => !fitting.has(row));
  const detail = '`variant_of` is no product of yours';
  errors.push(...lost.map(({ row }) => ({ row, code: 'not_found' as const, detail })));
  if (job.dry_run || fitting.size === 0) return errors;
  const written = [...fitting].map(([row, body]) => ({
    id: productIdOfRow(secret, job.id, row),
    body,
    supply: Number(body['remaining_supply']),
    fingerprint: job.id,
  }));
  await writeRegistrations(q, job.vendor_id, currency, written);
  return errors;
}

/** By row, with ids in place of rows; without those whose product there is not. */
async function withParents(
  q: Query,
  secret: KeyObject,
  job: Job,
  rows: readonly GoodRow[],
): Promise<Map<number, Readonly<Record<string, unknown>>>> {
  const parentOf = ({ body, variantOfRow }: GoodRow): string | null => {
    if (variantOfRow !== null) return productIdOfRow(secret, job.id, variantOfRow);
    return body.variant_of ?? null;
  };
  const wanted = rows.flatMap((row) => parentOf(row) ?? []);
  const known = new Set(await ownProducts(q, job.vendor_id, [...new Set(wanted)]));
  const fitting = new Map<number, Readonly<Record<string, unknown>>>();
  for (const row of rows) {
    const parent = parentOf(row);
    // Of a dry run no row is there: an earlier one counts unless it was at fault.
    const isThere =
      parent === null ||
      known.has(parent) ||
      (job.dry_run && row.variantOfRow !== null && row.variantOfRow <= job.done);
    if (!isThere) continue;
    fitting.set(row.row, parent === null ? row.body : { ...row.body, variant_of: parent });
    known.add(productIdOfRow(secret, job.id, row.row));
  }
  return fitting;
}

async function keepErrors(q: Query, job: Job, errors: readonly RowError[]): Promise<void> {
  const room = Math.max(0, errorsKeptMax - job.refused);
  const kept = [...errors].sort((a, b) => a.row - b.row).slice(0, room);
  await q.run('UPDATE sale.import_jobs SET refused = refused + $2 WHERE id = $1', [
    job.id,
    errors.length,
  ]);
  await q.run(
    `INSERT INTO sale.import_errors (job, row, code, detail)
     SELECT $1, row, code, detail FROM jsonb_to_recordset($2::jsonb) AS e(row bigint, code text, detail text)`,
    [job.id, JSON.stringify(kept)],
  );
}

const fail = (db: Db, job: Job, why: Omit<RowError, 'row'>): Promise<void> =>
  db.tx(async (q) => {
    const ended = await endAs(q, job, 'failed');
    if (ended) await keepErrors(q, job, [{ row: 1, ...why }]);
  });

const end = ({ db }: ImportContext, job: Job): Promise<boolean> =>
  db.tx((q) => endAs(q, job, 'done'));

/** With it the file goes. */
async function endAs(q: Query, job: Job, status: 'done' | 'failed'): Promise<boolean> {
  const ended = await q.run(
    `UPDATE sale.import_jobs SET status = $2, ended_at = now() WHERE id = $1 AND status = 'running'`,
    [job.id, status],
  );
  if (ended === 0) return false;
  await q.run('DELETE FROM sale.import_pieces WHERE upload = $1', [job.upload]);
  return true;
}
