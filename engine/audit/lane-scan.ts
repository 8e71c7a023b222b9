/**
 * Reads the lanes out of Redis: which keys there are, every sale, the lane's own keys, and last
 * the outbox, so that everything a sale's reading may hold is in it or settled meanwhile.
 */
import { messageOf } from '../../platform/fault.ts';
import { serverRunId, type Redis } from '../../platform/redis/connection.ts';
import { laneKeys, saleKeyPattern } from '../lanes/keys.ts';
import type { Violation } from './findings.ts';
import { saleOfTag, tagOf } from './names.ts';
import { readPosition, type Position } from './positions.ts';
import type { SaleReading } from './records.ts';
import { scanSale } from './sale-scan.ts';
import { Malformed, wholeOfText } from './shapes.ts';

export interface LaneState {
  /** Fields of the marker; null = there is none. */
  readonly marker: Readonly<Record<string, string>> | null;
  /** Null = a field is missing or no number. */
  readonly head: Position | null;
  readonly decided: number | null;
  readonly watermark: (Position & { readonly decided: number }) | null;
  readonly frozen: string | null;
  readonly ends: ReadonlyMap<number, number>;
  readonly lastCommand: number | null;
  readonly verifiedRun: string | null;
  /** Of the server that answered. */
  readonly runId: string;
}

export interface OutboxItem {
  readonly place: Position;
  readonly bytes: Buffer;
}

export interface LaneReading {
  readonly lane: number;
  readonly sales: ReadonlyMap<string, SaleReading>;
  /** Sales whose keys cannot be read. */
  readonly unreadable: readonly Violation[];
  /** Read just before the outbox. */
  readonly state: LaneState;
  readonly outbox: readonly OutboxItem[];
}

const keysPerScan = 1000;
const entriesPerPage = 500;

/** Tags of the sales of a lane that have any key, found by looking at all keys there are. */
async function scanTags(redis: Redis, lane: number): Promise<Set<string>> {
  const tags = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(
      cursor,
      'MATCH',
      saleKeyPattern(lane),
      'COUNT',
      keysPerScan,
    );
    for (const key of keys) tags.add(key.slice(key.lastIndexOf(':') + 1));
    cursor = next;
  } while (cursor !== '0');
  return tags;
}

/** `only` = the only sale to read. `onOrders` is told now and then how many orders were read. */
export async function scanLane(
  redis: Redis,
  lane: number,
  only: string | null,
  onOrders: (orders: number) => void,
): Promise<LaneReading> {
  const sales = new Map<string, SaleReading>();
  const unreadable: Violation[] = [];
  let before = 0;
  for (const tag of await scanTags(redis, lane)) {
    if (only !== null && tag !== tagOf(only)) continue;
    try {
      const sale = await scanSale(redis, lane, tag, (orders) => onOrders(before + orders));
      sales.set(tag, sale);
      before += sale.orders.size;
    } catch (error) {
      if (!(error instanceof Malformed) && !isWrongType(error)) throw error;
      unreadable.push({ id: saleOfTag(tag), says: messageOf(error) });
    }
  }
  const state = await readLaneState(redis, lane);
  return { lane, sales, unreadable, state, outbox: await readOutbox(redis, lane) };
}

const isWrongType = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('WRONGTYPE');

export async function readLaneState(redis: Redis, lane: number): Promise<LaneState> {
  const keys = laneKeys(lane);
  const runId = await serverRunId(redis);
  const replies = await redis
    .multi()
    .hgetall(keys.marker)
    .hgetall(keys.clock)
    .hgetall(keys.watermark)
    .get(keys.frozen)
    .hgetall(keys.ends)
    .get(keys.lastCommand)
    .get(keys.verifiedRun)
    .exec();
  const [marker, clock, copy, frozen, ends, lastCommand, verifiedRun] = (replies ?? []).map(
    ([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    },
  ) as [Fields, Fields, Fields, string | null, Fields, string | null, string | null];
  const head = positionOf(marker['epoch'], clock['seq']);
  const settled = positionOf(copy['epoch'], copy['seq']);
  const settledDecisions = wholeOrNull(copy['decided']);
  return {
    marker: marker['epoch'] === undefined ? null : marker,
    head,
    decided: wholeOrNull(clock['decided']),
    watermark:
      settled === null || settledDecisions === null
        ? null
        : { ...settled, decided: settledDecisions },
    frozen,
    ends: new Map(Object.entries(ends).map(([epoch, end]) => [Number(epoch), Number(end)])),
    lastCommand: wholeOrNull(lastCommand),
    verifiedRun,
    runId,
  };
}

type Fields = Record<string, string>;

function wholeOrNull(text: string | null | undefined): number | null {
  try {
    return wholeOfText(text, 'number');
  } catch {
    return null;
  }
}

function positionOf(epoch: string | undefined, seq: string | undefined): Position | null {
  const [a, b] = [wholeOrNull(epoch), wholeOrNull(seq)];
  return a === null || b === null ? null : { epoch: a, seq: b };
}

async function readOutbox(redis: Redis, lane: number): Promise<OutboxItem[]> {
  const { outbox } = laneKeys(lane);
  const found: OutboxItem[] = [];
  let from = '-';
  for (;;) {
    const page = (await redis.xrangeBuffer(
      outbox,
      from,
      '+',
      'COUNT',
      entriesPerPage,
    )) as unknown as [Buffer, Buffer[]][];
    for (const [id, fields] of page) {
      found.push({ place: readPosition(id.toString()), bytes: fields[1] ?? Buffer.alloc(0) });
      from = `(${id.toString()}`;
    }
    if (page.length < entriesPerPage) return found;
  }
}
