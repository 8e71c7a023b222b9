/** Products with their variants, as they are found: read whole, or only what says if they changed. */
import type { Query } from '../../platform/postgres/pool.ts';
import { readOffers } from '../product-rows.ts';
import type { Offer } from '../product-rows.ts';
import { standingOf } from './standing.ts';
import type { Standing } from './standing.ts';

/** What each read of a member has. */
export interface Known {
  readonly id: string;
  /** List price, minor units. */
  readonly price: number;
  readonly version: number;
}

export interface Family<T extends Known = Known> {
  readonly head: T;
  readonly variants: readonly T[];
  /** Sum over the product and its variants: another one says that something changed. */
  readonly versions: number;
}

const familyMax = 100;
export const wholeColumns = 'p.*';
export const lightColumns = 'p.id, p.price, p.version';

/** `$1` may name heads, variants and what is gone; variants of a head that is gone stand for themselves. */
const headsText = `
SELECT DISTINCT coalesce(parent.id, p.id, given.id) AS id
FROM unnest($1::text[]) AS given(id)
LEFT JOIN shop.products p ON p.id = given.id
LEFT JOIN shop.products parent ON parent.id = p.variant_of AND parent.withdrawn_at IS NULL
UNION SELECT id FROM unnest($1::text[]) AS given(id)
WHERE EXISTS (SELECT 1 FROM shop.search s WHERE s.product_id = given.id)
UNION SELECT v.id FROM shop.products head
JOIN shop.products v ON v.variant_of = head.id AND v.withdrawn_at IS NULL
WHERE head.id = ANY($1) AND head.withdrawn_at IS NOT NULL`;

const membersText = (columns: string): string => `
SELECT h.id AS head, ${columns}
FROM unnest($1::text[]) AS h(id)
CROSS JOIN LATERAL (
  SELECT * FROM shop.products own WHERE own.id = h.id AND NOT EXISTS (
    SELECT 1 FROM shop.products parent
    WHERE parent.id = own.variant_of AND parent.withdrawn_at IS NULL)
  UNION ALL
  (SELECT * FROM shop.products v WHERE v.variant_of = h.id AND v.withdrawn_at IS NULL
   ORDER BY v.registered_at, v.id LIMIT ${familyMax})
) p
WHERE p.withdrawn_at IS NULL`;

/** The families that these products belong to, and the heads that are not to be found any more. */
export async function readFamilies<T extends Known>(
  q: Query,
  ids: readonly string[],
  columns: typeof wholeColumns | typeof lightColumns,
) {
  type Member = T & { readonly head: string };
  const heads = (await q.query<{ id: string }>(headsText, [ids], 'search_heads')).map((r) => r.id);
  const name = columns === wholeColumns ? 'search_members' : 'search_members_light';
  const members = await q.query<Member>(membersText(columns), [heads], name);
  const families = new Map<string, { head: T; variants: T[]; versions: number }>();
  for (const head of members.filter(({ id, head: of }) => id === of)) {
    families.set(head.id, { head, variants: [], versions: head.version });
  }
  for (const variant of members.filter(({ id, head }) => id !== head)) {
    const family = families.get(variant.head);
    if (family === undefined) continue;
    family.variants.push(variant);
    family.versions += variant.version + 1;
  }
  const found: Family<T>[] = [...families.values()];
  return { families: found, gone: heads.filter((id) => !families.has(id)) };
}

const boundsText = `SELECT tier_bounds AS bounds FROM shop.search_progress`;

/** What their sales make of them, in the order of the families. */
export async function standingsOf(q: Query, families: readonly Family[]): Promise<Standing[]> {
  const [row] = await q.query<{ bounds: number[] }>(boundsText, [], 'search_bounds');
  const ids = families.flatMap(({ head, variants }) => [head.id, ...variants.map(({ id }) => id)]);
  const byProduct = new Map<string, Offer[]>();
  for (const offer of await readOffers(q, ids)) {
    const known = byProduct.get(offer.product_id);
    if (known === undefined) byProduct.set(offer.product_id, [offer]);
    else known.push(offer);
  }
  return families.map(({ head, variants }) => {
    const members = [head, ...variants].map(({ id, price }) => {
      return { id, price, offers: byProduct.get(id) ?? [] };
    });
    return standingOf(head.id, members, row?.bounds ?? []);
  });
}
