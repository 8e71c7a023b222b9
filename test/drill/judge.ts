/** What shoppers were told against what Postgres holds. Pure: the invariants by their numbers. */
import { laneOfId } from '../../engine/domain/ids.ts';
import type { History, KnownOrder, OrderRow, Rows, Violation } from './history.ts';
import { apart, eachLine, homesOf, lateOnes, type LinesOf } from './judge-several.ts';

export interface Comparison {
  readonly violations: Violation[];
  /** Accepted, and in no store any more. */
  readonly lost: string[];
  /** Units that two orders have paid for. */
  readonly oversold: string[];
}

const blame = (order: string, rule: 'I3' | 'I5' | 'I6', says: string): Violation => ({
  what: `${rule}: ${order} ${says}`,
  order,
  ...(rule === 'I6' ? {} : { ofBeginning: true }),
});

/**
 * `accounts` = id of each shopper by index; `doubt` = orders that a lost disk may have taken: asked for
 * again by their keys, they are held a second time, and later; `linesOf` = of orders with several lines.
 */
export function compare(
  history: History,
  accounts: readonly string[],
  rows: Rows,
  doubt: ReadonlySet<string> = new Set(),
  linesOf: LinesOf = new Map(),
): Comparison {
  const [violations, lost]: [Violation[], string[]] = [[], []];
  const told = [...history.orders.values()].flatMap((order) => eachLine(order, linesOf));
  const homes = homesOf(linesOf);
  const late = lateOnes(history, accounts, linesOf, rows);
  const refused = refusedEnds(history);
  for (const order of told) {
    const row = rows.get(order.id);
    if (row === undefined) {
      lost.push(order.id);
      continue;
    }
    violations.push(...compareOrder(order, row, accounts[order.shopper] ?? ''));
    if (refused.has(`${homes.get(order.id) ?? order.id} ${row.state}`)) {
      violations.push(blame(order.id, 'I6', `is ${row.state}, which was refused`));
    }
  }
  for (const { id } of rows.values()) {
    if (!history.isKnown(homes.get(id) ?? id) && !late.has(id)) {
      violations.push(blame(id, 'I3', 'was never answered to anybody'));
    }
  }
  violations.push(...outOfTurn(history, rows, doubt), ...apart(linesOf, rows));
  return { violations, lost, oversold: soldTwice(told, rows) };
}

/**
 * `order state` of each end that was asked for and refused every time: it must not have happened. One
 * key has one answer, so a try without an answer that took effect makes its repeat no refusal; of
 * several keys any that was accepted, or is unknown, may be the one that ended the order.
 */
function refusedEnds({ commands }: Pick<History, 'commands'>): ReadonlySet<string> {
  const [refused, perhaps] = [new Set<string>(), new Set<string>()];
  for (const { verb, order, outcome } of commands) {
    if (verb !== 'pay' && verb !== 'release') continue;
    const end = `${order} ${verb === 'pay' ? 'paid' : 'released'}`;
    (outcome === 'refused' ? refused : perhaps).add(end);
  }
  return new Set([...refused].filter((end) => !perhaps.has(end)));
}

function soldTwice(told: readonly KnownOrder[], rows: Rows): string[] {
  const oversold: string[] = [];
  const orders = new Map(told.map((order) => [order.id, order]));
  const owners = new Map<string, string>();
  for (const { id, state, units } of rows.values()) {
    if (state !== 'paid') continue;
    const order = orders.get(id);
    for (const unit of units) {
      const name = `${order?.sale ?? id} ${order?.product ?? ''} unit ${unit}`;
      if (owners.has(name)) oversold.push(`${name} (${owners.get(name) ?? ''}, ${id})`);
      owners.set(name, id);
    }
  }
  return oversold;
}

function compareOrder(order: KnownOrder, row: OrderRow, shopper: string): Violation[] {
  const { id, units, end, payAsked, releaseAsked } = order;
  const wrong: Violation[] = [];
  if (row.shopper !== shopper) {
    wrong.push(blame(id, 'I3', `belongs to ${row.shopper}, not ${shopper}`));
  }
  if (row.units.join() !== units.join()) {
    const says = `was answered with ${units.join()}, stored with ${row.units.join()}`;
    wrong.push(blame(id, 'I3', says));
  }
  if (end !== null && row.state !== end) {
    wrong.push(blame(id, 'I6', `was ${end}, is stored as ${row.state}`));
  }
  if (row.state === 'paid' && !payAsked) wrong.push(blame(id, 'I6', 'is paid, nobody paid'));
  if (row.state === 'released' && !releaseAsked) {
    wrong.push(blame(id, 'I6', 'is released, nobody released it'));
  }
  return wrong;
}

/**
 * First come, first served: whoever had their hold before another asked was served no later, by
 * the clock of their lane. Commands that overlapped may have gone either way.
 */
export function outOfTurn(
  history: Pick<History, 'orders'>,
  rows: Rows,
  doubt: ReadonlySet<string> = new Set(),
): Violation[] {
  const wrong: Violation[] = [];
  const lanes = new Map<number, KnownOrder[]>();
  for (const order of history.orders.values()) {
    const lane = laneOfId(order.id);
    const known = lanes.get(lane);
    if (known === undefined) lanes.set(lane, [order]);
    else known.push(order);
  }
  for (const orders of lanes.values()) {
    const heldAt = ({ id }: KnownOrder): number => rows.get(id)?.heldAt ?? 0;
    const served = orders.toSorted((a, b) => a.answeredAt - b.answeredAt);
    let next = 0;
    let latest = { at: 0, id: '' };
    for (const order of orders.toSorted((a, b) => a.askedAt - b.askedAt)) {
      for (; (served[next]?.answeredAt ?? Infinity) < order.askedAt; next += 1) {
        const before = served[next];
        if (before === undefined || doubt.has(before.id)) continue;
        if (heldAt(before) > latest.at) {
          latest = { at: heldAt(before), id: before.id };
        }
      }
      if (rows.has(order.id) && heldAt(order) < latest.at) {
        wrong.push(blame(order.id, 'I5', `was held before ${latest.id}, which came first`));
      }
    }
  }
  return wrong;
}
