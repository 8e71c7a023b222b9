/**
 * Which products are not as search has them: their rows differ in version, or in what their sales
 * say. Looking costs a tenth of writing them anew.
 */
import type { Query } from '../../platform/postgres/pool.ts';
import { lightColumns, readFamilies, standingsOf } from './families.ts';
import type { Known } from './families.ts';
import type { SaleOfHit, Standing } from './standing.ts';

interface Stored {
  readonly id: string;
  readonly versions: number;
  readonly availability: number;
  readonly price: number;
  readonly list_price: number;
  readonly popularity: number;
  readonly sale: SaleOfHit | null;
}

const storedText = `
SELECT product_id AS id, versions, availability, price, list_price, popularity, sale
FROM shop.search WHERE product_id = ANY($1)`;

/** Of these and the families that they belong to, the heads that are to be written. */
export async function changedProducts(q: Query, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const { families, gone } = await readFamilies<Known>(q, ids, lightColumns);
  const heads = [...families.map(({ head }) => head.id), ...gone];
  const rows = await q.query<Stored>(storedText, [heads], 'search_stored');
  const stored = new Map(rows.map((row) => [row.id, row]));
  const standings = await standingsOf(q, families);
  const changed = families.filter(({ head, versions }, i) => {
    const row = stored.get(head.id);
    const standing = standings[i];
    if (row === undefined || standing === undefined) return true;
    return row.versions !== versions || differs(row, standing);
  });
  return [...changed.map(({ head }) => head.id), ...gone.filter((id) => stored.has(id))];
}

function differs(row: Stored, standing: Standing): boolean {
  return (
    row.availability !== standing.availability ||
    row.price !== standing.price ||
    row.list_price !== standing.list_price ||
    row.popularity !== standing.popularity ||
    !isSameSale(row.sale, standing.sale)
  );
}

function isSameSale(a: SaleOfHit | null, b: SaleOfHit | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.id === b.id &&
    a.state === b.state &&
    a.price === b.price &&
    a.starts_at === b.starts_at &&
    a.ends_at === b.ends_at &&
    a.admission === b.admission
  );
}
