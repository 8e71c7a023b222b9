/**
 * A product page as shoppers see it, from rows to JSON. Exact stock of a standing sale is never
 * shown; a flash sale publishes its allotment and the share that is claimed. Pure.
 */
import type { Band, Offer, ProductPage, StoredVariant } from './product-rows.ts';

export interface Money {
  readonly amount: number;
  readonly currency: string;
}

export interface SaleOnPage {
  readonly id: string;
  readonly kind: 'standing' | 'flash';
  readonly state: string;
  readonly availability: Band;
  readonly price: Money;
  readonly list_price: Money;
  /** Of the list price, rounded down. */
  readonly discount_percent: number;
  readonly starts_at: string;
  readonly ends_at: string | null;
  readonly who: 'anyone' | 'verified';
  readonly limit_per_shopper: number;
  readonly admission: 'open' | 'queue' | 'draw';
  readonly allotted?: number;
  readonly claimed_share?: number;
}

/** From the best for a shopper to the worst. */
const bestFirst: readonly Band[] = ['in_stock', 'low', 'coming', 'sold_out'];

/** The best of a product's sales; a product without any is not on sale yet. */
export function availabilityOf(offers: readonly Offer[]): Band {
  return bestFirst.find((band) => offers.some((offer) => offer.band === band)) ?? 'coming';
}

/** How old what it says of its sales is: the oldest counts. Null when it has none. */
export function asOf(offers: readonly Offer[]): Date | null {
  const times = offers.flatMap(({ as_of: time }) => (time === null ? [] : [time.getTime()]));
  return times.length === 0 ? null : new Date(Math.min(...times));
}

/** The document, but for what each answer adds (`as_of`, `stale`, `server_time`). */
export function productDocument({ product, variants, offers }: ProductPage): object {
  const { currency } = product;
  const of = (id: string): readonly Offer[] => offers.filter((offer) => offer.product_id === id);
  const own = of(product.id);
  return {
    id: product.id,
    vendor_id: product.vendor_id,
    name: product.name,
    description: product.description,
    price: { amount: product.price, currency },
    sku: product.sku,
    category: product.category,
    brand: product.brand,
    images: product.images,
    attributes: product.attributes,
    variant_of: product.variant_of,
    options: product.options,
    variants: variants.map((variant) => variantDocument(variant, of(variant.id))),
    availability: availabilityOf(own),
    sales: own.map((offer) => saleDocument(offer, currency)),
    registered_at: product.registered_at.toISOString(),
  };
}

function variantDocument(variant: StoredVariant, offers: readonly Offer[]): object {
  const { id, name, price, currency, options } = variant;
  const availability = availabilityOf(offers);
  return { id, name, options, price: { amount: price, currency }, availability };
}

function saleDocument(offer: Offer, currency: string): SaleOnPage {
  const shown = {
    id: offer.sale_id,
    kind: offer.kind,
    state: offer.state,
    availability: offer.band,
    price: { amount: offer.price, currency },
    list_price: { amount: offer.list_price, currency },
    discount_percent: discountOf(offer),
    starts_at: offer.starts_at.toISOString(),
    ends_at: offer.ends_at?.toISOString() ?? null,
    who: offer.who,
    limit_per_shopper: offer.limit_per_shopper,
    admission: offer.admission,
  };
  if (offer.kind === 'standing') return shown;
  const { allotted } = offer;
  return { ...shown, allotted, claimed_share: shareOf(offer.claimed, allotted) };
}

const discountOf = ({ price, list_price: list }: Offer): number =>
  list === 0 ? 0 : Math.floor((Math.max(0, list - price) * 100) / list);

/** Down to a hundredth, so that 1 is said of the last unit only. */
function shareOf(claimed: number, allotted: number): number {
  return allotted === 0 ? 1 : Math.floor((claimed * 100) / allotted) / 100;
}
