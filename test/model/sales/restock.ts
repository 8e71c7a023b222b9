/**
 * Restock as protocol §5 has it: Postgres refunds a paid order and asks the lane for its unit back;
 * the lane's script returns the number, or takes it out of a closed sale for the standing one. The
 * engine has no such command yet, so script and settlement are written here; a recovery in between
 * recounts the lane from Postgres, as engine/recover/sale-writer.ts does.
 */
import { UnitNumbers } from '../../../engine/recover/numbers.ts';
import { itemAt } from '../../../engine/domain/lane/evolve.ts';
import type { Lane, Order, Sale } from '../../../engine/domain/lane/state.ts';
import { available, giveBack } from '../../../engine/domain/lane/units.ts';
import type { LaneEvent } from '../../../engine/domain/lane/words.ts';
import type { SaleRules } from './rules.ts';
import { credit, flash, laneOf, products, withMove, written, type Move } from './state.ts';
import type { OrderRow, RestockCommand, RestockedEvent, State, Told, Wanted } from './state.ts';

/** What a lane's record says of an order that it took back; the engine has no such state yet. */
const restocked = 'restocked' as Order['state'];

export const moveOf = (order: string, item: number): string =>
  `restock-${order}-${products[item] ?? ''}`;

const unitOf = (item: number, number: number): string => `${item}:${number}`;

/** The script: the lane's next command only, one event, also when it is refused. */
export function runRestock(lane: Lane, c: RestockCommand, rules: SaleRules): Told[] {
  if (c.number !== lane.lastCommand + 1) return [];
  lane.lastCommand = c.number;
  const sale = lane.sales.get(c.sale);
  const order = sale && ordersOf(sale).find((o) => o.key === c.order);
  if (sale === undefined || order === undefined) throw new Error(`no order ${c.order}`);
  const { item, units } = order;
  if (order.state !== 'paid' && rules.has('only a paid order is restocked')) {
    return [['restocked', c.number, 0, 'state', c.order, item, units, 0]];
  }
  const it = itemAt(sale, item);
  const byLane = rules.has('the lane says whether the number returns');
  const open = byLane ? sale.state !== 'closed' : c.asOpen;
  const returns = open || !rules.has('a closed sale takes no number back');
  it.sold -= units.length;
  if (rules.has('the record says that it was taken back')) order.state = restocked;
  if (returns) giveBack(it, units);
  else it.allotted -= units.length;
  return [['restocked', c.number, 1, '', c.order, item, units, returns ? 0 : units.length]];
}

/** Who may refund does: Postgres owns a paid order, by its row. */
export function refunded(s: State, rules: SaleRules): [order: string, next: State][] {
  if (s.refunds === 0) return [];
  const again = !rules.has('a paid order is refunded once');
  return Object.entries(s.orders)
    .filter(([, { state }]) => state === 'paid' || (again && state === 'refunded'))
    .map(([order, row]) => {
      const asOpen = s.flash !== 'closed';
      const next = written(s, [{ kind: 'restock', sale: flash, order, asOpen }]);
      const atOnce = !rules.has('a unit is free once its restock has settled');
      return [
        order,
        {
          ...withRow(next, order, { ...row, state: 'refunded' }),
          owners: atOnce ? freed(s, order, row) : s.owners,
          refunds: s.refunds - 1,
        },
      ];
    });
}

const withRow = (s: State, order: string, row: OrderRow): State => ({
  ...s,
  orders: { ...s.orders, [order]: row },
});

/** The units of an order are nobody's, where it is the one that has them. */
function freed(s: State, order: string, { item, units }: OrderRow): State['owners'] {
  const gone = new Set(units.map((number) => unitOf(item, number)));
  return Object.fromEntries(
    Object.entries(s.owners).filter(([unit, owner]) => !(gone.has(unit) && owner === order)),
  );
}

/** Settles what happened to an order of the flash sale: its row, and the owners of its units. */
export function settledOrder(s: State, event: LaneEvent): State {
  if (event[0] === 'held') {
    const [, order, , item, , , , units] = event;
    const claims = units.map((number) => [unitOf(item, number), order] as const);
    const taken = claims.find(([unit]) => s.owners[unit] !== undefined);
    return {
      ...withRow(s, order, { item, units, state: 'held' }),
      owners: { ...s.owners, ...Object.fromEntries(claims) },
      doubled: s.doubled ?? (taken === undefined ? null : `unit ${taken[0]} is owned twice`),
    };
  }
  if (event[0] !== 'paid' && event[0] !== 'released') return s;
  const row = s.orders[event[1]];
  if (row === undefined) throw new Error(`no order ${event[1]}`);
  const next = withRow(s, event[1], { ...row, state: event[0] });
  return event[0] === 'paid' ? next : { ...next, owners: freed(s, event[1], row) };
}

/** Settles a restock: only now the unit is free; out of a closed sale it moves to the standing one. */
export function settledRestock(s: State, e: RestockedEvent, rules: SaleRules): [State, Wanted[]] {
  const [, , ok, , order, item, units, out] = e;
  if (ok === 0) return [s, []];
  const frees = rules.has('a settled restock frees its unit');
  const row: OrderRow = { item, units, state: 'refunded' };
  let next: State = { ...s, owners: frees ? freed(s, order, row) : s.owners };
  if (out === 0) return [next, []];
  if (rules.has('what a restock takes out of a sale is gone from it')) {
    next = { ...next, gone: [...s.gone, ...units.map((number) => unitOf(item, number))] };
  }
  if (!rules.has('a closed sale restocks the standing one')) return [next, []];
  const product = products[item] ?? '';
  const id = moveOf(order, item);
  const move: Move = {
    ...{ product, from: flash, to: product, units: out, fence: false },
    state: 'crediting',
  };
  return [withMove(next, id, move), [credit(id, move, product)]];
}

/**
 * The lane of the flash sale is made anew from Postgres, its last command that with the last settled
 * outcome; null = something has not settled yet.
 */
export function recovered(s: State, rules: SaleRules): State | null {
  const at = laneOf(flash);
  if (s.recoveries === 0 || (s.events[at]?.length ?? 0) > 0) return null;
  const lanes = structuredClone(s.lanes) as Lane[];
  const lane = lanes[at];
  const sale = lane?.sales.get(flash);
  if (lane === undefined || sale === undefined) return null;
  // All that the lane has applied has settled here.
  if (!rules.has('a recovery goes on after the last settled command')) {
    lane.lastCommand = s.commands[at]?.length ?? 0;
  }
  const numbers = sale.items.map(() => new UnitNumbers());
  for (const unit of s.gone) {
    const [item = 0, number = 0] = unit.split(':').map(Number);
    numbers[item]?.gone(number);
  }
  for (const order of ordersOf(sale)) {
    order.state = stateOf(s, order);
    const { item, units, state } = order;
    numbers[item]?.issued(units, state === 'held' ? 'held' : state === 'paid' ? 'sold' : 'ended');
  }
  let wrong: string | null = null;
  for (const [i, it] of sale.items.entries()) {
    const { next, held, sold } = numbers[i] ?? new UnitNumbers();
    const returned = [...(numbers[i]?.returned() ?? [])];
    Object.assign(it, { next, held, sold, returned });
    if (it.allotted !== available(it) + held + sold) wrong = `the recovery of item ${i} miscounts`;
  }
  return { ...s, lanes, recoveries: s.recoveries - 1, doubled: s.doubled ?? wrong };
}

/** Whoever was refunded has paid, for the lane, as long as its unit is its own. */
function stateOf(s: State, order: Order): Order['state'] {
  const row = s.orders[order.key];
  if (row === undefined) throw new Error(`order ${order.key} has not settled`);
  if (row.state !== 'refunded') return row.state;
  const keeps = row.units.some((number) => s.owners[unitOf(row.item, number)] === order.key);
  return keeps ? 'paid' : restocked;
}

/** Returned numbers that a close took away. */
export const goneByClose = (returned: readonly (readonly number[])[] | undefined): string[] =>
  (returned ?? []).flatMap((list, item) => list.map((number) => unitOf(item, number)));

const ordersOf = (sale: Sale): Order[] =>
  [...sale.records.values()].flatMap((record) => record.orders);
