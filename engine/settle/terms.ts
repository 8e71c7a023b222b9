/**
 * Settles a change of a sale's terms: they stand in the command, as its lane has taken them. Beside
 * what the lane knows, the command keeps what Postgres alone does: the admission's document.
 */
import type { Query } from '../../platform/postgres/db.ts';
import type { SaleEvent } from './events.ts';

/** Places in a `terms` command behind those of an `install` (lua/command.lua). */
export const termsFingerprint = 9;
export const termsAdmission = 10;

/** The command, unless a later one has settled: an event may be settled late, out of quarantine. */
const latest = `
  SELECT c.sale_id, c.body, c.body->${termsAdmission} AS admission FROM sale.lane_commands c
   WHERE c.lane = $1 AND c.number = $2 AND NOT EXISTS (
           SELECT 1 FROM sale.lane_commands l
            WHERE l.sale_id = c.sale_id AND l.kind = 'terms' AND l.number > c.number
              AND (l.outcome->>'ok')::boolean)`;

export async function settleTerms(q: Query, lane: number, event: SaleEvent): Promise<void> {
  const at = [lane, event.number];
  await q.run(
    `UPDATE sale.sales s
        SET starts_at = to_timestamp((c.body->>1)::bigint / 1000.0),
            ends_at = to_timestamp((c.body->>2)::bigint / 1000.0),
            limit_per_shopper = (c.body->>3)::int, hold_seconds = (c.body->>4)::int / 1000,
            who = CASE (c.body->>5)::int WHEN 1 THEN 'verified' ELSE 'anyone' END,
            admission = c.admission,
            fence_at = CASE WHEN s.fence_at IS NOT NULL
                            THEN s.fence_at + (to_timestamp((c.body->>1)::bigint / 1000.0) - s.starts_at)
                       END
       FROM (${latest}) c WHERE s.id = c.sale_id`,
    at,
    'terms_settled',
  );
  await q.run(
    `UPDATE sale.sale_items i SET price = (c.body->7->i.item->>1)::bigint
       FROM (${latest}) c WHERE i.sale_id = c.sale_id`,
    at,
  );
  await settleLine(q, at);
}

/** A line that nobody has joined comes and goes with the terms. */
async function settleLine(q: Query, at: readonly number[]): Promise<void> {
  await q.run(
    `DELETE FROM sale.lines l USING (${latest}) c
      WHERE l.sale_id = c.sale_id AND c.admission->>'mode' = 'open'`,
    at,
  );
  await q.run(
    `INSERT INTO sale.lines (sale_id, lane, mode, rate_per_second, turn_seconds, factor, line_max,
                             beacon_source)
     SELECT c.sale_id, $1, admission->>'mode', (admission->>'rate_per_second')::float8,
            (admission->>'turn_seconds')::int, (admission->>'factor')::float8,
            (c.body->8->>3)::bigint, admission->>'beacon'
       FROM (${latest}) c WHERE admission->>'mode' <> 'open'
     ON CONFLICT (sale_id) DO UPDATE
        SET mode = excluded.mode, rate_per_second = excluded.rate_per_second,
            turn_seconds = excluded.turn_seconds, factor = excluded.factor,
            line_max = excluded.line_max, beacon_source = excluded.beacon_source`,
    at,
  );
}
