/**
 * Creation, closing and restock over two lanes as a model for the search. Every process may stop between any
 * two steps; dispatchers repeat themselves; shoppers hold, pay and let go meanwhile.
 */
import { runBatch } from '../../../engine/domain/lane/batch.ts';
import { runCommand } from '../../../engine/domain/lane/command.ts';
import { violations } from '../../../engine/domain/lane/invariants.ts';
import type { Lane } from '../../../engine/domain/lane/state.ts';
import { available } from '../../../engine/domain/lane/units.ts';
import type { LaneEntry, ShopCommand } from '../../../engine/domain/lane/words.ts';
import type { Ints } from '../ints.ts';
import type { Model, Step } from '../search.ts';
import { moveOf, recovered, refunded, runRestock } from './restock.ts';
import type { SaleRules } from './rules.ts';
import { decidedAgain, settled } from './settle.ts';
import { begun, flash, laneOf, now, products, supply, written } from './state.ts';
import type { AnyCommand, Budget, RestockedEvent, State, Told } from './state.ts';

type Add = (label: string, next: State, fault?: boolean) => void;

export function saleModel(budget: Budget, rules: SaleRules): Model<State> {
  return {
    initial: begun(budget),
    encode,
    broken,
    good: (s) => atRest(s),
    steps(s) {
      const out: Step<State>[] = [];
      const add: Add = (label, next, fault = false) => {
        out.push({ label, fault, next, broken: null });
      };
      for (const lane of s.lanes.keys()) {
        dispatch(s, lane, rules, add);
        settle(s, lane, rules, add);
      }
      shop(s, add);
      close(s, rules, add);
      for (const [order, next] of refunded(s, rules)) add(`postgres refunds ${order}`, next);
      const rebuilt = recovered(s, rules);
      if (rebuilt !== null) add(`lane ${laneOf(flash)} is recovered`, rebuilt, true);
      const decided = decidedAgain(s, rules);
      if (
        s.flash === 'creating' &&
        decided.commands.some((list, i) => list.length > (s.commands[i]?.length ?? 0))
      ) {
        add('the opener decides the creation', decided);
      }
      if (s.unwritten.length > 0) {
        add('its commands are written', { ...written(s, s.unwritten), unwritten: [] });
        add('whoever decided dies before it writes the commands', { ...s, unwritten: [] }, true);
      }
      return out;
    },
  };
}

type Added = readonly (readonly [sale: string, event: Told])[];

const eventsOf = (entry: LaneEntry | null): Added =>
  entry?.groups.flatMap(([sale, list]) => list.map((e) => [sale, e] as const)) ?? [];

/** A step of one lane: what its script changed, and the events that it wrote. */
function inLane(s: State, at: number, work: (lane: Lane) => Added): State {
  const lane = structuredClone(s.lanes[at]);
  if (lane === undefined) throw new Error(`no lane ${at}`);
  const added = work(lane);
  const transit = { ...s.transit };
  for (const [, event] of added) count(transit, event);
  return {
    ...s,
    lanes: s.lanes.map((old, i) => (i === at ? lane : old)),
    events: s.events.map((old, i) => (i === at ? [...old, ...added] : old)),
    transit,
  };
}

/** Units leave a lane by a debit, a close or a restock, and come in by a credit. */
function count(transit: Record<string, number>, event: readonly unknown[]): void {
  const [type, number, ok, , id, direction, , units] = event;
  if (ok !== 1) return;
  if (type === 'restocked') {
    const [, , , , order, item, , out] = event as RestockedEvent;
    const move = moveOf(order, item);
    if (out > 0) transit[move] = (transit[move] ?? 0) + out;
  }
  if (type === 'moved') {
    const sign = direction === 'debit' ? 1 : -1;
    transit[id as string] = (transit[id as string] ?? 0) + sign * (units as number);
  }
  if (type !== 'closed' && type !== 'closing') return;
  for (const [item, product] of products.entries()) {
    const taken = (id as number[])[item] ?? 0;
    if (taken > 0) transit[`return-${number as number}-${product}`] = taken;
  }
}

const inWords = (c: AnyCommand): string =>
  `${c.kind} ${'move' in c ? `${c.move} of ` : 'order' in c ? `${c.order} of ` : ''}${c.sale}`;

function dispatch(s: State, at: number, rules: SaleRules, add: Add): void {
  const lane = s.lanes[at];
  if (lane === undefined) return;
  const send = (command: AnyCommand, again: boolean): void => {
    const forced = again && !rules.has('only the next command is applied');
    const next = inLane(s, at, (copy) => {
      if (forced) copy.lastCommand = command.number - 1;
      if (command.kind !== 'restock') return eventsOf(runCommand(copy, command, now).entry);
      return runRestock(copy, command, rules).map((event) => [command.sale, event] as const);
    });
    add(`lane ${at} is sent ${inWords(command)}${again ? ' again' : ''}`, next);
  };
  const next = s.commands[at]?.[lane.lastCommand];
  const last = s.commands[at]?.[lane.lastCommand - 1];
  if (next !== undefined) send(next, false);
  if (last !== undefined) send(last, true);
}

function settle(s: State, at: number, rules: SaleRules, add: Add): void {
  const [first, ...rest] = s.events[at] ?? [];
  if (first === undefined) return;
  const [sale, event] = first;
  const before = { ...s, events: s.events.map((old, i) => (i === at ? rest : old)) };
  add(`${event[0]} of ${sale} in lane ${at} settles`, settled(before, sale, event, rules));
}

function shop(s: State, add: Add): void {
  const ask = (label: string, commands: readonly ShopCommand[], left: Partial<State>): void => {
    const at = laneOf(commands[0]?.sale ?? '');
    const next = inLane(s, at, (lane) => eventsOf(runBatch(lane, commands, now).entry));
    add(label, { ...next, ...left });
  };
  for (const [sale, product] of [...products.map((p) => [p, p] as const), [flash, 'a'] as const]) {
    const shopper = `of ${sale}`;
    const orders = s.lanes[laneOf(sale)]?.sales.get(sale)?.records.get(shopper)?.orders ?? [];
    const order = orders.at(-1);
    const base = { sale, shopper };
    const isOpen = order?.state === 'held' || order?.state === 'paid';
    if (!isOpen && s.holds > 0) {
      const key = `k${orders.length}`;
      const hold = { ...base, key, kind: 'hold', fingerprint: 1, quantity: 1, product } as const;
      const left = { holds: s.holds - 1 };
      ask(`a shopper asks ${sale} for ${product}`, [{ ...hold, verified: true }], left);
    }
    if (order?.state !== 'held') continue;
    const end = { ...base, key: order.key, endKey: '', endFingerprint: 0 };
    ask(`the shopper of ${sale} lets go`, [{ ...end, kind: 'release' }], {});
    if (sale !== flash || s.pays === 0) continue;
    const details = { ...base, key: order.key, kind: 'details', generation: 1 } as const;
    ask(`the shopper of ${sale} pays`, [details, { ...end, kind: 'pay' }], { pays: s.pays - 1 });
  }
}

/** The vendor closes once; the opener again while the sale is closing. */
function close(s: State, rules: SaleRules, add: Add): void {
  const lane = s.lanes[laneOf(flash)];
  const sale = lane?.sales.get(flash);
  if (lane === undefined || sale === undefined || s.flash === 'creating') return;
  if (s.flash === 'closed' || s.flash === 'cancelled') return;
  const commands = s.commands[laneOf(flash)] ?? [];
  const told = s.events[laneOf(flash)]?.some(
    ([, event]) => event[0] === 'closing' || event[0] === 'closed',
  );
  if (told === true || commands.slice(lane.lastCommand).some((c) => c.kind === 'close')) return;
  if (s.closes > 0) {
    if (!rules.has('a close is repeated as holds end')) return;
    const free = sale.items.reduce((sum, it) => sum + available(it), 0);
    const held = sale.items.reduce((sum, it) => sum + it.held, 0);
    if (free === 0 && held > 0) return;
  }
  const next = written(s, [{ kind: 'close', sale: flash }]);
  add(s.closes === 0 ? 'the vendor closes' : 'the opener closes further', {
    ...next,
    closes: s.closes + 1,
  });
}

const itemsOf = (s: State, product: string) =>
  s.lanes.flatMap((lane) =>
    [...lane.sales.values()].flatMap((sale) => sale.items.filter((it) => it.product === product)),
  );

function broken(s: State): string | null {
  if (s.doubled !== null) return s.doubled;
  for (const lane of s.lanes) {
    const [first] = violations(lane);
    if (first !== undefined) return first;
  }
  for (const [id, units] of Object.entries(s.transit)) {
    if (units < 0) return `move ${id} is credited without a debit`;
  }
  for (const product of products) {
    const allotted = itemsOf(s, product).reduce((sum, it) => sum + it.allotted, 0);
    const moving = Object.entries(s.transit)
      .filter(([id]) => id.endsWith(`-${product}`))
      .reduce((sum, [, units]) => sum + units, 0);
    if (allotted + moving !== supply[product]) {
      return `${allotted} allotted and ${moving} in transit of ${product}, supply ${supply[product] ?? 0}`;
    }
  }
  const live = s.lanes[laneOf(flash)]?.sales.get(flash)?.state;
  if (s.flash === 'cancelled' && live === 'live') return 'a cancelled sale is live';
  return null;
}

/** Every command has its outcome and no unit is on its way; a sale that was closed is closed. */
function atRest(s: State): boolean {
  const applied = s.lanes.every((lane, i) => lane.lastCommand === (s.commands[i]?.length ?? 0));
  const open = Object.values(s.moves).some((m) => !['done', 'undone', 'refused'].includes(m.state));
  if (!applied || open || s.unwritten.length > 0 || s.events.some((list) => list.length > 0)) {
    return false;
  }
  if (Object.values(s.transit).some((units) => units !== 0)) return false;
  const refunds = Object.entries(s.orders).filter(([, { state }]) => state === 'refunded');
  if (refunds.some(([order]) => Object.values(s.owners).includes(order))) return false;
  const sale = s.lanes[laneOf(flash)]?.sales.get(flash);
  const left = sale?.items.some((it) => it.allotted > 0) ?? false;
  if (s.flash === 'cancelled' && left) return false;
  if (s.closes > 0) return s.flash === 'closed' || s.flash === 'cancelled';
  return s.flash !== 'creating';
}

const words = new Map<string, number>();

/** States of the real domain are written as text, and each text gets a number. */
function encode(s: State, out: Ints): void {
  const lane = (l: Lane) => [
    l.lastCommand,
    ...[...l.sales.values()].map((sale) => [
      sale.id,
      sale.state,
      sale.creditsIn,
      sale.items,
      [...sale.records].map(([shopper, record]) => [shopper, record.orders, record.letGo]),
    ]),
  ];
  const parts = [s.lanes.map(lane), s.events, s.commands, s.moves, s.transit, s.unwritten];
  const budget = [s.holds, s.pays, s.refunds, s.recoveries];
  const rows = [s.orders, s.owners, s.gone, s.doubled];
  for (const part of [...parts, rows, [s.flash, s.installed, s.closes, ...budget]]) {
    const text = JSON.stringify(part);
    const known = words.get(text) ?? words.size;
    words.set(text, known);
    out.push(known);
  }
}
