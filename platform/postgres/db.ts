/**
 * What the rest of Highnoon may know of Postgres: text and values in, typed rows out. int8 comes
 * as a safe number (else it throws), timestamptz as Date, numeric and date as text.
 */
import type { Log } from '../log.ts';

export interface Query {
  /** Rows. With a name the statement is prepared once per connection. */
  query<T>(text: string, values?: readonly unknown[], name?: string): Promise<T[]>;
  /** The number of rows touched. */
  run(text: string, values?: readonly unknown[], name?: string): Promise<number>;
  /**
   * `COPY … FROM STDIN` of lines in the text format (see copy.ts), each with its newline: all of them
   * or, when one breaks a rule of the table, an error and none.
   */
  copy(text: string, lines: string): Promise<void>;
}

export interface TxOptions {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  readonly readOnly?: boolean;
  /** For this transaction instead of the pool's: statements and lock waits. */
  readonly timeoutMs?: number;
}

/**
 * A pool. A failed, slow or overloaded database is thrown as a retryable `Fault` with code
 * `postgres`, and so are deadlocks and serialization failures; a constraint or syntax error is
 * pg's own `DatabaseError` with its SQLSTATE in `code`.
 */
export interface Db extends Query {
  /**
   * BEGIN … COMMIT on one connection; ROLLBACK when `fn` throws. Nothing is retried. A fault in
   * the COMMIT itself leaves the outcome unknown.
   */
  tx<T>(fn: (q: Query) => Promise<T>, options?: TxOptions): Promise<T>;
  /** Waits for what is running, then closes every connection. */
  close(): Promise<void>;
  /** Callers that wait for a connection. */
  waiting(): number;
}

export interface DbOptions {
  /** Connections at most; default 10. */
  readonly max?: number;
  /** Default 5,000. */
  readonly statementTimeoutMs?: number;
  /** Default 3,000. */
  readonly lockTimeoutMs?: number;
  /** Default 10,000. */
  readonly idleInTransactionTimeoutMs?: number;
  /** Wait for a connection, free or new; default 2,000. */
  readonly connectTimeoutMs?: number;
  /** application_name. */
  readonly name?: string;
  /** Told of connections that died; default: nobody. */
  readonly log?: Log;
}
