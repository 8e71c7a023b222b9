/** The money of an order that is refunded by a resolution, and what subscribers are told of it. */
import type { Query } from '../../platform/postgres/db.ts';
import type { Millis, OrderId } from '../domain/types.ts';

/** Posts a line's payment, where it is not posted yet, and its way back. */
export async function postRefund(
  q: Query,
  order: OrderId,
  paidAt: Millis,
  now: Millis,
): Promise<void> {
  await q.run(
    `INSERT INTO sale.ledger (posting, account, amount, currency, at)
     SELECT o.id || ':' || p.what, a.account, p.sign * a.sign * o.price * cardinality(o.units),
            s.currency, p.at
       FROM sale.orders o
       JOIN sale.sales s ON s.id = 'sal_' || substr(o.id, 5, 16)
      CROSS JOIN (VALUES ('paid', 1, $2::bigint), ('refunded', -1, $3::bigint))
            AS p(what, sign, at)
      CROSS JOIN LATERAL (VALUES ('receivable', 1), ('vendor:' || s.vendor_id, -1))
            AS a(account, sign)
      WHERE o.id = $1
        AND NOT EXISTS (SELECT 1 FROM sale.ledger l WHERE l.posting = o.id || ':' || p.what)`,
    [order, paidAt, now],
  );
}

/** Tells subscribers of an order that is refunded; of one with several lines by its own id only. */
export async function tellRefund(q: Query, order: OrderId, now: Millis): Promise<void> {
  await q.run(
    `INSERT INTO platform.outbox (topic, key, value)
     SELECT 'order-updates', id,
            jsonb_build_object('id', id, 'state', state, 'version', version, 'at',
              to_char(to_timestamp($2::bigint / 1000.0) AT TIME ZONE 'UTC',
                      'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
       FROM sale.orders WHERE id = $1 AND state = 'refunded'`,
    [order, now],
  );
}
