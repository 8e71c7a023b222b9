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
export type Places = Map<string, number>;

export interface LinePlaces {
  /** Number. */
  readonly waits: Places;
  readonly parked: Places;
  /** End of the turn, in the turn clock. */
  readonly turns: Places;
  /** A bit for each index, the first in the highest of its byte; null = there is none. */
  readonly gone: Buffer | null;
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

/** `waiting` = shoppers that must have a place. */
export async function readPlaces(
  redis: Redis,
  lane: number,
  tag: string,
  waiting: ReadonlySet<string>,
): Promise<LinePlaces> {
  const keys: string[] = [];
  pushLineKeys(keys, lane, saleOfTag(tag));
  const [waits = '', turns = '', , parked = '', gone = ''] = keys;
  const places = {
    waits: await scanPlaces(redis, waits),
    turns: await scanPlaces(redis, turns),
    parked: await scanPlaces(redis, parked),
    gone: await redis.getBuffer(gone),
  };
  await lookAgain(redis, [waits, parked], places, waiting);
  return places;
}

/**
 * Whoever is parked or comes back goes from one set to the other, and no log tells: those who were
 * seen in both, or in none, are looked up in both at once.
 */
async function lookAgain(
  redis: Redis,
  [waits, parked]: readonly [string, string],
  places: LinePlaces,
  waiting: ReadonlySet<string>,
): Promise<void> {
  const inBoth = [...places.parked.keys()].filter((shopper) => places.waits.has(shopper));
  const inNone = [...waiting].filter(
    (shopper) => !places.waits.has(shopper) && !places.parked.has(shopper),
  );
  for (const shopper of [...inBoth, ...inNone]) {
    const replies = await redis.multi().zscore(waits, shopper).zscore(parked, shopper).exec();
    const [now, away] = (replies ?? []).map(([error, score]) => {
      if (error !== null) throw error;
      return score as string | null;
    });
    put(places.waits, shopper, now ?? null);
    put(places.parked, shopper, away ?? null);
  }
}

function put(places: Places, shopper: string, score: string | null): void {
  if (score === null) places.delete(shopper);
  else places.set(shopper, Number(score));
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
