/**
 * Who waits in a line with which number, read from its lane in pieces: what a crowd is told at once
 * after a draw. Reads no records, so it costs the lane microseconds for a thousand tickets.
 */
import type { LineStanding } from '../domain/line/types.ts';
import { laneOfId } from '../domain/ids.ts';
import type { SaleId } from '../domain/types.ts';
import type { LaneGate } from '../lanes/gate.ts';
import { pushLineKeys } from '../lanes/keys.ts';

/** Members of one read: a lane does nothing else meanwhile. */
const pieceMax = 2000;

/**
 * In the order of numbers, from behind `after` to `last`; those who are admitted, gone or parked by then
 * are not among them. Throws while the lane is shut.
 */
export async function* waitingIn(
  gate: LaneGate,
  sale: SaleId,
  last: number,
  after?: LineStanding,
): AsyncGenerator<readonly LineStanding[]> {
  const door = gate.door(laneOfId(sale));
  const keys: string[] = [];
  pushLineKeys(keys, door.lane, sale);
  const [waits = ''] = keys;
  let ahead = after === undefined ? 0 : after.ahead + 1;
  for (let above = after === undefined ? '-inf' : `(${after.number}`; ;) {
    const found = await gate.redis.zrangebyscore(
      waits,
      above,
      last,
      'WITHSCORES',
      'LIMIT',
      0,
      pieceMax,
    );
    // What was read over a connection that was cut meanwhile may be of a server nobody has verified.
    if (!door.open) throw new Error(`lane ${door.lane}: ${door.reason}`);
    const piece: LineStanding[] = [];
    for (let i = 0; i < found.length; i += 2) {
      piece.push({ shopper: found[i] ?? '', number: Number(found[i + 1]), ahead: ahead++ });
    }
    if (piece.length > 0) yield piece;
    if (piece.length < pieceMax) return;
    above = `(${piece.at(-1)?.number ?? 0}`;
  }
}
