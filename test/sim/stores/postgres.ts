/**
 * Postgres as the simulation has it: the real server, statement by statement, each at a time of its
 * own, so transactions of several processes are open at once. A lock that another one holds is asked
 * for again in virtual time until the lock time-out; `now()` is the scheduler's. The end of a process
 * rolls back what it had open.
 */
import { DatabaseError, type Client, type QueryResult } from 'pg';
import { copyLines } from '../../../platform/postgres/copy.ts';
import type { Db, Query, TxOptions } from '../../../platform/postgres/db.ts';
import { fault, toFault } from '../../../platform/postgres/errors.ts';
import type { Faults } from '../faults.ts';
import type { Actor, Scheduler } from '../scheduler.ts';
import { factsOf, Memory, type Input } from './memory.ts';

const usualMs = 0.6;
const lockTimeoutMs = 3000;
const lockRetryMs = 3;
const lockNotAvailable = '55P03';
const readCommitted = 'READ COMMITTED';

/** A statement or transaction of a process. */
interface Holder {
  readonly actor: Actor;
}

/** One connection of the real server. */
interface Seat {
  readonly client: Client;
  holder: Holder | null;
  /** The server knows of its transaction. */
  begun: boolean;
  /** Tables that its transaction may have changed, or holds locks on. */
  readonly touched: Set<string>;
}

export class SimPostgres {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  up = true;
  /** A statement as the server gets it: what a mutant changes. */
  change = (text: string): string => text;
  readonly memory: Memory;
  #starts = 0;
  readonly #seats: readonly Seat[];

  /** `filled` = tables that have rows already. */
  constructor(
    seats: readonly Client[],
    filled: readonly string[],
    scheduler: Scheduler,
    faults: Faults,
  ) {
    this.#seats = seats.map((client) => {
      return { client, holder: null, begun: false, touched: new Set() };
    });
    this.memory = new Memory(filled);
    this.scheduler = scheduler;
    this.faults = faults;
  }

  /** Transactions that may hold locks. */
  get open(): number {
    return this.#seats.filter(({ begun }) => begun).length;
  }

  db(): Db {
    return new SimDb(this);
  }

  /** A free seat, the first of them: which one it is must follow from the seed. */
  sit(holder: Holder): Seat {
    if (!this.up) throw fault('the server is away');
    const seat = this.#seats.find((one) => one.holder === null);
    if (seat === undefined) throw fault('no connection is free');
    seat.holder = holder;
    return seat;
  }

  /** Rolls back what is open: of a connection that has ended, or of all of a process. */
  async leave(whose: (holder: Holder) => boolean): Promise<void> {
    for (const seat of this.#seats) {
      if (seat.holder === null || !whose(seat.holder)) continue;
      if (seat.begun) await seat.client.query('ROLLBACK');
      this.free(seat);
    }
  }

  /** Its transaction is over. */
  free(seat: Seat): void {
    this.memory.changed([...seat.touched]);
    seat.touched.clear();
    seat.holder = null;
    seat.begun = false;
  }

  /** The same a moment later, for one who is no store. */
  drop(holder: Holder): void {
    this.scheduler.after(0, () => this.leave((one) => one === holder), this.scheduler.world);
  }

  /** Every connection is cut; nobody can connect for so long. */
  async restart(downMs: number): Promise<void> {
    this.up = false;
    const start = ++this.#starts;
    await this.leave(() => true);
    this.scheduler.after(
      downMs,
      () => {
        if (start === this.#starts) this.up = true;
      },
      this.scheduler.world,
    );
  }

  get stamp(): string {
    return String(this.scheduler.wall);
  }
}

const nothingRead: QueryResult = { command: 'COPY', rowCount: -1, oid: 0, fields: [], rows: [] };

async function ask(client: Client, text: string, values: Input): Promise<QueryResult> {
  if (typeof values === 'string') {
    await copyLines(client, text, values);
    return nothingRead;
  }
  if (values.length === 0) {
    const result: unknown = await client.query(text);
    return (Array.isArray(result) ? result.at(-1) : result) as QueryResult;
  }
  return client.query({ text, values: [...values], name: factsOf(text).name });
}

/** The time as one more value: a statement of its own would be another way to the server and back. */
function withTime(text: string, values: Input, stamp: string): [string, Input] {
  if (typeof values === 'string' || !text.includes('now()')) return [text, values];
  const now = `to_timestamp($${values.length + 1}::bigint / 1000.0)`;
  return [text.replaceAll('now()', now), [...values, stamp]];
}

class SimDb implements Db {
  readonly #server: SimPostgres;

  constructor(server: SimPostgres) {
    this.#server = server;
  }

  async query<T>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await this.#once(text, values)).rows as T[];
  }

  async run(text: string, values: readonly unknown[] = []): Promise<number> {
    return (await this.#once(text, values)).rowCount ?? 0;
  }

  async copy(text: string, lines: string): Promise<void> {
    await this.#once(text, lines);
  }

  #once(text: string, values: Input): Promise<QueryResult> {
    const server = this.#server;
    const { actor } = server.scheduler;
    return retried(server, () =>
      call(server, text, async () => {
        const seat = server.sit({ actor });
        try {
          const { now } = server.scheduler;
          return await server.memory.answerAt(text, values, now, (aheadMs) =>
            this.#ask(seat, text, values, aheadMs),
          );
        } finally {
          seat.holder = null;
        }
      }),
    );
  }

  async #ask({ client }: Seat, text: string, values: Input, aheadMs: number): Promise<QueryResult> {
    const { memory, scheduler, change } = this.#server;
    const stamp = String(scheduler.wall + aheadMs);
    const { touched } = factsOf(text);
    const [timed, all] = withTime(text, values, stamp);
    // Of defaults of columns.
    if (text.includes('INSERT')) await client.query(`SET "simulated.now" = '${stamp}'`);
    const result = await ask(client, change(timed), all);
    if (touched.length > 0 && result.rowCount !== 0) memory.changed(touched);
    return result;
  }

  async tx<T>(fn: (q: Query) => Promise<T>, options: TxOptions = {}): Promise<T> {
    const server = this.#server;
    const { actor } = server.scheduler;
    const level = options.isolation?.toUpperCase() ?? readCommitted;
    const holder: Holder = { actor };
    const seats: Seat[] = [];
    try {
      await call(server, 'BEGIN', async () => {
        seats.push(server.sit(holder));
        return Promise.resolve();
      });
    } catch (error) {
      server.drop(holder);
      throw error;
    }
    const [seat] = seats;
    if (seat === undefined) throw fault('no connection is free');
    const q = new SeatQuery(server, seat, holder, level);
    try {
      const value = await fn(q);
      await q.end('COMMIT');
      return value;
    } catch (error) {
      await q.end('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  waiting(): number {
    return 0;
  }
}

/** One transaction of a process. */
class SeatQuery implements Query {
  readonly #server: SimPostgres;
  readonly #seat: Seat;
  readonly #holder: Holder;
  readonly #level: string;
  #dirty: boolean;
  #ended = false;

  constructor(server: SimPostgres, seat: Seat, holder: Holder, level: string) {
    this.#server = server;
    this.#seat = seat;
    this.#holder = holder;
    this.#level = level;
    // A snapshot is older than what was last answered.
    this.#dirty = level !== readCommitted;
  }

  async query<T>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await this.#ask(text, values)).rows as T[];
  }

  async run(text: string, values: readonly unknown[] = []): Promise<number> {
    return (await this.#ask(text, values)).rowCount ?? 0;
  }

  async copy(text: string, lines: string): Promise<void> {
    await this.#ask(text, lines);
  }

  /** What the connection itself has lost ends the transaction: the server rolls it back. */
  async end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    const server = this.#server;
    if (this.#ended) throw fault('the transaction is over');
    try {
      await call(server, how, async () => {
        this.#check();
        const { begun, client } = this.#seat;
        // The server answers a commit of what had failed with ROLLBACK.
        const said: string = begun ? (await client.query(how)).command : how;
        this.#leave();
        if (said !== how) throw new Error('committed a transaction that had failed');
        return how;
      });
    } catch (error) {
      // A commit that was not done is undone by the end of its connection.
      this.#drop();
      throw error;
    }
  }

  #ask(text: string, values: Input): Promise<QueryResult> {
    const server = this.#server;
    return retried(server, () =>
      call(server, text, () => {
        this.#check();
        if (this.#dirty) return this.#askServer(text, values);
        this.#dirty = !factsOf(text).isQuestion;
        return server.memory.answer(text, values, () => this.#askServer(text, values));
      }),
    ).catch((error: unknown) => {
      // After a lost call nobody knows the connection's state, so the client drops it.
      if (!(error instanceof DatabaseError) && !this.#ended) this.#drop();
      throw error;
    });
  }

  async #askServer(text: string, values: Input): Promise<QueryResult> {
    const { client, begun } = this.#seat;
    if (!begun) {
      const now = `SET LOCAL "simulated.now" = '${this.#server.stamp}'`;
      await client.query(`BEGIN ISOLATION LEVEL ${this.#level}; ${now}`);
      this.#seat.begun = true;
    }
    for (const table of factsOf(text).touched) this.#seat.touched.add(table);
    // Only beside another transaction can there be a lock to wait for.
    if (this.#server.open < 2) return ask(client, this.#server.change(text), values);
    // Never released: a later one of that name stands before it.
    await client.query('SAVEPOINT statement');
    try {
      return await ask(client, this.#server.change(text), values);
    } catch (error) {
      if (isLocked(error)) await client.query('ROLLBACK TO statement');
      throw error;
    }
  }

  #check(): void {
    if (this.#seat.holder !== this.#holder || this.#ended) throw fault('the connection is gone');
  }

  #leave(): void {
    this.#ended = true;
    this.#server.free(this.#seat);
  }

  #drop(): void {
    this.#ended = true;
    this.#server.drop(this.#holder);
  }
}

const isLocked = (error: unknown): boolean =>
  error instanceof DatabaseError && error.code === lockNotAvailable;

/** A lock that another transaction holds is waited for, as the server would. */
async function retried<T>(server: SimPostgres, run: () => Promise<T>): Promise<T> {
  const { scheduler, faults } = server;
  const until = scheduler.now + lockTimeoutMs;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      const locked = error instanceof LockedElsewhere;
      if (!locked) throw error;
      if (scheduler.now > until) throw toFault(error.cause);
      faults.count('lock waited for');
      await scheduler.sleep(scheduler.rng.next() * lockRetryMs);
    }
  }
}

class LockedElsewhere extends Error {}

async function call<T>(server: SimPostgres, text: string, run: () => Promise<T>): Promise<T> {
  return server.faults.call(
    'postgres',
    factsOf(text).short,
    usualMs,
    async () => {
      try {
        return await run();
      } catch (error) {
        if (isLocked(error)) throw new LockedElsewhere('locked', { cause: error });
        throw toFault(error);
      }
    },
    (why) => fault(why),
  );
}
