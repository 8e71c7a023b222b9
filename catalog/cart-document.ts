/**
 * A cart as its shopper sees it: priced and checked now, saying of each line what changed since it
 * was put. Exact stock is not shown. Pure.
 */
import type { Cached } from '../platform/read-cache.ts';
import { laneOfMost } from '../platform/window/lane-of-most.ts';
import type { CartLine } from './cart-rows.ts';
import { deliveryTo } from './delivery/rules.ts';
import type { Place } from './delivery/rules.ts';
import { bestOffer } from './offers.ts';
import type { ProductOffers } from './product-rows.ts';

export type Change = 'price' | 'availability' | 'quantity' | 'withdrawn';

export interface CartSource {
  readonly lines: readonly CartLine[];
  readonly products: ReadonlyMap<string, Cached<ProductOffers>>;
  /** Whether the buyer may take part in sales for verified shoppers. */
  readonly verified: boolean;
  /** Sales with a line in which it is the buyer's turn. */
  readonly turns: ReadonlySet<string>;
  readonly currency: string;
  /** Where it shall go; null = nowhere said. */
  readonly place: Place | null;
  /** The lines themselves could not be read anew. */
  readonly stale: boolean;
}

export function cartDocument(source: CartSource): object {
  const { currency, products, stale } = source;
  const priced = source.lines.map((line) =>
    lineDocument(line, products.get(line.product_id)?.value, source),
  );
  // As checkout has it: what is not delivered does not count.
  const home = laneOfMost(
    priced.flatMap(({ lane, document: { delivery } }) =>
      lane === null || delivery.deliverable === false ? [] : [lane],
    ),
  );
  const lines = priced.map(({ document, lane }) => ({
    ...document,
    ordered_apart: lane !== null && lane !== home,
  }));
  const total = lines.reduce(
    (sum, { available, amount }) => sum + (available ? amount.amount : 0),
    0,
  );
  return {
    lines,
    total: { amount: total, currency },
    stale: stale || [...products.values()].some((one) => one.stale),
    server_time: new Date().toISOString(),
  };
}

/** `lane` = of the sale that takes it; null = none does now. */
function lineDocument(
  line: CartLine,
  known: ProductOffers | undefined,
  { verified, turns, currency, place }: CartSource,
) {
  const { product_id, quantity } = line;
  const best = known === undefined ? null : bestOffer(known, { verified, quantity, turns });
  const withdrawn = known === undefined || known.product.withdrawn;
  const price = withdrawn || best === null ? line.price : best.price;
  const available = !withdrawn && best?.available === true;
  const one = known === undefined ? null : bestOffer(known, { verified, quantity: 1, turns });
  const document = {
    product_id,
    name: known?.product.name ?? null,
    image: known?.product.image ?? null,
    quantity,
    price: { amount: price, currency },
    list_price: { amount: known?.product.price ?? line.price, currency },
    amount: { amount: price * quantity, currency },
    available,
    fewer_available: !withdrawn && !available && one?.available === true,
    sale_id: best?.offer?.sale_id ?? null,
    delivery: deliveryTo(known?.product.delivery ?? null, place),
    changed: changesOf(line, { price, available, withdrawn }),
  };
  return { document, lane: best?.offer?.lane ?? null };
}

interface Now {
  readonly price: number;
  readonly available: boolean;
  readonly withdrawn: boolean;
}

function changesOf(line: CartLine, now: Now): Change[] {
  const changed: Change[] = [];
  if (now.withdrawn) changed.push('withdrawn');
  if (now.price !== line.price) changed.push('price');
  if (!now.withdrawn && now.available !== line.available) changed.push('availability');
  if (line.capped) changed.push('quantity');
  return changed;
}
