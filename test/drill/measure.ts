/** What shoppers feel of a fault, and when the system is itself again. */
import { Redis } from 'ioredis';
import { wait } from './faults/fault.ts';
import type { Asked } from './history.ts';
import type { Load } from './load.ts';
import type { DrillStack } from './stack.ts';

const recoveredMaxMs = 90_000;
const lookEveryMs = 50;
/** Fewer decisions than this are in doubt while all is well. */
const calmDoubt = 500;

/** What the shoppers felt of it. */
export function felt(asked: readonly Asked[]) {
  const done = asked.filter((one) => one.answeredAt > 0 && one.probe !== true);
  const moments = done.flatMap((one) => [one.feltFrom, one.feltUntil]).filter((at) => at > 0);
  const longest = done.reduce((most, one) => Math.max(most, one.answeredAt - one.startedAt), 0);
  return {
    commands: done.length,
    saw503: done.filter((one) => one.unavailable > 0).length,
    feltMs: moments.length === 0 ? 0 : Math.max(...moments) - Math.min(...moments),
    unanswered: done.filter((one) => one.outcome === 'unknown').length,
    longestMs: longest,
  };
}

/** Every api answers, every lane is open, little is in doubt. Null = it took too long. */
export async function untilRecovered(stack: DrillStack, load: Load): Promise<number | null> {
  const redis = new Redis(stack.storeEnv().REDIS_URL, { maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  try {
    const until = Date.now() + recoveredMaxMs;
    while (Date.now() < until) {
      const apis = await Promise.all(stack.apis.map(isReady));
      const calm = apis.every(Boolean) && (await doubt(redis).catch(() => Infinity)) < calmDoubt;
      if (calm && load.vendor.openSales.length > 0) return Date.now();
      await wait(lookEveryMs);
    }
    return null;
  } finally {
    redis.disconnect();
  }
}

async function isReady(api: string): Promise<boolean> {
  try {
    const response = await fetch(`${api}/health/ready`, { signal: AbortSignal.timeout(500) });
    return response.status === 200;
  } catch {
    return false;
  }
}

/** Decisions that have not settled, over all lanes. */
async function doubt(redis: Redis): Promise<number> {
  let count = 0;
  for (const key of await redis.keys('{lane:*}:clock')) {
    const lane = key.slice(0, key.indexOf('}') + 1);
    const [decided, settled] = await Promise.all([
      redis.hget(key, 'decided'),
      redis.hget(`${lane}:watermark`, 'decided'),
    ]);
    count += Number(decided) - Number(settled);
  }
  return count;
}
