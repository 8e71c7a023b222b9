/** What a thrown thing is to the caller: a problem with a stable code, never a stack trace. */
import { Fault } from '../fault.ts';
import { ProblemError, problem } from './problems.ts';
import type { ProblemInput } from './problems.ts';

const retryFaultAfterMs = 1000;

const unavailable = (again: string): ProblemInput =>
  problem('unavailable', `Something behind us did not answer in time; ${again}.`, {
    retryAfterMs: retryFaultAfterMs,
  });

const internal = problem(
  'internal',
  'The request could not be completed; it is logged under its request id.',
);

/** `hasKey`: whether the request came with an Idempotency-Key. */
export const askAgain = (hasKey: boolean): string =>
  hasKey ? 'ask again with the same key' : 'ask again';

export function problemOf(error: unknown, hasKey: boolean): ProblemInput {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof Fault && error.retryable) return unavailable(askAgain(hasKey));
  return internal;
}
