/**
 * The cart of a shopper or a guest: kept in Postgres, priced and checked at every read. With
 * Postgres away a cart seen before is shown as `stale`; a change is refused with 503, because what
 * only this process would know is lost with it.
 */
import { isRetryable } from '../platform/fault.ts';
import { refuse } from '../platform/http/problems.ts';
import type { Ctx, Route } from '../platform/http/route.ts';
import { readAddress } from './addresses.ts';
import type { Address } from './addresses.ts';
import { cartDocument } from './cart-document.ts';
import { deleteLine, linesMax, mergeGuest, putLine, readCart } from './cart-rows.ts';
import type { CartLine } from './cart-rows.ts';
import type { Db, Query } from '../platform/postgres/pool.ts';
import type { ReadCache } from '../platform/read-cache.ts';
import { windowRow } from '../platform/window/rows.ts';
import type { Places } from './delivery/places.ts';
import type { Place } from './delivery/rules.ts';
import { bestOffer, linesOf, offersOf } from './offers.ts';
import type { Offers } from './offers.ts';
import { lastSeen } from './last-seen.ts';
import { keyedOf, once } from './once.ts';
import type { Changed, Keyed } from './once.ts';
import { readTurns } from './product-rows.ts';
import type { ProductOffers } from './product-rows.ts';
import { placeAsked } from './search/place-asked.ts';
import { shopperOf } from './shopper.ts';
import type { Shopper } from './shopper.ts';
import { Turns, answering, answeringChange } from './turns.ts';

export interface CartOptions {
  readonly db: Db;
  readonly places: Places;
  readonly offers: Offers;
  readonly currency: string;
  /** Who a token belongs to; null when it is not valid. Throws a Fault when it cannot say. */
  readonly shopperOfToken: (token: string) => Promise<Shopper | null>;
  readonly now?: () => number;
}

const turnsMax = 128;
const seenMaxBytes = 16 * 1024 * 1024;
const lineBytes = 200;

/** All that a cart is shown from, but for products. */
interface Kept {
  readonly lines: readonly CartLine[];
  /** Where the shopper is, as saved; null = nowhere said. */
  readonly address: Address | null;
}

const nothing: Kept = { lines: [], address: null };

class Carts {
  readonly #options: CartOptions;
  readonly #turns = new Turns(turnsMax);
  readonly #seen: ReadCache<Kept>;

  constructor(options: CartOptions) {
    this.#options = options;
    this.#seen = lastSeen<Kept>({
      maxSize: seenMaxBytes,
      maxLoads: turnsMax,
      sizeOf: ({ lines }) => lineBytes * (lines.length + 4),
      load: (shopper) => this.#read(shopper),
      now: options.now,
    });
  }

  /** `asked` = where to; null = to the saved place. */
  read(shopper: Shopper, asked: Place | null): Promise<object> {
    return this.#turns.run(async () => {
      const found = await this.#seen.get(shopper.id);
      return this.#document(shopper, found?.value ?? nothing, found?.stale === true, asked);
    });
  }

  /** The line is put at the price of now, which its shopper is shown in the answer. */
  put(shopper: Shopper, product: string, quantity: number, keyed: Keyed | null): Promise<Changed> {
    return this.#change(shopper, keyed, async () => {
      const found = await this.#options.offers.get(product);
      if (found === null || found.value.product.withdrawn) {
        refuse('not_found', 'There is no such product.');
      }
      const { verified } = shopper;
      const turns = await this.#turnsIn(shopper, [found.value]);
      const { price, available } = bestOffer(found.value, { verified, quantity, turns });
      const seen = { product_id: product, quantity, price, available };
      return async (q) => {
        if (await putLine(q, shopper.id, seen)) return;
        const more = { extra: { limit: linesMax } };
        refuse('limit_reached', `A cart takes ${linesMax} products at most.`, more);
      };
    });
  }

  remove(shopper: Shopper, product: string, keyed: Keyed | null): Promise<Changed> {
    const change = (q: Query): Promise<void> => deleteLine(q, shopper.id, product);
    return this.#change(shopper, keyed, () => Promise.resolve(change));
  }

  merge(shopper: Shopper, guestToken: string, keyed: Keyed | null): Promise<Changed> {
    return this.#change(shopper, keyed, async () => {
      const guest = await this.#options.shopperOfToken(guestToken);
      if (guest === null || guest.verified) {
        const detail = '`guest_token` is not a guest’s token, or not valid any more';
        refuse('invalid_request', detail, { param: 'guest_token' });
      }
      return async (q) => {
        if (guest.id === shopper.id) return;
        await mergeGuest(q, shopper.id, guest.id);
        this.#seen.put(guest.id, nothing);
      };
    });
  }

  #change(
    shopper: Shopper,
    keyed: Keyed | null,
    prepare: () => Promise<(q: Query) => Promise<void>>,
  ): Promise<Changed> {
    return this.#turns.run(async () => {
      const replayed = await once(this.#options.db, keyed, prepare);
      return { document: await this.#changed(shopper), replayed };
    });
  }

  async #read(shopper: string): Promise<Kept> {
    const { db } = this.#options;
    const [lines, stored] = await Promise.all([readCart(db, shopper), readAddress(db, shopper)]);
    return { lines, address: stored?.address ?? null };
  }

  async #changed(shopper: Shopper): Promise<object> {
    const kept = await this.#read(shopper.id);
    this.#seen.put(shopper.id, kept);
    return this.#document(shopper, kept, false);
  }

  async #document(
    shopper: Shopper,
    { lines, address }: Kept,
    stale: boolean,
    asked: Place | null = null,
  ): Promise<object> {
    const { offers, currency, places } = this.#options;
    const products = await offersOf(
      offers,
      lines.map((line) => line.product_id),
    );
    const place =
      asked ?? (address && places.locate(address.country, address['postal_code'] ?? null));
    const { verified } = shopper;
    const known = [...products.values()].map(({ value }) => value);
    const turns = await this.#turnsIn(shopper, known).catch((error: unknown) => {
      // Without Postgres a cart is shown as if it were nobody's turn.
      if (!isRetryable(error)) throw error;
      return new Set<string>();
    });
    return cartDocument({ lines, products, verified, turns, currency, place, stale });
  }

  /** Asked only where one of the products is in a sale with a line. */
  #turnsIn(shopper: Shopper, products: readonly ProductOffers[]): Promise<ReadonlySet<string>> {
    return readTurns(this.#options.db, shopper.id, products.flatMap(linesOf));
  }
}

export function cartRoutes(options: CartOptions): Route[] {
  const carts = new Carts(options);
  const change = (id: string, handle: (ctx: Ctx, shopper: Shopper) => Promise<Changed>): Route => ({
    ...windowRow(id),
    handle: (ctx) => answeringChange(ctx, () => handle(ctx, shopperOf(ctx))),
  });
  const quantityOf = (ctx: Ctx): number => (ctx.body as { readonly quantity: number }).quantity;
  const guestOf = (ctx: Ctx): string => (ctx.body as { readonly guest_token: string }).guest_token;
  return [
    {
      ...windowRow('getCart'),
      handle: (ctx) =>
        answering(ctx, () => carts.read(shopperOf(ctx), placeAsked(ctx, options.places))),
    },
    change('putCartLine', (ctx, shopper) => {
      const product = ctx.param('product_id');
      return carts.put(shopper, product, quantityOf(ctx), keyedOf(ctx, product));
    }),
    change('deleteCartLine', (ctx, shopper) => {
      const product = ctx.param('product_id');
      return carts.remove(shopper, product, keyedOf(ctx, product));
    }),
    change('mergeCart', (ctx, shopper) => carts.merge(shopper, guestOf(ctx), keyedOf(ctx))),
  ];
}
