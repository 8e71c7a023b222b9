/**
 * Reads one sale out of its lane. What must fit together (terms, counters, returned numbers, the
 * lane's head) is read in one transaction: that head is the sale's *cut*. Its orders are read in
 * pieces afterwards; what was decided meanwhile is taken back by its events (cut.ts).
 */
import { messageOf } from '../../platform/fault.ts';
import type { Redis } from '../../platform/redis/connection.ts';
import { laneKeys, pushSaleKeys } from '../lanes/keys.ts';
import { readLineCounts, readPlaces, type LinePlaces } from './line-scan.ts';
import { decode } from './msgpack.ts';
import { saleOfTag } from './names.ts';
import {
  addRecord,
  ordersOf,
  ticketStates,
  type ItemCounts,
  type RecordedTicket,
  type SaleReading,
  type SaleTerms,
} from './records.ts';
import { listOf, Malformed, textOf, wholeOf, wholeOfText } from './shapes.ts';

const fieldsPerScan = 1000;
const duesPerPage = 200;
const itemSpan = 100_000_000;
const countsHead = 2;
const countsPerItem = 6;

type Fields = Readonly<Record<string, Buffer | undefined>>;

/**
 * `onOrders` is told now and then how many orders were read. A key that cannot be read is thrown
 * as Malformed; an error of Redis as what it is.
 */
export async function scanSale(
  redis: Redis,
  lane: number,
  tag: string,
  onOrders: (orders: number) => void,
): Promise<SaleReading> {
  const keys: string[] = [];
  pushSaleKeys(keys, lane, saleOfTag(tag));
  const [key = '', records = '', due = '', returned = ''] = keys;
  const sale = await readCut(redis, lane, tag, [key, due, returned]);
  await readRecords(redis, records, sale, onOrders);
  await readDues(redis, due, sale);
  if (sale.terms.line !== null) {
    sale.places = await readPlaces(redis, lane, tag, waitingIn(sale));
    addNumbers(sale, sale.places);
  }
  return sale;
}

const isWaiting = ({ state }: RecordedTicket): boolean => ticketStates[state] === 'waiting';

/** Who must have a place: the lane gives no number of the draw twice, and parks nobody before the last. */
function waitingIn({ tickets, terms }: SaleReading): Set<string> {
  const all = terms.line?.numbered === 1;
  const own = [...tickets].filter(([, ticket]) => isWaiting(ticket) && (all || ticket.number > 0));
  return new Set(own.map(([shopper]) => shopper));
}

/** A number of the draw may stand with its place only. */
function addNumbers({ tickets }: SaleReading, { waits, parked }: LinePlaces): void {
  for (const [shopper, ticket] of tickets) {
    if (!isWaiting(ticket) || ticket.number > 0) continue;
    ticket.number = waits.get(shopper) ?? parked.get(shopper) ?? 0;
  }
}

async function readCut(
  redis: Redis,
  lane: number,
  tag: string,
  [key, due, back]: readonly [sale: string, due: string, returned: string],
): Promise<SaleReading> {
  const own = laneKeys(lane);
  const replies = await redis
    .multi()
    .hget(own.marker, 'epoch')
    .hmget(own.clock, 'seq', 't')
    .hgetallBuffer(key)
    .zrange(back, '0', '-1', 'WITHSCORES')
    .zrange(due, '0', '0', 'WITHSCORES')
    .zscore(own.dues, saleOfTag(tag))
    .exec();
  const [epoch, clock, fields, returned, first, dueAt] = (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  }) as [string | null, (string | null)[], Fields, string[], string[], string | null];
  const terms = readTerms(fields);
  const byItem = terms.items.map(() => [] as number[]);
  const strayReturned: string[] = [];
  for (let i = 0; i < returned.length; i += 2) {
    const [member = '', score] = [returned[i], Number(returned[i + 1])];
    const [, item = '', number = ''] = /^(\d+):(\d+)$/.exec(member) ?? [];
    const list = byItem[Number(item) - 1];
    if (list === undefined || score !== Number(item) * itemSpan + Number(number)) {
      strayReturned.push(member);
    } else list.push(Number(number));
  }
  return {
    lane,
    tag,
    terms,
    cut: { epoch: wholeOfText(epoch, 'epoch'), seq: wholeOfText(clock[0], 'head') },
    now: wholeOfText(clock[1], 'lane time'),
    returned: byItem,
    strayReturned,
    firstDue: first[1] === undefined ? null : Number(first[1]),
    dueAt: dueAt === null ? null : Number(dueAt),
    orders: new Map(),
    shoppers: new Map(),
    tickets: new Map(),
    places: null,
    spilling: new Map(),
    wrongHeads: [],
    malformed: [],
  };
}

function readTerms(fields: Fields): SaleTerms {
  const { id, items: packedItems, n } = fields;
  const whole = (name: string): number => wholeOfText(fields[name], name);
  if (id === undefined || packedItems === undefined || n === undefined) {
    throw new Malformed('a sale without terms');
  }
  const counts = listOf(decode(n), 'counters', countsHead).map((v) => wholeOf(v, 'counter'));
  const items = listOf(decode(packedItems), 'items').map((raw, i): ItemCounts => {
    const [product, price] = listOf(raw, 'item', 2);
    const own = counts.slice(countsHead + i * countsPerItem, countsHead + (i + 1) * countsPerItem);
    const [allotted, next, last, held, sold, returned] = own;
    if (returned === undefined) throw new Malformed(`item ${i} has no counters`);
    const numbers = { allotted, next, last, held, sold, returned } as Omit<
      ItemCounts,
      'product' | 'price'
    >;
    return { product: textOf(product, 'product'), price: wholeOf(price, 'price'), ...numbers };
  });
  return {
    id: id.toString(),
    state: whole('st'),
    start: whole('start'),
    end: whole('end'),
    limit: whole('limit'),
    holdMs: whole('hold'),
    who: whole('who'),
    creditsWanted: whole('want'),
    creditsIn: whole('got'),
    frozen: fields['frz']?.toString() ?? '',
    expired: counts[0] ?? 0,
    released: counts[1] ?? 0,
    items,
    line: readLineCounts(fields['line'], fields['ln']),
  };
}

async function readRecords(
  redis: Redis,
  key: string,
  sale: SaleReading,
  onOrders: (orders: number) => void,
): Promise<void> {
  let cursor = '0';
  do {
    const [next, fields] = await redis.hscanBuffer(key, cursor, 'COUNT', fieldsPerScan);
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [field, value] = [fields[i], fields[i + 1]];
      if (field !== undefined && value !== undefined) addRecord(sale, field.toString(), value);
    }
    onOrders(sale.orders.size);
    cursor = next.toString();
  } while (cursor !== '0');
}

/**
 * Marks the orders that the deadline index names at their deadline. Read on by score and not by
 * rank: a member that is half done is written back at its score.
 */
async function readDues(redis: Redis, key: string, sale: SaleReading): Promise<void> {
  let from = '-inf';
  let most = duesPerPage;
  for (;;) {
    const page = await redis.zrangebyscoreBuffer(key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, most);
    let last = from;
    for (let i = 0; i + 1 < page.length; i += 2) {
      const [member, score] = [page[i], page[i + 1]];
      if (member === undefined || score === undefined) continue;
      last = score.toString();
      markDue(sale, member, Number(last));
    }
    if (page.length < 2 * most) return;
    // Every member of the last score is read again: some of them may be on the next page.
    most = last === from ? most * 2 : duesPerPage;
    from = last;
  }
}

function markDue(sale: SaleReading, member: Buffer, score: number): void {
  try {
    const names = listOf(decode(member), 'member of the deadline index', 3).slice(3);
    for (const raw of names) {
      const name = textOf(raw, 'name in the deadline index');
      const cut = name.lastIndexOf('|');
      const shopper = cut < 0 ? name : name.slice(0, cut);
      for (const order of ordersOf(sale, shopper)) {
        const named = cut < 0 ? !order.spilled : order.spilled && order.key === name.slice(cut + 1);
        if (named && order.deadline === score) order.due = true;
      }
    }
  } catch (error) {
    sale.malformed.push({ id: `${sale.terms.id} due at ${score}`, says: messageOf(error) });
  }
}
