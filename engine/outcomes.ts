/** From what a lane's script answers to an outcome: a value, a refusal, or that nobody knows. */
import { clock } from '../platform/clock.ts';
import type { CounterSeries } from '../platform/hot-metrics.ts';
import { metrics } from '../platform/metrics.ts';
import type { Outcome, RefusedLine, Rejection } from './domain/types.ts';
import type { Answer } from './lanes/batcher.ts';
import type { Reply } from './lanes/codec.ts';
import { code, codeNames, orderStates } from './lanes/codes.ts';

const pausedRetryMs = 2000;
const fullRetryMs = 5000;
/** Each is told another time of this span: a crowd that is turned away at once must not return at once. */
const unavailableRetryMs = { least: 500, spread: 1000 } as const;

export const unavailable = (reason: string): Outcome<never> => {
  const part = (clock.random(1)[0] ?? 0) / 256;
  const retryAfterMs = unavailableRetryMs.least + Math.round(unavailableRetryMs.spread * part);
  return { kind: 'unavailable', reason, retryAfterMs };
};

/** A refusal, from the reply of a batch; null = the lane cannot decide now. */
function rejectionOf(reply: Reply, now: number): Rejection | null {
  const [number, a, b] = reply as [number, number, number];
  switch (number) {
    case code.sale_not_started:
      return { code: 'sale_not_started', startsAt: a, now };
    case code.sale_ended:
      return { code: 'sale_ended' };
    case code.sale_paused:
      return { code: 'sale_paused', retryAfterMs: pausedRetryMs };
    case code.sold_out:
      return { code: 'sold_out', available: a < 0 ? null : a, mayReturn: b === 1 };
    case code.limit_reached:
      return { code: 'limit_reached', limit: a, owned: b };
    case code.rate_limited:
      return { code: 'rate_limited', retryAfterMs: a };
    case code.forbidden:
      return { code: 'forbidden' };
    case code.not_found:
      return { code: 'not_found' };
    case code.product_required:
      return { code: 'product_required' };
    case code.hold_expired:
      return { code: 'hold_expired' };
    case code.illegal_transition:
      return { code: 'illegal_transition', state: orderStates[a - 1] ?? 'held' };
    case code.details_required:
      return { code: 'details_required' };
    case code.idempotency_key_reused:
      return { code: 'idempotency_key_reused', ...(a === 1 ? { isExact: true } : {}) };
    case code.not_admitted:
      return { code: 'not_admitted' };
    case code.line_full:
      return { code: 'line_full', retryAfterMs: fullRetryMs };
    case code.draw_closed:
      return { code: 'draw_closed' };
    case code.lines_refused:
      return linesRefused(reply[1] as readonly (readonly [number, Reply])[], now);
    default:
      return null;
  }
}

/** Null = of one of them nobody can say now. */
function linesRefused(
  refused: readonly (readonly [line: number, reply: Reply])[],
  now: number,
): Rejection | null {
  const lines = refused.map(([line, reply]) => ({ line, rejection: rejectionOf(reply, now) }));
  const known = lines.filter((one): one is RefusedLine => one.rejection !== null);
  return known.length < lines.length ? null : { code: 'lines_refused', lines: known };
}

/** Handles by command and code: finding one by its labels costs as much as deciding a refusal. */
const counters = new Map<string, Map<number, CounterSeries>>();

function count(command: string, number: number): void {
  let ofCommand = counters.get(command);
  if (ofCommand === undefined) {
    ofCommand = new Map<number, CounterSeries>();
    counters.set(command, ofCommand);
  }
  let series = ofCommand.get(number);
  if (series === undefined) {
    series = metrics.outcomes.labels(command, codeNames.get(number) ?? 'fault');
    ofCommand.set(number, series);
  }
  series.inc();
}

/** Turns an answer of the batcher into an outcome; `read` makes the value of an accepted one. */
export function outcomeOf<T>(
  command: string,
  answer: Answer,
  read: (reply: Reply, shared: unknown) => T,
): Outcome<T> {
  if (answer.kind === 'reply') {
    const number = answer.reply[0];
    count(command, number);
    if (number >= 0) {
      const replayed = number === code.replayed;
      return { kind: 'done', value: read(answer.reply, answer.shared), replayed, now: answer.now };
    }
    const rejection = rejectionOf(answer.reply, answer.now);
    if (rejection !== null) return { kind: 'rejected', rejection, now: answer.now };
    return unavailable(codeNames.get(number) ?? 'fault');
  }
  metrics.outcomes.inc({ command, outcome: answer.kind });
  if (answer.kind === 'unknown') return answer;
  return unavailable(answer.reason);
}
