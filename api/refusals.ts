/** What the engine refuses, as problems of the contract. The only place where one becomes the other. */
import { askAgain } from '../platform/http/failure.ts';
import { problem, readied, statusOf } from '../platform/http/problems.ts';
import type { ProblemCode, ProblemInput } from '../platform/http/problems.ts';
import type {
  Outcome,
  RefusedLine,
  Rejection,
  VendorOutcome,
  VendorRejection,
} from '../engine/index.ts';
import { timeText } from './clock-text.ts';
import { nextOrderStates, nextSaleStates } from './states.ts';

const askAgainAfterMs = 200;
const settlingRetryMs = 1000;
const importsRetryMs = 5000;

/** An order lacks e-mail or address, or both; `sent` = those that came with the command. */
export function detailsProblem(sent: { readonly email?: unknown }): ProblemInput {
  return sent.email === undefined ? detailsRequired : addressRequired;
}

/** The same words for a thing that is not there and for somebody else's. */
export const notFound = problem('not_found', 'There is no such thing.');

const saleEnded = readied(problem('sale_ended', 'The sale has ended; no more holds are taken.'));
const forbidden = problem('forbidden', 'This sale is for verified shoppers; a guest may not hold.');
const productRequired = problem(
  'invalid_request',
  'The sale has several items: `product_id` says which.',
  { param: 'product_id' },
);
const holdExpired = problem('hold_expired', 'The hold has ended; its units went back on sale.');
const detailsRequired = problem(
  'details_required',
  'Send `email` and `address`, here or by PATCH, before paying.',
  { param: 'email' },
);
const addressRequired = problem(
  'details_required',
  'Send `address` too: an order needs it beside `email` before it is paid.',
  { param: 'address' },
);
const keyReused = problem(
  'idempotency_key_reused',
  'This Idempotency-Key came before with another body.',
  { param: 'Idempotency-Key' },
);
const notAdmitted = readied(
  problem('not_admitted', 'The sale has a line: holds are for tickets whose turn it is.'),
);
const drawClosed = problem('draw_closed', 'The bell has rung; the draw takes no more tickets.');
const notDelivered = problem('undeliverable', 'This is not delivered to that address.', {
  param: 'address',
});
const postalCodeNeeded = problem(
  'undeliverable',
  'This is delivered to some postal codes: send `postal_code`.',
  { param: 'address.postal_code' },
);
const otherLane = problem(
  'unsupported',
  'Its sale is decided apart from those of the other lines: order it by itself.',
);

export function rejectionProblem(rejection: Rejection): ProblemInput {
  switch (rejection.code) {
    case 'sale_not_started':
      return notStarted(rejection.startsAt, rejection.now);
    case 'sale_ended':
      return saleEnded;
    case 'sale_paused':
      return problem('sale_paused', 'The sale is paused; no holds are taken for the moment.', {
        retryAfterMs: rejection.retryAfterMs,
      });
    case 'sold_out':
      return soldOut(rejection.available, rejection.mayReturn);
    case 'limit_reached':
      return problem('limit_reached', 'This would exceed the limit for each shopper.', {
        extra: { limit: rejection.limit, owned: rejection.owned },
      });
    case 'rate_limited':
      return problem('rate_limited', 'Too many holds were let go: the next one has to wait.', {
        retryAfterMs: rejection.retryAfterMs,
      });
    case 'forbidden':
      return forbidden;
    case 'not_found':
      return notFound;
    case 'product_required':
      return productRequired;
    case 'hold_expired':
      return holdExpired;
    case 'illegal_transition':
      return wrongState('order', rejection.state, nextOrderStates(rejection.state));
    case 'details_required':
      return detailsRequired;
    case 'idempotency_key_reused':
      return keyReused;
    case 'not_admitted':
      return notAdmitted;
    case 'line_full':
      return problem('line_full', 'The line of this sale takes no more tickets now.', {
        retryAfterMs: rejection.retryAfterMs,
      });
    case 'draw_closed':
      return drawClosed;
    case 'undeliverable':
      return rejection.needs === 'address' ? notDelivered : postalCodeNeeded;
    case 'other_lane':
      return otherLane;
    case 'lines_refused':
      return linesProblem(rejection.lines);
  }
}

/** What the lane counts by a code of its own, and shoppers are told by another. */
const toldAs: ReadonlyMap<string, ProblemCode> = new Map([
  ['product_required', productRequired.code],
  ['overloaded', 'unavailable'],
  ['sale_frozen', 'unavailable'],
  ['fault', 'unavailable'],
]);

/** The lane's counts of refusals, by the codes of the problems that shoppers were told. */
export function refusedAsTold(refused: Readonly<Record<string, number>>): Record<string, number> {
  const told: Record<string, number> = {};
  for (const [code, times] of Object.entries(refused)) {
    const as = toldAs.get(code) ?? code;
    told[as] = (told[as] ?? 0) + times;
  }
  return told;
}

/**
 * Always 409 or 422: with the code of the first line in the way where that is one of these, else
 * `lines_refused`. `errors` names all of them, each with its own code. `placeOf` = as the caller counts.
 */
export function linesProblem(
  lines: readonly RefusedLine[],
  placeOf: (line: number) => number = (line) => line,
): ProblemInput {
  const problems = lines.map(({ rejection }) => rejectionProblem(rejection));
  const errors = lines.map(({ line, product }, i) => ({
    line: placeOf(line),
    ...(product === undefined ? {} : { product_id: product }),
    code: problems[i]?.code,
    ...problems[i]?.extra,
    ...waitOf(problems[i]),
  }));
  const [first] = problems;
  const detail =
    lines.length === 1
      ? `Nothing is held, one line is in the way: ${first?.detail ?? ''}`
      : `Nothing is held, ${lines.length} lines are in the way.`;
  if (first !== undefined && ofLines.has(statusOf(first.code))) return { ...first, detail, errors };
  // When the last of them may be asked for again; never, where one will not be.
  const waits = problems.map(({ retryAfterMs }) => retryAfterMs ?? Infinity);
  const retryAfterMs = Math.max(...waits);
  return problem('lines_refused', detail, {
    errors,
    ...(retryAfterMs === Infinity ? {} : { retryAfterMs }),
  });
}

const ofLines: ReadonlySet<number> = new Set([409, 422]);

const waitOf = (one?: ProblemInput): object =>
  one?.retryAfterMs === undefined ? {} : { retry_after_ms: Math.ceil(one.retryAfterMs) };

/** A literal, because a crowd that is early gets one each: `problem()` costs 2 µs more. */
function notStarted(startsAt: number, now: number): ProblemInput {
  return {
    code: 'sale_not_started',
    detail: 'The sale has not started yet.',
    extra: { starts_at: timeText(startsAt), server_time: timeText(now) },
  };
}

/** A sold-out sale answers little else, nearly always with none available: these are kept. */
const soldOutKept = 64;
const soldOutProblems = [true, false].map((mayReturn) =>
  Array.from({ length: soldOutKept }, (_, available) => readied(newSoldOut(available, mayReturn))),
);

const untoldProblems = [true, false].map((mayReturn) => readied(newSoldOut(null, mayReturn))) as [
  ProblemInput,
  ProblemInput,
];

function soldOut(available: number | null, mayReturn: boolean): ProblemInput {
  if (available === null) return untoldProblems[mayReturn ? 0 : 1];
  return soldOutProblems[mayReturn ? 0 : 1]?.[available] ?? newSoldOut(available, mayReturn);
}

function newSoldOut(available: number | null, mayReturn: boolean): ProblemInput {
  const detail = mayReturn
    ? 'Not enough units are free; some are only held and may return.'
    : 'Not enough units are left.';
  const told = available === null ? {} : { available };
  return problem('sold_out', detail, { extra: { ...told, may_return: mayReturn } });
}

function wrongState(
  what: string,
  state: string,
  next: readonly string[],
  detail = `The ${what} is ${state}, which does not allow this.`,
): ProblemInput {
  return problem('illegal_transition', detail, {
    extra: { state, next_states: next },
  });
}

type NotDone<T> = Exclude<Outcome<T>, { kind: 'done' }>;

/** The problem of an outcome that is not `done`; `hasKey`: whether an Idempotency-Key came with it. */
export function outcomeProblem(outcome: NotDone<unknown>, hasKey = true): ProblemInput {
  switch (outcome.kind) {
    case 'rejected':
      return rejectionProblem(outcome.rejection);
    case 'unavailable':
      return problem('unavailable', `The sale cannot decide now: ${askAgain(hasKey)}.`, {
        retryAfterMs: outcome.retryAfterMs,
      });
    case 'unknown':
      return problem('unavailable', `What came of it is not known: ${askAgain(hasKey)}.`, {
        retryAfterMs: askAgainAfterMs,
      });
  }
}

export function vendorRejectionProblem(rejection: VendorRejection): ProblemInput {
  switch (rejection.code) {
    case 'not_found':
      return notFound;
    case 'idempotency_key_reused':
      return keyReused;
    case 'rate_limited':
      return problem(
        'rate_limited',
        'Too many files are coming in, or too many imports are not done yet: wait for some.',
        { retryAfterMs: importsRetryMs },
      );
    case 'insufficient_supply':
      return problem(
        'insufficient_supply',
        `Only ${rejection.available} units of ${rejection.product} are free.`,
        { extra: { available: rejection.available, product_id: rejection.product } },
      );
    case 'illegal_transition': {
      const state = rejection.state === 'creating' ? 'scheduled' : rejection.state;
      const next = rejection.never === true ? [] : nextSaleStates(state);
      return wrongState('sale', state, next, rejection.detail);
    }
    case 'invalid_request':
      return problem('invalid_request', rejection.detail, { param: rejection.param });
  }
}

const onItsWay = problem(
  'unavailable',
  'Something else is on its way to the sale: ask again in a moment.',
  { retryAfterMs: settlingRetryMs },
);

type VendorNotDone<T> = Exclude<VendorOutcome<T>, { kind: 'done' }>;

/** `hasKey`: whether the command came with an Idempotency-Key, so that it can be asked again. */
export function vendorProblem(outcome: VendorNotDone<unknown>, hasKey: boolean): ProblemInput {
  if (outcome.kind === 'rejected') return vendorRejectionProblem(outcome.rejection);
  if (outcome.unwritten === true) return onItsWay;
  const detail = hasKey
    ? `It is recorded but not settled yet: ${askAgain(hasKey)}.`
    : 'It is recorded but not settled yet: look at it again in a moment.';
  return problem('unavailable', detail, { retryAfterMs: settlingRetryMs });
}
