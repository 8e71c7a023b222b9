/**
 * The three failures: a rejection is a value, a fault is thrown (a dependency failed), a bug is an
 * assertion. A retryable fault means "the outcome is unknown or nothing happened: ask again".
 */

export interface FaultOptions {
  /** True when the same call may succeed later, by itself or after the dependency is back. */
  readonly retryable: boolean;
  readonly cause?: unknown;
}

/** A dependency failed unexpectedly. `code` names it: `postgres`, `kafka`, `redis`, … */
export class Fault extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: FaultOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.retryable = options.retryable;
  }
}

export function isRetryable(error: unknown): boolean {
  return error instanceof Fault && error.retryable;
}

/** A bug in our own code: never caught to go on, only to answer 500 and to be logged. */
export class AssertionFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AssertionFailed';
  }
}

/** Asserts what must hold whatever a client sends. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!Boolean(condition)) throw new AssertionFailed(message);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
