/** Whether units of a product are on their way between its sales, or about to be. */
import type { Query } from '../../platform/postgres/db.ts';
import type { ProductId } from '../domain/types.ts';

export interface Transit {
  /** Units are on their way: what a sale has free is not what it will have. */
  readonly moving: boolean;
  /**
   * One of its sales shall close and does not yet. Where its lane refused, as a frozen one does, this
   * lasts until a person has ended that: what can do without those units does not wait for it.
   */
  readonly unclosed: boolean;
  /** Moves that there ever were: with as many, and none under way, no unit has come or gone. */
  readonly moves: number;
}

const closeAskedSql = (product: string): string => `EXISTS (
  SELECT 1 FROM sale.sale_items i JOIN sale.lane_commands c ON c.sale_id = i.sale_id
   WHERE i.product_id = ${product} AND c.kind = 'close' AND c.outcome IS NULL)`;

/** A close that was refused has its outcome, and is written again later: the sale's row says so. */
const unclosedSql = (product: string): string => `EXISTS (
  SELECT 1 FROM sale.sale_items i JOIN sale.sales s ON s.id = i.sale_id
   WHERE i.product_id = ${product}
     AND s.close_requested AND s.state IN ('scheduled', 'live', 'paused'))`;

/** One of the product's sales is to close: which units it sends back is not known yet. */
export const closingSql = (product: string): string =>
  `(${closeAskedSql(product)} OR ${unclosedSql(product)})`;

export async function isClosing(q: Query, product: string): Promise<boolean> {
  const [row] = await q.query<{ closing: boolean }>(
    `SELECT ${closingSql('$1')} AS closing`,
    [product],
    'closing',
  );
  return row?.closing !== false;
}

export async function transitOf(q: Query, product: ProductId): Promise<Transit> {
  const [row] = await q.query<Transit>(
    `SELECT coalesce(bool_or(state IN ('asked', 'debited', 'crediting', 'undoing')), false)
              OR ${closeAskedSql('$1')} AS moving,
            ${unclosedSql('$1')} AS unclosed,
            count(*)::int AS moves
       FROM sale.moves WHERE product_id = $1`,
    [product],
    'transit',
  );
  return row ?? { moving: true, unclosed: true, moves: 0 };
}
