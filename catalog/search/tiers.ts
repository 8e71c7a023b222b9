/**
 * Products in tiers by quality, the best 1 % first: of a word that very many products hold only
 * the best of them are ranked and counted. Bounds are made anew when the shop has grown.
 */
import type { Query } from '../../platform/postgres/pool.ts';
import { tierShares } from './ranking.ts';

export interface Tiers {
  /** Products when the bounds were made. */
  readonly docs: number;
  /** Of all products, those in the tiers 0…k; the last is 1. */
  readonly shares: readonly number[];
}

const readText = `
SELECT tier_docs AS docs, cardinality(tier_bounds) AS bounds FROM shop.search_progress`;

/** Without bounds there is one tier. */
export async function readTiers(q: Query): Promise<Tiers> {
  const [row] = await q.query<{ docs: number; bounds: number }>(readText, [], 'search_tiers');
  const single = row === undefined || row.bounds === 0;
  return { docs: row?.docs ?? 0, shares: single ? [1] : tierShares };
}

/** A shop smaller than this has one tier. */
const tieredFrom = 2000;
const grownBy = 0.25;

const countText = `SELECT count(*) AS docs FROM shop.search`;
const boundsText = `
UPDATE shop.search_progress SET tier_docs = $1::bigint, tier_bounds = CASE WHEN $1::bigint < ${tieredFrom} THEN '{}'
  ELSE ARRAY(
    SELECT bound FROM unnest((
      SELECT percentile_disc($2::float8[]) WITHIN GROUP (ORDER BY quality DESC) FROM shop.search
    )) AS bound)::real[] END`;

/** Returns whether new bounds were made: then every product is to be looked at again. */
export async function renewTiers(q: Query): Promise<boolean> {
  const { docs: before } = await readTiers(q);
  const [row] = await q.query<{ docs: number }>(countText);
  const docs = row?.docs ?? 0;
  const first = before < tieredFrom && docs >= tieredFrom;
  if (!first && Math.abs(docs - before) <= Math.max(1, before * grownBy)) return false;
  await q.run(boundsText, [docs, tierShares.slice(0, -1)]);
  return true;
}

const retierText = `
UPDATE shop.search s SET tier = t.tier,
  tags = array_append(array_remove(s.tags, -10 - s.tier), -10 - t.tier::integer)
FROM (
  SELECT s.product_id, (
    SELECT count(*) FROM unnest(p.tier_bounds) bound WHERE s.quality < bound)::smallint AS tier
  FROM shop.search s, shop.search_progress p
) t
WHERE t.product_id = s.product_id AND t.tier <> s.tier`;

/** Puts every product into the tier of its quality. Returns how many moved. */
export function retier(q: Query): Promise<number> {
  return q.run(retierText);
}
