/** The whole state of a real lane, read key by key into the pure model's form. */
import { headMax, owned } from '../../../engine/domain/lane/record.ts';
import type {
  DueHolds,
  DueName,
  Item,
  Lane,
  LaneSaleState,
  Line,
  Order,
  Sale,
  ShopperRecord,
  Ticket,
} from '../../../engine/domain/lane/state.ts';
import type { LaneOrderState } from '../../../engine/domain/types.ts';
import { unpack } from '../../../engine/lanes/codec.ts';
import {
  codeNames,
  lineModes,
  orderStates,
  saleStates,
  ticketStates,
} from '../../../engine/lanes/codes.ts';
import { laneKeys, pushLineKeys, pushSaleKeys } from '../../../engine/lanes/keys.ts';
import type { Redis } from '../../../platform/redis/connection.ts';

export interface Snapshot {
  readonly lane: Lane;
  /** The lane's own index: when each sale has its next overdue hold. */
  readonly dues: ReadonlyMap<string, number>;
  /** By sale, in hex: a bit for each index whose ticket was left before it had a number. */
  readonly gone: ReadonlyMap<string, string>;
}

type Hash = Record<string, Buffer>;

const numberOf = (hash: Hash, field: string): number => Number(String(hash[field] ?? 'NaN'));

/** Returned numbers wait at score item × span + number, counted from item 1 (include/units.lua). */
const span = 100_000_000;

/** Four for every sale, five for its line. */
const keysOfSale = 9;

export async function readLane(
  redis: Redis,
  lane: number,
  sales: readonly string[],
): Promise<Snapshot> {
  const keys = laneKeys(lane);
  const pipeline = redis
    .pipeline()
    .hgetallBuffer(keys.marker)
    .hgetallBuffer(keys.ends)
    .hgetallBuffer(keys.clock)
    .hgetallBuffer(keys.watermark)
    .get(keys.lastCommand)
    .zrange(keys.dues, '0', '-1', 'WITHSCORES');
  for (const sale of sales) {
    const own: string[] = [];
    pushSaleKeys(own, lane, sale);
    pushLineKeys(own, lane, sale);
    const gone = own.pop() ?? '';
    const [terms = '', records = '', due = '', returned = '', ...places] = own;
    pipeline
      .hgetallBuffer(terms)
      .hgetallBuffer(records)
      .zrangeBuffer(due, '0', '-1', 'WITHSCORES')
      .zrange(returned, '0', '-1', 'WITHSCORES');
    for (const key of places) pipeline.zrange(key, '0', '-1', 'WITHSCORES');
    pipeline.getBuffer(gone);
  }
  const answers = (await pipeline.exec()) ?? [];
  const found = answers.map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
  const [marker, ends, clock, watermark] = found.slice(0, 4) as [Hash, Hash, Hash, Hash];
  const made: Sale[] = [];
  const gone = new Map<string, string>();
  for (let i = 6; i < found.length; i += keysOfSale) {
    const [terms, records, due, returned, ...rest] = found.slice(i, i + keysOfSale);
    const sale = readSale(
      ...([terms, records, due, returned] as [Hash, Hash, Buffer[], string[]]),
      rest.slice(0, -1) as string[][],
    );
    if (sale === null) continue;
    if (sale.line !== null) addNumbers(sale, sale.line);
    const bits = rest.at(-1) as Buffer | null;
    checkGone(sale, bits);
    if (bits !== null) gone.set(sale.id, bits.toString('hex'));
    made.push(sale);
  }
  return {
    dues: new Map(pairs(found[5] as string[]).map(([sale, score]) => [sale, Number(score)])),
    gone,
    lane: {
      epoch: numberOf(marker, 'epoch'),
      seq: numberOf(clock, 'seq'),
      ends: new Map(Object.entries(ends).map(([e, end]) => [Number(e), Number(String(end))])),
      decided: numberOf(clock, 'decided'),
      settled: numberOf(watermark, 'decided'),
      doubtSince: numberOf(clock, 'doubt'),
      lastTime: numberOf(clock, 't'),
      since: Number(String(clock['since'] ?? 0)),
      outage: numberOf(clock, 'outage'),
      lastCommand: Number(found[4]),
      sales: new Map(made.map((sale) => [sale.id, sale])),
    },
  };
}

function pairs<T>(flat: readonly T[]): [T, T][] {
  return flat.flatMap((value, i): [T, T][] => (i % 2 === 0 ? [[value, flat[i + 1] as T]] : []));
}

function readSale(
  f: Hash,
  records: Hash,
  due: Buffer[],
  returned: string[],
  places: readonly string[][],
): Sale | null {
  const [packedTerms, packedCounts] = [f['items'], f['n']];
  if (packedTerms === undefined || packedCounts === undefined) return null;
  const terms = unpack(packedTerms) as [string, number][];
  const [expired = 0, released = 0, ...counts] = unpack(packedCounts) as number[];
  const refused = Object.entries(f)
    .filter(([field]) => field.startsWith('x-'))
    .map(([field, n]) => [codeNames.get(Number(field.slice(1))) ?? field, Number(n)] as const);
  return {
    id: String(f['id']),
    startsAt: numberOf(f, 'start'),
    endsAt: numberOf(f, 'end'),
    limit: numberOf(f, 'limit'),
    holdMs: numberOf(f, 'hold'),
    verifiedOnly: numberOf(f, 'who') === 1,
    creditsWanted: numberOf(f, 'want'),
    creditsIn: numberOf(f, 'got'),
    state: saleStates[numberOf(f, 'st')] as LaneSaleState,
    items: terms.map((term, i) => readItem(i, term, counts.slice(i * 6), returned)),
    records: readRecords(records, numberOf(f, 'hold')),
    due: pairs(due).map(([member, score]) => readDue(member, Number(String(score)))),
    expired,
    released,
    attempts: Number(String(f['attempts'] ?? 0)),
    refused: new Map(refused),
    frozen: String(f['frz'] ?? ''),
    line: f['line'] === undefined ? null : readLine(f['line'], f['ln'], places),
  };
}

function readLine(
  packed: Buffer,
  counts: Buffer | undefined,
  [queue = [], due = [], seen = [], parked = []]: readonly string[][],
): Line {
  if (counts === undefined) throw new Error('a line without counts');
  const [mode = 0, turnMs = 0, factorPercent = 0, lineMax = 0] = unpack(packed) as number[];
  const n = unpack(counts) as number[];
  const places = (flat: readonly string[]): Map<string, number> =>
    new Map(pairs(flat).map(([shopper, score]) => [shopper, Number(score)]));
  const name = lineModes[mode];
  if (name === undefined || name === 'open') throw new Error(`mode ${mode}?`);
  const [joined = 0, bell = 0, numbered, given = 0, waiting = 0, turns = 0, claims = 0] = n;
  const [serving = 0, paused = 0, pausedAt = 0, begun = 0] = n.slice(7);
  return {
    terms: { mode: name, turnMs, factorPercent, lineMax },
    ...{ joined, bell, numbered: numbered === 1, given, waiting, turns, claims, serving },
    ...{ paused, pausedAt, begun },
    ...{ queue: places(queue), due: places(due), seen: places(seen), parked: places(parked) },
  };
}

/** A number of the draw may stand with its place only. */
function addNumbers({ records }: Sale, { queue, parked }: Line): void {
  for (const [shopper, { ticket }] of records) {
    if (ticket?.state !== 'waiting' || ticket.number > 0) continue;
    ticket.number = queue.get(shopper) ?? parked.get(shopper) ?? 0;
  }
}

/** Every latest ticket that was left without a number has its bit, until the last number is given. */
function checkGone({ id, records, line }: Sale, bits: Buffer | null): void {
  if (line === null || line.numbered) {
    if (bits !== null) throw new Error(`${id} still knows who had gone`);
    return;
  }
  for (const { ticket } of records.values()) {
    if (ticket === null) continue;
    const isGone = (((bits?.[ticket.index >> 3] ?? 0) << (ticket.index & 7)) & 0x80) > 0;
    if (isGone !== (ticket.state === 'left' && ticket.number === 0)) {
      throw new Error(`${id}: a bit of ${ticket.key} says ${String(isGone)}`);
    }
  }
}

function readItem(
  index: number,
  [product, price]: readonly [string, number],
  counts: readonly number[],
  flat: readonly string[],
): Item {
  const [allotted = 0, next = 0, last = 0, held = 0, sold = 0, back = 0] = counts;
  const returned = pairs(flat)
    .filter(([member]) => member.startsWith(`${index + 1}:`))
    .map(([member, score]) => {
      const number = Number(member.split(':')[1]);
      if (Number(score) !== (index + 1) * span + number) throw new Error(`${member} at ${score}`);
      return number;
    });
  if (returned.length !== back) {
    throw new Error(`item ${index} counts ${back} returned, the set has ${returned.length}`);
  }
  return { product, price, allotted, next, last, held, sold, returned };
}

type PackedOrder = [
  key: string,
  fingerprint: number,
  state: number,
  item: number,
  deadline: number,
  details: number,
  endKey: string,
  endFingerprint: number,
  units: number[],
  outage: number,
  endedAt: number,
  holdMs?: number,
];

type PackedTicket = [string, number, number, number, number, number, string[], string[]?];

type PackedRecord = [number, number, number, number, 0 | PackedTicket, ...PackedOrder[]];

/** Records by shopper; orders beyond a record's first ones stand in fields `shopper|key`. */
function readRecords(fields: Hash, holdMs: number): Map<string, ShopperRecord> {
  const records = new Map<string, ShopperRecord>();
  const orderOf = (packed: PackedOrder): Order => readOrder(packed, holdMs);
  for (const [shopper, bytes] of Object.entries(fields)) {
    if (shopper.includes('|')) continue;
    const [letGo, coolUntil, units, spilled, place, ...head] = unpack(bytes) as PackedRecord;
    const apart = Object.entries(fields).filter(([field]) => field.startsWith(`${shopper}|`));
    const others = apart.map(([, packed]) => unpack(packed) as PackedOrder);
    const ticket = place === 0 ? null : readTicket(place);
    const record = { letGo, coolUntil, ticket, orders: [...head, ...others].map(orderOf) };
    if (owned(record) !== units) throw new Error(`${shopper} owns ${units}?`);
    if (others.length !== spilled) throw new Error(`${shopper} has ${spilled} orders apart?`);
    records.set(shopper, withSortedTail(record));
  }
  return records;
}

/** Beyond a record's first orders a hash keeps no order. */
export function withSortedTail({ orders, ...rest }: ShopperRecord): ShopperRecord {
  const tail = orders.slice(headMax).sort((a, b) => (a.key < b.key ? -1 : 1));
  return { ...rest, orders: [...orders.slice(0, headMax), ...tail] };
}

function readTicket(packed: PackedTicket): Ticket {
  const [key, index, number, state, turnEnds, claim, past, leaves = []] = packed;
  const name = ticketStates[state - 1];
  if (name === undefined) throw new Error(`ticket state ${state}?`);
  return { key, index, number, state: name, turnEnds, claim, past, leaves };
}

function readOrder(packed: PackedOrder, usualMs: number): Order {
  const [key, fingerprint, state, item, deadline, details, endKey, endFingerprint] = packed;
  const [units, outage, endedAt] = packed.slice(8) as [number[], number, number];
  return {
    key,
    fingerprint,
    item: item - 1,
    units,
    deadline,
    holdMs: packed[11] ?? usualMs,
    outage,
    state: orderStates[state - 1] as LaneOrderState,
    details,
    endKey,
    endFingerprint,
    endedAt,
  };
}

function readDue(member: Buffer, deadline: number): DueHolds {
  const [epoch, seq, generation, ...names] = unpack(member) as [
    number,
    number,
    number,
    ...string[],
  ];
  const named = names.map((name): DueName => {
    const [shopper = '', key = ''] = name.split('|');
    return { shopper, key };
  });
  return { deadline, epoch, seq, generation, names: named };
}
