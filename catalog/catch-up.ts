/**
 * Takes from the registrations what no event has told: Kafka may lose the end of a topic, or all of
 * it, and what it kept for seven days is gone for a catalog that was away for longer
 * (docs/decisions/0062). It goes round all products, a page a round; two catalogs may do it at once.
 */
import { messageOf } from '../platform/fault.ts';
import type { Log } from '../platform/log.ts';
import { metrics } from '../platform/metrics.ts';
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

const eventsText = 'SELECT id, version, event FROM sale.registered WHERE id = ANY($1)';

/** Registrations that were told to be no product. With more of them each is told again. */
const toldMax = 10_000;

/** What can never be taken: told once, and counted for as long as it is so. */
export class Refused {
  /** As its id and version. */
  readonly #told = new Set<string>();
  #ids = new Set<string>();
  #found = new Set<string>();

  /** Answers whether it is new, in this version. */
  add(id: string, version: number): boolean {
    this.#found.add(id);
    const name = `${id} ${version}`;
    if (this.#told.has(name)) return false;
    if (this.#told.size >= toldMax) this.#told.clear();
    this.#told.add(name);
    return true;
  }

  /** After a page; `isLast` = it was the last of a going round, which has found them all. */
  show(isLast: boolean): void {
    if (isLast) this.#ids = new Set(this.#found);
    else for (const id of this.#found) this.#ids.add(id);
    if (isLast) this.#found.clear();
    metrics.productsRefused.set(this.#ids.size);
  }
}

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
  refused = new Refused(),
  patience = patienceSeconds,
): Promise<CaughtUp> {
  const page = await db.query<{ id: string; lacks: boolean }>(
    pageText,
    [after, patience],
    'catch_up',
  );
  const lacking = page.filter(({ lacks }) => lacks).map(({ id }) => id);
  const taken = lacking.length === 0 ? 0 : await takeLacking(db, log, refused, lacking);
  if (taken > 0) log.warn({ loop, products: taken }, 'taken as registered: no event has told');
  const isLast = page.length < pageRows;
  refused.show(isLast);
  return { after: isLast ? '' : (page.at(-1)?.id ?? ''), taken };
}

/** One by one, so that one that cannot be kept keeps no other. Answers how many were taken. */
async function takeLacking(
  db: Db,
  log: Log,
  refused: Refused,
  ids: readonly string[],
): Promise<number> {
  let taken = 0;
  for (const { id, version, event } of await readEvents(db, ids)) {
    try {
      await takeProducts(db, [productOf(event)]);
      taken += 1;
    } catch (error) {
      if (!(error instanceof Malformed) && !isDataError(error)) throw error;
      if (!refused.add(id, version)) continue;
      log.error({ loop, product: id, err: messageOf(error) }, 'can never be taken as registered');
    }
  }
  return taken;
}

interface Registered {
  readonly id: string;
  readonly version: number;
  readonly event: unknown;
}

const readEvents = (q: Query, ids: readonly string[]): Promise<Registered[]> =>
  q.query<Registered>(eventsText, [ids], 'catch_up_events');

export function startCatchingUp(db: Db, log: Log): Rounds {
  let after = '';
  const refused = new Refused();
  return startRounds(loop, db, log, everyMs, async () => {
    ({ after } = await catchUp(db, log, after, refused));
    return after === '' ? everyMs : moreMs;
  });
}
