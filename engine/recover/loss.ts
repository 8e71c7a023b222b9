/**
 * What is known to be lost: positions that somebody has seen and that neither settled nor are in
 * quarantine. A lower bound: what nobody outside of the lost Redis has seen cannot be counted.
 */
import type { Query } from '../../platform/postgres/db.ts';
import type { Position } from '../domain/contiguity.ts';
import type { FreezeReason } from '../settle/quarantine.ts';
import { sawPosition, type Seen } from './drain.ts';

/** Adds what freezes and epochs of a lane bear witness of. */
export async function addWitnesses(q: Query, lane: number, seen: Seen): Promise<void> {
  const [row] = await q.query<{ reasons: readonly FreezeReason[] }>(
    'SELECT reasons FROM sale.lanes WHERE lane = $1',
    [lane],
  );
  for (const { detail } of row?.reasons ?? []) {
    const found = /seen (\d+)-(\d+)/.exec(detail);
    if (found !== null) sawPosition(seen, { epoch: Number(found[1]), seq: Number(found[2]) });
  }
  const ends = await q.query<Position>(
    'SELECT epoch, ended_at AS seq FROM sale.epochs WHERE lane = $1 AND ended_at >= 0',
    [lane],
  );
  for (const end of ends) sawPosition(seen, end);
}

/** Positions above the watermark that were seen and are nowhere any more. */
export async function countLost(
  q: Query,
  lane: number,
  watermark: Position,
  seen: Seen,
): Promise<number> {
  const away = await q.query<{ epoch: number; n: number }>(
    `SELECT epoch, count(DISTINCT seq) AS n FROM sale.quarantine
      WHERE lane = $1 AND (epoch, seq) > ($2, $3) GROUP BY epoch`,
    [lane, watermark.epoch, watermark.seq],
  );
  const kept = new Map(away.map(({ epoch, n }) => [epoch, n]));
  let lost = 0;
  for (const [epoch, seq] of seen) {
    if (epoch < watermark.epoch) continue;
    const settled = epoch === watermark.epoch ? watermark.seq : -1;
    lost += Math.max(0, seq - settled - (kept.get(epoch) ?? 0));
  }
  return lost;
}
