/**
 * What a vendor does with a product after its registration: change, withdraw, list. A change and
 * its event are one transaction; units come and go as moves, and the answer waits for those.
 */
import type { Query } from '../platform/postgres/db.ts';
import { isProductId } from './domain/ids.ts';
import type { ProductId, SaleId, VendorId } from './domain/types.ts';
import type {
  Page,
  ProductChange,
  VendorOutcome,
  VendorProduct,
  VendorRejection,
} from './engine.ts';
import { requestOf } from './lanes/order-key.ts';
import { isWithdrawn, lockOwn, readOwn, selectProducts, type ProductRow } from './product-rows.ts';
import { mayVary, priceOf } from './registrations.ts';
import { setRemaining, type RemainingContext } from './remaining.ts';
import { readCursor, writeCursor } from './sales/read.ts';
import { askedBefore, keepRequest, printOf } from './sales/requests.ts';
import { closeStanding, standingSaleId } from './sales/standing.ts';
import { transitOf } from './sales/transit.ts';
import { untilSettled } from './sales/wait.ts';

export interface ProductContext extends RemainingContext {
  readonly lanes: number;
  readonly currency: string;
}

function productOf(row: ProductRow): VendorProduct {
  const isListed = row.standing_state !== null && row.standing_state !== 'creating';
  const status = row.status === 'accepted' && isListed ? 'listed' : row.status;
  return {
    id: row.id,
    version: row.version,
    status: row.withdrawn_at === null ? status : 'withdrawn',
    body: row.body,
    price: priceOf(row.body),
    supply: row.supply,
    remaining: row.remaining,
    registeredAt: row.registered_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  };
}

/** A vendor's products, the eldest first. The cursor is the last one's time and id. */
export async function listProducts(
  q: Query,
  vendor: VendorId,
  query: { readonly limit: number; readonly cursor: string | null },
): Promise<Page<VendorProduct>> {
  const [at, after] = query.cursor === null ? [0, ''] : readCursor(query.cursor, isProductId);
  const rows = await q.query<ProductRow>(
    `${selectProducts} WHERE r.vendor_id = $1
        AND (date_trunc('milliseconds', r.registered_at), r.id) > ($2, $3)
      ORDER BY date_trunc('milliseconds', r.registered_at), r.id LIMIT $4`,
    [vendor, new Date(at), after, query.limit + 1],
    'products_list',
  );
  const items = rows.slice(0, query.limit).map(productOf);
  const last = items.at(-1);
  const more = rows.length > query.limit && last !== undefined;
  return { items, nextCursor: more ? writeCursor(last.registeredAt, last.id) : null };
}

type Written =
  | { readonly kind: 'written'; readonly lanes: readonly number[]; readonly replayed: boolean }
  /** The standing sale cannot be closed yet. */
  | { readonly kind: 'wait' }
  | VendorRejection;

/**
 * The standing sale that may be closed now; null = not yet. It does not wait for a sale that is to close
 * and is frozen: what that one sends back goes to the standing sale of then.
 */
async function closable(q: Query, row: ProductRow): Promise<SaleId | null> {
  const { standing_sale: standing, standing_state: state } = row;
  if (standing === null || state !== 'live' || (await transitOf(q, row.id)).moving) return null;
  return standing;
}

/** The vendor's request, and of what: null = without a key. */
interface Keyed {
  readonly request: string | null;
  readonly print: string;
}

/** Writes the new body and its event; a new price closes the standing sale for another one. */
async function writeBody(
  q: Query,
  context: ProductContext,
  vendor: VendorId,
  id: ProductId,
  fields: Readonly<Record<string, unknown>>,
  { request, print }: Keyed,
): Promise<Written> {
  const row = await lockOwn(q, vendor, id);
  if (row === null) return { code: 'not_found' };
  const before = await askedBefore(q, request, print);
  if (before === 'other') return { code: 'idempotency_key_reused' };
  if (before === 'same') return { kind: 'written', lanes: [], replayed: true };
  const refusal = await refusalOf(q, vendor, row, fields);
  if (refusal !== null) return refusal;
  const version = row.version + 1;
  const kept = 'price' in fields ? { ...row.body, price_usd: undefined } : row.body;
  const body = { ...kept, ...fields };
  const price = priceOf(body);
  await q.run(
    'UPDATE sale.registrations SET body = $2, version = $3, updated_at = now() WHERE id = $1',
    [id, JSON.stringify(body), version],
  );
  const { secret, lanes, currency } = context;
  await announce(q, currency, { ...row, body, version }, Object.keys(fields), false);
  await keepRequest(q, request, print);
  if (price === priceOf(row.body)) return { kind: 'written', lanes: [], replayed: false };
  const standing = await closable(q, row);
  if (standing === null) return { kind: 'wait' };
  const successor = {
    id: standingSaleId(secret, id, lanes, version),
    ...{ currency, product: { id, vendor, price, supply: 0 } },
  };
  const woken = await closeStanding(q, standing, successor);
  return { kind: 'written', lanes: woken, replayed: false };
}

/** Why the product must not become a variant of that one: it would be shown nowhere. */
async function circleOf(q: Query, row: ProductRow, parent: unknown): Promise<string | null> {
  if (typeof parent !== 'string' || parent === row.body['variant_of']) return null;
  if (parent === row.id) return 'a product is no variant of itself';
  const [variant] = await q.query(
    `SELECT 1 FROM sale.registrations WHERE vendor_id = $1 AND body->>'variant_of' = $2 LIMIT 1`,
    [row.vendor_id, row.id],
  );
  return variant === undefined ? null : 'a product that has variants can be none';
}

async function writeWithdrawal(
  q: Query,
  context: ProductContext,
  vendor: VendorId,
  id: ProductId,
): Promise<Written> {
  const row = await lockOwn(q, vendor, id);
  if (row === null) return { code: 'not_found' };
  const [flash] = await q.query<{ state: string }>(
    `SELECT s.state FROM sale.sale_items i JOIN sale.sales s ON s.id = i.sale_id
      WHERE i.product_id = $1 AND s.kind = 'flash' AND s.state NOT IN ('closed', 'cancelled')
      LIMIT 1`,
    [id],
  );
  if (flash !== undefined) return { code: 'illegal_transition', state: flash.state };
  const version = row.version + 1;
  await q.run(
    `UPDATE sale.registrations SET withdrawn_at = now(), updated_at = now(), version = $2
      WHERE id = $1`,
    [id, version],
  );
  await announce(q, context.currency, { ...row, version }, ['withdrawn'], true);
  const standing = await closable(q, row);
  if (standing === null) return { kind: 'wait' };
  return { kind: 'written', lanes: await closeStanding(q, standing), replayed: false };
}

async function announce(
  q: Query,
  currency: string,
  row: ProductRow,
  changed: readonly string[],
  withdrawn: boolean,
): Promise<void> {
  const { id, vendor_id, version, body, registered_at } = row;
  const event = {
    ...{ id, vendor_id, version, changed, withdrawn, ...body },
    price: { amount: priceOf(body), currency },
    registered_at: registered_at.toISOString(),
  };
  await q.run(
    `INSERT INTO platform.outbox (topic, key, value) VALUES ('catalog-changes', $1, $2)`,
    [id, JSON.stringify(event)],
  );
}

/** Rolls back what has to wait. */
class Wait extends Error {}

/** Tries until it is written or refused; null = its units are still on their way. */
async function write(
  { db, caller }: ProductContext,
  attempt: (q: Query) => Promise<Written>,
): Promise<Exclude<Written, { kind: 'wait' }> | null> {
  const written = await untilSettled(async () => {
    try {
      return await db.tx(async (q) => {
        const once = await attempt(q);
        if ('kind' in once && once.kind === 'wait') throw new Wait();
        return once;
      });
    } catch (error) {
      if (error instanceof Wait) return null;
      throw error;
    }
  });
  if (written === null) return null;
  if ('lanes' in written) for (const lane of written.lanes) void caller.send(lane).catch(ignore);
  return written;
}

const ignore = (): void => undefined;

/** Why these fields cannot be set; null = they can. */
async function refusalOf(
  q: Query,
  vendor: VendorId,
  row: ProductRow,
  fields: Readonly<Record<string, unknown>>,
): Promise<VendorRejection | null> {
  if (!(await mayVary(q, vendor, fields))) return { code: 'not_found' };
  const circle = await circleOf(q, row, fields['variant_of']);
  return circle === null ? null : { code: 'invalid_request', param: 'variant_of', detail: circle };
}

/**
 * Changes registered fields. Supply comes first: without its units nothing else is changed, and with
 * fields that cannot be set no unit moves.
 */
export async function changeProduct(
  context: ProductContext,
  vendor: VendorId,
  id: ProductId,
  { fields, remaining, idempotencyKey, fingerprint = '' }: ProductChange,
): Promise<VendorOutcome<VendorProduct>> {
  const { db, secret } = context;
  const row = await readOwn(db, vendor, id);
  if (row === null) return { kind: 'rejected', rejection: { code: 'not_found' } };
  const keyed = {
    request: requestOf(secret, idempotencyKey, 'product', id),
    print: printOf(fingerprint),
  };
  const before = await askedBefore(db, keyed.request, keyed.print);
  if (before === 'other') {
    return { kind: 'rejected', rejection: { code: 'idempotency_key_reused' } };
  }
  if (before === 'same') return { kind: 'done', value: productOf(row), replayed: true };
  if (isWithdrawn(row)) return { kind: 'rejected', rejection: { code: 'not_found' } };
  if (remaining !== undefined) {
    const refusal = await refusalOf(db, vendor, row, fields);
    if (refusal !== null) return { kind: 'rejected', rejection: refusal };
    const set = await setRemaining(context, { vendor, id, remaining, idempotencyKey });
    if (set === 'settling') return { kind: 'settling' };
    if (set !== 'done') return { kind: 'rejected', rejection: set };
  }
  return answer(
    context,
    vendor,
    id,
    await write(context, (q) => writeBody(q, context, vendor, id, fields, keyed)),
  );
}

/** Takes a product off the shop; what is free of it goes back to its vendor. */
export async function withdrawProduct(
  context: ProductContext,
  vendor: VendorId,
  id: ProductId,
  idempotencyKey?: string,
): Promise<VendorOutcome<VendorProduct>> {
  const { db, secret } = context;
  const request = requestOf(secret, idempotencyKey, 'withdraw', id);
  const row = await readOwn(db, vendor, id);
  if (row !== null && isWithdrawn(row)) {
    const replayed = (await askedBefore(db, request, noBody)) !== 'no';
    return { kind: 'done', value: productOf(row), replayed };
  }
  const written = await write(context, async (q) => {
    const once = await writeWithdrawal(q, context, vendor, id);
    if ('lanes' in once) await keepRequest(q, request, noBody);
    return once;
  });
  return answer(context, vendor, id, written);
}

const noBody = printOf('');

async function answer(
  { db }: ProductContext,
  vendor: VendorId,
  id: ProductId,
  written: Exclude<Written, { kind: 'wait' }> | null,
): Promise<VendorOutcome<VendorProduct>> {
  if (written === null) return { kind: 'settling' };
  if ('code' in written) return { kind: 'rejected', rejection: written };
  // A sale made next finds the units where they will be; where that takes long nobody waits for it.
  if (written.lanes.length > 0) {
    await untilSettled(async () => ((await transitOf(db, id)).moving ? null : true));
  }
  const row = await readOwn(db, vendor, id);
  if (row === null) return { kind: 'rejected', rejection: { code: 'not_found' } };
  return { kind: 'done', value: productOf(row), replayed: written.replayed };
}
