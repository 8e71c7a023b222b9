/**
 * Which errors of Postgres are faults. What another attempt may cure is a retryable Fault; what
 * the statement itself is to blame for stays pg's DatabaseError.
 */
import { DatabaseError } from 'pg';
import { Fault, isRetryable, messageOf } from '../fault.ts';

/** SQLSTATE classes: connection, resources, operator intervention, system error. */
const faultClasses = new Set(['08', '53', '57', '58']);

/** Serialization failure, deadlock, lock not available, idle in transaction, read-only server. */
const faultCodes = new Set(['40001', '40P01', '55P03', '25P03', '25006']);

export function toFault(error: unknown): unknown {
  if (error instanceof Fault) return error;
  if (error instanceof DatabaseError) {
    const code = error.code ?? '';
    if (!faultCodes.has(code) && !faultClasses.has(code.slice(0, 2))) return error;
    return fault(`${error.message} (${code})`, error);
  }
  // pg throws these for wrong use, and our own parsers for values out of range: bugs, not faults.
  if (error instanceof TypeError || error instanceof RangeError) return error;
  return fault(messageOf(error), error);
}

/** Whether the connection is of no use any more: the server did not say so itself. */
export function isBroken(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return false;
  if (!(error instanceof DatabaseError)) return true;
  const kind = (error.code ?? '').slice(0, 2);
  return kind === '08' || error.severity === 'FATAL' || error.severity === 'PANIC';
}

/**
 * Whether a fault says that the server cannot be asked now, so that others need not wait for it too:
 * not of one that it gave itself and that ended a single statement, a time-out above all.
 */
export function isAway(error: unknown): boolean {
  return (
    isRetryable(error) && (error as Fault).code === 'postgres' && isBroken((error as Fault).cause)
  );
}

export function fault(message: string, cause?: unknown): Fault {
  return new Fault('postgres', `postgres: ${message}`, { retryable: true, cause });
}
