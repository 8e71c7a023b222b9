/**
 * The SQL of wishes, and of the watch that notices what became of them: each change of a flag and
 * its event are one transaction, and a second watch beside it finds nothing left to change.
 */
import type { Db, Query } from '../platform/postgres/pool.ts';
import { wishesMax } from '../platform/window/requests.ts';

export interface Wish {
  readonly product_id: string;
  /** Minor units, when it was wished for. */
  readonly price: number;
  /** It could not be bought at some time since. */
  readonly missed: boolean;
  readonly added_at: Date;
}

const readText = `
SELECT product_id, price, missed, added_at FROM shop.wishes
WHERE shopper = $1 ORDER BY added_at DESC, product_id`;

export function readWishes(q: Query, shopper: string): Promise<Wish[]> {
  return q.query<Wish>(readText, [shopper], 'wishes');
}

const putText = `
INSERT INTO shop.wishes (shopper, product_id, price, told_price, missed)
SELECT $1, $2, $3, $3, $4
WHERE (SELECT count(*) FROM shop.wishes WHERE shopper = $1 AND product_id <> $2) < ${wishesMax}
ON CONFLICT (shopper, product_id) DO UPDATE SET price = wishes.price`;

export interface Wished {
  readonly product: string;
  /** Minor units. */
  readonly price: number;
  readonly available: boolean;
}

/** A wish that is there stays as it is. False when the list is full. */
export async function putWish(q: Query, shopper: string, wished: Wished): Promise<boolean> {
  const { product, price, available } = wished;
  return (await q.run(putText, [shopper, product, price, !available], 'wish_put')) > 0;
}

export async function deleteWish(q: Query, shopper: string, product: string): Promise<void> {
  await q.run(
    'DELETE FROM shop.wishes WHERE shopper = $1 AND product_id = $2',
    [shopper, product],
    'wish_delete',
  );
}

const nextText = `
SELECT DISTINCT product_id FROM shop.wishes WHERE product_id > $1 ORDER BY product_id LIMIT $2`;

/** Wished products after this one, in order: where the watch goes on. */
export async function nextWished(q: Query, after: string, most: number): Promise<string[]> {
  const rows = await q.query<{ product_id: string }>(nextText, [after, most], 'wished_next');
  return rows.map((row) => row.product_id);
}

const nowText = `jsonb_to_recordset($1::jsonb)
  AS now(product text, price bigint, currency text, available boolean)`;

const missedText = `
UPDATE shop.wishes w SET missed = true, told_back = false FROM ${nowText}
WHERE w.product_id = now.product AND NOT now.available AND (NOT w.missed OR w.told_back)`;

const event = `jsonb_build_object('type', $2::text, 'shopper_id', w.shopper, 'product_id',
  w.product_id, 'price', now.price, 'price_then', w.price, 'currency', now.currency, 'at', to_jsonb(now()))`;

const outboxOf = (change: string): string => `
WITH told AS (${change} RETURNING w.shopper, ${event} AS value)
INSERT INTO platform.outbox (topic, key, value)
SELECT 'wishlist-notices', shopper, value FROM told`;

const backText = outboxOf(`
UPDATE shop.wishes w SET told_back = true FROM ${nowText}
WHERE w.product_id = now.product AND now.available AND w.missed AND NOT w.told_back`);

const droppedText = outboxOf(`
UPDATE shop.wishes w SET told_price = now.price FROM ${nowText}
WHERE w.product_id = now.product AND now.price < w.told_price`);

/** How a product stands in the window now. */
export interface Shown extends Wished {
  readonly currency: string;
}

/** Writes what became of these products into their wishes; answers how many events that made. */
export async function tellWishes(db: Db, products: readonly Shown[]): Promise<number> {
  const now = JSON.stringify(products);
  return db.tx(async (q) => {
    await q.run(missedText, [now], 'wishes_missed');
    const back = await q.run(backText, [now, 'back_in_stock'], 'wishes_back');
    return back + (await q.run(droppedText, [now, 'price_dropped'], 'wishes_dropped'));
  });
}
