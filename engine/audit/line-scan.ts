/**
 * The line of a sale as its lane keeps it: packed terms and counts, and its places, read in pieces.
 * lua/include/sale.lua and places.lua say the shapes.
 */
import type { Redis } from '../../platform/redis/connection.ts';
import { pushLineKeys } from '../lanes/keys.ts';
import { decode } from './msgpack.ts';
import { saleOfTag } from './names.ts';
import { listOf, Malformed, wholeOf } from './shapes.ts';

export interface LineCounts {
  readonly mode: number;
  readonly turnMs: number;
  readonly factorPercent: number;
  readonly lineMax: number;
  readonly joined: number;
  /** -1 = not rung. */
  readonly bell: number;
  readonly numbered: number;
  readonly given: number;
  readonly waiting: number;
  readonly turns: number;
  readonly claims: number;
  readonly serving: number;
}

/** Shoppers by score. */
export type Places = ReadonlyMap<string, number>;

export interface LinePlaces {
  /** Number. */
  readonly waits: Places;
  readonly parked: Places;
  /** End of the turn, in the turn clock. */
  readonly turns: Places;
}

const termFields = 4;
const countFields = 10;
const placesPerScan = 1000;

/** Null = the sale has no line. */
export function readLineCounts(terms?: Buffer, counts?: Buffer): LineCounts | null {
  if (terms === undefined && counts === undefined) return null;
  if (terms === undefined || counts === undefined) throw new Malformed('half a line');
  const own = listOf(decode(terms), 'line', termFields).map((v) => wholeOf(v, 'term of the line'));
  const n = listOf(decode(counts), 'counts of the line', countFields).map((v) =>
    v === -1 ? -1 : wholeOf(v, 'count of the line'),
  );
  const [mode = 0, turnMs = 0, factorPercent = 0, lineMax = 0] = own;
  const [joined = 0, bell = 0, numbered = 0, given = 0, waiting = 0] = n;
  const [turns = 0, claims = 0, serving = 0] = n.slice(5);
  return {
    ...{ mode, turnMs, factorPercent, lineMax },
    ...{ joined, bell, numbered, given, waiting, turns, claims, serving },
  };
}

export async function readPlaces(redis: Redis, lane: number, tag: string): Promise<LinePlaces> {
  const keys: string[] = [];
  pushLineKeys(keys, lane, saleOfTag(tag));
  const [waits = '', turns = '', , parked = ''] = keys;
  return {
    waits: await scanPlaces(redis, waits),
    turns: await scanPlaces(redis, turns),
    parked: await scanPlaces(redis, parked),
  };
}

async function scanPlaces(redis: Redis, key: string): Promise<Places> {
  const places = new Map<string, number>();
  let cursor = '0';
  do {
    const [next, found] = await redis.zscan(key, cursor, 'COUNT', placesPerScan);
    for (let i = 0; i + 1 < found.length; i += 2) places.set(found[i] ?? '', Number(found[i + 1]));
    cursor = next;
  } while (cursor !== '0');
  return places;
}
