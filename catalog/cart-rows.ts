/**
 * The SQL of carts. Every statement names the shopper, so nobody reads or changes another's.
 */
import type { Query } from '../platform/postgres/pool.ts';
import { quantityMax, wishesMax } from '../platform/window/requests.ts';

/** Products in one cart. */
export const linesMax = 100;

export interface CartLine {
  readonly product_id: string;
  readonly quantity: number;
  /** Minor units, as the shopper saw it when the line was last put. */
  readonly price: number;
  readonly available: boolean;
  /** A merge found no room for all of it. */
  readonly capped: boolean;
}

export type Seen = Pick<CartLine, 'product_id' | 'quantity' | 'price' | 'available'>;

const readText = `
SELECT product_id, quantity, price, available, capped FROM shop.cart_lines
WHERE shopper = $1 ORDER BY added_at, product_id`;

export function readCart(q: Query, shopper: string): Promise<CartLine[]> {
  return q.query<CartLine>(readText, [shopper], 'cart');
}

const putText = `
INSERT INTO shop.cart_lines (shopper, product_id, quantity, price, available)
SELECT $1, $2, $3, $4, $5
WHERE (SELECT count(*) FROM shop.cart_lines WHERE shopper = $1 AND product_id <> $2) < ${linesMax}
ON CONFLICT (shopper, product_id) DO UPDATE SET quantity = EXCLUDED.quantity,
  price = EXCLUDED.price, available = EXCLUDED.available, capped = false`;

/** False when the cart is full. */
export async function putLine(q: Query, shopper: string, seen: Seen): Promise<boolean> {
  const { product_id: product, quantity, price, available } = seen;
  const put = await q.run(putText, [shopper, product, quantity, price, available], 'cart_put');
  return put > 0;
}

export async function deleteLine(q: Query, shopper: string, product: string): Promise<void> {
  await q.run(
    'DELETE FROM shop.cart_lines WHERE shopper = $1 AND product_id = $2',
    [shopper, product],
    'cart_delete',
  );
}

/** What the shopper has stays first; of the guest's, the eldest fit in. */
const mergeText = `
WITH moved AS (DELETE FROM shop.cart_lines WHERE shopper = $2 RETURNING *),
free AS (
  SELECT ${linesMax} - count(*) AS lines FROM shop.cart_lines WHERE shopper = $1),
fitting AS (
  SELECT m.*, own.shopper IS NULL AS is_new,
    row_number() OVER (PARTITION BY own.shopper IS NULL ORDER BY m.added_at, m.product_id) AS nth
  FROM moved m
  LEFT JOIN shop.cart_lines own ON own.shopper = $1 AND own.product_id = m.product_id)
INSERT INTO shop.cart_lines AS line
  (shopper, product_id, quantity, price, available, capped, added_at)
SELECT $1, product_id, quantity, price, available, capped, added_at FROM fitting, free
WHERE NOT is_new OR nth <= free.lines
ON CONFLICT (shopper, product_id) DO UPDATE SET
  quantity = least(line.quantity + EXCLUDED.quantity, ${quantityMax}),
  capped = line.capped OR EXCLUDED.capped
    OR line.quantity + EXCLUDED.quantity > ${quantityMax}`;

const mergeWishesText = `
WITH moved AS (DELETE FROM shop.wishes WHERE shopper = $2 RETURNING *),
own AS (SELECT product_id FROM shop.wishes WHERE shopper = $1),
fresh AS (
  SELECT m.*, row_number() OVER (ORDER BY m.added_at, m.product_id) AS nth
  FROM moved m WHERE m.product_id NOT IN (SELECT product_id FROM own))
INSERT INTO shop.wishes (shopper, product_id, price, told_price, missed, told_back, added_at)
SELECT $1, product_id, price, told_price, missed, told_back, added_at FROM fresh
WHERE nth <= ${wishesMax} - (SELECT count(*) FROM own)
ON CONFLICT DO NOTHING`;

const mergePlaceText = `
WITH moved AS (DELETE FROM shop.addresses WHERE shopper = $2 RETURNING *)
INSERT INTO shop.addresses (shopper, email, address) SELECT $1, email, address FROM moved
ON CONFLICT DO NOTHING`;

/**
 * Moves all that a guest kept to the shopper; quantities are added. The guest has nothing after it,
 * so asking again adds nothing. In a transaction.
 */
export async function mergeGuest(q: Query, shopper: string, guest: string): Promise<void> {
  await q.run(mergeText, [shopper, guest], 'cart_merge');
  await q.run(mergeWishesText, [shopper, guest], 'wishes_merge');
  await q.run(mergePlaceText, [shopper, guest], 'place_merge');
}
