/**
 * Keeps shop.search in step with what no product event tells: sales that open, sell and end, the
 * vocabulary, the tiers. It also repairs what a writer forgot. One catalog at a time does it, and
 * every step may be done twice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../platform/fault.ts';
import type { Log } from '../../platform/log.ts';
import { metrics } from '../../platform/metrics.ts';
import type { Db, Query } from '../../platform/postgres/pool.ts';
import { waitForSchema } from '../schema-wait.ts';
import { changedProducts } from './changes.ts';
import { indexProducts } from './documents.ts';
import { countWords } from './vocabulary-count.ts';
import { renewTiers, retier } from './tiers.ts';

const loop = 'search';
const roundMs = 1000;
const sweepRows = 1000;
const countRows = 2000;
const writtenAtOnce = 500;
const hotRows = 1000;
/** What changed is likely to change again: so many are looked at each round, the latest first. */
const livelyMax = 500;
const tiersEveryRounds = 10;
/** Any number that nobody else takes: who keeps search up now. */
const lockKey = 4_120_000_002;
const timeoutMs = 60_000;

export interface Upkeep {
  close(): Promise<void>;
}

export function startUpkeep(db: Db, log: Log): Upkeep {
  const closing = new AbortController();
  const { signal } = closing;
  const running = (async () => {
    await waitForSchema(db, log, signal);
    const lively = new Set<string>();
    for (let round = 0; !signal.aborted; round += 1) {
      try {
        await keepUp(db, round % tiersEveryRounds === 0, lively);
        metrics.loopRuns.inc({ loop });
      } catch (error) {
        metrics.loopErrors.inc({ loop });
        log.warn({ loop, err: messageOf(error) }, 'upkeep of search waits');
      }
      await sleep(roundMs, undefined, { signal }).catch(() => undefined);
    }
  })();
  return {
    async close() {
      closing.abort();
      await running;
    },
  };
}

/**
 * One round. Does nothing while another process is at it. `lively` = what changed lately, kept by
 * the caller from round to round.
 */
export async function keepUp(
  db: Db,
  withTiers: boolean,
  lively = new Set<string>(),
): Promise<void> {
  await db.tx(
    async (q) => {
      const [lock] = await q.query<{ mine: boolean }>(
        'SELECT pg_try_advisory_xact_lock($1) AS mine',
        [lockKey],
      );
      if (lock?.mine !== true) return;
      const changed = await changedProducts(q, await dueProducts(q, lively));
      for (let at = 0; at < changed.length; at += writtenAtOnce) {
        await indexProducts(q, changed.slice(at, at + writtenAtOnce));
      }
      remember(lively, changed);
      await countWords(q, countRows);
      if (withTiers && (await renewTiers(q))) await retier(q);
    },
    { timeoutMs },
  );
}

function remember(lively: Set<string>, changed: readonly string[]): void {
  for (const id of changed) {
    lively.delete(id);
    lively.add(id);
  }
  for (const id of lively) {
    if (lively.size <= livelyMax) break;
    lively.delete(id);
  }
}

/**
 * Products in a flash sale, products that are about to be listed, and the next few of all others
 * in the order of their ids.
 */
const dueText = `
WITH progress AS (SELECT swept_id FROM shop.search_progress),
hot AS (
  (SELECT DISTINCT product_id AS id FROM sale.storefront
   WHERE kind = 'flash' AND state IN ('scheduled', 'live', 'paused', 'closing') LIMIT ${hotRows})
  UNION
  (SELECT product_id FROM shop.search
   WHERE availability = 1 AND registered_at > now() - interval '10 minutes' LIMIT ${hotRows})
  UNION
  (SELECT product_id FROM shop.search WHERE sale IS NOT NULL LIMIT ${hotRows})
),
swept AS (
  SELECT id FROM shop.products WHERE id > (SELECT swept_id FROM progress) COLLATE "default"
  ORDER BY id LIMIT ${sweepRows}
)
SELECT id, false AS swept FROM hot UNION ALL SELECT id, true FROM swept`;

async function dueProducts(q: Query, lively: ReadonlySet<string>): Promise<string[]> {
  const rows = await q.query<{ id: string; swept: boolean }>(dueText, [], 'search_due');
  const swept = rows.filter((row) => row.swept).map(({ id }) => id);
  // Past the last product it begins again.
  const next = swept.length < sweepRows ? '' : (swept.at(-1) ?? '');
  await q.run('UPDATE shop.search_progress SET swept_id = $1', [next], 'search_swept');
  return [...new Set([...rows.map(({ id }) => id), ...lively])];
}
