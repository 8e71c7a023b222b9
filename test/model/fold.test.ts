// Folding a settlement: every legal batch of up to six events, over three units and from every state
// that a lane can be in, settles to the same orders and units as its events one by one. The fold is
// the real one (engine/domain/fold.ts).
import { beforeAll, describe, expect, it } from 'vitest';
import { foldOrders, owns, type OrderEvent } from '../../engine/domain/fold.ts';

const units = [1, 2, 3];
const eventsMax = 6;
const ends = ['paid', 'released', 'expired'] as const;

type Type = OrderEvent['type'];

const event = (type: Type, order: string, of: readonly number[], index: number): OrderEvent => ({
  ...{ type, order, index, units: of, position: `1-${index}` },
  ...{ sale: 's', shopper: order, item: 0, at: 0, price: 0, expiresAt: 0, deadline: 0 },
  ...{ fingerprint: 0, endKey: '', endFingerprint: 0, details: 0 },
});

/** What a lane knows: its orders in the order of their holds, and which of them has each unit. */
interface Lane {
  readonly orders: number;
  readonly held: ReadonlyMap<string, readonly number[]>;
  readonly owned: ReadonlySet<number>;
}

const empty: Lane = { orders: 0, held: new Map(), owned: new Set() };

/** One or two of what is free. */
function* choices(free: readonly number[]): Generator<readonly number[]> {
  for (const [i, first] of free.entries()) {
    yield [first];
    for (const second of free.slice(i + 1)) yield [first, second];
  }
}

/** What a lane can decide next: a hold by someone new of what is free, an end of a hold. */
function* decisions(lane: Lane, index: number): Generator<readonly [OrderEvent, Lane]> {
  // Whoever is next has the next name: orders differ by nothing else.
  const order = String.fromCodePoint(97 + lane.orders);
  for (const chosen of choices(units.filter((unit) => !lane.owned.has(unit)))) {
    const next = {
      orders: lane.orders + 1,
      held: new Map(lane.held).set(order, chosen),
      owned: new Set([...lane.owned, ...chosen]),
    };
    yield [event('held', order, chosen, index), next];
  }
  for (const [one, of] of lane.held) {
    const held = new Map(lane.held);
    held.delete(one);
    const kept = new Set([...lane.owned].filter((unit) => !of.includes(unit)));
    for (const type of ends) {
      const owned = type === 'paid' ? lane.owned : kept;
      yield [event(type, one, of, index), { orders: lane.orders, held, owned }];
    }
  }
}

/** What Postgres has: the state of every order, the owner of every unit. */
interface Rows {
  readonly states: ReadonlyMap<string, Type>;
  readonly owners: ReadonlyMap<number, string>;
  /** Claims of a unit that was not free. */
  readonly refused: number;
}

const nothing: Rows = { states: new Map(), owners: new Map(), refused: 0 };

type Settle = (rows: Rows, events: readonly OrderEvent[]) => Rows;

interface Writes {
  readonly states: Map<string, Type>;
  readonly owners: Map<number, string>;
  refused: number;
}

const begin = ({ states, owners, refused }: Rows): Writes => ({
  states: new Map(states),
  owners: new Map(owners),
  refused,
});

type Folded = ReturnType<typeof foldOrders>['orders'];

function fold(events: readonly OrderEvent[]): Folded {
  const { orders, illegal } = foldOrders(events);
  if (illegal.length > 0) throw new Error('a legal event is taken for an illegal one');
  return orders;
}

function endAndClear(to: Writes, folded: Folded): void {
  for (const { held, end } of folded) {
    if (held !== null || end === null) continue;
    to.states.set(end.order, end.type);
    if (end.type === 'paid') continue;
    for (const unit of end.units) if (to.owners.get(unit) === end.order) to.owners.delete(unit);
  }
}

function claimAndInsert(to: Writes, folded: Folded, claims = owns): void {
  for (const order of folded) {
    const { held, end } = order;
    if (held === null) continue;
    to.states.set(held.order, end?.type ?? 'held');
    if (!claims(order)) continue;
    for (const unit of held.units) {
      if (to.owners.has(unit)) to.refused++;
      else to.owners.set(unit, held.order);
    }
  }
}

/** The settlement's writes, in the order of engine/settle/orders.ts: ends, clears, claims, inserts. */
const settle: Settle = (rows, events) => {
  const to = begin(rows);
  const folded = fold(events);
  endAndClear(to, folded);
  claimAndInsert(to, folded);
  return to;
};

/** All ends, then all claims: what is held and given back within the batch stays claimed. */
const endsThenClaims: Settle = (rows, events) => {
  const to = begin(rows);
  for (const e of events) to.states.set(e.order, e.type);
  for (const e of events) {
    if (e.type !== 'released' && e.type !== 'expired') continue;
    for (const unit of e.units) if (to.owners.get(unit) === e.order) to.owners.delete(unit);
  }
  for (const e of events) {
    if (e.type === 'held') for (const unit of e.units) to.owners.set(unit, e.order);
  }
  return to;
};

/** Only the last event of each unit counts: the end of the order before is lost. */
const lastOfUnit: Settle = (rows, events) => {
  const last = new Map(events.flatMap((e) => e.units.map((unit) => [unit, e] as const)));
  const kept = new Set(last.values());
  return settle(
    rows,
    events.filter((e) => kept.has(e)),
  );
};

/** Claims before the ends: a unit that goes from one order to another is not free yet. */
const claimsBeforeEnds: Settle = (rows, events) => {
  const to = begin(rows);
  const folded = fold(events);
  claimAndInsert(to, folded);
  endAndClear(to, folded);
  return to;
};

/** Only what was paid is claimed: a hold that is still open has no unit. */
const paidOnly: Settle = (rows, events) => {
  const to = begin(rows);
  const folded = fold(events);
  endAndClear(to, folded);
  claimAndInsert(to, folded, (order) => order.end?.type === 'paid');
  return to;
};

function isSame(a: Rows, b: Rows): boolean {
  if (a.refused !== b.refused || a.owners.size !== b.owners.size) return false;
  if (a.states.size !== b.states.size) return false;
  for (const [unit, owner] of a.owners) if (b.owners.get(unit) !== owner) return false;
  for (const [order, state] of a.states) if (b.states.get(order) !== state) return false;
  return true;
}

interface Start {
  readonly lane: Lane;
  readonly rows: Rows;
}

/**
 * Every way in which the units can be free, held and paid, with what Postgres has of it; of those
 * that differ by the units' numbers only, one. Orders that ended without a unit change nothing: no
 * event names them again.
 */
function starts(): Start[] {
  const found = new Map<string, Start>();
  const visit = (lane: Lane, rows: Rows): void => {
    const of = new Map<string, number>();
    for (const owner of rows.owners.values()) of.set(owner, (of.get(owner) ?? 0) + 1);
    const name = [...of].map(([owner, count]) => `${rows.states.get(owner) ?? ''} ${count}`);
    const known = name.sort().join();
    if (found.has(known)) return;
    found.set(known, { lane, rows });
    for (const [decided, next] of decisions(lane, 0)) visit(next, settle(rows, [decided]));
  };
  visit(empty, nothing);
  // The fewest free units first: what they show is found soonest.
  return [...found.values()].reverse();
}

interface Found {
  batches: number;
  longest: number;
  /** Of several events, after which a hold of theirs is open. */
  endHeld: number;
  /** In which such a hold has what another order gives back in the same batch. */
  handedOn: number;
  /** In which it has two units, from two orders of the same batch. */
  gathered: number;
  /** The first batch that settles to something else than its events one by one. */
  wrong: string | null;
}

const inWords = (batch: readonly OrderEvent[]): string =>
  batch.map((e) => `${e.order} ${e.type} ${e.units.join('+')}`).join(', ');

/** From how many orders of the batch a hold of the batch has its units. */
function givers(batch: readonly OrderEvent[], hold: OrderEvent): number {
  const from = new Set<string>();
  for (const e of batch) {
    if (e === hold) break;
    if (e.type === 'held' || e.type === 'paid') continue;
    if (e.units.some((unit) => hold.units.includes(unit))) from.add(e.order);
  }
  return from.size;
}

/** Counts what kind of batch it is. */
function count(found: Found, batch: readonly OrderEvent[], lane: Lane): void {
  found.batches++;
  found.longest = Math.max(found.longest, batch.length);
  if (batch.length === 1) return;
  const open = batch.filter((e) => e.type === 'held' && lane.held.has(e.order));
  if (open.length > 0) found.endHeld++;
  if (open.some((e) => givers(batch, e) > 0)) found.handedOn++;
  if (open.some((e) => e.units.length === 2 && givers(batch, e) > 1)) found.gathered++;
}

/** Compares every batch, from every start; stops at the first that differs. */
function compare(inOne: Settle): Found {
  const zero = { batches: 0, longest: 0, endHeld: 0, handedOn: 0, gathered: 0 };
  const found: Found = { ...zero, wrong: null };
  const batch: OrderEvent[] = [];
  const grow = (before: Rows, lane: Lane, each: Rows): void => {
    for (const [decided, next] of decisions(lane, batch.length)) {
      if (found.wrong !== null) return;
      batch.push(decided);
      const oneByOne = settle(each, [decided]);
      if (oneByOne.refused > 0) throw new Error(`illegal: ${inWords(batch)}`);
      count(found, batch, next);
      if (!isSame(inOne(before, batch), oneByOne)) found.wrong = inWords(batch);
      else if (batch.length < eventsMax) grow(before, next, oneByOne);
      batch.pop();
    }
  };
  for (const { lane, rows } of starts()) grow(rows, lane, rows);
  return found;
}

describe('a settlement of a batch', () => {
  let found: Found;
  beforeAll(() => {
    found = compare(settle);
  });

  it('equals one of each of its events, whatever went before', () => {
    expect(found.wrong).toBeNull();
    expect([starts().length, found.batches, found.longest]).toEqual([16, 167_694, eventsMax]);
  });

  it('was asked of batches that leave a hold open, on what others gave back in them', () => {
    const { endHeld, handedOn, gathered } = found;
    expect([endHeld, handedOn, gathered]).toEqual([111_538, 101_688, 26_376]);
  });

  it.each([
    ['the last event of each unit', lastOfUnit],
    ['all ends, then all claims', endsThenClaims],
    ['all claims, then all ends', claimsBeforeEnds],
    ['a claim of what is paid only', paidOnly],
  ])('would not, by %s', (_, inOne) => {
    expect(compare(inOne).wrong).not.toBeNull();
  });
});
