/**
 * Forgets what guests kept long after their token has ended: nobody can ask for it any more. And the
 * keys of changes, whoever's, when nobody asks again by them. Some rows at a time; two processes at once take what the other left.
 */
import type { Log } from '../platform/log.ts';
import type { Db, Query } from '../platform/postgres/pool.ts';
import { startRounds } from './rounds.ts';
import type { Rounds } from './rounds.ts';

export const guestsKeptDays = 30;
const rowsPerRound = 1000;
const everyMs = 3_600_000;
const moreMs = 100;
const againMs = 60_000;

/** A key is remembered for a day at least; this leaves room for clocks and for a window that was away. */
export const keysKeptHours = 48;

/** A guest's id begins with `gst_`; by the C collation those are one range. */
const forgetText = (table: string, time: string): string => `
DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM ${table}
  WHERE shopper >= 'gst_' AND shopper < 'gst\`'
    AND ${time} < now() - interval '${guestsKeptDays} days'
  LIMIT ${rowsPerRound}))`;

const forgetTexts = [
  forgetText('shop.cart_lines', 'added_at'),
  forgetText('shop.wishes', 'added_at'),
  forgetText('shop.addresses', 'updated_at'),
  `DELETE FROM shop.requests WHERE ctid = ANY(ARRAY(
     SELECT ctid FROM shop.requests WHERE at < now() - interval '${keysKeptHours} hours'
      LIMIT ${rowsPerRound}))`,
];

/** One round; answers whether there may be more. */
export async function forgetGuests(q: Query): Promise<boolean> {
  let isMore = false;
  for (const text of forgetTexts) isMore = (await q.run(text)) === rowsPerRound || isMore;
  return isMore;
}

export function startForgettingGuests(db: Db, log: Log): Rounds {
  return startRounds('guests', db, log, againMs, async () =>
    (await forgetGuests(db)) ? moreMs : everyMs,
  );
}
