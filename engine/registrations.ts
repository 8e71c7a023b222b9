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

/** From the key when there is one, so that the row is the record. */
function productIdOf(secret: KeyObject, r: NewRegistration): ProductId {
  if (r.idempotencyKey === undefined) return productIdFrom(clock.random(8));
  return productIdFrom(derivedIdentity(secret, 'register', r.vendor, r.idempotencyKey));
}

/** Of 8 bytes. */
const productIdFrom = (identity: Buffer): ProductId =>
  `prd_${base32(Buffer.concat([identity, Buffer.alloc(2)])).slice(0, 13)}`;

/** What a row of an import is registered as, however often it is tried. */
export const productIdOfRow = (secret: KeyObject, job: string, row: number): ProductId =>
  productIdFrom(derivedIdentity(secret, 'import', job, String(row)));

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
    const row = { id, body: r.body, supply: r.supply, fingerprint: r.fingerprint };
    if ((await writeRegistrations(q, r.vendor, currency, [row])) === 0) {
      const [known] = await q.query<{ fingerprint: string; vendor_id: string }>(
        'SELECT fingerprint, vendor_id FROM sale.registrations WHERE id = $1',
        [id],
      );
      if (known?.fingerprint !== r.fingerprint || known.vendor_id !== r.vendor) {
        return { kind: 'rejected', rejection: { code: 'idempotency_key_reused' } };
      }
      return { kind: 'done', replayed: true, value: { id, status: 'accepted', reason: null } };
    }
    return { kind: 'done', replayed: false, value: { id, status: 'accepted', reason: null } };
  });
}

export interface RegistrationRow {
  readonly id: ProductId;
  /** The registered fields, checked. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly supply: number;
  readonly fingerprint: string;
}

const writeText = `
WITH given AS (
  SELECT * FROM jsonb_to_recordset($2::jsonb)
    AS r(id text, body jsonb, fingerprint text, supply bigint, price bigint)),
made AS (
  INSERT INTO sale.registrations (id, vendor_id, body, fingerprint, supply)
  SELECT id, $1, body, fingerprint, supply FROM given
  ON CONFLICT (id) DO NOTHING RETURNING id, registered_at)
INSERT INTO platform.outbox (topic, key, value)
SELECT 'new-product', id, body || jsonb_build_object(
    'id', id, 'vendor_id', $1::text,
    'price', jsonb_build_object('amount', price, 'currency', $3::text),
    'registered_at', to_char(registered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
FROM made JOIN given USING (id)`;

/** Registers what is not there yet, each with its event. Answers how many that were. */
export function writeRegistrations(
  q: Query,
  vendor: VendorId,
  currency: string,
  rows: readonly RegistrationRow[],
): Promise<number> {
  const given = rows.map((row) => ({ ...row, price: priceOf(row.body) }));
  return q.run(writeText, [vendor, JSON.stringify(given), currency], 'register');
}

/** A variant is shown on the page of its product, so that must be the same vendor's. */
export async function mayVary(
  q: Query,
  vendor: VendorId,
  { variant_of: product }: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  if (typeof product !== 'string') return true;
  return (await ownProducts(q, vendor, [product])).has(product);
}

/** Of these, the vendor's own. */
export async function ownProducts(
  q: Query,
  vendor: VendorId,
  ids: readonly ProductId[],
): Promise<ReadonlySet<ProductId>> {
  if (ids.length === 0) return new Set();
  const rows = await q.query<{ id: ProductId }>(
    'SELECT id FROM sale.registrations WHERE id = ANY($1) AND vendor_id = $2',
    [ids, vendor],
    'own_products',
  );
  return new Set(rows.map(({ id }) => id));
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
