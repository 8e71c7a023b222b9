/**
 * What is in doubt, for whoever scrapes the worker: read from the lanes at that moment, with no
 * other store and whether they are open or not, because it grows while Postgres is away. A lane
 * that cannot be read shows nothing, and no data is an alarm (grafana/alerts.yml).
 */
import { metrics } from '../platform/metrics.ts';
import type { Redis } from '../platform/redis/connection.ts';
import { readEntry } from './lanes/codec.ts';
import type { LaneDoor, LaneGate } from './lanes/gate.ts';
import type { LaneKeys } from './lanes/keys.ts';

const gauges = {
  inDoubt: metrics.inDoubtCount,
  inDoubtAge: metrics.inDoubtAgeSeconds,
  outbox: metrics.outboxLength,
  outboxAge: metrics.outboxAgeSeconds,
} as const;

/** Ages in seconds. */
type Figures = Readonly<Record<keyof typeof gauges, number>>;

/** Sets the gauges of every lane. */
export async function showLanes({ redis, doors }: LaneGate): Promise<void> {
  await Promise.all(doors.map((door) => showLane(redis, door)));
}

async function showLane(redis: Redis, { lane, keys, open, ours }: LaneDoor): Promise<void> {
  const label = { lane: String(lane) };
  metrics.laneOpen.set(label, open ? 1 : 0);
  const figures = ours ? await readFigures(redis, keys).catch(() => null) : null;
  for (const name of Object.keys(gauges) as (keyof Figures)[]) {
    if (figures === null) gauges[name].remove(label);
    else gauges[name].set(label, figures[name]);
  }
}

/** The lane's head against its own copy of the watermark. Throws when something is not there. */
async function readFigures(redis: Redis, keys: LaneKeys): Promise<Figures> {
  const answers = await redis
    .multi()
    .time()
    .hmget(keys.clock, 't', 'decided', 'doubt')
    .hget(keys.watermark, 'decided')
    .xlen(keys.outbox)
    .xrangeBuffer(keys.outbox, '-', '+', 'COUNT', 1)
    .exec();
  const [time, clock, settled, outbox, entries] = (answers ?? []).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  }) as [number[], (string | null)[], string | null, number, [Buffer, Buffer[]][]];
  if (settled === null || clock.includes(null)) throw new Error('the lane has lost data');
  const [t = 0, decided = 0, doubt = 0] = clock.map(Number);
  const [seconds = 0, microseconds = 0] = time.map(Number);
  const now = Math.max(seconds * 1000 + Math.floor(microseconds / 1000), t);
  const inDoubt = Math.max(0, decided - Number(settled));
  const [first] = entries;
  const oldest = first === undefined ? now : readEntry(first[1][1] ?? Buffer.alloc(0)).at;
  const ageOf = (at: number): number => Math.max(0, now - at) / 1000;
  return { inDoubt, inDoubtAge: inDoubt > 0 ? ageOf(doubt) : 0, outbox, outboxAge: ageOf(oldest) };
}
