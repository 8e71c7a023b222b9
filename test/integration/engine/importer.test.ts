/** Imports on a real Postgres: every row once, whoever does it and wherever it was interrupted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { startImporter, sweepImports } from '../../../engine/importer.ts';
import { claimJob, isBehind, takeTurn } from '../../../engine/imports/job.ts';
import type { ImportContext } from '../../../engine/imports/job.ts';
import { importFile, jobsMax, readJob, vendorUploadsMax } from '../../../engine/imports/upload.ts';
import type { ImportJob, ImportedFile } from '../../../engine/engine.ts';
import { Vendors } from '../../../engine/vendors.ts';
import { clock } from '../../../platform/clock.ts';
import { silent, until } from '../../support/environment.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let context: ImportContext;

beforeAll(async () => {
  database = await createDatabase();
  context = { db: database.db, secret: idSecretOf('ab'.repeat(32)), currency: 'USD' };
});
afterAll(() => database.close());

async function newVendor(): Promise<string> {
  const made = await new Vendors(database.db).create('Bob');
  if (made.kind !== 'done') throw new Error('no vendor');
  return made.value.id;
}

type More = Partial<Omit<ImportedFile, 'readBody'>>;

const upload = (vendor: string, file: string | Buffer, more: More = {}) =>
  importFile(database.db, context.secret, vendor, {
    ...{ format: 'ndjson', dryRun: false, ...more },
    readBody: async (pieceBytes, take) => {
      const bytes = Buffer.from(file);
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        await take(bytes.subarray(at, at + pieceBytes));
      }
      return bytes.length;
    },
  });

async function uploaded(vendor: string, file: string | Buffer, more: More = {}): Promise<string> {
  const made = await upload(vendor, file, more);
  if (made.kind !== 'done') throw new Error(JSON.stringify(made));
  return made.value.id;
}

/** One turn of a worker; false when there is nothing to do. */
async function turn(registers = true): Promise<boolean> {
  const job = await claimJob(database.db, registers);
  if (job === null) return false;
  await takeTurn(context, job);
  return true;
}

async function imported(
  vendor: string,
  file: string | Buffer,
  more: More = {},
): Promise<ImportJob> {
  const id = await uploaded(vendor, file, more);
  while (await turn());
  return jobOf(vendor, id);
}

async function jobOf(vendor: string, id: string): Promise<ImportJob> {
  const job = await readJob(database.db, vendor, id);
  if (job === null) throw new Error(`no ${id}`);
  return job;
}

interface Registered {
  readonly id: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly supply: number;
}

const registered = (vendor: string) =>
  database.db.query<Registered>(
    `SELECT id, body, supply FROM sale.registrations WHERE vendor_id = $1 ORDER BY body->>'name'`,
    [vendor],
  );

const events = (vendor: string) =>
  database.db.query<{ key: string; value: Record<string, unknown> }>(
    `SELECT key, value FROM platform.outbox WHERE value->>'vendor_id' = $1 ORDER BY value->>'name'`,
    [vendor],
  );

const line = (n: number, more: object = {}) =>
  `${JSON.stringify({ name: `Cup ${String(n).padStart(6, '0')}`, description: '', price_usd: 2.5, remaining_supply: n, ...more })}\n`;
const lines = (count: number) => Array.from({ length: count }, (_, i) => line(i + 1)).join('');

const pieces = async () => (await database.db.query('SELECT 1 FROM sale.import_pieces')).length;

describe('a file', () => {
  it('becomes registrations with their events, as POST /register-product makes them', async () => {
    const vendor = await newVendor();
    const job = await imported(vendor, lines(1234));
    expect(job).toMatchObject({ status: 'done', rows: 1234, done: 1234, refused: 0, errors: [] });
    expect(job.endedAt).not.toBeNull();
    const rows = await registered(vendor);
    expect(rows).toHaveLength(1234);
    expect(rows[41]).toMatchObject({
      body: { name: 'Cup 000042', price: { amount: 250, currency: 'USD' } },
      supply: 42,
    });
    const told = await events(vendor);
    expect(told.map(({ key }) => key)).toEqual(rows.map(({ id }) => id));
    expect(told[41]?.value).toMatchObject({
      ...{ id: rows[41]?.id, vendor_id: vendor, name: 'Cup 000042' },
      price: { amount: 250, currency: 'USD' },
      registered_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/) as string,
    });
    expect(await pieces()).toBe(0);
  });

  it('says of each row at fault what is wrong, and takes the others', async () => {
    const vendor = await newVendor();
    const file = [
      line(1),
      '{"name":"half\n',
      line(3, { color: 'red' }),
      '\n',
      line(4, { attributes: { long: 'x'.repeat(2 * 1024 * 1024) } }),
      line(5),
      Buffer.from([0x22, 0xff, 0x0a]),
      line(7, { variant_of: 'prd_0000000000000' }),
      line(8, { sku: 'SAME' }),
      line(9, { sku: 'SAME' }).trim(),
    ];
    const job = await imported(vendor, Buffer.concat(file.map((part) => Buffer.from(part))));
    expect(job).toMatchObject({ status: 'done', rows: 9, done: 9, refused: 5 });
    expect(job.errors.map(({ row, code }) => [row, code])).toEqual([
      [2, 'invalid_request'],
      [3, 'unknown_field'],
      [4, 'too_large'],
      [6, 'invalid_request'],
      [7, 'not_found'],
    ]);
    expect((await registered(vendor)).map(({ supply }) => supply)).toEqual([1, 5, 8, 9]);
  });

  it('may be a table with a byte order mark', async () => {
    const vendor = await newVendor();
    const table =
      '\ufeffname,price_usd,remaining_supply,attributes.color\r\n' +
      '"Cup, ""big""\nand round",3,4,red\r\nBowl,x,1,\r\nJug,1,2,"blue\r\nPot,1,2,\r\n';
    const job = await imported(vendor, table, { format: 'csv' });
    expect(job).toMatchObject({ status: 'done', rows: 4, done: 4, refused: 2 });
    expect(job.errors.map(({ row }) => row)).toEqual([2, 3]);
    const rows = await registered(vendor);
    expect(rows.map(({ body }) => body['name'])).toEqual(['Cup, "big"\nand round', 'Pot']);
    expect(rows[0]?.body['attributes']).toEqual({ color: 'red' });
  });

  it.each([
    ['UTF-16', Buffer.from('\ufeffname\n', 'utf16le'), 'invalid_request', 'UTF-8'],
    ['an unknown column', 'name,colour\n', 'unknown_field', 'colour'],
    ['a column twice', 'name,name\n', 'invalid_request', 'twice'],
  ] as const)('with %s fails as a whole', async (_, file, code, detail) => {
    const vendor = await newVendor();
    const job = await imported(vendor, file, { format: 'csv' });
    expect(job).toMatchObject({ status: 'failed', done: 0, errors: [{ row: 1, code }] });
    expect(job.errors[0]?.detail).toContain(detail);
    expect(await pieces()).toBe(0);
  });

  it('that is empty is refused; one without rows is done', async () => {
    const vendor = await newVendor();
    expect(await upload(vendor, '')).toMatchObject({ kind: 'rejected' });
    expect(await imported(vendor, '\n\n')).toMatchObject({ status: 'done', rows: 0 });
    const header = await imported(vendor, 'name', { format: 'csv' });
    expect(header).toMatchObject({ status: 'done', rows: 0, done: 0 });
  });

  it('may name its own earlier rows as products to vary', async () => {
    const vendor = await newVendor();
    const file = `${line(1)}${line(2, { variant_of: 'row:1' })}[]\n${line(4, { variant_of: 'row:3' })}`;
    for (const dryRun of [true, false]) {
      const job = await imported(vendor, file, { dryRun });
      expect(job.errors.map(({ row }) => row)).toEqual([3, 4]);
    }
    const [parent, variant] = await registered(vendor);
    expect(variant?.body['variant_of']).toBe(parent?.id);
  });

  it('keeps the first thousand errors and counts all', async () => {
    const vendor = await newVendor();
    const job = await imported(vendor, '[]\n'.repeat(1700));
    expect(job).toMatchObject({ rows: 1700, done: 1700, refused: 1700 });
    expect(job.errors).toHaveLength(1000);
    expect(job.errors.at(-1)?.row).toBe(1000);
  });
});

it('a dry run registers nothing', async () => {
  const vendor = await newVendor();
  const job = await imported(vendor, `${lines(3)}[]\n`, { dryRun: true });
  expect(job).toMatchObject({ status: 'done', dryRun: true, rows: 4, done: 4, refused: 1 });
  expect(await registered(vendor)).toEqual([]);
  expect(await events(vendor)).toEqual([]);
});

describe('a key', () => {
  it('makes one job of one file, and refuses another one', async () => {
    const vendor = await newVendor();
    const again = { idempotencyKey: 'k' };
    const id = await uploaded(vendor, lines(2), again);
    expect(await upload(vendor, lines(2), again)).toEqual({
      ...{ kind: 'done', replayed: true, value: { id } },
    });
    const reused = { kind: 'rejected', rejection: { code: 'idempotency_key_reused' } };
    expect(await upload(vendor, lines(3), again)).toEqual(reused);
    expect(await upload(vendor, lines(2), { ...again, dryRun: true })).toEqual(reused);
    while (await turn());
    expect(await registered(vendor)).toHaveLength(2);
    expect(await uploaded(await newVendor(), lines(2), again)).not.toBe(id);
    while (await turn());
  });
});

describe('interrupted', () => {
  it('a file that was cut is no job, and leaves nothing', async () => {
    const vendor = await newVendor();
    const cut = importFile(database.db, context.secret, vendor, {
      ...{ format: 'ndjson', dryRun: false },
      readBody: async (pieceBytes, take) => {
        await take(Buffer.alloc(pieceBytes, 'x'));
        throw new Error('cut');
      },
    });
    await expect(cut).rejects.toThrow('cut');
    expect(await pieces()).toBe(0);
    expect(await turn()).toBe(false);
  });

  it('two workers at the same turn do it once', async () => {
    const vendor = await newVendor();
    const id = await uploaded(vendor, lines(700));
    await turn();
    const job = await claimJob(database.db);
    if (job === null) throw new Error('no job');
    await Promise.all([takeTurn(context, job), takeTurn(context, job), takeTurn(context, job)]);
    expect((await jobOf(vendor, id)).done).toBe(500);
    await takeTurn(context, job);
    while (await turn());
    expect((await jobOf(vendor, id)).done).toBe(700);
    expect(await registered(vendor)).toHaveLength(700);
    expect(await events(vendor)).toHaveLength(700);
  });

  it('what a worker that died had claimed another one goes on with', async () => {
    const vendor = await newVendor();
    const id = await uploaded(vendor, lines(900));
    await turn();
    await turn();
    expect(await claimJob(database.db)).not.toBeNull();
    expect(await claimJob(database.db)).toBeNull();
    await database.db.run(`UPDATE sale.import_jobs SET claimed_until = now() WHERE id = $1`, [id]);
    await sleep(5);
    while (await turn());
    expect(await jobOf(vendor, id)).toMatchObject({ status: 'done', done: 900 });
    expect(await registered(vendor)).toHaveLength(900);
  });
});

it('takes jobs in turn, so that a short one need not wait for a long one', async () => {
  const [patient, quick] = [await newVendor(), await newVendor()];
  const long = await uploaded(patient, lines(2000));
  const short = await uploaded(quick, lines(10));
  for (let i = 0; i < 6; i += 1) await turn();
  expect((await jobOf(quick, short)).status).toBe('done');
  expect((await jobOf(patient, long)).status).toBe('running');
  const loop = startImporter(context, silent);
  await until('the long one is done', async () => (await jobOf(patient, long)).status === 'done');
  await loop.close();
});

it('gives way and keeps its claim while it passes what makes no rows', async () => {
  const vendor = await newVendor();
  const id = await uploaded(vendor, `${'x\n'.repeat(20_000)}${'\n'.repeat(600_000)}`);
  let now = 0;
  const soon = vi.spyOn(clock, 'soon');
  const time = vi.spyOn(clock, 'now').mockImplementation(() => (now += 3000));
  const run = vi.spyOn(database.db, 'run');
  const renewed = () => run.mock.calls.filter(([sql]) => sql.includes('claimed_until = now() +'));
  try {
    await turn();
    // After each thousand of records, and after each of three pieces.
    expect(soon).toHaveBeenCalledTimes(20 + 3);
    expect(renewed()).toHaveLength(20 + 3);
    await database.db.run(
      `UPDATE sale.import_jobs SET done = 19999, position = 39998 WHERE id = $1`,
      [id],
    );
    run.mockClear();
    await turn();
    expect(renewed()).toHaveLength(2);
  } finally {
    for (const spy of [soon, time, run]) spy.mockRestore();
  }
  while (await turn());
  expect(await jobOf(vendor, id)).toMatchObject({ status: 'done', rows: 20_000, done: 20_000 });
});

it('registers nothing while as many wait to be opened, and checks files all the same', async () => {
  const vendor = await newVendor();
  await imported(vendor, lines(500));
  expect(await isBehind(database.db)).toBe(true);
  const real = await uploaded(vendor, lines(1));
  while (await turn(false));
  expect((await jobOf(vendor, real)).done).toBe(0);
  const dry = await uploaded(vendor, lines(3), { dryRun: true });
  while (await turn(false));
  expect((await jobOf(vendor, dry)).status).toBe('done');
  await database.db.run(`UPDATE sale.registrations SET standing_sale = 'sal_x'`);
  expect(await isBehind(database.db)).toBe(false);
  while (await turn());
  expect((await jobOf(vendor, real)).status).toBe('done');
});

it('a job is its vendor’s alone, and a vendor has so many at a time', async () => {
  const vendor = await newVendor();
  const id = await uploaded(vendor, lines(1));
  expect(await readJob(database.db, await newVendor(), id)).toBeNull();
  for (let i = 1; i < jobsMax; i += 1) await uploaded(vendor, lines(1));
  expect(await upload(vendor, lines(1))).toMatchObject({ rejection: { code: 'rate_limited' } });
  while (await turn());
  await uploaded(vendor, lines(1));
  while (await turn());
});

it('a vendor has so many files coming in at a time, and another one has room', async () => {
  const vendor = await newVendor();
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  const slow = () =>
    importFile(database.db, context.secret, vendor, {
      ...{ format: 'ndjson', dryRun: true },
      readBody: async (_, take) => {
        await gate;
        await take(Buffer.from(line(1)));
        return line(1).length;
      },
    });
  const coming = Array.from({ length: vendorUploadsMax }, slow);
  expect(await upload(vendor, line(2))).toEqual({
    ...{ kind: 'rejected', rejection: { code: 'rate_limited' } },
  });
  await uploaded(await newVendor(), line(3), { dryRun: true });
  letGo();
  for (const made of await Promise.all(coming)) expect(made).toMatchObject({ kind: 'done' });
  await uploaded(vendor, line(4), { dryRun: true });
  while (await turn());
});

it('forgets jobs of last week, and pieces of no job', async () => {
  const vendor = await newVendor();
  const { id } = await imported(vendor, `${line(1)}[]\n`);
  await database.db.run(
    `UPDATE sale.import_jobs SET ended_at = now() - interval '8 days' WHERE id = $1`,
    [id],
  );
  await database.db.run(
    `INSERT INTO sale.import_pieces VALUES ('upl_old', 0, 'x', now() - interval '2 days')`,
  );
  await sweepImports(database.db);
  expect(await readJob(database.db, vendor, id)).toBeNull();
  expect(await pieces()).toBe(0);
});
