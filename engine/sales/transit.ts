/** Whether units of a product are on their way between its sales, or about to be. */
import type { Query } from '../../platform/postgres/db.ts';
import type { ProductId } from '../domain/types.ts';

export interface Transit {
  /** Units are on their way: what a sale has free is not what it will have. */
  readonly moving: boolean;
  /** Moves that there ever were: with as many, and none under way, no unit has come or gone. */
  readonly moves: number;
}

/** A close of one of the product's sales has not settled: which units it sends back is not known yet. */
export const closingSql = (product: string): string => `EXISTS (
  SELECT 1 FROM sale.sale_items i JOIN sale.lane_commands c ON c.sale_id = i.sale_id
   WHERE i.product_id = ${product} AND c.kind = 'close' AND c.outcome IS NULL)`;

export async function transitOf(q: Query, product: ProductId): Promise<Transit> {
  const [row] = await q.query<Transit>(
    `SELECT coalesce(bool_or(state IN ('asked', 'debited', 'crediting', 'undoing')), false)
              OR ${closingSql('$1')} AS moving,
            count(*)::int AS moves
       FROM sale.moves WHERE product_id = $1`,
    [product],
    'transit',
  );
  return row ?? { moving: true, moves: 0 };
}
