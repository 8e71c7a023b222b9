/**
 * The pool: bounded in connections, in waiting callers and in time, on the server's side and on
 * ours. A connection that broke is dropped; nothing is retried here.
 */
import { Pool } from 'pg';
import type { PoolClient, PoolConfig, QueryConfig, QueryResult } from 'pg';
import { awaiting } from '../awaited.ts';
import { invariant } from '../fault.ts';
import { beforeScrape, metrics } from '../metrics.ts';
import { copyLines } from './copy.ts';
import type { Db, DbOptions, Query, TxOptions } from './db.ts';
import { fault, isBroken, toFault } from './errors.ts';
import { getTypeParser } from './types.ts';

export type { Db, DbOptions, Query, TxOptions } from './db.ts';

const connectionsDefault = 10;
const statementTimeoutDefaultMs = 5_000;
const lockTimeoutDefaultMs = 3_000;
const idleInTransactionTimeoutDefaultMs = 10_000;
const connectTimeoutDefaultMs = 2_000;
const waitingMax = 2_000;
/** A server that is stopped does not keep its own time-outs, so ours follows a little later. */
const patienceMs = 1_000;

const pools = new Set<Pool>();

export function createDb(url: string, options: DbOptions = {}): Db {
  const settings = settingsOf(url, options);
  const pool = new Pool(settings);
  const tell = (error: Error): void => {
    options.log?.warn({ err: error.message, db: options.name }, 'postgres connection lost');
  };
  pool.on('error', tell);
  // A client in use has no listener of the pool's: without one its end would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  watch(pool);
  return new PooledDb(pool, settings.query_timeout);
}

function settingsOf(url: string, options: DbOptions): PoolConfig & { query_timeout: number } {
  const statementTimeoutMs = options.statementTimeoutMs ?? statementTimeoutDefaultMs;
  return {
    connectionString: url,
    max: options.max ?? connectionsDefault,
    connectionTimeoutMillis: options.connectTimeoutMs ?? connectTimeoutDefaultMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + patienceMs,
    lock_timeout: options.lockTimeoutMs ?? lockTimeoutDefaultMs,
    idle_in_transaction_session_timeout:
      options.idleInTransactionTimeoutMs ?? idleInTransactionTimeoutDefaultMs,
    application_name: options.name ?? 'highnoon',
    keepAlive: true,
    types: { getTypeParser },
  };
}

class PooledDb implements Db {
  readonly #pool: Pool;
  readonly #timeoutMs: number;

  constructor(pool: Pool, timeoutMs: number) {
    this.#pool = pool;
    this.#timeoutMs = timeoutMs;
  }

  async query<T>(text: string, values?: readonly unknown[], name?: string): Promise<T[]> {
    const result = await this.#once((c) => ask(c, this.#timeoutMs, text, values, name));
    return result.rows as T[];
  }

  async run(text: string, values?: readonly unknown[], name?: string): Promise<number> {
    const result = await this.#once((c) => ask(c, this.#timeoutMs, text, values, name));
    return result.rowCount ?? 0;
  }

  copy(text: string, lines: string): Promise<void> {
    return this.#once((client) => copyLines(client, text, lines));
  }

  async #once<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#acquire();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client.release(isBroken(error));
      throw toFault(error);
    }
  }

  async tx<T>(fn: (q: Query) => Promise<T>, options: TxOptions = {}): Promise<T> {
    const client = await this.#acquire();
    const timeoutMs = options.timeoutMs ?? 0;
    const q = new ClientQuery(client, timeoutMs > 0 ? timeoutMs + patienceMs : this.#timeoutMs);
    try {
      await q.run(beginOf(options));
      if (timeoutMs > 0) await q.run(timeoutsOf(timeoutMs));
      const value = await fn(q);
      await q.commit();
      client.release();
      return value;
    } catch (error) {
      client.release(await q.rollBack());
      throw error;
    } finally {
      q.end();
    }
  }

  async #acquire(): Promise<PoolClient> {
    if (this.#pool.waitingCount >= waitingMax) throw fault(`${waitingMax} callers wait already`);
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw toFault(error);
    }
  }

  async close(): Promise<void> {
    pools.delete(this.#pool);
    await this.#pool.end();
  }

  waiting(): number {
    return this.#pool.waitingCount;
  }
}

/** One transaction's connection; of no use once the transaction is over. */
class ClientQuery implements Query {
  readonly #client: PoolClient;
  readonly #timeoutMs: number;
  #ended = false;
  #broken = false;

  constructor(client: PoolClient, timeoutMs: number) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  async query<T>(text: string, values?: readonly unknown[], name?: string): Promise<T[]> {
    const result = await this.#ask(text, values, name);
    return result.rows as T[];
  }

  async run(text: string, values?: readonly unknown[], name?: string): Promise<number> {
    const result = await this.#ask(text, values, name);
    return result.rowCount ?? 0;
  }

  copy(text: string, lines: string): Promise<void> {
    return this.#do(() => copyLines(this.#client, text, lines));
  }

  /** A transaction that failed inside and was carried on nevertheless would roll back silently. */
  async commit(): Promise<void> {
    const result = await this.#ask('COMMIT');
    invariant(result.command === 'COMMIT', 'committed a transaction that had failed');
  }

  /** Returns whether the connection is to be dropped. */
  async rollBack(): Promise<boolean> {
    try {
      if (!this.#broken) await this.#ask('ROLLBACK');
    } catch {
      this.#broken = true;
    }
    return this.#broken;
  }

  end(): void {
    this.#ended = true;
  }

  #ask(text: string, values?: readonly unknown[], name?: string): Promise<QueryResult> {
    return this.#do(() => ask(this.#client, this.#timeoutMs, text, values, name));
  }

  async #do<T>(work: () => Promise<T>): Promise<T> {
    invariant(!this.#ended, 'a query after its transaction');
    try {
      return await work();
    } catch (error) {
      if (isBroken(error)) this.#broken = true;
      throw toFault(error);
    }
  }
}

/** What pg's typings do not tell. */
type WithStream = PoolClient & { readonly connection: { readonly stream: unknown } };

/** pg knows a time-out per query; its typings do not. */
interface TimedQuery extends QueryConfig {
  query_timeout: number;
}

async function ask(
  client: PoolClient,
  timeoutMs: number,
  text: string,
  values: readonly unknown[] | undefined,
  name: string | undefined,
): Promise<QueryResult> {
  const query: TimedQuery = { text, query_timeout: timeoutMs };
  // Without values the simple protocol is used, which takes several statements at once.
  if (values !== undefined && values.length > 0) query.values = values as unknown[];
  if (name !== undefined) query.name = name;
  const { stream } = (client as WithStream).connection;
  const result = (await awaiting(stream, client.query(query))) as QueryResult | QueryResult[];
  if (!Array.isArray(result)) return result;
  const last = result.at(-1);
  invariant(last !== undefined, 'no statement was run');
  return last;
}

function beginOf({ isolation, readOnly }: TxOptions): string {
  const level = isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation.toUpperCase()}`;
  return `BEGIN${level}${readOnly === true ? ' READ ONLY' : ''}`;
}

function timeoutsOf(timeoutMs: number): string {
  const ms = Math.trunc(timeoutMs);
  return `SET LOCAL statement_timeout = ${ms}; SET LOCAL lock_timeout = ${ms}`;
}

function watch(pool: Pool): void {
  if (pools.size === 0) beforeScrape('pgPool', showPools);
  pools.add(pool);
}

function showPools(): void {
  const sum = { total: 0, idle: 0, waiting: 0 };
  for (const pool of pools) {
    sum.total += pool.totalCount;
    sum.idle += pool.idleCount;
    sum.waiting += pool.waitingCount;
  }
  for (const [state, count] of Object.entries(sum)) metrics.pgPool.set({ state }, count);
}
