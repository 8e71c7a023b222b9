/**
 * The cart of a shopper or a guest: kept in Postgres, priced and checked at every read. With
 * Postgres away a cart seen before is shown as `stale`; a change is refused with 503, because what
 * only this process would know is lost with it.
 */
import { refuse } from '../platform/http/problems.ts';
import type { Ctx, JsonSchema, Route } from '../platform/http/route.ts';
import { cartDocument } from './cart-document.ts';
import { deleteLine, linesMax, mergeGuest, putLine, readCart } from './cart-rows.ts';
import type { CartLine } from './cart-rows.ts';
import type { Db } from '../platform/postgres/pool.ts';
import { bestOffer, offersOf } from './offers.ts';
import type { Offers } from './offers.ts';
import { PageCache } from './page-cache.ts';
import type { Cached } from './page-cache.ts';
import { cartLineBody, cartMergeBody, cartSchema } from './schemas.ts';
import { shopperOf } from './shopper.ts';
import type { Shopper } from './shopper.ts';
import { Turns, answering } from './turns.ts';

export interface CartOptions {
  readonly db: Db;
  readonly offers: Offers;
  readonly currency: string;
  /** Who a token belongs to; null when it is not valid. Throws a Fault when it cannot say. */
  readonly shopperOfToken: (token: string) => Promise<Shopper | null>;
  readonly now?: () => number;
}

const turnsMax = 128;
const seenMaxBytes = 16 * 1024 * 1024;
const seenStaleMs = 600_000;
const pauseMs = 1000;
const patienceMs = 300;
const lineBytes = 200;

class Carts {
  readonly #options: CartOptions;
  readonly #turns = new Turns(turnsMax);
  /** Never fresh: a cart is read anew each time, and only shown from here with Postgres away. */
  readonly #seen: PageCache<readonly CartLine[]>;

  constructor(options: CartOptions) {
    this.#options = options;
    this.#seen = new PageCache<readonly CartLine[]>({
      maxBytes: seenMaxBytes,
      freshMs: 0,
      costShare: 0,
      staleMs: seenStaleMs,
      maxLoads: turnsMax,
      pauseMs,
      patienceMs,
      sizeOf: (lines) => lineBytes * (lines.length + 1),
      load: (shopper) => readCart(options.db, shopper),
      now: options.now ?? (() => performance.now()),
    });
  }

  read(shopper: Shopper): Promise<object> {
    return this.#turns.run(async () => {
      const found = await this.#seen.get(shopper.id);
      return this.#document(shopper, found ?? { value: [], ageMs: 0, stale: false });
    });
  }

  /** The line is put at the price of now, which its shopper is shown in the answer. */
  put(shopper: Shopper, product: string, quantity: number): Promise<object> {
    return this.#turns.run(async () => {
      const found = await this.#options.offers.get(product);
      if (found === null || found.value.product.withdrawn) {
        refuse('not_found', 'There is no such product.');
      }
      const { verified } = shopper;
      const { price, available } = bestOffer(found.value, { verified, quantity });
      const seen = { product_id: product, quantity, price, available };
      const lines = await putLine(this.#options.db, shopper.id, seen);
      if (lines === null) {
        const more = { extra: { limit: linesMax } };
        refuse('limit_reached', `A cart takes ${linesMax} products at most.`, more);
      }
      return this.#changed(shopper, lines);
    });
  }

  remove(shopper: Shopper, product: string): Promise<object> {
    return this.#turns.run(async () =>
      this.#changed(shopper, await deleteLine(this.#options.db, shopper.id, product)),
    );
  }

  merge(shopper: Shopper, guestToken: string): Promise<object> {
    return this.#turns.run(async () => {
      const guest = await this.#options.shopperOfToken(guestToken);
      if (guest === null || guest.verified) {
        const detail = '`guest_token` is not a guest’s token, or not valid any more';
        refuse('invalid_request', detail, { param: 'guest_token' });
      }
      if (guest.id === shopper.id) return this.#changed(shopper, await this.#own(shopper));
      const lines = await mergeGuest(this.#options.db, shopper.id, guest.id);
      this.#seen.put(guest.id, []);
      return this.#changed(shopper, lines);
    });
  }

  #own(shopper: Shopper): Promise<CartLine[]> {
    return readCart(this.#options.db, shopper.id);
  }

  #changed(shopper: Shopper, lines: readonly CartLine[]): Promise<object> {
    this.#seen.put(shopper.id, lines);
    return this.#document(shopper, { value: lines, ageMs: 0, stale: false });
  }

  async #document(shopper: Shopper, found: Cached<readonly CartLine[]>): Promise<object> {
    const { value: lines, stale } = found;
    const { offers, currency } = this.#options;
    const products = await offersOf(
      offers,
      lines.map((line) => line.product_id),
    );
    return cartDocument({ lines, products, verified: shopper.verified, currency, stale });
  }
}

const common = {
  half: 'window',
  auth: 'shopper',
  responses: { 200: cartSchema },
} as const;

const linePath = '/v1/cart/lines/{product_id}';

const description =
  'Priced and checked now: `changed` says what is otherwise than when the line was last put ' +
  '(`price`, `availability`, `quantity`, `withdrawn`), and stays until it is put again. `total` ' +
  'counts what is available. `stale` is true while it could not be read anew.';

export function cartRoutes(options: CartOptions): Route[] {
  const carts = new Carts(options);
  const route = (
    id: string,
    method: Route['method'],
    path: string,
    summary: string,
    errors: Route['errors'],
    handle: (ctx: Ctx, shopper: Shopper) => Promise<object>,
    body?: JsonSchema,
  ): Route => ({
    ...common,
    ...{ id, method, path, summary, description, errors: [...errors, 'unavailable'] },
    idempotencyKey: method === 'GET' ? 'none' : 'optional',
    ...(body === undefined ? {} : { body }),
    handle: (ctx) => answering(ctx, () => handle(ctx, shopperOf(ctx))),
  });
  const quantityOf = (ctx: Ctx): number => (ctx.body as { readonly quantity: number }).quantity;
  return [
    route('getCart', 'GET', '/v1/cart', 'The cart, priced now', [], (_, shopper) =>
      carts.read(shopper),
    ),
    route(
      ...([
        'putCartLine',
        'PUT',
        linePath,
        'Set a quantity',
        ['not_found', 'limit_reached'],
      ] as const),
      (ctx, shopper) => carts.put(shopper, ctx.param('product_id'), quantityOf(ctx)),
      cartLineBody,
    ),
    route('deleteCartLine', 'DELETE', linePath, 'Take a line out', [], (ctx, shopper) =>
      carts.remove(shopper, ctx.param('product_id')),
    ),
    route(
      ...(['mergeCart', 'POST', '/v1/cart/merge', 'Add a guest’s cart', []] as const),
      (ctx, shopper) =>
        carts.merge(shopper, (ctx.body as { readonly guest_token: string }).guest_token),
      cartMergeBody,
    ),
  ];
}
