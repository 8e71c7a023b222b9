/**
 * What is known to be lost: positions that somebody has seen and that neither settled nor are in
 * quarantine. A lower bound: what nobody outside of the lost Redis has seen cannot be counted.
 */
import type { Query } from '../../platform/postgres/db.ts';
import type { Position } from '../domain/contiguity.ts';
import type { FreezeReason } from '../settle/quarantine.ts';
import { sawPosition, type Seen } from './drain.ts';

/** Adds what freezes and epochs of a lane bear witness of. True = somebody found it rolled back. */
export async function addWitnesses(q: Query, lane: number, seen: Seen): Promise<boolean> {
  const [row] = await q.query<{ reasons: readonly FreezeReason[] }>(
    'SELECT reasons FROM sale.lanes WHERE lane = $1',
    [lane],
  );
  const reasons = row?.reasons ?? [];
  for (const { detail } of reasons) {
    const found = /seen (\d+)-(\d+)/.exec(detail);
    if (found !== null) sawPosition(seen, { epoch: Number(found[1]), seq: Number(found[2]) });
  }
  const ends = await q.query<Position>(
    'SELECT epoch, ended_at AS seq FROM sale.epochs WHERE lane = $1 AND ended_at >= 0',
    [lane],
  );
  for (const end of ends) sawPosition(seen, end);
  return reasons.some(({ code }) => code === 'rolled_back');
}

/**
 * Positions that were seen and are nowhere any more, since the last recovery that is done. What has
 * settled of an epoch ends at the watermark, of one before it where that epoch ended: a lane that went
 * back goes on in a new epoch, and the watermark with it. `late` = positions beyond the end of their
 * epoch that Kafka has: the settler puts them away when it comes to them.
 */
export async function countLost(
  q: Query,
  lane: number,
  watermark: Position,
  seen: Seen,
  late: readonly Position[],
): Promise<number> {
  const [row] = await q.query<{ lost: number }>(
    `SELECT coalesce(sum(greatest(0, s.seq - settled.seq - (
              SELECT count(*) FROM (
                SELECT seq FROM sale.quarantine WHERE lane = $1 AND epoch = s.epoch
                 UNION
                SELECT seq FROM unnest($6::int[], $7::bigint[]) AS late (epoch, seq)
                 WHERE epoch = s.epoch
              ) AS away WHERE seq > settled.seq AND seq <= s.seq))), 0)::bigint AS lost
       FROM sale.lanes l
       CROSS JOIN unnest($4::int[], $5::bigint[]) AS s (epoch, seq)
       LEFT JOIN sale.epochs e ON e.lane = l.lane AND e.epoch = s.epoch
       CROSS JOIN LATERAL (
         SELECT CASE WHEN s.epoch < $2 THEN coalesce(e.ended_at, -1)
                     WHEN s.epoch = $2 THEN $3::bigint ELSE -1 END AS seq
       ) AS settled
      WHERE l.lane = $1 AND s.epoch >= l.recovered_epoch`,
    [
      lane,
      watermark.epoch,
      watermark.seq,
      [...seen.keys()],
      [...seen.values()],
      late.map(({ epoch }) => epoch),
      late.map(({ seq }) => seq),
    ],
  );
  return row?.lost ?? 0;
}
