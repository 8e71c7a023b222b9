/**
 * What the append-only file has of a server's data: all that scripts wrote must come back after the
 * process was killed, but for figures, which nobody waits for and which may be old.
 */
import { expect } from 'vitest';
import type { Redis } from '../../../platform/redis/connection.ts';
import type { TestRedis } from '../../support/redis.ts';

/** Settings of a server whose file is compared: written at once, not synced, which a kill spares. */
export const keeping = { appendonly: 'yes', appendfsync: 'no' };

const scanCount = 1000;
/** Counted in memory, and written now and then. */
const figures = /^(?:t|kept|attempts|x-\d+)$/;
/** When a shopper was last seen: a hint. */
const presence = ':p:';

type Values = Map<string, unknown>;

async function valuesOf(redis: Redis): Promise<Values> {
  const values: Values = new Map();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'COUNT', scanCount);
    cursor = next;
    const kept = keys.filter((key) => !key.includes(presence));
    const types = await Promise.all(kept.map((key) => redis.type(key)));
    const read = await Promise.all(kept.map((key, i) => valueOf(redis, key, types[i] ?? '')));
    kept.forEach((key, i) => values.set(key, read[i]));
  } while (cursor !== '0');
  return values;
}

/** In hexadecimal: values are bytes. */
const hex = (values: readonly Buffer[]): string[] => values.map((value) => value.toString('hex'));

async function valueOf(redis: Redis, key: string, type: string): Promise<unknown> {
  switch (type) {
    case 'hash': {
      const fields = Object.entries(await redis.hgetallBuffer(key));
      const durable = fields.filter(([name]) => !figures.test(name));
      return durable.map(([name, value]) => [name, value.toString('hex')]).sort();
    }
    case 'zset':
      return hex(await redis.zrangeBuffer(key, '0', '-1', 'WITHSCORES'));
    case 'stream':
      return (await redis.xrangeBuffer(key, '-', '+')).map(([id, values]) => [
        String(id),
        ...hex(values),
      ]);
    case 'string':
      return (await redis.getBuffer(key))?.toString('hex');
    default:
      throw new Error(`${key} is a ${type}`);
  }
}

/** Kills the server, starts it again and compares. Answers how many keys there are. */
export async function expectKept(server: TestRedis): Promise<number> {
  const before = await valuesOf(server.redis);
  await server.crash();
  await server.start();
  const after = await valuesOf(server.redis);
  const lost = [...before].filter(([key, value]) => !same(value, after.get(key)));
  expect(lost.map(([key, value]) => ({ key, value, kept: after.get(key) })).slice(0, 3)).toEqual(
    [],
  );
  expect(after.size).toBe(before.size);
  return before.size;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
