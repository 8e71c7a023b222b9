/**
 * Fences: moves from the standing sales of products to one flash sale, asked for in one transaction.
 * No credit is written before every debit has a settled outcome: settle/sales.ts.
 */
import type { Query } from '../../platform/postgres/db.ts';
import { laneOfId } from '../domain/ids.ts';
import type { ProductId, SaleId } from '../domain/types.ts';
import type { CommandWriter } from '../settle/commands.ts';

export interface Fence {
  readonly item: number;
  readonly product: ProductId;
  readonly standing: SaleId;
  readonly units: number;
}

/** Writes moves and their debits. `attempt` > 0 = again, for less than was refused. */
export async function writeFences(
  q: Query,
  sale: SaleId,
  fences: readonly Fence[],
  writer: CommandWriter,
  attempt = 0,
): Promise<void> {
  const again = attempt === 0 ? '' : `_${attempt}`;
  const moves = fences.map((f) => ({ ...f, move: `mov_${sale.slice(4)}_${f.item}${again}` }));
  await q.run(
    `INSERT INTO sale.moves (id, kind, product_id, from_sale, from_item, to_sale, to_item, units,
                             group_id, state)
     SELECT move, 'fence', product, standing, 0, $1, item, units, $1, 'asked'
       FROM unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[])
            AS f(move, product, standing, item, units)`,
    [
      sale,
      moves.map((m) => m.move),
      moves.map((m) => m.product),
      moves.map((m) => m.standing),
      moves.map((m) => m.item),
      moves.map((m) => m.units),
    ],
  );
  for (const { move, standing, units } of moves) {
    const lane = laneOfId(standing);
    writer.add({ lane, kind: 'debit', sale: standing, move, body: [move, 0, units] });
  }
}
