/** The head of a line's hash chain, for those who watch it grow. */
import type { Db } from '../../platform/postgres/db.ts';
import type { SaleId } from '../domain/types.ts';

/** Hex of the last link that has settled, '' before the first join; null = the sale has no line. */
export async function readChainHead(db: Db, sale: SaleId): Promise<string | null> {
  const [row] = await db.query<{ chain: string }>(
    `SELECT encode(chain, 'hex') AS chain FROM sale.lines WHERE sale_id = $1`,
    [sale],
    'chain_head',
  );
  return row?.chain ?? null;
}
