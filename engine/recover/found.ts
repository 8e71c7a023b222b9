/**
 * What a recovery finds of a lane, kept in Postgres until somebody is told: a recovery that is cut may
 * have ended epochs and wiped what it looked at, and the next one could no longer tell.
 */
import type { Db } from '../../platform/postgres/db.ts';
import { isAbove, type Position } from '../domain/contiguity.ts';
import type { Millis } from '../domain/types.ts';
import type { Seen } from './drain.ts';

/**
 * What Redis had: the lane as it was last used, an older one, nothing, or what a recovery left that
 * was cut after it had secured everything.
 */
export type Found = 'whole' | 'older' | 'nothing' | 'cut';

/** `sale.lanes.recovery_found`; only who has the lane's token writes it. */
export interface Untold {
  readonly found: Found;
  /** All that the lane had is settled or put away: from here on its keys are wiped. */
  readonly secured: boolean;
  /** Highest positions that were seen, by epoch: ending an epoch forgets where it had ended. */
  readonly seen: readonly (readonly [epoch: number, seq: number])[];
  /** Counted by recoveries that are done; what belongs to one that was cut is counted anew. */
  readonly lost: number;
  /** Of the first recovery that is done and untold; null = there is none. */
  readonly keptUntil: Millis | null;
}

export const nothingUntold: Untold = {
  found: 'whole',
  secured: false,
  seen: [],
  lost: 0,
  keptUntil: null,
};

export interface LostLane {
  /** Highest epoch that the lane knew of; 0 = it has no marker. */
  readonly epoch: number;
  readonly seq: number;
  readonly laneTime: Millis;
  /** It carries the flag of a recovery. */
  readonly flagged: boolean;
}

const rank: Readonly<Record<Found, number>> = { whole: 0, cut: 1, older: 2, nothing: 3 };

export const worse = (a: Found, b: Found): Found => (rank[b] > rank[a] ? b : a);

/**
 * `end` = what has settled, `recovered` = the epoch that the last recovery began, `rolledBack` =
 * somebody has proved that the lane went back. No marker under the flag of a recovery is what that
 * one left only if it had come so far as to wipe: it flags an empty Redis too.
 */
export function foundIn(
  lost: LostLane,
  end: Position,
  recovered: number,
  rolledBack: boolean,
  before: Untold,
): Found {
  const own = (): Found => {
    if (lost.epoch === 0) return lost.flagged && before.secured ? 'cut' : 'nothing';
    return rolledBack || lost.epoch < recovered || isAbove(end, lost) ? 'older' : 'whole';
  };
  return worse(before.found, own());
}

/** True when there is a loss to tell, or there may be one. */
export const isLoss = ({ found, lost }: Pick<Untold, 'found' | 'lost'>): boolean =>
  lost > 0 || found === 'older' || found === 'nothing';

export const seenOf = (seen: Seen): Untold['seen'] => [...seen];

/** Forgets what was found, once somebody was told. Not while a later recovery has the lane. */
export async function recoveryTold(db: Db, lane: number, epoch: number): Promise<void> {
  await db.run(
    `UPDATE sale.lanes SET recovery_found = NULL
      WHERE lane = $1 AND token IS NULL AND recovered_epoch = $2 AND recovery_found IS NOT NULL`,
    [lane, epoch],
  );
}
