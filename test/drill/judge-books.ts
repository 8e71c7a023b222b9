/** Limits, books and catalog against what was sold, told and registered. Pure, as judge.ts. */
import { isOrderId, saleOfOrder } from '../../engine/domain/ids.ts';
import type { History, Rows } from './history.ts';
import type { LinesOf } from './judge-several.ts';

const has: readonly string[] = ['held', 'paid'];

/** I4: `limits` = units that one shopper may have, by sale; sales without one are not judged. */
export function overLimit(rows: Rows, limits: ReadonlyMap<string, number>): string[] {
  const counts = new Map<string, { sale: string; shopper: string; units: number }>();
  for (const { id, shopper, state, units } of rows.values()) {
    if (!has.includes(state) || !isOrderId(id)) continue;
    const sale = saleOfOrder(id);
    const count = counts.get(`${sale} ${shopper}`) ?? { sale, shopper, units: 0 };
    counts.set(`${sale} ${shopper}`, count);
    count.units += units.length;
  }
  return [...counts.values()]
    .filter(({ sale, units }) => units > (limits.get(sale) ?? Infinity))
    .map(({ sale, shopper, units }) => `I4: ${shopper} has ${units} units of ${sale}`);
}

/** I10: what was quoted for each paid order = what the books say of its lines together. */
export function misposted(
  { orders }: Pick<History, 'orders'>,
  rows: Rows,
  linesOf: LinesOf,
  posted: ReadonlyMap<string, number>,
): string[] {
  return [...orders.values()].flatMap(({ id, amount }) => {
    if (rows.get(id)?.state !== 'paid') return [];
    const lines = linesOf.get(id) ?? [id];
    const sum = lines.reduce((total, line) => total + (posted.get(line) ?? 0), 0);
    return sum === amount ? [] : [`I10: ${id} was quoted ${amount}, posted ${sum}`];
  });
}

/** A product as it was registered and last changed, and as the catalog shows it; null = not at all. */
export interface Shown {
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly withdrawn: boolean;
  readonly shownVersion: number | null;
  readonly shownName: string | null;
  readonly shownWithdrawn: boolean;
}

/** I12, of the catalog. */
export const notShown = (products: readonly Shown[]): string[] =>
  products
    .filter(
      (one) =>
        one.shownVersion !== one.version ||
        one.shownName !== one.name ||
        one.shownWithdrawn !== one.withdrawn,
    )
    .map((one) => `I12: ${one.id}: version ${one.version}, shown ${one.shownVersion ?? 'not'}`);
