/**
 * Refusals, predicted: each must have had its reason while it was asked for and told. What a store may
 * have lost is not in Postgres, so runs with losses are judged by what does not need it.
 */
import type { Rejection } from '../../engine/domain/types.ts';
import { laneSpan, setForward, type Evidence, type Row, type Span } from './evidence.ts';
import type { Asked, SaleHistory, Telling } from './history.ts';
import { wallOf } from './scheduler.ts';

interface Refusal {
  readonly asked: Asked;
  readonly sale: SaleHistory;
  readonly rejection: Rejection;
  /** From when it was asked for until it was told, ms since 1970: in the world's time, and in its lane's. */
  readonly world: Span;
  readonly lane: Span;
}

export function checkRefusals(evidence: Evidence): void {
  const { history, wrong } = evidence;
  for (const asked of history.asked) {
    const sale = history.sales.get(asked.sale);
    if (sale === undefined) continue;
    for (const telling of asked.tellings) {
      const refusal = refusalOf(evidence, asked, sale, telling);
      const why = refusal === null ? '' : whyWrong(evidence, refusal);
      if (why !== '') wrong.push(`${asked.kind} of ${asked.shopper} by ${asked.key}: ${why}`);
    }
  }
}

/** The same of one line of several, as if it had been asked of that sale. */
export function whyRefused(
  evidence: Evidence,
  asked: Asked,
  sale: SaleHistory,
  { askedAt, toldAt }: Telling,
  rejection: Rejection,
): string {
  const world = { from: wallOf(askedAt), to: wallOf(toldAt) };
  return whyWrong(evidence, { asked, sale, rejection, world, lane: laneSpan(evidence, world) });
}

function refusalOf(
  evidence: Evidence,
  asked: Asked,
  sale: SaleHistory,
  telling: Telling,
): Refusal | null {
  const { outcome, askedAt, toldAt } = telling;
  if (outcome?.kind !== 'rejected') return null;
  const { rejection } = outcome;
  const world = { from: wallOf(askedAt), to: wallOf(toldAt) };
  return { asked, sale, rejection, world, lane: laneSpan(evidence, world) };
}

/** '' = it may be. */
function whyWrong(evidence: Evidence, refusal: Refusal): string {
  const { asked, sale, rejection, world, lane } = refusal;
  const { history, lossy, lost } = evidence;
  const { code } = rejection;
  switch (code) {
    case 'sold_out': {
      // What turns of others claim is free, and not theirs.
      if (lossy || sale.line !== null || lane.to >= sale.endsAt || world.to >= sale.closeAskedAt) {
        return '';
      }
      const taken = unitsWhile(evidence, lane, (row) => row.sale === sale.id);
      return taken + asked.quantity <= sale.units
        ? `sold out with ${taken} of ${sale.units} taken`
        : '';
    }
    case 'limit_reached': {
      if (lossy) return '';
      const own = (row: Row): boolean => row.sale === sale.id && row.shopper === asked.shopper;
      const owned = unitsWhile(evidence, lane, own);
      return owned + asked.quantity <= sale.limit
        ? `limit reached with ${owned} of ${sale.limit}`
        : '';
    }
    case 'sale_ended':
      return lane.to < sale.endsAt && world.to < sale.closeAskedAt ? 'ended before its end' : '';
    case 'sale_paused':
      return world.to < sale.pauseAskedAt ? 'paused by nobody' : '';
    case 'sale_not_started':
      return lossy || !accepted(evidence, sale, asked.tellings[0]?.askedAt ?? 0)
        ? ''
        : 'not started after it had started';
    case 'idempotency_key_reused': {
      const isOther = (one: Asked): boolean =>
        one !== asked && one.key === asked.key && one.quantity !== asked.quantity;
      return history.asked.some(isOther) ? '' : 'the key was not used before';
    }
    case 'not_found':
      return asked.order !== '' && lost.has(asked.order) ? '' : 'not found';
    case 'not_admitted':
      if (sale.line === null) return 'not admitted where there is no line';
      return lossy || !hadTurn(evidence, refusal) ? '' : 'not admitted within a turn';
    case 'line_full':
    case 'draw_closed':
    case 'forbidden':
    case 'product_required':
    case 'undeliverable':
    case 'other_lane':
    case 'lines_refused':
      return code;
    case 'hold_expired': {
      const isExpired = evidence.rows.get(asked.order)?.state === 'expired';
      const early = isExpired && !lossy ? msEarly(evidence, refusal) : 0;
      return early > 0 ? `expired ${early} ms early` : '';
    }
    case 'rate_limited':
    case 'illegal_transition':
    case 'details_required':
      return '';
  }
}

/** Told of a turn that must still be open: not over yet, not left, and no unit of it taken. */
function hadTurn({ history, rows }: Evidence, { asked, sale, world, lane }: Refusal): boolean {
  const isOwn = (one: { readonly shopper: string; readonly sale: string }): boolean =>
    one.shopper === asked.shopper && one.sale === sale.id;
  if ([...rows.values()].some((row) => isOwn(row) && row.held <= lane.to)) return false;
  const own = history.lines.filter(isOwn);
  if (own.some(({ kind }) => kind === 'leave')) return false;
  return own.some(({ tellings }) =>
    tellings.some(({ toldAt, outcome }) => {
      if (outcome?.kind !== 'done' || wallOf(toldAt) >= world.from) return false;
      return outcome.value.state === 'admitted' && (outcome.value.turnEndsAt ?? 0) > lane.to;
    }),
  );
}

/** Most units that these orders had between two times. */
function unitsWhile(
  { rows }: Evidence,
  { from, to }: Span,
  isMeant: (row: Row) => boolean,
): number {
  let units = 0;
  for (const row of rows.values()) {
    if (isMeant(row) && row.held <= to && from <= row.ended) units += row.units.length;
  }
  return units;
}

/** By how much a hold had ended before its time, whatever Redis's clock was set by; in the world's time. */
function msEarly(evidence: Evidence, { asked, sale, world }: Refusal): number {
  const isHold = ({ tellings }: Asked): boolean =>
    tellings.some(({ outcome }) => outcome?.kind === 'done' && outcome.value.id === asked.order);
  const hold = evidence.history.asked.find((one) => one.kind === 'hold' && isHold(one));
  const from = wallOf(hold?.tellings[0]?.askedAt ?? 0);
  const due = from + sale.holdMs - setForward(evidence, { from, to: world.to });
  return hold === undefined ? 0 : due - world.to;
}

/** A hold of this sale was told as accepted before that time. */
const accepted = ({ history }: Evidence, sale: SaleHistory, before: number): boolean =>
  history.asked.some(
    ({ kind, sale: id, tellings }) =>
      kind === 'hold' &&
      id === sale.id &&
      tellings.some((t) => t.toldAt < before && t.outcome?.kind === 'done'),
  );
