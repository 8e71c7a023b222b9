/** Moves as settlements see them: rows of sale.moves, and the credits that end them. */
import type { Query } from '../../platform/postgres/db.ts';
import { laneOfId } from '../domain/ids.ts';
import type { SaleId } from '../domain/types.ts';
import type { CommandWriter } from './commands.ts';

export interface Move {
  readonly id: string;
  readonly kind: 'grant' | 'fence' | 'unfence' | 'return' | 'restock' | 'withdraw';
  readonly product_id: string;
  readonly from_sale: SaleId | null;
  readonly from_item: number | null;
  readonly to_sale: SaleId | null;
  readonly to_item: number | null;
  readonly units: number;
  readonly group_id: string | null;
  readonly state: string;
  readonly reason: string | null;
}

export const moveColumns =
  'id, kind, product_id, from_sale, from_item, to_sale, to_item, units, group_id, state, reason';

export async function setMove(
  q: Query,
  id: string,
  state: string,
  reason: string | null,
): Promise<void> {
  await q.run(
    'UPDATE sale.moves SET state = $2, reason = coalesce($3, reason), settled_at = now() WHERE id = $1',
    [id, state, reason],
  );
}

/** Writes the credit of a move to one of its ends. */
export function credit(
  writer: CommandWriter,
  move: Pick<Move, 'id' | 'units'>,
  sale: SaleId | null,
  item: number | null,
): void {
  if (sale === null || item === null) throw new Error(`move ${move.id} has nowhere to go`);
  writer.add({
    lane: laneOfId(sale),
    kind: 'credit',
    sale,
    move: move.id,
    body: [move.id, item, move.units],
  });
}

/** Why a debit was refused: for want of units, and of how many there were. */
export function shortOf(reason: string | null): { readonly short: boolean; readonly free: number } {
  return {
    short: reason?.startsWith('insufficient') === true,
    free: Number(reason?.split(':')[1] ?? 0),
  };
}
