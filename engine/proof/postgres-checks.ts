/** Checks within Postgres, each one statement that answers what is wrong. */
import type { Query } from '../../platform/postgres/db.ts';
import { Check, type CheckResult } from './report.ts';

interface SqlCheck {
  readonly name: string;
  readonly compares: string;
  /** How many rows are looked at. */
  readonly count: string;
  /** One row, `wrong`, for each violation. $1 = sale or NULL. */
  readonly sql: string;
}

const ofSale = (column: string): string => `($1::text IS NULL OR ${column} = $1)`;
const saleOf = (id: string): string => `'sal_' || substr(${id}, 5, 16)`;
const owning = `('held', 'payment_pending', 'action_required', 'paid', 'packed', 'shipped', 'delivered')`;

const checks: readonly SqlCheck[] = [
  {
    name: 'postgres.units',
    compares: 'units of owning orders = rows of units, both ways, none twice, all in range',
    count: `SELECT count(*)::int AS n FROM sale.units WHERE ${ofSale('sale_id')}`,
    sql: `
      WITH owned AS (
        SELECT o.id, ${saleOf('o.id')} AS sale_id, o.item, u.number
          FROM sale.orders o CROSS JOIN LATERAL unnest(o.units) AS u(number)
         WHERE o.state IN ${owning} AND ${ofSale(saleOf('o.id'))}),
      rows AS (SELECT * FROM sale.units WHERE order_id IS NOT NULL AND ${ofSale('sale_id')})
      SELECT coalesce(r.sale_id, w.sale_id) || ' unit ' || coalesce(r.number, w.number)
             || ': row says ' || coalesce(r.order_id, 'nobody') || ', orders say '
             || coalesce(w.id, 'nobody') AS wrong
        FROM rows r FULL JOIN owned w
          ON w.sale_id = r.sale_id AND w.item = r.item AND w.number = r.number AND w.id = r.order_id
       WHERE r.order_id IS NULL OR w.id IS NULL
      UNION ALL
      SELECT sale_id || ' unit ' || number || ': owned by ' || count(*) || ' orders'
        FROM owned GROUP BY sale_id, item, number HAVING count(*) > 1
      UNION ALL
      SELECT u.sale_id || ' unit ' || u.number || ': not a number of the item'
        FROM sale.units u LEFT JOIN sale.sale_items i ON i.sale_id = u.sale_id AND i.item = u.item
       WHERE u.order_id IS NOT NULL AND ${ofSale('u.sale_id')}
         AND (i.sale_id IS NULL OR u.number NOT BETWEEN 1 AND i.last_number)`,
  },
  {
    name: 'postgres.sold',
    compares: 'units owned in Postgres within what each item was allotted',
    count: `SELECT count(*)::int AS n FROM sale.sale_items WHERE ${ofSale('sale_id')}`,
    sql: `
      SELECT i.sale_id || ' item ' || i.item || ': ' || count(u.order_id) || ' owned of '
             || i.allotted AS wrong
        FROM sale.sale_items i JOIN sale.units u ON u.sale_id = i.sale_id AND u.item = i.item
       WHERE u.order_id IS NOT NULL AND ${ofSale('i.sale_id')}
       GROUP BY i.sale_id, i.item, i.allotted HAVING count(u.order_id) > i.allotted`,
  },
  {
    name: 'postgres.orders',
    compares: 'each order: its item exists, its price is the item’s, its state and times are legal',
    count: `SELECT count(*)::int AS n FROM sale.orders WHERE ${ofSale(saleOf('id'))}`,
    sql: `
      SELECT o.id || ': state ' || o.state || ', price ' || o.price || ', item price '
             || coalesce(i.price::text, 'none') AS wrong
        FROM sale.orders o
        LEFT JOIN sale.sale_items i ON i.sale_id = ${saleOf('o.id')} AND i.item = o.item
       WHERE ${ofSale(saleOf('o.id'))}
         AND (i.sale_id IS NULL OR i.price <> o.price OR cardinality(o.units) = 0
              OR o.state NOT IN ('held', 'paid', 'released', 'expired')
              OR (o.state = 'held') <> (o.ended_at IS NULL) OR o.ended_at < o.held_at)`,
  },
  {
    name: 'postgres.ledger',
    compares: 'postings add up to zero; one for each paid order, of its amount',
    count: `SELECT count(DISTINCT posting)::int AS n FROM sale.ledger`,
    sql: `
      SELECT posting || ': adds up to ' || sum(amount) AS wrong
        FROM sale.ledger WHERE ${ofSale(saleOf('posting'))} GROUP BY posting HAVING sum(amount) <> 0
      UNION ALL
      SELECT coalesce(o.id, l.posting) || ': order ' || coalesce(o.state, 'none') || ' of '
             || coalesce(o.amount::text, '-') || ', posted ' || coalesce(l.amount::text, 'nothing')
        FROM (SELECT id, state, price * cardinality(units) AS amount
                FROM sale.orders WHERE state = 'paid' AND ${ofSale(saleOf('id'))}) o
        FULL JOIN (SELECT posting, max(amount) AS amount FROM sale.ledger
                    WHERE posting LIKE '%:paid' AND ${ofSale(saleOf('posting'))} GROUP BY posting) l
          ON l.posting = o.id || ':paid'
       WHERE o.id IS NULL OR l.posting IS NULL OR o.amount <> l.amount`,
  },
  {
    name: 'postgres.moves',
    compares: 'allotted of each item = moves in − moves out',
    count: `SELECT count(*)::int AS n FROM sale.moves`,
    sql: `
      SELECT i.sale_id || ' item ' || i.item || ': allotted ' || i.allotted || ', moves '
             || coalesce(m.net, 0) AS wrong
        FROM sale.sale_items i
        LEFT JOIN (
          SELECT sale_id, item, sum(units) AS net FROM (
            SELECT to_sale AS sale_id, to_item AS item, units FROM sale.moves WHERE state = 'done'
            UNION ALL
            SELECT from_sale, from_item, -units FROM sale.moves
             WHERE from_sale IS NOT NULL AND state IN ('debited', 'crediting', 'done', 'undoing')
          ) x GROUP BY sale_id, item) m ON m.sale_id = i.sale_id AND m.item = i.item
       WHERE ${ofSale('i.sale_id')} AND i.allotted <> coalesce(m.net, 0)`,
  },
  {
    name: 'postgres.supply',
    compares: 'per product: allotted over all its sales + in transit = supply',
    count: `SELECT count(*)::int AS n FROM sale.registrations WHERE standing_sale IS NOT NULL`,
    sql: `
      SELECT r.id || ': supply ' || r.supply || ', allotted ' || coalesce(a.units, 0)
             || ', in transit ' || coalesce(t.units, 0) AS wrong
        FROM sale.registrations r
        LEFT JOIN (SELECT product_id, sum(allotted) AS units FROM sale.sale_items GROUP BY 1) a
          ON a.product_id = r.id
        LEFT JOIN (SELECT product_id, sum(units) AS units FROM sale.moves
                    WHERE state IN ('debited', 'crediting', 'undoing') GROUP BY 1) t
          ON t.product_id = r.id
       WHERE r.standing_sale IS NOT NULL AND $1::text IS NULL
         AND r.supply <> coalesce(a.units, 0) + coalesce(t.units, 0)`,
  },
  {
    name: 'postgres.commands',
    compares: 'lane commands dense from 1, each with a settled outcome',
    count: `SELECT count(*)::int AS n FROM sale.lane_commands`,
    sql: `
      SELECT 'lane ' || l.lane || ': ' || count(c.number) || ' commands up to '
             || coalesce(max(c.number), 0) || ', last is ' || l.last_command AS wrong
        FROM sale.lanes l LEFT JOIN sale.lane_commands c ON c.lane = l.lane
       WHERE $1::text IS NULL GROUP BY l.lane, l.last_command
      HAVING count(c.number) <> l.last_command OR coalesce(max(c.number), 0) <> l.last_command
      UNION ALL
      SELECT 'lane ' || lane || ' command ' || number || ' (' || kind || ' ' || sale_id
             || '): no outcome' FROM sale.lane_commands
       WHERE outcome IS NULL AND created_at < now() - interval '5 seconds' AND ${ofSale('sale_id')}`,
  },
  {
    name: 'postgres.quarantine',
    compares: 'nothing is in quarantine, no lane is frozen',
    count: `SELECT count(*)::int AS n FROM sale.lanes`,
    sql: `
      SELECT 'lane ' || lane || ' ' || epoch || '-' || seq || ' ' || coalesce(order_id, '') || ': '
             || reason AS wrong FROM sale.quarantine WHERE resolved_at IS NULL AND $1::text IS NULL
      UNION ALL
      SELECT 'lane ' || lane || ' is ' || state || ': ' || reasons::text FROM sale.lanes
       WHERE state <> 'open' AND $1::text IS NULL`,
  },
  {
    name: 'postgres.outbox',
    compares: 'every event of Postgres was published within a minute',
    count: `SELECT count(*)::int AS n FROM platform.outbox`,
    sql: `
      SELECT topic || ' ' || key || ': waits since ' || created_at AS wrong FROM platform.outbox
       WHERE published_at IS NULL AND created_at < now() - interval '1 minute' AND $1::text IS NULL`,
  },
];

/** Runs the checks in one snapshot. */
export async function checkPostgres(q: Query, sale: string | null): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { name, compares, count, sql } of checks) {
    const check = new Check(name, compares);
    const [found] = await q.query<{ n: number }>(count, count.includes('$1') ? [sale] : []);
    const wrong = await q.query<{ wrong: string }>(sql, [sale]);
    check.tally(
      found?.n ?? 0,
      wrong.map((w) => w.wrong),
    );
    results.push(check.result());
  }
  return results;
}
