/**
 * A lane as its keys say it, read raw: no counter is believed and no code of the engine is used
 * but the names of keys. A lane is read key by key, so it has to be quiet; see audit.ts.
 */
import type { Redis } from '../../platform/redis/connection.ts';
import { unpack } from '../lanes/codec.ts';
import { laneKeys, pushSaleKeys } from '../lanes/keys.ts';

export const decode = unpack;

export interface RawOrder {
  readonly sale: string;
  readonly shopper: string;
  /** Name under which the deadline index must find it. */
  readonly field: string;
  readonly key: string;
  /** 1 held, 2 paid, 3 released, 4 expired. */
  readonly state: number;
  /** From 1. */
  readonly item: number;
  readonly deadline: number;
  readonly units: readonly number[];
}

export interface RawItem {
  readonly product: string;
  readonly price: number;
  readonly allotted: number;
  readonly next: number;
  readonly last: number;
  readonly held: number;
  readonly sold: number;
  readonly returned: number;
}

export interface RawSale {
  readonly id: string;
  readonly tag: string;
  readonly state: number;
  readonly limit: number;
  readonly frozen: string | null;
  readonly items: readonly RawItem[];
  readonly orders: readonly RawOrder[];
  /** Units owned and orders spilled, as each shopper's record says. */
  readonly heads: ReadonlyMap<string, { owned: number; spilled: number }>;
  /** Name → earliest deadline under which the index has it. */
  readonly due: ReadonlyMap<string, number>;
  readonly firstDue: number | null;
  /** `item:number` of what waits to go out again. */
  readonly returned: ReadonlySet<string>;
}

export interface RawEntry {
  readonly id: string;
  readonly payload: Buffer;
}

export interface RawLane {
  readonly lane: number;
  readonly marker: Readonly<Record<string, string>>;
  readonly frozen: string | null;
  readonly clock: Readonly<Record<string, string>>;
  readonly watermark: Readonly<Record<string, string>>;
  readonly lastCommand: number;
  readonly outbox: readonly RawEntry[];
  readonly sales: readonly RawSale[];
  readonly dues: ReadonlyMap<string, number>;
}

type PackedOrder = [string, number, number, number, number, number, string, number, number[]];

function orderOf(p: PackedOrder, sale: string, shopper: string, field: string): RawOrder {
  return { sale, shopper, field, key: p[0], state: p[2], item: p[3], deadline: p[4], units: p[8] };
}

async function readRecords(
  redis: Redis,
  key: string,
  sale: string,
): Promise<Pick<RawSale, 'orders' | 'heads'>> {
  const orders = new Map<string, RawOrder>();
  const heads = new Map<string, { owned: number; spilled: number }>();
  let cursor = '0';
  do {
    const [next, list] = await redis.hscanBuffer(key, cursor, 'COUNT', 2000);
    cursor = next.toString();
    for (let i = 0; i < list.length; i += 2) {
      const field = list[i]?.toString() ?? '';
      const value = decode(list[i + 1] ?? Buffer.alloc(0)) as unknown[];
      const cut = field.indexOf('|');
      if (cut >= 0) {
        const order = orderOf(value as PackedOrder, sale, field.slice(0, cut), field);
        orders.set(`${order.shopper}|${order.key}`, order);
        continue;
      }
      const [, , owned, spilled, ...packed] = value as [
        number,
        number,
        number,
        number,
        PackedOrder,
      ];
      heads.set(field, { owned, spilled });
      for (const p of packed) orders.set(`${field}|${p[0]}`, orderOf(p, sale, field, field));
    }
  } while (cursor !== '0');
  return { orders: [...orders.values()], heads };
}

async function readDue(redis: Redis, key: string): Promise<Pick<RawSale, 'due' | 'firstDue'>> {
  const due = new Map<string, number>();
  const members = await redis.zrangeBuffer(key, '0', '-1', 'WITHSCORES');
  for (let i = 0; i < members.length; i += 2) {
    const score = Number(members[i + 1]?.toString());
    const names = decode(members[i] ?? Buffer.alloc(0)) as unknown[];
    for (const name of names.slice(3)) {
      if (typeof name === 'string' && !due.has(name)) due.set(name, score);
    }
  }
  return { due, firstDue: members.length === 0 ? null : Number(members[1]?.toString()) };
}

async function readSale(redis: Redis, lane: number, tag: string): Promise<RawSale> {
  const keys: string[] = [];
  pushSaleKeys(keys, lane, `sal_${tag}`);
  const [s = '', r = '', d = '', n = ''] = keys;
  const fields = await redis.hgetallBuffer(s);
  const text = (name: string): string => fields[name]?.toString() ?? '';
  const id = text('id');
  const terms = decode(fields['items'] ?? Buffer.alloc(0)) as [string, number][];
  const counts = decode(fields['n'] ?? Buffer.alloc(0)) as number[];
  const items = terms.map(([product, price], i): RawItem => {
    const [allotted = 0, next = 0, last = 0, held = 0, sold = 0, returned = 0] = counts.slice(
      2 + i * 6,
      8 + i * 6,
    );
    return { product, price, allotted, next, last, held, sold, returned };
  });
  return {
    id,
    tag,
    state: Number(text('st')),
    limit: Number(text('limit')),
    frozen: fields['frz'] === undefined ? null : text('frz'),
    items,
    ...(await readRecords(redis, r, id)),
    ...(await readDue(redis, d)),
    returned: new Set(await redis.zrange(n, '0', '-1')),
  };
}

async function saleTags(redis: Redis, lane: number): Promise<string[]> {
  const prefix = laneKeys(lane).marker.replace(/marker$/, 's:');
  const tags = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1000);
    cursor = next;
    for (const key of keys) tags.add(key.slice(prefix.length));
  } while (cursor !== '0');
  return [...tags];
}

async function readOutbox(redis: Redis, key: string): Promise<RawEntry[]> {
  const entries: RawEntry[] = [];
  let from = '-';
  for (;;) {
    const page = (await redis.xrangeBuffer(key, from, '+', 'COUNT', 500)) as unknown as [
      Buffer,
      Buffer[],
    ][];
    for (const [id, fields] of page) {
      entries.push({ id: id.toString(), payload: fields[1] ?? Buffer.alloc(0) });
    }
    const last = entries.at(-1);
    if (page.length < 500 || last === undefined) return entries;
    from = `(${last.id}`;
  }
}

/** Reads a lane; `only` restricts it to one sale. */
export async function readLane(redis: Redis, lane: number, only: string | null): Promise<RawLane> {
  const keys = laneKeys(lane);
  const tags = await saleTags(redis, lane);
  const sales: RawSale[] = [];
  for (const tag of tags) {
    if (only === null || only === `sal_${tag}`) sales.push(await readSale(redis, lane, tag));
  }
  const dues = await redis.zrange(keys.dues, '0', '-1', 'WITHSCORES');
  return {
    lane,
    sales,
    marker: await redis.hgetall(keys.marker),
    frozen: await redis.get(keys.frozen),
    clock: await redis.hgetall(keys.clock),
    watermark: await redis.hgetall(keys.watermark),
    lastCommand: Number((await redis.get(keys.lastCommand)) ?? Number.NaN),
    outbox: await readOutbox(redis, keys.outbox),
    dues: new Map(dues.flatMap((v, i) => (i % 2 === 0 ? [[v, Number(dues[i + 1])] as const] : []))),
  };
}
