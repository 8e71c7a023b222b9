/**
 * Registrations: the registration and its event are written in one transaction, so it answers the
 * same with Kafka down; the event leaves by the outbox.
 */
import type { KeyObject } from 'node:crypto';
import { clock } from '../platform/clock.ts';
import type { Db, Query } from '../platform/postgres/db.ts';
import { base32 } from './domain/ids.ts';
import type { ProductId, VendorId } from './domain/types.ts';
import type { NewRegistration, Registration, VendorOutcome } from './engine.ts';
import { derivedIdentity } from './lanes/order-key.ts';

/** 10 bytes as an id; from the key when there is one, so that the row is the record. */
function productIdOf(secret: KeyObject, r: NewRegistration): ProductId {
  const identity =
    r.idempotencyKey === undefined
      ? clock.random(8)
      : derivedIdentity(secret, 'register', r.vendor, r.idempotencyKey);
  return `prd_${base32(Buffer.concat([identity, Buffer.alloc(2)])).slice(0, 13)}`;
}

export async function register(
  db: Db,
  secret: KeyObject,
  currency: string,
  r: NewRegistration,
): Promise<VendorOutcome<Registration>> {
  const id = productIdOf(secret, r);
  return db.tx(async (q): Promise<VendorOutcome<Registration>> => {
    if (!(await mayVary(q, r.vendor, r.body))) {
      return { kind: 'rejected', rejection: { code: 'not_found' } };
    }
    const [made] = await q.query<{ registered_at: Date }>(
      `INSERT INTO sale.registrations (id, vendor_id, body, fingerprint, supply)
       VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING RETURNING registered_at`,
      [id, r.vendor, JSON.stringify(r.body), r.fingerprint, r.supply],
    );
    if (made === undefined) {
      const [known] = await q.query<{ fingerprint: string; vendor_id: string }>(
        'SELECT fingerprint, vendor_id FROM sale.registrations WHERE id = $1',
        [id],
      );
      if (known?.fingerprint !== r.fingerprint || known.vendor_id !== r.vendor) {
        return { kind: 'rejected', rejection: { code: 'idempotency_key_reused' } };
      }
      return { kind: 'done', replayed: true, value: { id, status: 'accepted', reason: null } };
    }
    const event = {
      id,
      vendor_id: r.vendor,
      ...r.body,
      price: { amount: priceOf(r.body), currency },
      registered_at: made.registered_at.toISOString(),
    };
    await q.run(`INSERT INTO platform.outbox (topic, key, value) VALUES ('new-product', $1, $2)`, [
      id,
      JSON.stringify(event),
    ]);
    return { kind: 'done', replayed: false, value: { id, status: 'accepted', reason: null } };
  });
}

/** A variant is shown on the page of its product, so that must be the same vendor's. */
export async function mayVary(
  q: Query,
  vendor: VendorId,
  { variant_of: product }: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  if (product === undefined) return true;
  const found = await q.query('SELECT 1 FROM sale.registrations WHERE id = $1 AND vendor_id = $2', [
    product,
    vendor,
  ]);
  return found.length > 0;
}

/** Minor units of the registered price: `price` (money) or `price_usd` (at most two decimals). */
export function priceOf(body: Readonly<Record<string, unknown>>): number {
  const { price, price_usd: dollars } = body;
  if (typeof price === 'object' && price !== null && 'amount' in price) return Number(price.amount);
  return Math.round(Number(dollars) * 100);
}

/** `listed` = the product row is there and its standing sale installed and credited. */
export async function readRegistration(
  db: Db,
  vendor: VendorId,
  id: ProductId,
): Promise<Registration | null> {
  const [row] = await db.query<{
    status: 'accepted' | 'rejected';
    reason: string | null;
    listed: boolean;
  }>(
    `SELECT r.status, r.reason,
            (s.state IS NOT NULL AND s.state <> 'creating'
             AND NOT EXISTS (SELECT 1 FROM sale.moves m
                              WHERE m.group_id = s.id AND m.kind = 'grant' AND m.state <> 'done')
             AND EXISTS (SELECT 1 FROM shop.listed l WHERE l.product_id = r.id)) AS listed
       FROM sale.registrations r LEFT JOIN sale.sales s ON s.id = r.standing_sale
      WHERE r.id = $1 AND r.vendor_id = $2`,
    [id, vendor],
  );
  if (row === undefined) return null;
  const status = row.status === 'accepted' && row.listed ? 'listed' : row.status;
  return { id, status, reason: row.reason };
}
