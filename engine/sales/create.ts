/**
 * Creates a flash sale: one transaction writes the sale, its items, its fences
 * (`asked`), an `install` for its lane and a `debit` for each source. The credits are written by
 * whoever settles the last debit. The row is the record: it carries the request's key, until it is
 * refused.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { clock } from '../../platform/clock.ts';
import type { Query } from '../../platform/postgres/db.ts';
import { laneOfId, saleIdOf } from '../domain/ids.ts';
import type { Millis, ProductId, SaleId, VendorId } from '../domain/types.ts';
import type { RoundNamer } from '../beacon.ts';
import type { NewSale, VendorRejection } from '../engine.ts';
import { admissionJson, insertLine, lineTerms } from '../line/terms.ts';
import { requestOf } from '../lanes/order-key.ts';
import { CommandWriter } from '../settle/commands.ts';
import { writeFences } from './fences.ts';

export interface Created {
  readonly kind: 'written' | 'known';
  readonly sale: SaleId;
  readonly lanes: readonly number[];
}

interface Source {
  readonly id: ProductId;
  readonly standing_sale: SaleId | null;
  readonly standing_state: string | null;
  readonly price: number | null;
  readonly status: 'accepted' | 'rejected';
}

export interface CreateContext {
  readonly secret: KeyObject;
  readonly lanes: number;
  readonly currency: string;
  /** Tickets that one line takes. */
  readonly lineMax: number;
  /** Names the round of public randomness that a draw uses; undefined = none. */
  readonly nameRound?: RoundNamer | undefined;
}

export interface Creation extends NewSale {
  readonly fencedLater?: boolean;
}

/** A flash sale's id from 8 bytes; its lane is a hash of them, so that sales spread over all lanes. */
export function newSaleId(lanes: number, identity: Uint8Array): SaleId {
  const lane = createHash('sha256').update(identity).digest().readUInt32BE(0) % lanes;
  return saleIdOf(lane, identity);
}

/** Price after a discount, in whole minor units, half up. */
export const discounted = (price: number, percent: number): number =>
  Math.round((price * (100 - percent)) / 100);

async function readSources(
  q: Query,
  vendor: VendorId,
  products: readonly ProductId[],
): Promise<Map<ProductId, Source>> {
  // A row that was waited for would be read beside its standing sale of before.
  await q.query(
    `SELECT 1 FROM sale.registrations
      WHERE vendor_id = $1 AND id = ANY($2) ORDER BY id FOR SHARE`,
    [vendor, products],
  );
  const rows = await q.query<Source>(
    `SELECT r.id, r.standing_sale, s.state AS standing_state, i.price, r.status
       FROM sale.registrations r
       LEFT JOIN sale.sales s ON s.id = r.standing_sale
       LEFT JOIN sale.sale_items i ON i.sale_id = r.standing_sale AND i.item = 0
      WHERE r.vendor_id = $1 AND r.id = ANY($2) AND r.withdrawn_at IS NULL`,
    [vendor, products],
  );
  return new Map(rows.map((r) => [r.id, r]));
}

/** Nothing is written: it may not be, or not yet. */
export type Refused = VendorRejection | 'settling';

interface PricedItem {
  readonly product: ProductId;
  readonly standing: SaleId;
  readonly allotted: number;
  readonly price: number;
  readonly listPrice: number;
}

/** Items with their prices, or why there is no such sale; `settling` before all are listed at a price. */
function priceItems(
  sale: NewSale,
  sources: ReadonlyMap<ProductId, Source>,
): PricedItem[] | Refused {
  const items: PricedItem[] = [];
  for (const [i, item] of sale.items.entries()) {
    const source = sources.get(item.product);
    if (source === undefined) return { code: 'not_found' };
    if (source.status === 'rejected') {
      const detail = 'the product was rejected; ask its status_url';
      return { code: 'invalid_request', param: `items.${i}.product_id`, detail };
    }
    const { standing_sale: standing, standing_state: state, price } = source;
    if (standing === null || price === null || state === 'creating') return 'settling';
    items.push({
      product: item.product,
      standing,
      allotted: item.allotted,
      price: item.price ?? discounted(price, item.discountPercent ?? 0),
      listPrice: price,
    });
  }
  return items;
}

async function insertSale(
  q: Query,
  context: CreateContext,
  id: SaleId,
  sale: Creation,
  request: string | null,
  items: readonly PricedItem[],
  writer: CommandWriter,
): Promise<boolean> {
  const startsAt = new Date(sale.startsAt ?? clock.wall());
  const endsAt = new Date(startsAt.getTime() + sale.durationSeconds * 1000);
  const hasLine = sale.admission.mode !== 'open';
  const beacon = hasLine ? (context.nameRound?.(startsAt.getTime()) ?? null) : null;
  const made = await q.run(
    `INSERT INTO sale.sales (id, lane, vendor_id, kind, state, starts_at, ends_at,
                             limit_per_shopper, hold_seconds, who, admission, currency, seed,
                             fingerprint, request)
     VALUES ($1, $2, $3, 'flash', 'creating', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     ON CONFLICT (request) WHERE state <> 'cancelled' DO NOTHING`,
    [
      id,
      laneOfId(id),
      sale.vendor,
      startsAt,
      endsAt,
      sale.limitPerShopper,
      sale.holdSeconds,
      sale.who,
      JSON.stringify(admissionJson(sale.admission, beacon)),
      context.currency,
      clock.random(32),
      sale.fingerprint,
      request,
    ],
  );
  if (made === 0) return false;
  await q.run(
    `INSERT INTO sale.sale_items (sale_id, item, product_id, price, list_price, asked)
     SELECT $1, n - 1, product, price, list_price, asked
       FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
            WITH ORDINALITY AS i(product, price, list_price, asked, n)`,
    [
      id,
      items.map((i) => i.product),
      items.map((i) => i.price),
      items.map((i) => i.listPrice),
      items.map((i) => i.allotted),
    ],
  );
  await insertLine(q, id, sale.admission, context.lineMax, beacon);
  addInstall(writer, id, sale, items, { startsAt, endsAt, lineMax: context.lineMax });
  if (sale.fencedLater !== true) {
    const fences = items.map((i, item) => ({ ...i, item, units: i.allotted }));
    await writeFences(q, id, fences, writer);
  }
  return true;
}

function addInstall(
  writer: CommandWriter,
  id: SaleId,
  sale: NewSale,
  items: readonly PricedItem[],
  bounds: { readonly startsAt: Date; readonly endsAt: Date; readonly lineMax: number },
): void {
  const line = lineTerms(sale.admission, bounds.lineMax);
  writer.add({
    lane: laneOfId(id),
    kind: 'install',
    sale: id,
    move: null,
    body: [
      id,
      bounds.startsAt.getTime(),
      bounds.endsAt.getTime(),
      sale.limitPerShopper,
      sale.holdSeconds * 1000,
      sale.who === 'verified' ? 1 : 0,
      items.length,
      items.map((i) => [i.product, i.price]),
      ...(line === null ? [] : [line]),
    ],
  });
}

/** The sale that this request has made, or why it is another request. */
async function findKnown(
  q: Query,
  sale: NewSale,
  request: string,
): Promise<Created | VendorRejection | null> {
  const [known] = await q.query<{ id: SaleId; fingerprint: string }>(
    `SELECT id, fingerprint FROM sale.sales WHERE request = $1 AND state <> 'cancelled'
     UNION ALL SELECT id, fingerprint FROM sale.schedules WHERE request = $1`,
    [request],
  );
  if (known === undefined) return null;
  if (known.fingerprint !== sale.fingerprint) return { code: 'idempotency_key_reused' };
  return { kind: 'known', sale: known.id, lanes: [] };
}

/** How far in the past a start may lie to mean "now". */
export const lateStartMaxMs = 60_000;

/** When something new starts that shall start then: a little late is now, later is a mistake. */
export function startOf(asked: Millis): Millis | VendorRejection {
  const now = clock.wall();
  if (asked >= now - lateStartMaxMs) return Math.max(asked, now);
  return { code: 'invalid_request', param: 'starts_at', detail: '`starts_at` is in the past' };
}

/** Writes a creation, or finds the one that this key has made, whenever that was to start. */
export async function writeSale(
  q: Query,
  context: CreateContext,
  sale: NewSale,
): Promise<Created | Refused> {
  const request = requestOf(context.secret, sale.idempotencyKey, 'sale', sale.vendor);
  const known = request === null ? null : await findKnown(q, sale, request);
  if (known !== null) return known;
  const startsAt = sale.startsAt === undefined ? clock.wall() : startOf(sale.startsAt);
  if (typeof startsAt !== 'number') return startsAt;
  const writer = new CommandWriter();
  const id = newSaleId(context.lanes, clock.random(8));
  const made = await addSale(q, context, id, { ...sale, startsAt }, writer, request);
  if (typeof made !== 'boolean') return made;
  // Somebody asked the same at the same time, and was first: it is there now.
  if (!made) return writeSale(q, context, sale);
  const { lanes } = writer;
  await writer.flush(q);
  return { kind: 'written', sale: id, lanes };
}

/**
 * Adds a sale of this id to a transaction; its commands are left to the `writer`. False = there is one
 * with this request. `fencedLater`: its units are asked for by whoever sets `fence_at`.
 */
export async function addSale(
  q: Query,
  context: CreateContext,
  id: SaleId,
  sale: Creation,
  writer: CommandWriter,
  request: string | null = null,
): Promise<boolean | Refused> {
  const products = sale.items.map((i) => i.product);
  const items = priceItems(sale, await readSources(q, sale.vendor, products));
  if (!Array.isArray(items)) return items;
  return insertSale(q, context, id, sale, request, items, writer);
}
