/**
 * Settles at once the events by which standing sales come to be: installed, granted, opened. A bulk
 * import makes thousands of them, and one by one they cost a dozen statements each.
 */
import type { Query } from '../../platform/postgres/db.ts';
import type { SaleId } from '../domain/types.ts';
import type { SaleEvent } from './events.ts';

/**
 * Answers the sales that it has settled, with all of their events; those of others are to be settled
 * in their order. A sale is taken only if nothing else happened to it, so that its events may be
 * settled before those of other sales.
 */
export async function settleOpenings(
  q: Query,
  lane: number,
  events: readonly SaleEvent[],
): Promise<ReadonlySet<SaleId>> {
  const bySale = new Map<SaleId, SaleEvent[]>();
  for (const event of events) {
    const own = bySale.get(event.sale);
    if (own === undefined) bySale.set(event.sale, [event]);
    else own.push(event);
  }
  const asked = [...bySale.keys()].filter((sale) => bySale.get(sale)?.every(isOpening) === true);
  if (asked.length === 0) return new Set();
  const taken = await lockNew(q, asked, bySale);
  const own = events.filter(({ sale }) => taken.has(sale));
  if (own.length === 0) return taken;
  await writeOutcomes(q, lane, own);
  await writeCredits(q, own.filter(isCredit));
  await writeStates(q, own);
  return taken;
}

const isCredit = ({ type, rest }: SaleEvent): boolean => type === 'moved' && rest[1] === 'credit';

const isOpening = (event: SaleEvent): boolean =>
  event.ok && (event.type === 'installed' || event.type === 'opened' || isCredit(event));

/** Of these, standing sales whose credits are grants that are still to come; their rows are locked. */
async function lockNew(
  q: Query,
  asked: readonly SaleId[],
  bySale: ReadonlyMap<SaleId, readonly SaleEvent[]>,
): Promise<Set<SaleId>> {
  const rows = await q.query<{ id: SaleId }>(
    `SELECT id FROM sale.sales WHERE id = ANY($1) AND kind = 'standing' ORDER BY id FOR UPDATE`,
    [asked],
    'openings_sales',
  );
  const standing = new Set(rows.map(({ id }) => id));
  const moves = [...standing].flatMap((sale) => creditsOf(bySale.get(sale)));
  const grants = await q.query<{ id: string; sale: SaleId }>(
    `SELECT id, group_id AS sale FROM sale.moves
      WHERE id = ANY($1) AND kind = 'grant' AND state = 'crediting' AND group_id = to_sale
      ORDER BY id FOR UPDATE`,
    [moves],
    'openings_moves',
  );
  const granted = new Map(grants.map(({ id, sale }) => [id, sale]));
  const isNew = (sale: SaleId): boolean => {
    const own = creditsOf(bySale.get(sale));
    return new Set(own).size === own.length && own.every((id) => granted.get(id) === sale);
  };
  return new Set([...standing].filter(isNew));
}

const creditsOf = (events: readonly SaleEvent[] = []): string[] =>
  events.filter(isCredit).map(({ rest }) => String(rest[0]));

async function writeOutcomes(q: Query, lane: number, events: readonly SaleEvent[]): Promise<void> {
  const outcomes = events
    .filter(({ number }) => number > 0)
    .map(({ number, type, ok, reason, rest, at }) => {
      return { number, outcome: { type, ok, reason, rest, at } };
    });
  await q.run(
    `UPDATE sale.lane_commands c SET outcome = g.outcome, settled_at = now()
       FROM jsonb_to_recordset($2::jsonb) AS g(number bigint, outcome jsonb)
      WHERE c.lane = $1 AND c.number = g.number AND c.outcome IS NULL`,
    [lane, JSON.stringify(outcomes)],
    'openings_outcomes',
  );
}

async function writeCredits(q: Query, credits: readonly SaleEvent[]): Promise<void> {
  if (credits.length === 0) return;
  const given = credits.map(({ sale, rest: [move, , item, , allotted, last] }) => {
    return { sale, move, item, allotted, last };
  });
  const text = JSON.stringify(given);
  await q.run(
    `UPDATE sale.sale_items i SET allotted = g.allotted, last_number = g.last
       FROM jsonb_to_recordset($1::jsonb)
         AS g(sale text, item integer, allotted bigint, last bigint)
      WHERE i.sale_id = g.sale AND i.item = g.item`,
    [text],
    'openings_items',
  );
  await q.run(
    `UPDATE sale.moves m SET state = 'done', settled_at = now()
       FROM jsonb_to_recordset($1::jsonb) AS g(move text) WHERE m.id = g.move`,
    [text],
    'openings_grants',
  );
}

/** Scheduled with all of its credits, and live however few: as one event after the other would. */
async function writeStates(q: Query, events: readonly SaleEvent[]): Promise<void> {
  const of = (type: string) => events.filter((event) => event.type === type);
  const sales = [...new Set(events.map(({ sale }) => sale))];
  await q.run(
    'UPDATE sale.sales SET installed = true WHERE id = ANY($1) AND NOT installed',
    [of('installed').map(({ sale }) => sale)],
    'openings_installed',
  );
  await q.run(
    `UPDATE sale.sales s SET state = 'scheduled'
      WHERE s.id = ANY($1) AND s.state = 'creating' AND s.installed
        AND NOT EXISTS (SELECT 1 FROM sale.moves m WHERE m.group_id = s.id AND m.state <> 'done')`,
    [sales],
    'openings_scheduled',
  );
  const opened = of('opened').map(({ sale, at }) => ({ sale, at: new Date(at).toISOString() }));
  await q.run(
    `UPDATE sale.sales s SET state = 'live', opened_at = coalesce(s.opened_at, g.at)
       FROM jsonb_to_recordset($1::jsonb) AS g(sale text, at timestamptz)
      WHERE s.id = g.sale AND s.state IN ('creating', 'scheduled')`,
    [JSON.stringify(opened)],
    'openings_live',
  );
}
