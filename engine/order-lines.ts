/**
 * Which orders have several lines, from the rows that a checkout writes before it holds them. Whether
 * to look is in the id: any other order is never looked up (docs/decisions/0044-lines-live-together.md).
 */
import { numberArray, textArray } from '../platform/postgres/arrays.ts';
import type { Query } from '../platform/postgres/db.ts';
import type { OrderId, ProductId } from './domain/types.ts';

/** Most lines of an order: they are decided in one script call. */
export const orderLinesMax = 50;
/** Most units of all its lines. */
export const orderUnitsMax = 4000;

export interface OrderLine {
  readonly order: OrderId;
  readonly product: ProductId;
  readonly quantity: number;
}

/** Lines of an order, its own first; null = it has one. */
export async function readOrderLines(q: Query, home: OrderId): Promise<OrderLine[] | null> {
  const rows = await q.query<OrderLine>(
    `SELECT order_id AS order, product_id AS product, quantity
       FROM sale.order_lines WHERE home = $1 ORDER BY line`,
    [home],
    'order_lines',
  );
  return rows.length === 0 ? null : rows;
}

/** Of several orders, the parts that belong to each. */
export async function readPartsOf(
  q: Query,
  homes: readonly OrderId[],
): Promise<ReadonlyMap<OrderId, readonly OrderId[]>> {
  const parts = new Map<OrderId, OrderId[]>();
  if (homes.length === 0) return parts;
  const rows = await q.query<{ home: OrderId; order: OrderId }>(
    `SELECT home, order_id AS order FROM sale.order_lines
      WHERE home = ANY($1::text[]) AND line > 0 ORDER BY home, line`,
    [textArray(homes)],
    'order_parts',
  );
  for (const { home, order } of rows) {
    const own = parts.get(home);
    if (own === undefined) parts.set(home, [order]);
    else own.push(order);
  }
  return parts;
}

/** True for a line that is not the order itself. */
export async function isPart(q: Query, id: OrderId): Promise<boolean> {
  const text = 'SELECT line FROM sale.order_lines WHERE order_id = $1 AND line > 0';
  return (await q.query(text, [id], 'order_part')).length > 0;
}

/** Writes them; those that are there already stay. */
export async function writeOrderLines(q: Query, lines: readonly OrderLine[]): Promise<void> {
  await q.run(
    `INSERT INTO sale.order_lines (order_id, home, line, product_id, quantity)
     SELECT order_id, $1, nth - 1, product_id, quantity
       FROM unnest($2::text[], $3::text[], $4::int[]) WITH ORDINALITY
            AS l(order_id, product_id, quantity, nth)
     ON CONFLICT DO NOTHING`,
    [
      lines[0]?.order,
      textArray(lines.map(({ order }) => order)),
      textArray(lines.map(({ product }) => product)),
      numberArray(lines.map(({ quantity }) => quantity)),
    ],
    'order_lines_new',
  );
}

export const dropOrderLines = (q: Query, home: OrderId): Promise<number> =>
  q.run('DELETE FROM sale.order_lines WHERE home = $1', [home], 'order_lines_refused');
