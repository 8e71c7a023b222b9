/**
 * A file to import on its way into Postgres: in pieces, each kept before the next is read, so that
 * no process holds the file and any worker can go on with it. It becomes a job once all of it is
 * there; a file that was cut never does.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { clock } from '../../platform/clock.ts';
import { Fault } from '../../platform/fault.ts';
import type { Db } from '../../platform/postgres/db.ts';
import { base32 } from '../domain/ids.ts';
import type { VendorId } from '../domain/types.ts';
import type { ImportJob, ImportedFile, VendorOutcome } from '../engine.ts';
import { identityOf } from '../vendors.ts';

export const importPieceBytes = 256 * 1024;
/** Files on their way through one process. */
const uploadsMax = 16;
/** And of one vendor: a file may come in for hours, and must leave room for the others'. */
export const vendorUploadsMax = 2;
/** Of one vendor, not ended. */
export const jobsMax = 20;
export const errorsKeptMax = 1000;

const uploads = new Map<VendorId, number>();

type Made = VendorOutcome<Pick<ImportJob, 'id'>>;

/** Throws a retryable Fault when too many are under way, and what `readBody` throws. */
export async function importFile(
  db: Db,
  secret: KeyObject,
  vendor: VendorId,
  file: ImportedFile,
): Promise<Made> {
  if ((uploads.get(vendor) ?? 0) >= vendorUploadsMax) {
    return { kind: 'rejected', rejection: { code: 'rate_limited' } };
  }
  let all = 0;
  for (const ofVendor of uploads.values()) all += ofVendor;
  if (all >= uploadsMax) {
    throw new Fault('import', 'too many files are coming in', { retryable: true });
  }
  count(vendor, 1);
  try {
    return await receive(db, secret, vendor, file);
  } finally {
    count(vendor, -1);
  }
}

function count(vendor: VendorId, by: 1 | -1): void {
  const now = (uploads.get(vendor) ?? 0) + by;
  if (now > 0) uploads.set(vendor, now);
  else uploads.delete(vendor);
}

async function receive(
  db: Db,
  secret: KeyObject,
  vendor: VendorId,
  file: ImportedFile,
): Promise<Made> {
  const id = `job_${base32(identityOf(secret, file.idempotencyKey, 'import-job', vendor))}`;
  const isKnown = (await readFingerprint(db, id)) !== null;
  if (!isKnown && (await runningJobs(db, vendor)) >= jobsMax) {
    return { kind: 'rejected', rejection: { code: 'rate_limited' } };
  }
  const upload = `upl_${base32(clock.random(15))}`;
  const hash = createHash('sha256').update(`${file.format}\0${file.dryRun ? 'dry' : ''}\0`);
  let piece = 0;
  try {
    const bytes = await file.readBody(importPieceBytes, async (taken) => {
      hash.update(taken);
      if (!isKnown) await keepPiece(db, upload, piece, taken);
      piece += 1;
    });
    if (bytes === 0) {
      const detail = 'the file is empty';
      return { kind: 'rejected', rejection: { code: 'invalid_request', param: 'body', detail } };
    }
    const made = { id, vendor, upload, bytes, fingerprint: hash.digest('hex'), ...file };
    const replayed = isKnown || !(await insertJob(db, made));
    if (!replayed) return { kind: 'done', value: { id }, replayed };
    await dropPieces(db, upload);
    if ((await readFingerprint(db, id)) === made.fingerprint) {
      return { kind: 'done', value: { id }, replayed };
    }
    return { kind: 'rejected', rejection: { code: 'idempotency_key_reused' } };
  } catch (error) {
    // What stays all the same is swept later.
    await dropPieces(db, upload).catch(() => undefined);
    throw error;
  }
}

async function readFingerprint(db: Db, id: string): Promise<string | null> {
  const [row] = await db.query<{ fingerprint: string }>(
    'SELECT fingerprint FROM sale.import_jobs WHERE id = $1',
    [id],
  );
  return row?.fingerprint ?? null;
}

async function runningJobs(db: Db, vendor: VendorId): Promise<number> {
  const [row] = await db.query<{ jobs: number }>(
    `SELECT count(*) AS jobs FROM sale.import_jobs WHERE status = 'running' AND vendor_id = $1`,
    [vendor],
  );
  return row?.jobs ?? 0;
}

const keepPiece = (db: Db, upload: string, piece: number, bytes: Buffer): Promise<number> =>
  db.run(
    'INSERT INTO sale.import_pieces (upload, piece, bytes) VALUES ($1, $2, $3)',
    [upload, piece, bytes],
    'import_piece',
  );

const dropPieces = (db: Db, upload: string): Promise<number> =>
  db.run('DELETE FROM sale.import_pieces WHERE upload = $1', [upload]);

interface NewJob extends ImportedFile {
  readonly id: string;
  readonly vendor: VendorId;
  readonly upload: string;
  readonly bytes: number;
  readonly fingerprint: string;
}

/** False when the same key has made it before. */
async function insertJob(db: Db, job: NewJob): Promise<boolean> {
  const { id, vendor, fingerprint, upload, bytes, format, dryRun } = job;
  const made = await db.run(
    `INSERT INTO sale.import_jobs (id, vendor_id, fingerprint, upload, bytes, format, dry_run)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`,
    [id, vendor, fingerprint, upload, bytes, format, dryRun],
  );
  return made > 0;
}

/** Null when it is not there, or not this vendor's. */
export async function readJob(db: Db, vendor: VendorId, id: string): Promise<ImportJob | null> {
  const [row] = await db.query<Omit<ImportJob, 'errors'>>(
    `SELECT id, status, dry_run AS "dryRun", rows, done, refused, created_at AS "createdAt",
            ended_at AS "endedAt"
       FROM sale.import_jobs WHERE id = $1 AND vendor_id = $2`,
    [id, vendor],
    'import_job',
  );
  if (row === undefined) return null;
  const errors = await db.query<ImportJob['errors'][number]>(
    `SELECT row, code, detail FROM sale.import_errors WHERE job = $1 ORDER BY row
      LIMIT ${errorsKeptMax}`,
    [id],
    'import_errors',
  );
  return { ...row, errors };
}
