/**
 * What a product costs now and whether it can be bought: the same rule for cart and wishlist, and
 * the one by which checkout chooses a sale (engine/checkout.ts). Rule is pure; read through a cache.
 */
import type { Db } from '../platform/postgres/pool.ts';
import { ReadCache } from '../platform/read-cache.ts';
import type { Cached } from '../platform/read-cache.ts';
import { readProduct } from './product-rows.ts';
import type { Offer, ProductOffers } from './product-rows.ts';

/** Who buys, and how many at once: a sale may be for verified shoppers, and has units, a limit, a line. */
export interface Buyer {
  readonly verified: boolean;
  readonly quantity: number;
  /** Sales with a line in which it is the buyer's turn. Missing = none. */
  readonly turns?: ReadonlySet<string>;
}

export interface BestOffer {
  /** Null when nothing takes this order now. */
  readonly offer: Offer | null;
  /** Minor units: of the offer, else of the standing sale, else the list price. */
  readonly price: number;
  readonly available: boolean;
}

const isFree = ({ state, band }: Offer): boolean =>
  state === 'live' && (band === 'in_stock' || band === 'low');

/** The cheapest live offer that takes the buyer at once; of two at one price, the standing sale. */
export function bestOffer({ product, offers }: ProductOffers, buyer: Buyer): BestOffer {
  const open = offers.filter((offer) => isFree(offer) && takes(offer, buyer)).sort(cheaper);
  const [best] = open;
  if (best !== undefined && !product.withdrawn) {
    return { offer: best, price: best.price, available: true };
  }
  const standing = offers.find(({ kind, state }) => kind === 'standing' && state === 'live');
  return { offer: null, price: standing?.price ?? product.price, available: false };
}

function cheaper(a: Offer, b: Offer): number {
  if (a.price !== b.price) return a.price - b.price;
  if (a.kind !== b.kind) return rank(a) - rank(b);
  return a.sale_id < b.sale_id ? -1 : 1;
}

const rank = ({ kind }: Offer): number => (kind === 'standing' ? 0 : 1);

const takes = (offer: Offer, buyer: Buyer): boolean =>
  (offer.who === 'anyone' || buyer.verified) &&
  buyer.quantity <= offer.limit_per_shopper &&
  buyer.quantity <= offer.allotted - offer.claimed &&
  (!hasLine(offer) || buyer.turns?.has(offer.sale_id) === true);

/** Of sales that only a turn lets buy: the price is for those who wait, not for a cart. */
export const hasLine = ({ admission }: Offer): boolean => admission !== 'open';

/** The running sales with a line: whose turn it is there has to be asked. */
export const linesOf = ({ offers }: ProductOffers): string[] =>
  offers.filter((offer) => isFree(offer) && hasLine(offer)).map(({ sale_id: id }) => id);

export const offersFreshMs = 1000;
const offersStaleMs = 600_000;
const cacheMaxBytes = 32 * 1024 * 1024;
/** Above the lines of a cart, so that one alone is never refused. */
const loadsMax = 256;
const pauseMs = 1000;
const patienceMs = 300;
const bytesOf = 1024;

export type Offers = ReadCache<ProductOffers>;

/**
 * Products by id with their offers, a second old at most while Postgres is there, however long it takes
 * to read one: somebody decides by it whether to buy.
 */
export function createOffers(db: Db, now?: () => number): Offers {
  return new ReadCache<ProductOffers>({
    maxSize: cacheMaxBytes,
    freshMs: offersFreshMs,
    costShare: 0,
    staleMs: offersStaleMs,
    maxLoads: loadsMax,
    pauseMs,
    patienceMs,
    sizeOf: ({ offers, product }) =>
      bytesOf * (offers.length + 1) + 2 * JSON.stringify(product).length,
    load: (id) => readProduct(db, id),
    now,
  });
}

/** Of those that there are, by id. Throws what reading threw where there is nothing older. */
export async function offersOf(
  offers: Offers,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Cached<ProductOffers>>> {
  const found = await Promise.all(ids.map((id) => offers.get(id)));
  const known = new Map<string, Cached<ProductOffers>>();
  found.forEach((one, i) => {
    if (one !== null) known.set(ids[i] ?? '', one);
  });
  return known;
}
