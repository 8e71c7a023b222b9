/**
 * Settles a run of entries whatever is in it: what breaks a rule of the database is found by
 * settling entry by entry, then event by event, and only that is put away.
 */
import { crashPoint } from '../../platform/crash.ts';
import type { Db } from '../../platform/postgres/db.ts';
import type { Entry } from '../lanes/codec.ts';
import { apart, isDataError } from './apart.ts';
import { settle, type Settled } from './settlement.ts';

/** A transaction holds at most so many decisions: its length is everyone's latency. */
export const decisionsPerTxMax = 4000;

/**
 * Settles entries of one lane in one transaction, or one each. `offset` is the Kafka offset after
 * them, null = leave it. `onFailed` is told why the run did not settle as one. Throws what a
 * repetition may mend.
 */
export async function settleRun(
  db: Db,
  lane: number,
  entries: readonly Entry[],
  offset: number | null,
  onFailed: (error: unknown) => void,
): Promise<Settled[]> {
  try {
    const settled = await db.tx(async (q) => {
      const done = await settle(q, lane, entries, offset);
      crashPoint('settler.settling');
      return done;
    });
    return [settled];
  } catch (error) {
    onFailed(error);
    if (!isDataError(error)) throw error;
    return settleOneByOne(db, lane, entries, offset);
  }
}

async function settleOneByOne(
  db: Db,
  lane: number,
  entries: readonly Entry[],
  offset: number | null,
): Promise<Settled[]> {
  const all: Settled[] = [];
  for (const [i, entry] of entries.entries()) {
    const after = i === entries.length - 1 ? offset : null;
    try {
      all.push(await db.tx((q) => settle(q, lane, [entry], after)));
    } catch (error) {
      if (!isDataError(error)) throw error;
      all.push(await db.tx((q) => settle(q, lane, [entry], after, apart)));
    }
  }
  return all;
}
