/**
 * What the settlement of a sale's event writes (engine/settle/sales.ts), and what it decides: the
 * credits of a creation, the way back of what a close took out.
 */
import type { LaneEvent } from '../../../engine/domain/lane/words.ts';
import { goneByClose, settledOrder, settledRestock } from './restock.ts';
import { credit, flash, products, withMove, written } from './state.ts';
import type { Move, State, Told, Wanted } from './state.ts';
import type { SaleRules } from './rules.ts';

/** Settles one event in one transaction. */
export function settled(s: State, sale: string, event: Told, rules: SaleRules): State {
  const [next, wanted] = decide(s, sale, event, rules);
  if (rules.has('a decision and its commands are one transaction')) return written(next, wanted);
  return { ...next, unwritten: [...next.unwritten, ...wanted] };
}

function decide(s: State, sale: string, event: Told, rules: SaleRules): [State, Wanted[]] {
  if (event[0] === 'installed') return [scheduled({ ...s, installed: true }), []];
  if (event[0] === 'moved') return moved(s, event, rules);
  if (event[0] === 'closing' || event[0] === 'closed') return closed(s, sale, event);
  if (event[0] === 'restocked') return settledRestock(s, event, rules);
  return [sale === flash ? settledOrder(s, event) : s, []];
}

const fences = (s: State): [string, Move][] =>
  Object.entries(s.moves).filter(([, move]) => move.fence);

function scheduled(s: State): State {
  const done = fences(s).every(([, move]) => move.state === 'done');
  return s.flash === 'creating' && s.installed && done ? { ...s, flash: 'scheduled' } : s;
}

function moved(s: State, event: LaneEvent, rules: SaleRules): [State, Wanted[]] {
  const [, , ok, reason, id, direction] = event as readonly [
    string,
    number,
    0 | 1,
    string,
    string,
    string,
  ];
  const move = s.moves[id];
  if (move === undefined) throw new Error(`no move ${id}`);
  if (direction === 'debit') {
    const state = ok === 1 ? 'debited' : 'refused';
    return decideGroup(withMove(s, id, { ...move, state }), rules);
  }
  if (ok === 1) {
    const state = move.state === 'undoing' ? 'undone' : 'done';
    return [scheduled(withMove(s, id, { ...move, state })), []];
  }
  if (reason !== 'closed') throw new Error(`a credit was refused: ${reason}`);
  return [withMove(s, id, { ...move, state: 'undoing' }), [credit(id, move, move.from)]];
}

/** What the opener does with a creation that a dead process left. */
export function decidedAgain(s: State, rules: SaleRules): State {
  const [next, wanted] = decideGroup(s, rules);
  return written(next, wanted);
}

/** All accepted: one credit each to the flash sale. Else each accepted one goes back. */
function decideGroup(s: State, rules: SaleRules): [State, Wanted[]] {
  const open = fences(s).some(([, move]) => move.state === 'asked');
  if (open && rules.has('credits wait for every debit')) return [s, []];
  const refused = fences(s).some(([, move]) => move.state === 'refused');
  const once = rules.has('a move is credited once');
  let next: State = refused ? { ...s, flash: 'cancelled' } : s;
  const wanted: Wanted[] = [];
  for (const [id, move] of fences(s)) {
    const again = !once && (move.state === 'crediting' || move.state === 'done');
    if (move.state !== 'debited' && !again) continue;
    next = withMove(next, id, { ...move, state: refused ? 'undoing' : 'crediting' });
    wanted.push(credit(id, move, refused ? move.from : move.to));
  }
  return [next, wanted];
}

type Ended = readonly [
  ...['closing' | 'closed', number, 1, '', number[]?, number[]?, number[]?],
  returned?: number[][],
];

/** What a close took out goes back to the standing sales, as a move with an id of its own. */
function closed(s: State, sale: string, event: LaneEvent): [State, Wanted[]] {
  const [type, number, , , units, , , returned] = event as unknown as Ended;
  const gone = [...s.gone, ...goneByClose(returned)];
  let next: State = s.flash === 'closed' ? { ...s, gone } : { ...s, gone, flash: type };
  const wanted: Wanted[] = [];
  for (const [item, product] of products.entries()) {
    const count = units?.[item] ?? 0;
    if (count === 0) continue;
    const id = `return-${number}-${product}`;
    const move: Move = {
      ...{ product, from: sale, to: product, units: count, fence: false },
      state: 'crediting',
    };
    next = withMove(next, id, move);
    wanted.push(credit(id, move, product));
  }
  return [next, wanted];
}
