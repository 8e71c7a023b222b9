/** The pool and the migrations on a real Postgres. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseError } from 'pg';
import { Fault } from '../../../platform/fault.ts';
import { createLog } from '../../../platform/log.ts';
import { metricsText } from '../../../platform/metrics.ts';
import { copyNull, copyText } from '../../../platform/postgres/copy.ts';
import { migrate } from '../../../platform/postgres/migrate.ts';
import { createDb } from '../../../platform/postgres/pool.ts';
import type { Db, DbOptions } from '../../../platform/postgres/pool.ts';
import { needed, ownName, until } from './stores.ts';

const url = needed('TEST_DATABASE_URL');
const schema = ownName('pg').replaceAll('-', '_');
const log = createLog('test', 'silent');
const open: Db[] = [];

function db(options: DbOptions = {}): Db {
  const made = createDb(url, { log, ...options });
  open.push(made);
  return made;
}

/** Kills other connections by their application_name, as a failover would. */
async function terminate(name: string): Promise<number> {
  const killed = await admin.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
    [name],
  );
  return killed.length;
}

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error: unknown = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof Fault)) throw new Error(`no fault but ${String(error)}`);
  return error;
}

let admin: Db;
beforeAll(async () => {
  admin = createDb(url, { max: 2, name: 'test-admin' });
  await admin.run(`CREATE SCHEMA ${schema}`);
  await admin.run(`CREATE TABLE ${schema}.t (id int8 PRIMARY KEY, n int8 NOT NULL)`);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((d) => d.close()));
});
afterAll(async () => {
  await admin.run(`DROP SCHEMA ${schema} CASCADE`);
  await admin.run("DELETE FROM public.highnoon_migrations WHERE scope LIKE 't-%'").catch(() => 0);
  await admin.close();
});

describe('lines by COPY', () => {
  it('arrive as they were, whatever is in them', async () => {
    const table = `${schema}.copied`;
    const texts = ['', 'plain', 'a\tb', 'a\nb\r', 'back\\slash', '\\N', '\\.', 'ünï 🚀 "{}"'];
    await admin.run(`CREATE TABLE ${table} (id int8, text text)`);
    const lines = texts.map((text, i) => `${i}\t${copyText(text)}\n`).join('');
    await admin.tx((q) => q.copy(`COPY ${table} FROM STDIN`, `${lines}99\t${copyNull}\n`));
    const rows = await admin.query<{ text: string | null }>(
      `SELECT text FROM ${table} ORDER BY id`,
    );
    expect(rows.map(({ text }) => text)).toEqual([...texts, null]);
  });

  it('are all there or none, and the transaction may be undone to a savepoint', async () => {
    const copy = `COPY ${schema}.t FROM STDIN`;
    await admin.tx(async (q) => {
      await q.run('SAVEPOINT before');
      const twice = await q.copy(copy, '801\t1\n801\t1\n').catch((error: unknown) => error);
      expect(twice).toBeInstanceOf(DatabaseError);
      expect(twice).toMatchObject({ code: '23505' });
      await q.run('ROLLBACK TO SAVEPOINT before');
      await q.copy(copy, '802\t1\n');
    });
    await admin.copy(copy, '803\t1\n');
    const rows = await admin.query<{ id: number }>(
      `SELECT id FROM ${schema}.t WHERE id BETWEEN 801 AND 803 ORDER BY id`,
    );
    expect(rows.map(({ id }) => id)).toEqual([802, 803]);
  });

  it('are a fault when the connection ends, and when the server does not go on', async () => {
    const cut = db({ name: ownName('cut') });
    const copy = `COPY ${schema}.t FROM STDIN`;
    const lost = faultOf(
      cut.tx(async (q) => {
        await q.query('SELECT 1');
        const [row] = await q.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        await admin.query('SELECT pg_terminate_backend($1)', [row?.pid]);
        await q.copy(copy, '804\t1\n');
      }),
    );
    expect((await lost).retryable).toBe(true);
    const slow = db({ name: ownName('slow'), statementTimeoutMs: 300, lockTimeoutMs: 200 });
    await admin.tx(async (q) => {
      await q.run(`LOCK TABLE ${schema}.t IN ACCESS EXCLUSIVE MODE`);
      expect((await faultOf(slow.copy(copy, '805\t1\n'))).retryable).toBe(true);
    });
    await slow.copy(copy, '806\t1\n');
  });
});

describe('values', () => {
  it('come as what they are', async () => {
    const [row] = await admin.query<Record<string, unknown>>(
      `SELECT 9007199254740991::int8 AS big, ARRAY[1, null, 2]::int8[] AS list,
        '2030-01-02T03:04:05.006Z'::timestamptz AS at, '2030-01-02'::date AS day,
        1.50::numeric AS exact, '{"a":1}'::jsonb AS doc, count(*) AS n, null::int8 AS nothing`,
    );
    expect(row).toEqual({
      big: Number.MAX_SAFE_INTEGER,
      list: [1, null, 2],
      at: new Date('2030-01-02T03:04:05.006Z'),
      day: '2030-01-02',
      exact: '1.50',
      doc: { a: 1 },
      n: 1,
      nothing: null,
    });
  });

  it('that do not fit are not rounded', async () => {
    await expect(admin.query('SELECT 9007199254740992::int8')).rejects.toThrow(RangeError);
    await expect(admin.query('SELECT ARRAY[9007199254740992]::int8[]')).rejects.toThrow(RangeError);
    expect(await admin.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('go in by unnest, by the thousand', async () => {
    const ids = Array.from({ length: 5000 }, (_, i) => 1_000_000 + i);
    const touched = await admin.run(
      `INSERT INTO ${schema}.t SELECT * FROM unnest($1::int8[], $2::int8[])`,
      [ids, ids],
      'test-insert',
    );
    expect(touched).toBe(5000);
  });
});

describe('a transaction', () => {
  it('commits as a whole or not at all', async () => {
    const insert = `INSERT INTO ${schema}.t VALUES ($1, $2)`;
    const value = await admin.tx(async (q) => {
      await q.run(insert, [1, 1]);
      return 'done';
    });
    expect(value).toBe('done');
    const failing = admin.tx(async (q) => {
      await q.run(insert, [2, 2]);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await admin.query(`SELECT id FROM ${schema}.t WHERE id < 3`)).toEqual([{ id: 1 }]);
  });

  it('that broke a rule keeps pg’s error and its connection', async () => {
    const one = db({ max: 1, name: ownName('rule') });
    const pid = (): Promise<unknown> => one.query('SELECT pg_backend_pid()');
    const before = await pid();
    const broken = one.tx((q) => q.run(`INSERT INTO ${schema}.t VALUES (1, 1)`));
    await expect(broken).rejects.toMatchObject({ code: '23505' });
    await expect(broken).rejects.toBeInstanceOf(DatabaseError);
    expect(await pid()).toEqual(before);
  });

  it('that failed inside cannot be committed by mistake', async () => {
    const swallowed = admin.tx(async (q) => {
      await q.run(`INSERT INTO ${schema}.t VALUES (1, 1)`).catch(() => 0);
    });
    await expect(swallowed).rejects.toThrow(/had failed/);
  });

  it('is not used after its end', async () => {
    const kept = await admin.tx((q) => Promise.resolve(q));
    await expect(kept.query('SELECT 1')).rejects.toThrow(/after its transaction/);
  });

  it('may be read only, and serializable', async () => {
    const options = { isolation: 'serializable', readOnly: true } as const;
    const level = await admin.tx((q) => q.query('SHOW transaction_isolation'), options);
    expect(level).toEqual([{ transaction_isolation: 'serializable' }]);
    const writing = admin.tx((q) => q.run(`DELETE FROM ${schema}.t`), options);
    expect((await faultOf(writing)).retryable).toBe(true);
  });

  it('has time-outs of its own', async () => {
    const one = db({ max: 1, statementTimeoutMs: 50 });
    const long = one.tx((q) => q.query('SELECT pg_sleep(0.2)'), { timeoutMs: 5000 });
    expect((await long).length).toBe(1);
    expect(await one.query('SHOW statement_timeout')).toEqual([{ statement_timeout: '50ms' }]);
  });
});

describe('a fault', () => {
  it('is a deadlock or a lost race', async () => {
    await admin.run(`INSERT INTO ${schema}.t VALUES (11, 0), (12, 0)`);
    const update = `UPDATE ${schema}.t SET n = n + 1 WHERE id = $1`;
    const two = db({ lockTimeoutMs: 10_000 });
    let met = 0;
    const cross = (first: number, second: number): Promise<void> =>
      two.tx(async (q) => {
        await q.run(update, [first]);
        met += 1;
        await until('both hold a row', () => met >= 2);
        await q.run(update, [second]);
      });
    const ends = await Promise.allSettled([cross(11, 12), cross(12, 11)]);
    const lost = ends.filter((end) => end.status === 'rejected');
    expect(lost.length).toBe(1);
    expect(lost[0]?.reason).toMatchObject({ code: 'postgres', retryable: true });
  });

  it('is a statement that takes too long, and the server stops it', async () => {
    const name = ownName('slow');
    const slow = db({ max: 1, statementTimeoutMs: 100, name });
    const fault = await faultOf(slow.query('SELECT pg_sleep(30)'));
    expect(fault).toMatchObject({ code: 'postgres', retryable: true });
    // It says so a moment before it counts as idle; by itself the statement would go on for half a minute.
    const running = async () =>
      admin.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND state = 'active'`,
        [name],
      );
    await until('it is stopped', async () => (await running()).length === 0, 5000);
    expect(await slow.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is a lock that is not given', async () => {
    const name = ownName('lock');
    const waiting = db({ max: 1, lockTimeoutMs: 100, name });
    await admin.tx(async (q) => {
      await q.run(`LOCK TABLE ${schema}.t`);
      const fault = await faultOf(waiting.query(`SELECT * FROM ${schema}.t`));
      expect(fault.message).toContain('55P03');
    });
  });

  it('is a transaction that does nothing', async () => {
    const lazy = db({ max: 1, idleInTransactionTimeoutMs: 100 });
    const fault = await faultOf(
      lazy.tx(async (q) => {
        await q.run('SELECT 1');
        await new Promise((resolve) => setTimeout(resolve, 400));
        await q.run('SELECT 1');
      }),
    );
    expect(fault.retryable).toBe(true);
    expect(await lazy.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is a database that is not there', async () => {
    const nowhere = createDb('postgres://x@127.0.0.1:1/x', { connectTimeoutMs: 300 });
    expect(await faultOf(nowhere.query('SELECT 1'))).toMatchObject({ retryable: true });
    expect(await faultOf(nowhere.tx((q) => q.query('SELECT 1')))).toBeInstanceOf(Fault);
    await nowhere.close();
  });

  it('is a database that takes the call and says nothing', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()));
    const { port } = silent.address() as AddressInfo;
    const dead = createDb(`postgres://x@127.0.0.1:${port}/x`, { connectTimeoutMs: 200 });
    const startedAtMs = performance.now();
    expect((await faultOf(dead.query('SELECT 1'))).retryable).toBe(true);
    expect(performance.now() - startedAtMs).toBeLessThan(1500);
    await dead.close();
    silent.close();
  });

  it('is not a wrong statement', async () => {
    await expect(admin.query('SELEC 1')).rejects.toBeInstanceOf(DatabaseError);
    await expect(admin.query('SELECT $1::text', ['a\u0000b'])).rejects.toBeInstanceOf(
      DatabaseError,
    );
  });
});

describe('a connection that the server ends', () => {
  it('while idle is replaced', async () => {
    const name = ownName('idle');
    const pool = db({ max: 3, name });
    await Promise.all([1, 2, 3].map(() => pool.query('SELECT pg_sleep(0.05)')));
    expect(await terminate(name)).toBe(3);
    await until('the pool answers', () =>
      pool.query('SELECT 1').then(
        () => true,
        () => false,
      ),
    );
  });

  it('while busy is a fault, and replaced', async () => {
    const name = ownName('busy');
    const pool = db({ max: 2, name });
    const query = faultOf(pool.query('SELECT pg_sleep(20)'));
    const tx = faultOf(pool.tx((q) => q.query('SELECT pg_sleep(20)')));
    await until('both run', async () => {
      const running = await admin.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND query LIKE '%sleep%'`,
        [name],
      );
      return running.length === 2;
    });
    await terminate(name);
    expect((await query).retryable).toBe(true);
    expect((await tx).retryable).toBe(true);
    expect(await pool.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await pool.tx((q) => q.query('SELECT 2 AS two'))).toEqual([{ two: 2 }]);
  });

  it('between two statements of a transaction is a fault', async () => {
    const name = ownName('between');
    const pool = db({ max: 1, name });
    const fault = await faultOf(
      pool.tx(async (q) => {
        await q.run('SELECT 1');
        await terminate(name);
        await new Promise((resolve) => setTimeout(resolve, 50));
        await q.run('SELECT 2');
      }),
    );
    expect(fault.retryable).toBe(true);
    expect(await pool.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('the pool', () => {
  it('does not let callers wait for ever', async () => {
    const pool = db({ max: 1, connectTimeoutMs: 150 });
    const busy = pool.query('SELECT pg_sleep(0.6)');
    await until('it is taken', async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return true;
    });
    const startedAtMs = performance.now();
    const waiting = faultOf(pool.query('SELECT 1'));
    expect(pool.waiting()).toBe(1);
    expect((await waiting).retryable).toBe(true);
    expect(performance.now() - startedAtMs).toBeLessThan(500);
    await busy;
    expect(await pool.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(pool.waiting()).toBe(0);
  });

  it('shows its state', async () => {
    await db({ max: 1 }).query('SELECT 1');
    expect(await metricsText()).toMatch(/highnoon_pg_pool\{state="idle".*\} [1-9]/);
  });

  it('is of no use once closed', async () => {
    const pool = createDb(url, { max: 1 });
    await pool.query('SELECT 1');
    await pool.close();
    await expect(pool.query('SELECT 1')).rejects.toThrow();
  });
});

describe('migrations', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'highnoon-migrate-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  function put(name: string, sql: string): void {
    writeFileSync(join(dir, name), sql);
  }

  it('are applied once, in order, also by two at the same time', async () => {
    const scope = ownName('scope');
    put('001_first.sql', `CREATE TABLE ${schema}.m (id int); INSERT INTO ${schema}.m VALUES (1);`);
    put('002_second.sql', `SELECT pg_sleep(0.2); INSERT INTO ${schema}.m VALUES (2);`);
    const others = [db({ max: 1 }), db({ max: 1 }), db({ max: 1, statementTimeoutMs: 50 })];
    await Promise.all(others.map((d) => migrate(d, dir, scope, log)));
    expect(await admin.query(`SELECT id FROM ${schema}.m ORDER BY id`)).toEqual([
      { id: 1 },
      { id: 2 },
    ]);
    await migrate(admin, dir, scope, log);
    const rows = await admin.query(
      'SELECT name FROM public.highnoon_migrations WHERE scope = $1 ORDER BY name',
      [scope],
    );
    expect(rows).toEqual([{ name: '001_first.sql' }, { name: '002_second.sql' }]);

    put('001_first.sql', '-- changed');
    await expect(migrate(admin, dir, scope, log)).rejects.toThrow(/001_first.sql: was changed/);
    put('001_first.sql', `CREATE TABLE ${schema}.m (id int); INSERT INTO ${schema}.m VALUES (1);`);

    put('003_bad.sql', `INSERT INTO ${schema}.m VALUES (3); SELECT nonsense;`);
    await expect(migrate(admin, dir, scope, log)).rejects.toThrow(/003_bad.sql: .*nonsense/);
    expect((await admin.query(`SELECT id FROM ${schema}.m`)).length).toBe(2);
    rmSync(join(dir, '003_bad.sql'));

    put('000_late.sql', 'SELECT 1');
    await expect(migrate(admin, dir, scope, log)).rejects.toThrow(/comes before 2/);
    rmSync(join(dir, '000_late.sql'));

    put('odd.sql', 'SELECT 1');
    await expect(migrate(admin, dir, scope, log)).rejects.toThrow(/not like/);
    rmSync(join(dir, 'odd.sql'));

    put('002_twin.sql', 'SELECT 1');
    await expect(migrate(admin, dir, scope, log)).rejects.toThrow(/is taken/);
    rmSync(join(dir, '002_twin.sql'));
  });
});
