/**
 * Checkout of one line: chooses the sale by the rule that carts are priced by (catalog/offers.ts),
 * holds in its lane, stores the details. The choice is written before the hold, so that the same
 * key is the same order for good.
 */
import type { KeyObject } from 'node:crypto';
import { clock } from '../platform/clock.ts';
import type { Db, Query } from '../platform/postgres/db.ts';
import type { LaneOrder, Outcome, SaleId } from './domain/types.ts';
import type { CheckoutCommand, CheckoutLine } from './engine.ts';
import { requestOf } from './lanes/order-key.ts';
import { storeDetails } from './orders.ts';
import type { Shop } from './shop.ts';

export interface CheckoutContext {
  readonly db: Db;
  readonly secret: KeyObject;
  readonly shop: Shop;
}

interface Chosen extends CheckoutLine {
  readonly sale: SaleId;
}

/**
 * The cheapest live sale that takes the buyer at once; the standing one at one price, and if none
 * does. Where there is a line, that is who has a turn.
 */
const saleText = `
SELECT f.sale_id FROM sale.storefront f
 CROSS JOIN LATERAL (SELECT f.state = 'live' AND f.band IN ('in_stock', 'low')
   AND f.limit_per_shopper >= $2 AND (f.who = 'anyone' OR $3)
   AND (f.admission = 'open' OR EXISTS (
     SELECT 1 FROM sale.turns t WHERE t.sale_id = f.sale_id AND t.shopper = $4)) AS now) takes
 WHERE f.product_id = $1
   AND (takes.now OR f.kind = 'standing' AND f.state IN ('scheduled', 'live'))
 ORDER BY takes.now DESC, f.price, f.kind DESC, f.sale_id
 LIMIT 1`;

async function chooseSale(
  q: Query,
  { product, quantity }: CheckoutLine,
  { shopper, verified }: Pick<CheckoutCommand, 'shopper' | 'verified'>,
): Promise<SaleId | null> {
  const [row] = await q.query<{ sale_id: SaleId }>(
    saleText,
    [product, quantity, verified, shopper],
    'checkout_sale',
  );
  return row?.sale_id ?? null;
}

const knownText = `
SELECT fingerprint, sale_id AS sale, product_id AS product, quantity
  FROM sale.checkouts WHERE request = $1`;

type Known = Chosen & { readonly fingerprint: string };

async function readKnown(q: Query, request: string): Promise<Known | null> {
  const [row] = await q.query<Known>(knownText, [request], 'checkout_known');
  return row ?? null;
}

/** What this key stands for: as it was chosen before, or chosen now. Null = no such product. */
async function chosenFor(
  { db }: CheckoutContext,
  request: string,
  command: CheckoutCommand,
): Promise<Known | null> {
  const known = await readKnown(db, request);
  if (known !== null) return known;
  const line = await command.line();
  const sale = await chooseSale(db, line, command);
  if (sale === null) return null;
  await db.run(
    `INSERT INTO sale.checkouts (request, fingerprint, sale_id, product_id, quantity)
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    [request, command.fingerprint, sale, line.product, line.quantity],
  );
  return readKnown(db, request);
}

function hold(shop: Shop, command: CheckoutCommand, chosen: Chosen): Promise<Outcome<LaneOrder>> {
  const { shopper, verified } = command;
  const { sale, product, quantity } = chosen;
  // No key of a hold begins so: the scope of a key is its path.
  const idempotencyKey = `\0${command.idempotencyKey}`;
  return new Promise((resolve) => {
    shop.hold({ sale, shopper, verified, quantity, product, idempotencyKey }, resolve);
  });
}

const rejected = (code: 'not_found' | 'idempotency_key_reused'): Outcome<LaneOrder> => ({
  kind: 'rejected',
  rejection: { code },
  now: clock.wall(),
});

/** Holds one line with its details. Throws what `line` throws, and faults of Postgres. */
export async function checkout(
  context: CheckoutContext,
  command: CheckoutCommand,
): Promise<Outcome<LaneOrder>> {
  const { db, secret, shop } = context;
  const { shopper, details, idempotencyKey } = command;
  const request = requestOf(secret, idempotencyKey, 'checkout', shopper) ?? '';
  const chosen = await chosenFor(context, request, command);
  if (chosen === null) return rejected('not_found');
  if (chosen.fingerprint !== command.fingerprint) return rejected('idempotency_key_reused');
  const held = await hold(shop, command, chosen);
  if (held.kind === 'rejected') {
    await db.run('DELETE FROM sale.checkouts WHERE request = $1', [request], 'checkout_refused');
  }
  if (held.kind !== 'done' || held.value.details > 0) return held;
  const stored = await storeDetails(db, shop, held.value.id, shopper, details);
  // The hold may have ended since: the answer is the one it had.
  if (stored.kind === 'done' || stored.kind === 'rejected') return held;
  return stored;
}
