/**
 * The wishlist of a shopper or a guest: what is wished for, and whether it became cheaper or came
 * back. Like the cart it is shown `stale` while Postgres is away, and not changed then.
 */
import { refuse } from '../platform/http/problems.ts';
import type { Ctx, Route } from '../platform/http/route.ts';
import type { Db, Query } from '../platform/postgres/pool.ts';
import type { ReadCache } from '../platform/read-cache.ts';
import { wishesMax } from '../platform/window/requests.ts';
import { windowRow } from '../platform/window/rows.ts';
import { bestOffer, offersOf } from './offers.ts';
import type { Offers } from './offers.ts';
import { lastSeen } from './last-seen.ts';
import { shopperOf } from './shopper.ts';
import type { Shopper } from './shopper.ts';
import { keyedOf, once } from './once.ts';
import type { Changed, Keyed } from './once.ts';
import { Turns, answering, answeringChange } from './turns.ts';
import { deleteWish, putWish, readWishes } from './wishlist-rows.ts';
import type { Wish } from './wishlist-rows.ts';

export interface WishlistOptions {
  readonly db: Db;
  readonly offers: Offers;
  readonly currency: string;
  readonly now?: () => number;
}

const turnsMax = 64;
const seenMaxBytes = 8 * 1024 * 1024;
const wishBytes = 200;

class Wishlists {
  readonly #options: WishlistOptions;
  readonly #turns = new Turns(turnsMax);
  readonly #seen: ReadCache<readonly Wish[]>;

  constructor(options: WishlistOptions) {
    this.#options = options;
    this.#seen = lastSeen<readonly Wish[]>({
      maxSize: seenMaxBytes,
      maxLoads: turnsMax,
      sizeOf: (wishes) => wishBytes * (wishes.length + 1),
      load: (shopper) => readWishes(options.db, shopper),
      now: options.now,
    });
  }

  read(shopper: Shopper, page: Page): Promise<object> {
    return this.#turns.run(async () => {
      const found = await this.#seen.get(shopper.id);
      return this.#document(found?.value ?? [], found?.stale === true, page);
    });
  }

  put(shopper: Shopper, product: string, keyed: Keyed | null): Promise<Changed> {
    return this.#change(shopper, keyed, async () => {
      const found = await this.#options.offers.get(product);
      if (found === null || found.value.product.withdrawn) {
        refuse('not_found', 'There is no such product.');
      }
      // As everybody sees it, because the watch that compares later knows no shopper.
      const { price, available } = bestOffer(found.value, anybody);
      return async (q) => {
        if (await putWish(q, shopper.id, { product, price, available })) return;
        const more = { extra: { limit: wishesMax } };
        refuse('limit_reached', `A wishlist takes ${wishesMax} products at most.`, more);
      };
    });
  }

  remove(shopper: Shopper, product: string, keyed: Keyed | null): Promise<Changed> {
    const change = (q: Query): Promise<void> => deleteWish(q, shopper.id, product);
    return this.#change(shopper, keyed, () => Promise.resolve(change));
  }

  #change(
    shopper: Shopper,
    keyed: Keyed | null,
    prepare: () => Promise<(q: Query) => Promise<void>>,
  ): Promise<Changed> {
    const { db } = this.#options;
    return this.#turns.run(async () => {
      const replayed = await once(db, keyed, prepare);
      const wishes = await readWishes(db, shopper.id);
      this.#seen.put(shopper.id, wishes);
      return { document: await this.#document(wishes, false), replayed };
    });
  }

  async #document(all: readonly Wish[], stale: boolean, page = wholeList): Promise<object> {
    const { offers, currency } = this.#options;
    const { wishes, next } = pageOf(all, page);
    const products = await offersOf(
      offers,
      wishes.map((wish) => wish.product_id),
    );
    const items = wishes.map((wish) => {
      const known = products.get(wish.product_id)?.value;
      const now = known === undefined ? null : bestOffer(known, anybody);
      const price = now?.price ?? wish.price;
      const available = now?.available === true;
      return {
        product_id: wish.product_id,
        name: known?.product.name ?? null,
        image: known?.product.image ?? null,
        price: { amount: price, currency },
        price_then: { amount: wish.price, currency },
        available,
        price_dropped: price < wish.price,
        back_in_stock: wish.missed && available,
        added_at: wish.added_at.toISOString(),
      };
    });
    const isStale = stale || [...products.values()].some((one) => one.stale);
    const server_time = new Date().toISOString();
    return { items, next_cursor: next, stale: isStale, server_time };
  }
}

interface Page {
  readonly limit: number;
  readonly cursor: string | null;
}

const wholeList: Page = { limit: wishesMax, cursor: null };

const cursorOf = ({ added_at: at, product_id: product }: Wish): string =>
  Buffer.from(`${at.toISOString()} ${product}`).toString('base64url');

/** Goes on behind the cursor's wish, also when that is no longer wished for. */
function pageOf(all: readonly Wish[], { limit, cursor }: Page) {
  const [at = '', product = ''] = Buffer.from(cursor ?? '', 'base64url')
    .toString()
    .split(' ');
  const time = Date.parse(at);
  if (cursor !== null && (Number.isNaN(time) || new Date(time).toISOString() !== at)) {
    refuse('invalid_request', '`cursor` is not one of this list', { param: 'cursor' });
  }
  const place = all.findIndex(({ product_id: id }) => id === product);
  const isGone = cursor !== null && place < 0;
  const left = isGone ? all.filter((w) => w.added_at.getTime() < time) : all.slice(place + 1);
  const wishes = left.slice(0, limit);
  const last = wishes.at(-1);
  const next = last === undefined || left.length <= limit ? null : cursorOf(last);
  return { wishes, next };
}

/** One unit, for a shopper who is verified. */
export const anybody = { verified: true, quantity: 1 } as const;

export function wishlistRoutes(options: WishlistOptions): Route[] {
  const lists = new Wishlists(options);
  const change = (id: string, name: 'put' | 'remove'): Route => ({
    ...windowRow(id),
    handle: (ctx) => {
      const product = ctx.param('product_id');
      const keyed = keyedOf(ctx, product);
      return answeringChange(ctx, () => lists[name](shopperOf(ctx), product, keyed));
    },
  });
  const pageAsked = (ctx: Ctx): Page => ({
    limit: (ctx.query['limit'] as number | undefined) ?? wishesMax,
    cursor: (ctx.query['cursor'] as string | undefined) ?? null,
  });
  return [
    {
      ...windowRow('getWishlist'),
      handle: (ctx) => answering(ctx, () => lists.read(shopperOf(ctx), pageAsked(ctx))),
    },
    change('putWish', 'put'),
    change('deleteWish', 'remove'),
  ];
}
