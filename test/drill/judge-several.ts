/**
 * Orders with several lines against Postgres: their lines are orders of their own there, held together or
 * not at all, with one end. And sales as their vendor has changed them before the bell.
 */
import type { Client as Postgres } from 'pg';
import { saleOfOrder } from '../../engine/domain/ids.ts';
import { clockSetMs, longestStopMs } from './faults/fault.ts';
import type {
  Asked,
  History,
  KnownChange,
  KnownOrder,
  OrderRow,
  Rows,
  Violation,
} from './history.ts';
import type { CheckoutBody, HoldBody } from './shopper.ts';

/** Ids of the lines of each order with several, by its own id; its own first. */
export type LinesOf = ReadonlyMap<string, readonly string[]>;

export async function readLines(db: Postgres): Promise<LinesOf> {
  const { rows } = await db.query<{ home: string; ids: string[] }>(
    `SELECT home, array_agg(order_id ORDER BY line) AS ids FROM sale.order_lines GROUP BY home`,
  );
  return new Map(rows.map(({ home, ids }) => [home, ids]));
}

/** One for each line: what has to be in Postgres. */
export function eachLine(order: KnownOrder, linesOf: LinesOf): KnownOrder[] {
  const { id, lines } = order;
  if (lines === undefined) return [order];
  const ids = linesOf.get(id) ?? [];
  return lines.map((line, i) => ({
    ...order,
    ...line,
    id: ids[i] ?? (i === 0 ? id : `${id} line ${i}`),
  }));
}

/** The order that a line belongs to: itself, where it is no part. */
export function homesOf(linesOf: LinesOf): ReadonlyMap<string, string> {
  return new Map([...linesOf].flatMap(([home, ids]) => ids.map((id) => [id, home] as const)));
}

/** A lane's clock may be off by as much, and somebody's pause a little longer than it was meant. */
const skewMs = clockSetMs + 5000;

/**
 * Orders, line by line, that nobody was told of and nobody need have been: a try of the hold or checkout
 * had no answer, another was refused, which keeps no key, and the first was held after that: somebody
 * was stopped, or slow, with it in their hands. It has to be of the products that were asked for, held
 * since they were asked for and no later than such a stop after the refusal; and to have expired. A
 * refusal excuses one: the one that was over first, of those that fit.
 */
export function lateOnes(
  history: Pick<History, 'commands' | 'isKnown'>,
  accounts: readonly string[],
  linesOf: LinesOf,
  rows: Rows,
): ReadonlySet<string> {
  const late = new Set<string>();
  const parts = homesOf(linesOf);
  const alone = [...rows.keys()].filter((id) => !parts.has(id)).map((id) => [id]);
  const refused = new Set(
    history.commands
      .filter(({ outcome, silent }) => outcome === 'refused' && silent > 0)
      .toSorted((a, b) => a.answeredAt - b.answeredAt),
  );
  const untold = [...linesOf.values(), ...alone]
    .filter(([home = '']) => !history.isKnown(home))
    .map((ids) => ({ ids, there: ids.flatMap((id) => rows.get(id) ?? []) }))
    .toSorted((a, b) => heldAt(a.there) - heldAt(b.there));
  for (const { ids, there } of untold) {
    const asked = [...refused].find(
      (one) => accounts[one.shopper] === there[0]?.shopper && asksFor(one, there),
    );
    if (asked === undefined || there.some(({ state }) => state !== 'expired')) continue;
    refused.delete(asked);
    for (const id of ids) late.add(id);
  }
  return late;
}

const heldAt = (there: readonly OrderRow[]): number => there[0]?.heldAt ?? 0;

function asksFor(asked: Asked, there: readonly OrderRow[]): boolean {
  const { verb, sale, body, startedAt, answeredAt } = asked;
  const at = heldAt(there);
  if (at < startedAt - skewMs || at > answeredAt + longestStopMs + skewMs) return false;
  if (verb === 'hold') {
    return saleOfOrder(there[0]?.id ?? '') === sale && isOf([body as HoldBody], there);
  }
  return verb === 'checkout' && isOf((body as CheckoutBody).lines, there);
}

/** Products and quantities, line by line. */
const isOf = (wanted: readonly HoldBody[], there: readonly OrderRow[]): boolean =>
  wanted.map(({ product_id, quantity }) => `${product_id} ${quantity}`).join() ===
  there.map(({ product, units }) => `${product} ${units.length}`).join();

const blame = (order: string, says: string): Violation => ({
  ...{ what: `I3: ${order} ${says}`, order, ofBeginning: true },
});

/** All lines or none, told of or not: one state, one time, one shopper. */
export function apart(linesOf: LinesOf, rows: Rows): Violation[] {
  const wrong: Violation[] = [];
  for (const [home, ids] of linesOf) {
    const there = ids.flatMap((id) => rows.get(id) ?? []);
    if (there.length === 0) continue;
    if (there.length < ids.length) {
      wrong.push(blame(home, `has ${there.length} of its ${ids.length} lines`));
    }
    const kinds = new Set(
      there.map(({ state, heldAt, shopper }) => `${state} ${heldAt} ${shopper}`),
    );
    if (kinds.size > 1) wrong.push(blame(home, `has lines that are ${[...kinds].join(' and ')}`));
  }
  return wrong;
}

/**
 * Whether an order has lines that have expired and others that are held: deadlines fall sale by sale, so
 * for a moment there may be one. `apart` blames those that stay so.
 */
export function halfExpired(linesOf: LinesOf, rows: Rows): boolean {
  return [...linesOf.values()].some((ids) => {
    const states = new Set(ids.map((id) => rows.get(id)?.state));
    return states.has('expired') && states.has('held');
  });
}

export interface TermsRow {
  readonly sale: string;
  readonly limit: number;
  readonly prices: readonly number[];
  /** Of all orders in it. */
  readonly paid: readonly number[];
}

/** A changed sale stands as it was last changed, its orders too; and nobody had held in it before. */
export function judgeChanges(
  { changes, orders }: Pick<History, 'changes' | 'orders'>,
  rows: readonly TermsRow[],
): Violation[] {
  const wrong: Violation[] = [];
  const says = (sale: string, what: string): void => {
    wrong.push({ what: `I12: ${sale} ${what}`, order: '' });
  };
  const accepted = changes.filter((one) => one.accepted);
  const last = (sale: string, of: 'limit' | 'price'): KnownChange | undefined =>
    accepted.findLast((one) => one.sale === sale && one[of] !== undefined);
  for (const { sale, limit, prices, paid } of rows) {
    const limitAsked = last(sale, 'limit')?.limit ?? limit;
    if (limitAsked !== limit) says(sale, `has limit ${limit}, changed to ${limitAsked}`);
    const price = last(sale, 'price')?.price;
    const others = [...prices, ...paid].filter((one) => price !== undefined && one !== price);
    if (others.length > 0) says(sale, `has prices ${others.join()}, changed to ${price ?? ''}`);
  }
  for (const { sale, askedAt, limit, price } of accepted) {
    // Units alone: more may come by an api's clock that is behind, as a top-up may at any time.
    if (limit === undefined && price === undefined) continue;
    const early = [...orders.values()].find((one) => one.sale === sale && one.answeredAt < askedAt);
    if (early !== undefined) says(sale, `was changed when ${early.id} had been held in it`);
  }
  return wrong;
}

export async function checkChanges(db: Postgres, history: History): Promise<Violation[]> {
  const sales = [...new Set(history.changes.map(({ sale }) => sale))];
  const { rows } = await db.query<TermsRow>(
    `SELECT s.id AS sale, s.limit_per_shopper AS limit,
            (SELECT array_agg(i.price::float8) FROM sale.sale_items i WHERE i.sale_id = s.id) AS prices,
            coalesce((SELECT array_agg(DISTINCT o.price::float8) FROM sale.orders o
                       WHERE 'sal_' || substr(o.id, 5, 16) = s.id), '{}') AS paid
       FROM sale.sales s WHERE s.id = ANY($1)`,
    [sales],
  );
  return judgeChanges(history, rows);
}
