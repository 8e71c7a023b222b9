/** Checks within Postgres: each is one statement that answers what is wrong, in one snapshot. */
import type { Query } from '../../platform/postgres/db.ts';
import type { CheckName, Findings, Violation } from './findings.ts';
import { debitedStates } from './tables.ts';

export interface PostgresCheck {
  readonly name: CheckName;
  /** A table, or a subquery, of what is looked at, and its column that names the sale. */
  readonly of: string;
  readonly sale: string;
  /** Rows of `id`, `says`, `sale`: what is wrong. */
  readonly wrong: string;
}

const saleOf = (order: string): string => `'sal_' || substr(${order}, 5, 16)`;

/** States in which the hold has not ended, in which it was paid, and the other ends. */
const holding = `'held', 'payment_pending', 'action_required', 'payment_unknown'`;
const keeping = `'paid', 'packed', 'shipped', 'delivered'`;
const givenBack = `'cancelled', 'refund_pending', 'refunded'`;
const unpaid = `'released', 'expired', 'payment_failed'`;

const orders = `
  SELECT o.id, 'state ' || o.state || ', item ' || o.item || ' at ' || o.price || ' (the sale''s: '
         || coalesce(i.price::text, 'none') || '), units ' || o.units::text || ', held at '
         || o.held_at || ', until ' || o.hold_expires_at || ', ended at '
         || coalesce(o.ended_at::text, 'never') AS says, ${saleOf('o.id')} AS sale
    FROM sale.orders o
    LEFT JOIN sale.sale_items i ON i.sale_id = ${saleOf('o.id')} AND i.item = o.item
   WHERE i.sale_id IS NULL OR i.price <> o.price OR cardinality(o.units) = 0
      OR o.state NOT IN (${holding}, ${keeping}, ${givenBack}, ${unpaid})
      OR (o.state IN (${holding})) <> (o.ended_at IS NULL)
      OR o.hold_expires_at < o.held_at OR o.ended_at < o.held_at
      OR (o.state = 'expired' AND o.ended_at < o.hold_expires_at)`;

const units = `
  WITH owned AS (
    SELECT o.id, ${saleOf('o.id')} AS sale_id, o.item, u.number
      FROM sale.orders o CROSS JOIN LATERAL unnest(o.units) AS u(number)
     WHERE o.state IN (${holding}, ${keeping}))
  SELECT coalesce(r.sale_id, w.sale_id) || ' item ' || coalesce(r.item, w.item) || ' unit '
         || coalesce(r.number, w.number) AS id,
         'belongs to ' || coalesce(r.order_id, 'nobody') || ' by its row, to '
         || coalesce(w.id, 'nobody') || ' by the orders' AS says,
         coalesce(r.sale_id, w.sale_id) AS sale
    FROM (SELECT * FROM sale.units WHERE order_id IS NOT NULL) r
    FULL JOIN owned w
      ON w.sale_id = r.sale_id AND w.item = r.item AND w.number = r.number AND w.id = r.order_id
   WHERE r.order_id IS NULL OR w.id IS NULL
  UNION ALL
  SELECT u.sale_id || ' item ' || u.item || ' unit ' || u.number,
         'owned by ' || u.order_id || ', and the item has 1 to '
         || coalesce(i.last_number::text, 'none'), u.sale_id
    FROM sale.units u LEFT JOIN sale.sale_items i ON i.sale_id = u.sale_id AND i.item = u.item
   WHERE u.order_id IS NOT NULL AND u.number NOT BETWEEN 1 AND coalesce(i.last_number, 0)
  UNION ALL
  SELECT i.sale_id || ' item ' || i.item,
         i.claimed || ' units claimed by its count, ' || coalesce(u.claimed, 0) || ' by their rows',
         i.sale_id
    FROM sale.sale_items i
    LEFT JOIN (SELECT sale_id, item, count(*) AS claimed FROM sale.units
                WHERE order_id IS NOT NULL GROUP BY sale_id, item) u USING (sale_id, item)
   WHERE i.claimed <> coalesce(u.claimed, 0)`;

/** Deadlines fall sale by sale: of lines that are overdue some may have expired before others. */
const together = `
  SELECT home AS id, lines || ' lines, ' || there || ' held, of ' || shoppers || ' shoppers, with '
         || deadlines || ' deadlines, ' || array_to_string(states, ' and ') AS says,
         ${saleOf('home')} AS sale
    FROM (SELECT l.home, count(*) AS lines, count(o.id) AS there,
                 count(DISTINCT o.shopper) AS shoppers, count(DISTINCT o.deadline) AS deadlines,
                 array_agg(DISTINCT CASE WHEN o.state IN (${keeping}, ${givenBack}) THEN 'paid'
                   WHEN o.state IN (${holding}) THEN 'held' ELSE o.state END) AS states
            FROM sale.order_lines l LEFT JOIN sale.orders o ON o.id = l.order_id
           GROUP BY l.home) x
   WHERE there > 0 AND (there < lines OR shoppers > 1 OR deadlines > 1
         OR (cardinality(states) > 1 AND NOT states <@ ARRAY['expired', 'held']))
     AND NOT EXISTS (SELECT 1 FROM sale.order_lines l JOIN sale.quarantine q
                         ON q.order_id = l.order_id
                      WHERE l.home = x.home AND q.resolved_at IS NULL)`;

const ledger = `
  SELECT posting AS id, 'adds up to ' || sum(amount) AS says, ${saleOf('posting')} AS sale
    FROM sale.ledger GROUP BY posting HAVING sum(amount) <> 0
  UNION ALL
  SELECT coalesce(o.id, l.posting), coalesce(o.state || ', ' || o.amount, 'no paid order')
         || '; posted ' || coalesce(l.amount::text, 'nothing'), ${saleOf('coalesce(o.id, l.posting)')}
    FROM (SELECT id, state, price * cardinality(units) AS amount FROM sale.orders
           WHERE state IN (${keeping}, ${givenBack})) o
    FULL JOIN (SELECT posting, max(amount) AS amount FROM sale.ledger
                WHERE posting LIKE '%:paid' GROUP BY posting) l ON l.posting = o.id || ':paid'
   WHERE o.id IS NULL OR l.posting IS NULL OR o.amount <> l.amount`;

const supply = `
  SELECT i.sale_id || ' item ' || i.item AS id,
         'allotted ' || i.allotted || ', ' || coalesce(m.net, 0) || ' by its moves' AS says,
         i.sale_id AS sale
    FROM sale.sale_items i
    LEFT JOIN (
      SELECT sale_id, item, sum(units) AS net FROM (
        SELECT to_sale AS sale_id, to_item AS item, units FROM sale.moves WHERE state = 'done'
        UNION ALL
        SELECT from_sale, from_item, -units FROM sale.moves WHERE state IN ${debitedStates}
      ) x GROUP BY sale_id, item) m ON m.sale_id = i.sale_id AND m.item = i.item
   WHERE i.allotted <> coalesce(m.net, 0)
  UNION ALL
  SELECT r.id, 'supply ' || r.supply || ', but ' || coalesce(a.units, 0) || ' allotted and '
         || coalesce(t.units, 0) || ' in transit', i.sale_id
    FROM sale.registrations r
    LEFT JOIN sale.sale_items i ON i.product_id = r.id
    LEFT JOIN (SELECT product_id, sum(allotted) AS units FROM sale.sale_items GROUP BY 1) a
      ON a.product_id = r.id
    LEFT JOIN (SELECT product_id, sum(units) AS units FROM sale.moves
                WHERE state IN ('debited', 'crediting', 'undoing') GROUP BY 1) t
      ON t.product_id = r.id
   WHERE r.standing_sale IS NOT NULL AND r.supply <> coalesce(a.units, 0) + coalesce(t.units, 0)`;

/** A return is debited by the close itself, a grant by nobody. */
const moves = `
  WITH counted AS (
    SELECT move_id,
           count(*) FILTER (WHERE kind = 'debit' AND (outcome->>'ok')::boolean) AS debits,
           count(*) FILTER (WHERE kind = 'credit' AND (outcome->>'ok')::boolean) AS credits,
           count(*) FILTER (WHERE kind = 'debit' AND outcome IS NULL) AS debiting,
           count(*) FILTER (WHERE kind = 'credit' AND outcome IS NULL) AS crediting
      FROM sale.lane_commands WHERE move_id IS NOT NULL GROUP BY move_id)
  SELECT m.id, m.kind || ' ' || m.state || ', with debits ' || coalesce(c.debits, 0) || ' done, '
         || coalesce(c.debiting, 0) || ' open, credits ' || coalesce(c.credits, 0) || ' done, '
         || coalesce(c.crediting, 0) || ' open' AS says, s.id AS sale
    FROM sale.moves m LEFT JOIN counted c ON c.move_id = m.id
    LEFT JOIN sale.sales s ON s.id IN (m.from_sale, m.to_sale)
   WHERE coalesce(c.debiting, 0) <> (m.state = 'asked')::int
      OR coalesce(c.crediting, 0) <> (m.state IN ('crediting', 'undoing'))::int
      OR coalesce(c.credits, 0) <> (m.state = 'undone' OR m.state = 'done' AND m.to_sale IS NOT NULL)::int
      OR (m.state <> 'refused' AND coalesce(c.debits, 0)
          <> (m.from_sale IS NOT NULL AND m.kind <> 'return' AND m.state <> 'asked')::int)
      OR (m.state = 'debited' AND m.to_sale IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM sale.moves g WHERE g.group_id = m.group_id AND g.state = 'asked'))
  UNION ALL
  SELECT 'lane ' || c.lane || ' command ' || c.number, c.kind || ' ' || c.body::text || ' of '
         || c.sale_id || ' is not what its move ' || coalesce(c.move_id, '?') || ' says', c.sale_id
    FROM sale.lane_commands c LEFT JOIN sale.moves m ON m.id = c.move_id
   WHERE c.kind IN ('debit', 'credit')
     AND (m.id IS NULL OR c.body->>0 <> m.id OR (c.body->>2)::bigint <> m.units
          OR NOT (m.from_sale IS NOT DISTINCT FROM c.sale_id AND m.from_item = (c.body->>1)::int
                  OR c.kind = 'credit' AND m.to_sale IS NOT DISTINCT FROM c.sale_id
                     AND m.to_item = (c.body->>1)::int))`;

const quarantine = `
  SELECT coalesce(q.order_id, 'lane ' || q.lane || ' ' || q.epoch || '-' || q.seq) AS id,
         'put away at ' || q.epoch || '-' || q.seq || ': ' || q.reason AS says,
         ${saleOf('q.order_id')} AS sale
    FROM sale.quarantine q WHERE q.resolved_at IS NULL`;

const waitable = `(SELECT id FROM sale.sales UNION ALL SELECT NULL FROM sale.registrations
  UNION ALL SELECT NULL FROM platform.outbox) w`;
const waiting = `
  SELECT topic || ' ' || key AS id, 'waits for Kafka since ' || created_at AS says,
         NULL AS sale
    FROM platform.outbox
   WHERE published_at IS NULL AND created_at < now() - interval '1 minute'
  UNION ALL
  SELECT id, 'registered at ' || registered_at || ', and has no standing sale', NULL
    FROM sale.registrations
   WHERE status = 'accepted' AND standing_sale IS NULL
     AND registered_at < now() - interval '1 minute'
  UNION ALL
  SELECT id, 'creating since ' || created_at, id FROM sale.sales
   WHERE state = 'creating' AND created_at < now() - interval '1 minute'`;

export const postgresChecks: readonly PostgresCheck[] = [
  { name: 'pg.orders', of: 'sale.orders', sale: saleOf('id'), wrong: orders },
  { name: 'pg.units', of: 'sale.units', sale: 'sale_id', wrong: units },
  { name: 'pg.together', of: 'sale.order_lines', sale: saleOf('home'), wrong: together },
  { name: 'pg.ledger', of: 'sale.ledger', sale: saleOf('posting'), wrong: ledger },
  { name: 'pg.supply', of: 'sale.sale_items', sale: 'sale_id', wrong: supply },
  { name: 'pg.moves', of: 'sale.moves', sale: `coalesce(to_sale, from_sale)`, wrong: moves },
  { name: 'pg.quarantine', of: 'sale.quarantine', sale: saleOf('order_id'), wrong: quarantine },
  { name: 'pg.waiting', of: waitable, sale: 'id', wrong: waiting },
];

/** `only` = the only sale whose violations count. */
export async function runPostgresCheck(
  q: Query,
  { name, of, sale, wrong }: PostgresCheck,
  only: string | null,
  findings: Findings,
): Promise<void> {
  const check = findings.of(name);
  const [looked] = await q.query<{ n: number }>(
    `SELECT count(*) AS n FROM ${of} WHERE $1::text IS NULL OR ${sale} = $1`,
    [only],
  );
  const found = await q.query<Violation & { total: number }>(
    `SELECT id, says, count(*) OVER () AS total
       FROM (SELECT DISTINCT ON (id, says) * FROM (${wrong}) every
              WHERE $1::text IS NULL OR sale = $1) own
      ORDER BY id LIMIT 20`,
    [only],
  );
  check.checked += looked?.n ?? 0;
  check.violateAll(
    found[0]?.total ?? 0,
    found.map(({ id, says }) => ({ id, says })),
  );
}
