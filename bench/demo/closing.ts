/** After the sale: until everything is settled, and the settlement lag. */
import { bucketQuantile, bucketsOf } from '../client/scrape.ts';
import { Pool } from '../client/pool.ts';
import type { SaleStats, Shop } from './shop.ts';

const settledMaxMs = 20_000;
const askMs = 200;

export interface SettleLag {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** The sale's stats once nothing is in doubt, or as they are after 20 s. */
export async function untilSettled(shop: Shop, sale: string): Promise<SaleStats> {
  const until = performance.now() + settledMaxMs;
  for (;;) {
    const stats = await shop.stats(sale);
    if (stats.in_doubt.count === 0 || performance.now() > until) return stats;
    await new Promise((resolve) => setTimeout(resolve, askMs));
  }
}

/** From the histogram of all lanes; null where it has no values. */
export async function settleLag(opsUrl: string): Promise<SettleLag> {
  const pool = new Pool(opsUrl, 1);
  try {
    const { body } = await pool.send({ method: 'GET', path: '/metrics' });
    const buckets = bucketsOf(body, 'highnoon_settle_lag_seconds');
    const ms = (share: number): number | null => {
      const seconds = bucketQuantile(buckets, share);
      return seconds === null ? null : seconds * 1000;
    };
    return { p50Ms: ms(0.5), p99Ms: ms(0.99) };
  } finally {
    pool.close();
  }
}
