/**
 * Importer: does what import jobs ask for, a few hundred rows of each in turn, so that a long file
 * does not hold up a short one, and no faster than products are opened, so that it does not hold up
 * who registers one. Position and rows move in one transaction: whoever goes on after a
 * crash registers nothing twice. Files that never became a job, and jobs of last week, are deleted.
 */
import { clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Db } from '../platform/postgres/db.ts';
import { claimJob, isBehind, takeTurn } from './imports/job.ts';
import type { ImportContext } from './imports/job.ts';
import { startLoop, type Loop } from './loop.ts';

const everyMs = 500;
/** However far behind: with Kafka away nothing is opened, and rows are registered all the same. */
const slowestTurnMs = 2000;
const sweepEveryMs = 600_000;
const sweepRows = 500;

export function startImporter(context: ImportContext, log: Log): Loop {
  let sweptAt = clock.now();
  let turnAt = -Infinity;
  const round = async (): Promise<boolean> => {
    // Rows of a moment ago are what it may be behind with; an idle importer asks nothing.
    const isRested = clock.now() - turnAt >= slowestTurnMs;
    const mayRegister = isRested || !(await isBehind(context.db));
    const job = await claimJob(context.db, mayRegister);
    if (job !== null) {
      await takeTurn(context, job);
      if (mayRegister) turnAt = clock.now();
      return true;
    }
    if (clock.now() - sweptAt >= sweepEveryMs) {
      await sweepImports(context.db);
      sweptAt = clock.now();
    }
    return false;
  };
  return startLoop({ name: 'importer', log, everyMs, round });
}

/** A file comes in at 16 KB a second at least, so a day is time enough for the largest. */
export async function sweepImports(db: Db): Promise<void> {
  await db.run(
    `DELETE FROM sale.import_pieces WHERE ctid = ANY(ARRAY(
       SELECT p.ctid FROM sale.import_pieces p
        WHERE p.created_at < now() - interval '1 day'
          AND NOT EXISTS (SELECT 1 FROM sale.import_jobs j
                           WHERE j.upload = p.upload AND j.status = 'running')
        LIMIT ${sweepRows}))`,
  );
  await db.run(
    `DELETE FROM sale.import_jobs WHERE id = ANY(ARRAY(
       SELECT id FROM sale.import_jobs WHERE ended_at < now() - interval '7 days'
        LIMIT ${sweepRows}))`,
  );
}
