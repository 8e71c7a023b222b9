/**
 * Orders with several lines, predicted: all lines or none, as they were told, at one time, with one
 * deadline and one end. And sales as their vendor has changed them: before the bell or not at all.
 */
import { laneOfId } from '../../engine/domain/ids.ts';
import type { LaneOrder, RefusedLine } from '../../engine/domain/types.ts';
import type { Db } from '../../platform/postgres/pool.ts';
import { whyRefused } from './auditor-refusals.ts';
import type { Evidence, Row, Terms } from './evidence.ts';
import type { Faults } from './faults.ts';
import type { Asked, Telling } from './history.ts';

export async function readLines(db: Db): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await db.query<{ ids: string[] }>(
    'SELECT array_agg(order_id ORDER BY line) AS ids FROM sale.order_lines GROUP BY home',
  );
  return new Map(rows.flatMap(({ ids }) => ids.map((id) => [id, ids] as const)));
}

export async function readTerms(db: Db): Promise<ReadonlyMap<string, Terms>> {
  const rows = await db.query<Terms>(
    `SELECT s.id, s.kind, i.product_id AS product, s.limit_per_shopper AS limit, i.price
       FROM sale.sales s JOIN sale.sale_items i ON i.sale_id = s.id`,
  );
  return new Map(rows.map((row) => [row.id, row]));
}

export function checkSeveral(evidence: Evidence, faults: Faults): void {
  const { history, rows, linesOf, lost, touched, wrong } = evidence;
  for (const ids of new Set(linesOf.values())) {
    if (ids.some((id) => lost.has(id))) continue;
    const there = ids.flatMap((id) => rows.get(id) ?? []);
    if (there.length > 0 && there.length < ids.length) {
      wrong.push(`${ids.join()}: only ${there.map(({ id }) => id).join()} are held`);
    }
    const name = ids.some((id) => touched.has(id)) ? onceHeld : oneness;
    if (new Set(there.map(name)).size > 1) wrong.push(there.map(name).join(' beside '));
    const [first] = there;
    if (first?.state === 'paid') faults.count('several lines were paid');
    if (first?.state === 'expired') faults.count('several lines expired');
  }
  for (const asked of history.asked) {
    if (asked.kind === 'checkout') checkCheckout(evidence, asked, faults);
  }
  checkInvented(evidence);
}

/** Of lines whose ends may be gone, each may have another. */
const onceHeld = ({ shopper, held, deadline }: Row): string => [shopper, held, deadline].join(' ');

/** The reaper reaches one sale after the other. */
const oneness = ({ shopper, state, held, deadline, ended }: Row): string =>
  [shopper, state, held, deadline, state === 'expired' ? '' : ended].join(' ');

/** No more of them than were asked for. */
function checkInvented({ history, rows, linesOf, wrong }: Evidence): void {
  const homes = [...new Set(linesOf.values())].flatMap(([home = '']) => rows.get(home) ?? []);
  for (const shopper of new Set(homes.map((row) => row.shopper))) {
    const held = homes.filter((row) => row.shopper === shopper).length;
    const asked = history.asked.filter((one) => one.kind === 'checkout' && one.shopper === shopper);
    if (held > asked.length) wrong.push(`${shopper}: ${held} orders of several, ${asked.length}`);
  }
}

function checkCheckout(evidence: Evidence, asked: Asked, faults: Faults): void {
  const { rows, lost, wrong } = evidence;
  const name = `checkout of ${asked.shopper} by ${asked.key}`;
  let first = '';
  for (const telling of asked.tellings) {
    const { outcome } = telling;
    if (outcome?.kind === 'rejected' && outcome.rejection.code === 'lines_refused') {
      checkRefused(evidence, asked, telling, outcome.rejection.lines);
    } else if (outcome?.kind === 'rejected') {
      wrong.push(`${name}: refused as ${outcome.rejection.code}`);
    }
    if (outcome?.kind !== 'done') continue;
    const lines = [outcome.value, ...(outcome.value.parts ?? [])];
    if (lines.some(({ id }) => lost.has(id))) continue;
    faults.count('several lines were held');
    const told = JSON.stringify(lines.map(asTold));
    if (first !== '' && first !== told) wrong.push(`${name}: ${told} after ${first}`);
    first = told;
    for (const [i, line] of lines.entries()) {
      const { quantity, product } = asked.lines?.[i] ?? { quantity: 0, product: '' };
      if (line.product !== product || line.units.length !== quantity) {
        wrong.push(`${name}: ${told} is not what was asked for`);
      }
      const row = rows.get(line.id);
      if (row === undefined || JSON.stringify(asStored(row)) !== JSON.stringify(asTold(line))) {
        wrong.push(`${name}: ${JSON.stringify(row)} is not what was told: ${told}`);
      }
    }
  }
}

const asTold = ({ id, units, price, heldAt, holdExpiresAt }: LaneOrder) => [
  ...[id, units, price, heldAt, holdExpiresAt],
];
const asStored = ({ id, units, price, held, deadline }: Row) => [id, units, price, held, deadline];

/** Each line that is in the way is refused for what some sale of its product would refuse it for. */
function checkRefused(
  evidence: Evidence,
  asked: Asked,
  telling: Telling,
  refused: readonly RefusedLine[],
): void {
  const { history, terms, wrong } = evidence;
  const lanes = new Set([...terms.keys()].map(laneOfId)).size;
  for (const { line, rejection } of refused) {
    const { product = '', quantity = 0 } = asked.lines?.[line] ?? {};
    const say = (why: string): unknown =>
      wrong.push(`checkout of ${asked.shopper} by ${asked.key}, line ${line}: ${why}`);
    if (rejection.code === 'other_lane') {
      if (lanes < 2) say('in another lane, there is one');
      continue;
    }
    // Of a standing sale's units nobody here knows how many were lent to others.
    if (['sold_out', 'sale_not_started'].includes(rejection.code)) continue;
    const sales = [...history.sales.values()].filter((sale) => sale.product === product);
    const whys = sales.map((sale) => {
      const one = { ...asked, sale: sale.id, product, quantity };
      return whyRefused(evidence, one, sale, telling, rejection);
    });
    if (!whys.includes('')) say(whys.join(', '));
  }
}

/** What was accepted stands, and came before anybody had held in that sale. */
export function checkTerms({ history, rows, terms, wrong }: Evidence, faults: Faults): void {
  for (const sale of history.sales.values()) {
    const { id, limit, price, changedAt } = sale;
    const found = terms.get(id);
    if (found?.limit !== limit || found.price !== price) {
      wrong.push(`${id} has ${JSON.stringify(found)}, should have ${limit} at ${price}`);
    }
    for (const row of rows.values()) {
      if (row.sale === id && row.price !== price) {
        wrong.push(`${row.id}: ${row.price}, not ${price}`);
      }
    }
    for (const at of changedAt) {
      const before = history.asked.some((one) =>
        one.tellings.some(
          ({ toldAt, outcome }) =>
            one.kind === 'hold' && one.sale === id && outcome?.kind === 'done' && toldAt < at,
        ),
      );
      if (before) wrong.push(`${id} was changed at ${at}, after its bell`);
    }
    faults.count('a sale was changed', changedAt.length);
  }
  faults.count('a sale was changed', history.raises);
  for (const code of history.changesRefused) {
    faults.count('a change was refused');
    if (code !== 'illegal_transition' && code !== 'insufficient_supply') {
      wrong.push(`a change was refused as ${code}`);
    }
  }
}
