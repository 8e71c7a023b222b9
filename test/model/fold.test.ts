// Folding a settlement: every legal batch of up to six events settles to the same orders and units
// as its events one by one. The fold is the real one (engine/domain/fold.ts).
import { describe, expect, it } from 'vitest';
import { foldOrders, owns, type OrderEvent } from '../../engine/domain/fold.ts';

const orders = ['a', 'b', 'c'];
const units = [1, 2];
const eventsMax = 6;

type Type = OrderEvent['type'];

/** What Postgres has: the state of every order, the owner of every unit. */
interface Rows {
  readonly states: ReadonlyMap<string, Type>;
  readonly owners: ReadonlyMap<number, string>;
  /** Claims of a unit that was not free. */
  readonly refused: number;
}

const nothing: Rows = { states: new Map(), owners: new Map(), refused: 0 };

const event = (type: Type, order: string, unit: number, index: number): OrderEvent => ({
  ...{ type, order, index, units: [unit], position: `1-${index}` },
  ...{ sale: 's', shopper: order, item: 0, at: 0, price: 0, expiresAt: 0, deadline: 0 },
  ...{ fingerprint: 0, endKey: '', endFingerprint: 0, details: 0 },
});

interface Lane {
  readonly states: ReadonlyMap<string, Type>;
  readonly owners: ReadonlyMap<number, string>;
}

/** What a lane can decide next: a hold of a free unit, an end of a hold. */
function* decisions(lane: Lane, index: number): Generator<[OrderEvent, Lane]> {
  for (const order of orders) {
    const state = lane.states.get(order);
    if (state === undefined) {
      for (const unit of units.filter((u) => !lane.owners.has(u))) {
        yield [
          event('held', order, unit, index),
          {
            states: new Map(lane.states).set(order, 'held'),
            owners: new Map(lane.owners).set(unit, order),
          },
        ];
      }
    }
    if (state !== 'held') continue;
    const unit = [...lane.owners].find(([, owner]) => owner === order)?.[0] ?? 0;
    for (const type of ['paid', 'released', 'expired'] as const) {
      const owners = new Map(lane.owners);
      if (type !== 'paid') owners.delete(unit);
      yield [
        event(type, order, unit, index),
        { states: new Map(lane.states).set(order, type), owners },
      ];
    }
  }
}

/** Every history of a lane of exactly so many events. */
function* histories(length: number, lane: Lane = nothing): Generator<OrderEvent[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const [first, next] of decisions(lane, eventsMax - length)) {
    for (const rest of histories(length - 1, next)) yield [first, ...rest];
  }
}

type Settle = (rows: Rows, events: readonly OrderEvent[]) => Rows;

/** The settlement's writes, in the order of engine/settle/orders.ts: ends, clears, claims, inserts. */
const settle: Settle = (rows, events) => {
  const states = new Map(rows.states);
  const owners = new Map(rows.owners);
  let { refused } = rows;
  const { orders: folded, illegal } = foldOrders(events);
  expect(illegal).toEqual([]);
  for (const { held, end } of folded) {
    if (held !== null || end === null) continue;
    states.set(end.order, end.type);
    if (end.type === 'paid') continue;
    for (const unit of end.units) if (owners.get(unit) === end.order) owners.delete(unit);
  }
  for (const order of folded) {
    const { held, end } = order;
    if (held === null) continue;
    states.set(held.order, end?.type ?? 'held');
    if (!owns(order)) continue;
    for (const unit of held.units) {
      if (owners.has(unit)) refused++;
      else owners.set(unit, held.order);
    }
  }
  return { states, owners, refused };
};

/** All ends, then all claims: what is held and given back within the batch stays claimed. */
const endsThenClaims: Settle = (rows, events) => {
  const held = events.filter((e) => e.type === 'held');
  const ends = events.filter((e) => e.type !== 'held');
  const states = new Map(rows.states);
  for (const e of events) states.set(e.order, e.type);
  const owners = new Map(rows.owners);
  for (const e of ends.filter((end) => end.type !== 'paid')) {
    for (const unit of e.units) if (owners.get(unit) === e.order) owners.delete(unit);
  }
  for (const e of held) for (const unit of e.units) owners.set(unit, e.order);
  return { states, owners, refused: rows.refused };
};

/** Only the last event of each unit counts: the end of the order before is lost. */
const lastOfUnit: Settle = (rows, events) => {
  const last = new Map(events.flatMap((e) => e.units.map((unit) => [unit, e] as const)));
  return settle(
    rows,
    events.filter((e) => [...last.values()].includes(e)),
  );
};

const sorted = ({ states, owners, refused }: Rows): unknown => [
  [...states].sort(),
  [...owners].sort(),
  refused,
];

interface Found {
  readonly batches: number;
  /** The first batch that settles to something else than its events one by one. */
  readonly wrong: string | null;
}

function compare(inOne: Settle): Found {
  let batches = 0;
  for (const history of histories(eventsMax)) {
    const before = [nothing];
    for (const one of history) before.push(settle(before.at(-1) ?? nothing, [one]));
    const each = before.at(-1) ?? nothing;
    expect(each.refused).toBe(0);
    const wanted = JSON.stringify(sorted(each));
    for (const [cut, rows] of before.entries()) {
      batches++;
      const batch = history.slice(cut);
      if (JSON.stringify(sorted(inOne(rows, batch))) === wanted) continue;
      const wrong = batch.map((e) => `${e.order} ${e.type} ${e.units.join(' ')}`).join(', ');
      return { batches, wrong };
    }
  }
  return { batches, wrong: null };
}

describe('a settlement of a batch', () => {
  it('equals one of each of its events, whatever went before', () => {
    const { batches, wrong } = compare(settle);
    expect(wrong).toBeNull();
    expect(batches).toBeGreaterThan(10_000);
  });

  it.each([
    ['the last event of each unit', lastOfUnit],
    ['all ends, then all claims', endsThenClaims],
  ])('would not, by %s', (_, inOne) => {
    expect(compare(inOne).wrong).not.toBeNull();
  });
});
