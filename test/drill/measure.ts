/** What shoppers feel of a fault, and when the system is itself again. */
import { Redis } from 'ioredis';
import { wait } from './faults/fault.ts';
import { patienceMs } from './client.ts';
import type { Asked, History } from './history.ts';
import type { Load } from './load.ts';
import type { DrillStack } from './stack.ts';

const recoveredMaxMs = 90_000;
const lookEveryMs = 50;
/** A client's patience, and the try that it ends with. */
const answersMaxMs = patienceMs + 5000;

/**
 * What the shoppers felt of it from then on, `asked` = what they asked and had answered since. Who was
 * under way already may have felt something before, and waited: that is not of this fault.
 */
export function felt(asked: readonly Asked[], from: number) {
  const done = asked.filter((one) => one.answeredAt > 0 && one.probe !== true);
  const feeling = done.filter((one) => one.feltUntil >= from && one.feltFrom > 0);
  const moments = feeling.flatMap((one) => [Math.max(one.feltFrom, from), one.feltUntil]);
  const waits = done.map((one) => one.answeredAt - Math.max(one.startedAt, from));
  return {
    commands: done.length,
    saw503: feeling.filter((one) => one.unavailable > 0).length,
    feltMs: moments.length === 0 ? 0 : Math.max(...moments) - Math.min(...moments),
    unanswered: done.filter((one) => one.outcome === 'unknown').length,
    longestMs: waits.reduce((most, one) => Math.max(most, one), 0),
    // No answer within the patience, or one that it must not be.
    untrue: done.filter((one) => one.outcome === 'unknown' || one.untrue === true).length,
  };
}

/** Until everybody who had asked by `moment` has an answer or has given up: the longest waits end last. */
export async function untilAnswered(history: History, moment: number): Promise<void> {
  const until = Date.now() + answersMaxMs;
  const waits = ({ startedAt, answeredAt }: Asked): boolean =>
    startedAt <= moment && answeredAt === 0;
  while (history.commands.some(waits) && Date.now() < until) await wait(lookEveryMs);
}

/** Decisions of a lane, and how many of them its workers have settled. */
export interface Mark {
  readonly decided: number;
  readonly settled: number;
}

/** By name. */
export type Marks = ReadonlyMap<string, Mark>;

/**
 * All that the lanes had decided at `heal` has settled by `now`: somebody relays, settles and trims
 * again. No lane at all is no sign of it.
 */
export const hasSettled = (heal: Marks, now: Marks): boolean =>
  heal.size > 0 &&
  [...heal].every(([lane, { decided }]) => (now.get(lane)?.settled ?? -1) >= decided);

/**
 * Every api answers, every lane is open, and what had been decided when this was asked has settled.
 * Null = it took too long.
 */
export async function untilRecovered(stack: DrillStack, load: Load): Promise<number | null> {
  const redis = new Redis(stack.storeEnv().REDIS_URL, { maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  try {
    const until = Date.now() + recoveredMaxMs;
    let heal: Marks | null = null;
    while (Date.now() < until) {
      const apis = await Promise.all(stack.apis.map(isReady));
      const now = await marksOf(redis).catch(() => null);
      heal ??= now;
      const calm = apis.every(Boolean) && heal !== null && now !== null && hasSettled(heal, now);
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

/** Of every lane, by its own copies. */
async function marksOf(redis: Redis): Promise<Marks> {
  const marks = new Map<string, Mark>();
  for (const key of await redis.keys('{lane:*}:clock')) {
    const lane = key.slice(0, key.indexOf('}') + 1);
    const [decided, settled] = await Promise.all([
      redis.hget(key, 'decided'),
      redis.hget(`${lane}:watermark`, 'decided'),
    ]);
    marks.set(lane, { decided: Number(decided), settled: Number(settled) });
  }
  return marks;
}
