/**
 * Refusals, predicted: each must have had its reason while it was asked for and told. What a store may
 * have lost is not in Postgres, so runs with losses are judged by what does not need it.
 */
import type { Rejection } from '../../engine/domain/types.ts';
import type { Evidence, Row } from './evidence.ts';
import type { Asked, SaleHistory, Telling } from './history.ts';
import { wallOf } from './scheduler.ts';

interface Refusal {
  readonly asked: Asked;
  readonly sale: SaleHistory;
  readonly rejection: Rejection;
  /** Virtual ms since 1970. */
  readonly from: number;
  readonly to: number;
}

export function checkRefusals(evidence: Evidence): void {
  const { history, wrong } = evidence;
  for (const asked of history.asked) {
    const sale = history.sales.get(asked.sale);
    if (sale === undefined) continue;
    for (const telling of asked.tellings) {
      const refusal = refusalOf(asked, sale, telling);
      const why = refusal === null ? '' : whyWrong(evidence, refusal);
      if (why !== '') wrong.push(`${asked.kind} of ${asked.shopper} by ${asked.key}: ${why}`);
    }
  }
}

function refusalOf(asked: Asked, sale: SaleHistory, telling: Telling): Refusal | null {
  const { outcome, askedAt, toldAt } = telling;
  if (outcome?.kind !== 'rejected') return null;
  const { rejection } = outcome;
  return { asked, sale, rejection, from: wallOf(askedAt), to: wallOf(toldAt) };
}

/** '' = it may be. */
function whyWrong(evidence: Evidence, refusal: Refusal): string {
  const { asked, sale, rejection, from, to } = refusal;
  const { history, lossy, lost } = evidence;
  const { code } = rejection;
  switch (code) {
    case 'sold_out': {
      if (lossy || to >= Math.min(sale.endsAt, sale.closeAskedAt)) return '';
      const taken = unitsWhile(evidence, from, to, (row) => row.sale === sale.id);
      return taken + asked.quantity <= sale.units
        ? `sold out with ${taken} of ${sale.units} taken`
        : '';
    }
    case 'limit_reached': {
      if (lossy) return '';
      const own = (row: Row): boolean => row.sale === sale.id && row.shopper === asked.shopper;
      const owned = unitsWhile(evidence, from, to, own);
      return owned + asked.quantity <= sale.limit
        ? `limit reached with ${owned} of ${sale.limit}`
        : '';
    }
    case 'sale_ended':
      return to < Math.min(sale.endsAt, sale.closeAskedAt) ? 'ended before its end' : '';
    case 'sale_paused':
      return to < sale.pauseAskedAt ? 'paused by nobody' : '';
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
    case 'line_full':
    case 'draw_closed':
    case 'forbidden':
    case 'product_required':
      return code;
    case 'rate_limited':
    case 'hold_expired':
    case 'illegal_transition':
    case 'details_required':
      return '';
  }
}

/** Most units that these orders had between two times. */
function unitsWhile(
  { rows }: Evidence,
  from: number,
  to: number,
  isMeant: (row: Row) => boolean,
): number {
  let units = 0;
  for (const row of rows.values()) {
    if (isMeant(row) && row.held <= to && from <= row.ended) units += row.units.length;
  }
  return units;
}

/** A hold of this sale was told as accepted before that time. */
const accepted = ({ history }: Evidence, sale: SaleHistory, before: number): boolean =>
  history.asked.some(
    ({ kind, sale: id, tellings }) =>
      kind === 'hold' &&
      id === sale.id &&
      tellings.some((t) => t.toldAt < before && t.outcome?.kind === 'done'),
  );
