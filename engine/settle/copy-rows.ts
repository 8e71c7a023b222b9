/**
 * New orders and units by COPY: the way of nearly every settlement. It asks nothing back: a row that
 * is there already breaks a rule of the database, so nothing of the settlement is written, and the
 * careful way (orders.ts) finds which event is to blame.
 */
import { copyNull, copyText } from '../../platform/postgres/copy.ts';
import { numberArray, textArray } from '../../platform/postgres/arrays.ts';
import type { Query } from '../../platform/postgres/db.ts';
import type { FoldedOrder, OrderEvent } from '../domain/fold.ts';
import type { SaleId } from '../domain/types.ts';
import { careful, type RowWriter } from './orders.ts';

/** Below so many claims for each item the look at its numbers costs more than it saves. */
const claimsPerItemMin = 2;

interface Numbers {
  /** Highest number that was ever claimed: all above are free, and have no row. */
  readonly claimed: number;
  /** Highest number that exists. */
  readonly last: number;
}

export const copying: RowWriter = { claim: claimNew, insert: insertNew };

/** Claims what was never claimed before by COPY, and what came back in the careful way. */
async function claimNew(q: Query, claims: readonly OrderEvent[]): Promise<Set<string>> {
  const items = itemsOf(claims);
  if (claims.length < items.count * claimsPerItemMin) return careful.claim(q, claims);
  const numbers = await readNumbers(q, items);
  const isNew = ({ sale, item, units }: OrderEvent): boolean => {
    const known = numbers.get(sale)?.get(item);
    return known !== undefined && units.every((n) => n > known.claimed && n <= known.last);
  };
  const [fresh, others]: [OrderEvent[], OrderEvent[]] = [[], []];
  for (const claim of claims) (isNew(claim) ? fresh : others).push(claim);
  if (fresh.length > 0) {
    await q.copy(
      'COPY sale.units (sale_id, item, number, order_id) FROM STDIN',
      fresh.map(unitLines).join(''),
    );
  }
  return careful.claim(q, others);
}

const unitLines = ({ sale, item, units, order }: OrderEvent): string =>
  units.map((number) => `${sale}\t${item}\t${number}\t${order}\n`).join('');

interface Items {
  readonly sales: SaleId[];
  readonly items: number[];
  readonly count: number;
}

function itemsOf(claims: readonly OrderEvent[]): Items {
  const seen = new Map<SaleId, Set<number>>();
  const [sales, items]: [SaleId[], number[]] = [[], []];
  for (const { sale, item } of claims) {
    let known = seen.get(sale);
    if (known === undefined) seen.set(sale, (known = new Set()));
    if (known.has(item)) continue;
    known.add(item);
    sales.push(sale);
    items.push(item);
  }
  return { sales, items, count: sales.length };
}

async function readNumbers(q: Query, of: Items): Promise<Map<SaleId, Map<number, Numbers>>> {
  const rows = await q.query<{ sale: SaleId; item: number; last: number; claimed: number }>(
    `SELECT i.sale_id AS sale, i.item, i.last_number AS last, coalesce((
              SELECT max(number) FROM sale.units u WHERE u.sale_id = i.sale_id AND u.item = i.item
            ), 0) AS claimed
       FROM unnest($1::text[], $2::int[]) AS c(sale_id, item)
       JOIN sale.sale_items i USING (sale_id, item)`,
    [textArray(of.sales), numberArray(of.items)],
    'settle_numbers',
  );
  const numbers = new Map<SaleId, Map<number, Numbers>>();
  for (const { sale, item, last, claimed } of rows) {
    const ofSale = numbers.get(sale) ?? new Map<number, Numbers>();
    numbers.set(sale, ofSale.set(item, { claimed, last }));
  }
  return numbers;
}

async function insertNew(q: Query, orders: readonly FoldedOrder[]): Promise<Set<string>> {
  const lines = orders.map(orderLine).join('');
  if (lines !== '') {
    await q.copy(
      `COPY sale.orders (id, shopper, state, version, item, units, price, held_at, hold_expires_at,
                         ended_at, fingerprint, end_key, end_fingerprint, deadline, details)
       FROM STDIN`,
      lines,
    );
  }
  return new Set();
}

function orderLine({ held, end }: FoldedOrder): string {
  if (held === null) return '';
  const { order, item, units, price, at, expiresAt, fingerprint, deadline } = held;
  return (
    `${order}\t${copyText(held.shopper)}\t${end?.type ?? 'held'}\t${end === null ? 1 : 2}\t` +
    `${item}\t{${units.join()}}\t${price}\t${at}\t${expiresAt}\t${end?.at ?? copyNull}\t` +
    `${fingerprint}\t${end?.endKey ?? ''}\t${end?.endFingerprint ?? 0}\t${deadline}\t` +
    `${end?.details ?? 0}\n`
  );
}
