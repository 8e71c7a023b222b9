/** Ways to break a lane in Redis, and which checks must see it. */
import { laneOfId } from '../../../engine/domain/ids.ts';
import { laneKeys, pushSaleKeys } from '../../../engine/lanes/keys.ts';
import { pack, unpack } from '../../../engine/lanes/codec.ts';
import type { Redis } from '../../../platform/redis/connection.ts';
import type { Break, Broken } from './break.ts';

interface SaleKeys {
  readonly sale: string;
  readonly records: string;
  readonly due: string;
  readonly returned: string;
}

function keysOf(sale: string): SaleKeys {
  const keys: string[] = [];
  pushSaleKeys(keys, laneOfId(sale), sale);
  const [own = '', records = '', due = '', returned = ''] = keys;
  return { sale: own, records, due, returned };
}

export type Packed = unknown[];

/** Rewrites a packed field of a hash. */
export async function edit(
  redis: Redis,
  key: string,
  field: string,
  change: (value: Packed) => void,
) {
  const bytes = await redis.hgetBuffer(key, field);
  if (bytes === null) throw new Error(`${key} has no field ${field}`);
  const value = unpack(bytes) as Packed;
  change(value);
  await redis.hset(key, field, pack(value));
}

const editOrder = (b: Broken, sale: string, shopper: string, change: (order: Packed) => void) =>
  edit(b.redis, keysOf(sale).records, shopper, (record) => change(record[5] as Packed));

const editCounts = (b: Broken, sale: string, change: (counts: Packed) => void) =>
  edit(b.redis, keysOf(sale).sale, 'n', change);

const add = (list: Packed, at: number, more: number): void => {
  list[at] = Number(list[at]) + more;
};

/** Of a packed order. */
const [fingerprint, state, item, deadline, bits, endKey] = [1, 2, 3, 4, 5, 6];
const [units, outage, endedAt] = [8, 9, 10];
/** Of packed counters: the first item's. */
const [allotted, next, held, returned] = [2, 3, 5, 7];

const open: Break[] = [
  {
    check: 'lane.open',
    what: 'the marker is gone',
    also: ['lane.watermark', 'lane.records', 'match.sales'],
    says: /has no marker/,
    how: ({ redis, lane }) => redis.del(laneKeys(lane).marker),
  },
  {
    check: 'lane.open',
    what: 'the marker is of another deployment',
    says: /its marker says deployment/,
    how: ({ redis, lane }) => redis.hset(laneKeys(lane).marker, 'deployment', 'other'),
  },
  {
    check: 'lane.open',
    what: 'the marker knows of a recovery that Postgres does not',
    says: /recovered 1, not 0/,
    how: ({ redis, lane }) => redis.hset(laneKeys(lane).marker, 'recovered', 1),
  },
  {
    check: 'lane.open',
    what: 'the lane is frozen in Redis',
    says: /frozen in Redis: by hand/,
    how: ({ redis, lane }) => redis.set(laneKeys(lane).frozen, 'by hand'),
  },
  {
    check: 'lane.open',
    what: 'the server is not the verified one',
    says: /verified for server nobody/,
    how: ({ redis, lane }) => redis.set(laneKeys(lane).verifiedRun, 'nobody'),
  },
  {
    check: 'lane.open',
    what: 'an epoch has ended in Redis only',
    says: /ended at 3 in Redis, at none/,
    how: ({ redis, lane }) => redis.hset(laneKeys(lane).ends, '1', 3),
  },
  {
    check: 'lane.open',
    what: 'a sale is frozen by a fault',
    says: /the sale is frozen: a fault/,
    how: (b) => b.redis.hset(keysOf(b.history.live).sale, 'frz', 'a fault'),
  },
];

const watermark: Break[] = [
  {
    check: 'lane.watermark',
    what: "the lane's copy is ahead of Postgres",
    says: /its copy .* is beyond Postgres's/,
    how: ({ redis, lane }) => redis.hincrby(laneKeys(lane).watermark, 'seq', 1),
  },
  {
    check: 'lane.watermark',
    what: "the lane's copy stays behind",
    says: /stays behind/,
    how: ({ redis, lane }) => redis.hincrby(laneKeys(lane).watermark, 'seq', -1),
  },
  {
    check: 'lane.watermark',
    what: "the lane's copy counts other decisions",
    says: /its copy counts/,
    how: ({ redis, lane }) => redis.hincrby(laneKeys(lane).watermark, 'decided', 1),
  },
  {
    check: 'lane.watermark',
    what: 'the lane counts more decisions than the log has',
    says: /decisions, the log and Postgres/,
    how: ({ redis, lane }) => redis.hincrby(laneKeys(lane).clock, 'decided', 1),
  },
  {
    check: 'lane.watermark',
    what: 'the head is behind Postgres: the lane was rolled back',
    also: ['log.entries'],
    says: /Postgres is at .*, the head/,
    how: ({ redis, lane }) => redis.hincrby(laneKeys(lane).clock, 'seq', -1),
  },
  {
    check: 'lane.doubt',
    what: 'the head is ahead of what has settled',
    also: ['log.dense'],
    says: /1 entries up to .* have not settled/,
    how: ({ redis, lane }) => redis.hincrby(laneKeys(lane).clock, 'seq', 1),
  },
  {
    check: 'lane.commands',
    what: 'the lane has applied a command fewer than has settled',
    says: /has applied \d+, but \d+ have settled/,
    how: ({ redis, lane }) => redis.decr(laneKeys(lane).lastCommand),
  },
];

const records: Break[] = [
  {
    check: 'lane.records',
    what: "a shopper's record is no msgpack",
    also: ['lane.conservation', 'lane.counters', 'match.orders'],
    says: /ann: msgpack/,
    how: (b) => b.redis.hset(keysOf(b.history.live).records, 'ann', 'garbage'),
  },
  {
    check: 'lane.records',
    what: 'an order has a state that there is not',
    also: ['lane.conservation', 'lane.counters', 'match.orders'],
    says: /state 9/,
    how: (b) => editOrder(b, b.history.live, 'cid', (order) => (order[state] = 9)),
  },
  {
    check: 'lane.records',
    what: "a sale's terms are gone",
    also: ['match.sales'],
    says: /a sale without terms/,
    how: (b) => b.redis.del(keysOf(b.history.live).sale),
  },
  {
    check: 'lane.records',
    what: "a sale's key is of another type",
    also: ['match.sales'],
    says: /WRONGTYPE/,
    how: async (b) => {
      const { sale } = keysOf(b.history.live);
      await b.redis.del(sale);
      await b.redis.set(sale, 'text');
    },
  },
  {
    check: 'lane.records',
    what: 'a member of the deadline index is garbage',
    says: /due at/,
    how: (b) => b.redis.zadd(keysOf(b.history.live).due, 1e14, 'garbage'),
  },
];

const numbers: Break[] = [
  {
    check: 'lane.conservation',
    what: 'a returned number is lost',
    also: ['lane.counters'],
    says: /by its moves, but/,
    how: (b) => b.redis.zpopmin(keysOf(b.history.live).returned),
  },
  {
    check: 'lane.conservation',
    what: 'ten units come from nowhere',
    also: ['lane.counters', 'match.sales'],
    says: /by its moves, but/,
    how: (b) => editCounts(b, b.history.live, (counts) => add(counts, allotted + 2, 10)),
  },
  {
    check: 'lane.conservation',
    what: 'a held order is wiped from its record',
    also: ['lane.counters', 'match.orders'],
    says: /held \+ \d+ sold = /,
    how: (b) =>
      edit(b.redis, keysOf(b.history.live).records, 'ann', (record) => record.splice(5, 1)),
  },
  {
    check: 'lane.counters',
    what: 'a sale counts a unit too many as held',
    says: /held \d+, found/,
    how: (b) => editCounts(b, b.history.live, (counts) => add(counts, held, 1)),
  },
  {
    check: 'lane.counters',
    what: 'a sale counts returned numbers that are not there',
    says: /returned \d+, found/,
    how: (b) => editCounts(b, b.history.live, (counts) => add(counts, returned, 1)),
  },
  {
    check: 'lane.counters',
    what: 'a sale counts other expired units',
    says: /expired 4, found 5/,
    how: (b) => editCounts(b, b.history.expired, (counts) => add(counts, 0, -1)),
  },
  {
    check: 'lane.counters',
    what: 'a sale counts more credits than were settled',
    says: /credits in 5, found 4/,
    how: (b) => b.redis.hincrby(keysOf(b.history.live).sale, 'got', 1),
  },
  {
    check: 'lane.counters',
    what: 'a shopper owns fewer units by the head of the record',
    says: /ann: says it owns 2 units, has 3/,
    how: (b) =>
      edit(b.redis, keysOf(b.history.live).records, 'ann', (record) => add(record, 2, -1)),
  },
  {
    check: 'lane.counters',
    what: 'a shopper has fewer orders in fields of their own',
    says: /says 10 units, 1 spilled; has 10 and 2/,
    how: (b) =>
      edit(b.redis, keysOf(b.history.live).records, b.history.spilling, (record) =>
        add(record, 3, -1),
      ),
  },
  {
    check: 'lane.counters',
    what: 'a returned number is of no item',
    says: /returned number 9:1 is none/,
    how: (b) => b.redis.zadd(keysOf(b.history.live).returned, 900_000_001, '9:1'),
  },
  {
    check: 'lane.unique',
    what: 'two orders have the same unit',
    also: ['log.orders', 'match.orders'],
    says: /is live in it and in/,
    how: (b) =>
      editOrder(b, b.history.live, b.history.spilling, (order) => {
        order[units] = [b.history.held.units[0]];
      }),
  },
  {
    check: 'lane.unique',
    what: 'a unit is free and held',
    also: ['lane.conservation', 'lane.counters'],
    says: /is live in it and free/,
    how: (b) => {
      const unit = b.history.held.units[0] ?? 0;
      return b.redis.zadd(keysOf(b.history.live).returned, 100_000_000 + unit, `1:${unit}`);
    },
  },
  {
    check: 'lane.unique',
    what: 'a unit was never issued',
    also: ['lane.conservation', 'lane.counters'],
    says: /was never issued: the next number is/,
    how: (b) => editCounts(b, b.history.live, (counts) => add(counts, next, -10)),
  },
  {
    check: 'lane.limits',
    what: 'a shopper has more than the limit',
    also: ['match.sales'],
    says: /has 10 units, the limit is 9/,
    how: (b) => b.redis.hset(keysOf(b.history.live).sale, 'limit', 9),
  },
  {
    check: 'lane.deadlines',
    what: 'holds are not in the deadline index',
    says: /not in the deadline index/,
    how: (b) => b.redis.del(keysOf(b.history.live).due),
  },
  {
    check: 'lane.deadlines',
    what: "the lane's dues have another first deadline",
    says: /its first deadline is/,
    how: (b) => b.redis.zadd(laneKeys(b.lane).dues, 1, b.history.live),
  },
];

const matches: Break[] = [
  {
    check: 'match.orders',
    what: 'a record says paid, Postgres held',
    also: ['lane.counters', 'log.orders'],
    says: /state paid ≠ held/,
    how: (b) => editOrder(b, b.history.live, 'ann', (order) => (order[state] = 2)),
  },
  {
    check: 'match.orders',
    what: 'a record has another fingerprint',
    also: ['log.orders'],
    says: /fingerprint/,
    how: (b) => editOrder(b, b.history.live, 'ann', (order) => add(order, fingerprint, 1)),
  },
  {
    check: 'match.orders',
    what: 'a record has another item',
    also: ['lane.conservation', 'lane.counters', 'lane.unique', 'log.orders'],
    says: /item 1 ≠ 0/,
    how: (b) => editOrder(b, b.history.live, 'ann', (order) => (order[item] = 2)),
  },
  {
    check: 'match.orders',
    what: 'a record was paid by another key',
    says: /end key/,
    how: (b) => editOrder(b, b.history.live, 'cid', (order) => (order[endKey] = 'other')),
  },
  {
    check: 'match.orders',
    what: 'a record has a later deadline',
    also: ['lane.deadlines'],
    says: /deadline/,
    how: (b) => editOrder(b, b.history.live, 'ann', (order) => add(order, deadline, 1000)),
  },
  {
    check: 'match.orders',
    what: 'a record was held under another outage',
    says: /outage 1 ≠ 0/,
    how: (b) => editOrder(b, b.history.live, 'ann', (order) => add(order, outage, 1)),
  },
  {
    check: 'match.orders',
    what: 'a record ended at another time',
    says: /ended at/,
    how: (b) => editOrder(b, b.history.live, 'cid', (order) => add(order, endedAt, 1)),
  },
  {
    check: 'match.sales',
    what: 'a sale is gone from its lane',
    says: /live, and not in its lane/,
    how: (b) => b.redis.del(Object.values(keysOf(b.history.live)) as string[]),
  },
  {
    check: 'match.sales',
    what: 'a paused sale is live in Postgres',
    says: /state paused ≠ live/,
    how: (b) => b.redis.hset(keysOf(b.history.live).sale, 'st', 2),
  },
  {
    check: 'match.sales',
    what: 'a sale ends later',
    says: /end \d+ ≠ \d+/,
    how: (b) => b.redis.hincrby(keysOf(b.history.live).sale, 'end', 1),
  },
  {
    check: 'match.details',
    what: 'a record says that details are stored, and nobody has them',
    says: /its record says that they are stored/,
    how: (b) => editOrder(b, b.history.live, b.history.spilling, (order) => (order[bits] = 1)),
  },
];

export const laneBreaks: readonly Break[] = [
  ...open,
  ...watermark,
  ...records,
  ...numbers,
  ...matches,
];
