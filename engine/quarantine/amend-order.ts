/**
 * An order whose events can never settle as they are gets a state that is true, and no unit that is
 * another's: what its shopper was told of it decides which. The row carries its id, so that whoever
 * asks again with the same key is told of it too.
 */
import { CannotSettle } from '../settle/sales.ts';
import type { Query } from '../../platform/postgres/db.ts';
import type { FoldedOrder, OrderEvent } from '../domain/fold.ts';
import type { Millis } from '../domain/types.ts';
import { settleOrders } from '../settle/orders.ts';
import { postRefund } from './refund.ts';
import type { Verdict } from './rows.ts';

interface Row {
  readonly state: string;
  readonly item: number;
  readonly units: readonly number[];
  readonly held_at: Millis;
}

/** Nobody is told of a refund here. Throws CannotSettle when not even its sale is known. */
export async function amendOrder(q: Query, fold: FoldedOrder, now: Millis): Promise<Verdict> {
  const { held, end } = fold;
  const known = held ?? end;
  if (known === null) throw new CannotSettle('an order without events');
  const [row] = await q.query<Row>(
    'SELECT state, item, units, held_at FROM sale.orders WHERE id = $1 FOR UPDATE',
    [known.order],
  );
  if (row === undefined) return makeOrder(q, known, end, now);
  if (end === null || end.type === 'expired') return stands(row);
  // A hold that still lives ends as its shopper was told, with the units that it has.
  if (row.state === 'held') {
    // A hold that was accepted after that end is another decision, which only a payment outlasts.
    if (row.held_at > end.at && end.type === 'released') return stands(row);
    const at = Math.max(end.at, row.held_at);
    const details = await detailsOf(q, end);
    const own = { ...end, item: row.item, units: row.units, at, details };
    await settleOrders(q, [{ held: null, end: own, events: [own] }]);
    return { resolution: 'ended', says: `its hold ends as ${end.type}` };
  }
  if (end.type !== 'paid' || !unpaid.has(row.state)) return stands(row);
  await q.run(`UPDATE sale.orders SET state = 'refunded', version = version + 1 WHERE id = $1`, [
    known.order,
  ]);
  await postRefund(q, known.order, end.at, now);
  return { resolution: 'refunded', says: `it was told paid, and had ended as ${row.state}` };
}

/** What an end names, or the first that has replaced it since: only that is stored. */
async function detailsOf(q: Query, { order, details }: OrderEvent): Promise<number> {
  if (details === 0) return 0;
  const [row] = await q.query<{ generation: number | null }>(
    `SELECT min(generation) AS generation FROM sale.order_details
      WHERE order_id = $1 AND generation >= $2`,
    [order, details],
  );
  return row?.generation ?? details;
}

const unpaid: ReadonlySet<string> = new Set(['released', 'expired']);

const stands = ({ state }: Row): Verdict => ({
  resolution: 'stands',
  says: `Postgres has it as ${state}, which needs nothing of this`,
});

/** Makes the row of an order that Postgres never had. */
async function makeOrder(
  q: Query,
  known: OrderEvent,
  end: OrderEvent | null,
  now: Millis,
): Promise<Verdict> {
  const paid = end?.type === 'paid';
  const state = paid ? 'refunded' : (end?.type ?? 'released');
  const until = known.type === 'held' ? known.expiresAt : known.at;
  const made = await q.run(
    `INSERT INTO sale.orders (id, shopper, state, version, item, units, price, held_at,
                              hold_expires_at, deadline, ended_at, fingerprint, end_key,
                              end_fingerprint, details)
     SELECT $1, $2, $3, 2, item, $5, price, $6, $7, $8, $9, $10, $11, $12, $14
       FROM sale.sale_items WHERE sale_id = $13 AND item = $4`,
    [
      known.order,
      known.shopper,
      state,
      known.item,
      known.units,
      known.at,
      until,
      known.type === 'held' ? known.deadline : known.at,
      end?.at ?? Math.max(now, known.at),
      known.fingerprint,
      // An end that was refused is replayed to nobody.
      paid ? '' : (end?.endKey ?? ''),
      paid ? 0 : (end?.endFingerprint ?? 0),
      known.sale,
      end?.details ?? 0,
    ],
  );
  if (made === 0) throw new CannotSettle(`Postgres has no item ${known.item} of ${known.sale}`);
  await q.run(
    `UPDATE sale.units SET order_id = NULL
      WHERE sale_id = $1 AND item = $2 AND number = ANY($3) AND order_id = $4`,
    [known.sale, known.item, known.units, known.order],
  );
  if (paid) {
    await postRefund(q, known.order, end.at, now);
    return { resolution: 'refunded', says: 'it was told paid, and got no units' };
  }
  return { resolution: 'voided', says: `it got no units, and ends as ${state}` };
}
