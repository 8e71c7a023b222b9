/**
 * The loop that goes round all wished products, some at a time, and tells of those that became
 * cheaper or came back, on `wishlist-notices`. It compares states, so it may stop at any point; two
 * at once tell nothing twice.
 */
import type { Log } from '../platform/log.ts';
import type { Db } from '../platform/postgres/pool.ts';
import { bestOffer, offersOf } from './offers.ts';
import type { Offers } from './offers.ts';
import { startRounds } from './rounds.ts';
import type { Rounds } from './rounds.ts';
import { anybody } from './wishlist.ts';
import { nextWished, tellWishes } from './wishlist-rows.ts';

const productsPerRound = 100;
const everyMs = 1000;
const moreMs = 50;

export function watchWishes(db: Db, offers: Offers, log: Log): Rounds {
  let after = '';
  return startRounds('wishlist-watch', db, log, everyMs, async () => {
    after = await round(db, offers, after);
    return after === '' ? everyMs : moreMs;
  });
}

/** Looks at some products after this one; answers where to go on, '' = from the start. */
export async function round(db: Db, offers: Offers, after: string): Promise<string> {
  const ids = await nextWished(db, after, productsPerRound);
  const found = await offersOf(offers, ids);
  // What is only remembered says nothing of now.
  const now = [...found].filter(([, { stale }]) => !stale);
  if (now.length > 0) {
    await tellWishes(
      db,
      now.map(([product, { value }]) => ({ product, ...shown(value) })),
    );
  }
  return ids.length < productsPerRound ? '' : (ids.at(-1) ?? '');
}

function shown(value: Parameters<typeof bestOffer>[0]) {
  const { price, available } = bestOffer(value, anybody);
  return { price, available, currency: value.product.currency };
}
