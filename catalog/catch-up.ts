/**
 * Takes from the registrations what no event has told: Kafka may lose the end of a topic, or all of
 * it, and what it kept for seven days is gone for a catalog that was away for longer
 * (docs/decisions/0062). It goes round all products, a page a round; two catalogs may do it at once.
 */
import { messageOf } from '../platform/fault.ts';
import type { Log } from '../platform/log.ts';
import type { Db, Query } from '../platform/postgres/pool.ts';
import { isDataError, takeProducts } from './intake.ts';
import { Malformed, productOf } from './new-product.ts';
import { startRounds } from './rounds.ts';
import type { Rounds } from './rounds.ts';

const loop = 'catch-up';
const pageRows = 1000;
const moreMs = 1000;
const everyMs = 30_000;
/** For so long an event may be on its way. */
export const patienceSeconds = 60;

const pageText = `
SELECT r.id, r.updated_at < now() - make_interval(secs => $2)
             AND (p.id IS NULL OR p.version < r.version) AS lacks
  FROM sale.registered r LEFT JOIN shop.products p ON p.id = r.id
 WHERE r.id > $1 ORDER BY r.id LIMIT ${pageRows}`;

const eventsText = 'SELECT event FROM sale.registered WHERE id = ANY($1)';

export interface CaughtUp {
  /** The last product that was looked at; '' = it was the last of all. */
  readonly after: string;
  readonly taken: number;
}

/** Looks at the page of products behind `after`. */
export async function catchUp(
  db: Db,
  log: Log,
  after: string,
  patience = patienceSeconds,
): Promise<CaughtUp> {
  const page = await db.query<{ id: string; lacks: boolean }>(
    pageText,
    [after, patience],
    'catch_up',
  );
  const lacking = page.filter(({ lacks }) => lacks).map(({ id }) => id);
  const taken = lacking.length === 0 ? 0 : await takeLacking(db, log, lacking);
  if (taken > 0) log.warn({ loop, products: taken }, 'taken as registered: no event has told');
  return { after: page.length < pageRows ? '' : (page.at(-1)?.id ?? ''), taken };
}

/** One by one, so that one that cannot be kept keeps no other. Answers how many were taken. */
async function takeLacking(db: Db, log: Log, ids: readonly string[]): Promise<number> {
  let taken = 0;
  for (const event of await readEvents(db, ids)) {
    try {
      await takeProducts(db, [productOf(event)]);
      taken += 1;
    } catch (error) {
      if (!(error instanceof Malformed) && !isDataError(error)) throw error;
      log.warn({ loop, err: messageOf(error) }, 'cannot be taken as registered');
    }
  }
  return taken;
}

async function readEvents(q: Query, ids: readonly string[]): Promise<unknown[]> {
  const rows = await q.query<{ event: unknown }>(eventsText, [ids], 'catch_up_events');
  return rows.map(({ event }) => event);
}

export function startCatchingUp(db: Db, log: Log): Rounds {
  let after = '';
  return startRounds(loop, db, log, everyMs, async () => {
    ({ after } = await catchUp(db, log, after));
    return after === '' ? everyMs : moreMs;
  });
}
