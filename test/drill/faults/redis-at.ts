/** Redis itself, past the proxies. */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { DrillStack } from '../stack.ts';

export async function withRedis<T>(
  stack: DrillStack,
  use: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = new Redis(stack.storeEnv().REDIS_URL);
  redis.on('error', () => undefined);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

export const redisDir = (stack: DrillStack): string => join(stack.stores.dir, 'redis');
