/**
 * What a lane command does to its sale. Every branch names exactly one event with the command's
 * number; a refusal changes nothing. Pure.
 */
import type { SaleId } from '../types.ts';
import { holdClock } from './clock.ts';
import { reap } from './due.ts';
import { itemAt } from './evolve.ts';
import { newLine, pausedMs } from './evolve-line.ts';
import { numbers } from './numbers.ts';
import type { LaneSaleState, Sale } from './state.ts';
import { refused } from './refused.ts';
import { changeTerms } from './terms.ts';
import { available, closeMax, debitable, debited } from './units.ts';
import { happen, latch, type SaleWork } from './work.ts';
import type { LaneCommand, Terms } from './words.ts';

/** Overdue holds that a close looks at; the opener repeats it until it closes the sale. */
const closeReapMax = 256;

type Move = Extract<LaneCommand, { kind: 'credit' | 'debit' }>;

export const newSale = (id: SaleId, terms: Terms): Sale => ({
  id,
  startsAt: terms.startsAt,
  endsAt: terms.endsAt,
  limit: terms.limit,
  holdMs: terms.holdMs,
  verifiedOnly: terms.verifiedOnly,
  creditsWanted: terms.creditsWanted,
  creditsIn: 0,
  state: 'scheduled',
  items: terms.items.map(({ product, price }) => ({
    product,
    price,
    allotted: 0,
    next: 1,
    last: 0,
    held: 0,
    sold: 0,
    returned: [],
  })),
  records: new Map(),
  due: [],
  expired: 0,
  released: 0,
  attempts: 0,
  refused: new Map(),
  frozen: '',
  line: terms.line === null ? null : newLine(terms.line),
});

/** Applies a command. `isNew` = this very install has just made the sale. */
export function apply(work: SaleWork, c: LaneCommand, isNew: boolean): void {
  if (!isNew) latch(work);
  switch (c.kind) {
    case 'install':
      happen(work, isNew ? ['installed', c.number, 1, ''] : ['installed', c.number, 0, 'exists']);
      break;
    case 'terms':
      changeTerms(work, c);
      break;
    case 'credit':
      credit(work, c);
      break;
    case 'debit':
      debit(work, c);
      break;
    case 'pause':
      toggle(work, c, 'live');
      break;
    case 'resume':
      toggle(work, c, 'paused');
      break;
    case 'close':
      close(work, c.number);
      break;
    case 'numbers':
      numbers(work, c);
  }
  latch(work);
}

function credit(work: SaleWork, c: Move): void {
  const { sale } = work;
  const { allotted, last } = itemAt(sale, c.item);
  if (sale.state === 'closing' || sale.state === 'closed') {
    happen(work, [...refused(c, 'closed'), allotted, last]);
    return;
  }
  const { number, move, item, units } = c;
  happen(work, [
    'moved',
    number,
    1,
    '',
    move,
    'credit',
    item,
    units,
    allotted + units,
    last + units,
  ]);
}

function debit(work: SaleWork, c: Move): void {
  const it = itemAt(work.sale, c.item);
  const { allotted, last } = it;
  // A flash sale gives units back before its bell only: after it, turns may claim them.
  if (work.sale.endsAt > 0 && work.sale.state !== 'scheduled') {
    happen(work, [...refused(c, 'begun'), allotted, last, 0]);
    return;
  }
  if (debitable(it) < c.units) {
    happen(work, [...refused(c, 'insufficient'), allotted, last, debitable(it)]);
    return;
  }
  const { number, move, item, units } = c;
  const { fresh, returned } = debited(it, units);
  const left = available(it) - units;
  happen(work, [
    ...(['moved', number, 1, '', move, 'debit', item, units] as const),
    ...([allotted - units, last - fresh, left, returned] as const),
  ]);
}

function toggle(work: SaleWork, c: LaneCommand, from: LaneSaleState): void {
  const event = c.kind === 'pause' ? 'paused' : 'resumed';
  const { state, line } = work.sale;
  if (state !== from) happen(work, [event, c.number, 0, 'state', state]);
  else if (line === null) happen(work, [event, c.number, 1, '']);
  else {
    const now = holdClock(work.clock);
    const ms = event === 'paused' ? now : pausedMs(line, work.clock);
    happen(work, [event, c.number, 1, '', ms]);
  }
}

/**
 * Debits what is free of every item, as much as one command may; closes only when nothing is held
 * and nothing free is left in the same step.
 */
function close(work: SaleWork, number: number): void {
  const { sale } = work;
  if (sale.state === 'closed') {
    happen(work, ['closed', number, 0, 'state', sale.state]);
    return;
  }
  reap(work, closeReapMax);
  let most = closeMax;
  const taken = sale.items.map((it) => {
    const fresh = it.last - it.next + 1;
    const { returned } = debited(it, fresh + Math.min(it.returned.length, most));
    most -= returned.length;
    return { units: fresh + returned.length, returned };
  });
  const allotted = sale.items.map((it, i) => it.allotted - (taken[i]?.units ?? 0));
  const done = sale.items.every((it, i) => it.held === 0 && taken[i]?.units === available(it));
  happen(work, [
    done ? 'closed' : 'closing',
    number,
    1,
    '',
    taken.map(({ units }) => units),
    allotted,
    sale.items.map((it) => it.next - 1),
    taken.map(({ returned }) => returned),
  ]);
}
