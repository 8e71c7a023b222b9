/** Keys that hold something else, and what a lane holds byte by byte. */
import type { Redis } from '../../../platform/redis/connection.ts';
import type { LuaLane } from './lua-lane.ts';

export const wrongTypes = ['string', 'list', 'hash', 'zset', 'set', 'stream'] as const;
export type Type = (typeof wrongTypes)[number];

/** Lets a key be of this type. */
export async function put(redis: Redis, key: string, type: Type): Promise<void> {
  await redis.del(key);
  const writes: Readonly<Record<Type, () => Promise<unknown>>> = {
    string: () => redis.set(key, 'x'),
    list: () => redis.rpush(key, 'x'),
    hash: () => redis.hset(key, 'x', 'y'),
    zset: () => redis.zadd(key, 1, 'x'),
    set: () => redis.sadd(key, 'x'),
    stream: () => redis.xadd(key, '*', 'x', 'y'),
  };
  await writes[type]();
}

/** Every key of a lane with its bytes. */
export async function bytesOf(lane: LuaLane): Promise<Map<string, string>> {
  const keys = (await lane.redis.keys(`{lane:${lane.lane}}:*`)).sort();
  const dumps = await Promise.all(keys.map((key) => lane.redis.dumpBuffer(key)));
  return new Map(keys.map((key, i) => [key, String(dumps[i]?.toString('hex'))]));
}
