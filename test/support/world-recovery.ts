/** Recoveries of a world's lanes, and a lane's state in a form that two of them are compared in. */
import { scriptOf } from '../../engine/lane-set.ts';
import { recoverLane, type Recovered, type RecoverStep } from '../../engine/recover.ts';
import { recoveryTold } from '../../engine/recover/found.ts';
import { violations } from '../../engine/domain/lane/invariants.ts';
import type { Line, Sale } from '../../engine/domain/lane/state.ts';
import type { KafkaProducer } from '../../platform/kafka/port.ts';
import { connectRedis, untilReady } from '../../platform/redis/connection.ts';
import { readLane } from '../lua/lab/snapshot.ts';
import { silent, until } from './environment.ts';
import { specsOf } from './kafka.ts';
import type { World } from './world.ts';

export interface RecoveryOptions {
  readonly lane?: number;
  /** Told before each step; what it throws cuts the recovery there. */
  readonly onStep?: (step: RecoverStep) => void | Promise<void>;
}

const readyMs = 10_000;
const timeoutMs = 10_000;

/** Recovers a lane, as `npx highnoon recover` does, over connections of its own. */
export async function recover(world: World, options: RecoveryOptions = {}): Promise<Recovered> {
  const { redis: server, db, kafka, settings, topic } = world;
  const redis = connectRedis(server.url, {
    name: 'recover',
    log: silent,
    commandTimeoutMs: timeoutMs,
  });
  let producer: KafkaProducer | null = null;
  try {
    await untilReady(redis, readyMs);
    producer = await kafka.kafka.producer();
    const recovered = await recoverLane(
      {
        ...{ db, redis, kafka: kafka.kafka, producer, topic, settings },
        topics: specsOf(kafka.prefix, settings.lanes, false),
        script: scriptOf('rebuild'),
        onStep: options.onStep ?? (() => undefined),
        onProgress: () => undefined,
      },
      options.lane ?? 0,
    );
    await recoveryTold(db, recovered.lane, recovered.epoch);
    return recovered;
  } finally {
    redis.disconnect();
    await producer?.close();
  }
}

/** Every lane serves in the world's own process. */
export const untilOpen = ({ lanes }: World): Promise<void> =>
  until('every lane is open', () => lanes.gate.doors.every((door) => door.open));

export const untilShut = ({ lanes }: World, lane = 0): Promise<void> =>
  until('the lane is shut', () => !lanes.gate.door(lane).open);

/**
 * A lane's sales and last command: all that a recovery must bring back. Without refusal counters
 * and cool-downs, and without what the deadline index still has of holds that have ended; orders and
 * deadlines in an order of their own, because Redis keeps none. Throws when an invariant is broken.
 */
export async function stateOf(world: World, lane = 0): Promise<unknown> {
  const rows = await world.db.query<{ id: string }>(
    'SELECT id FROM sale.sales WHERE lane = $1 ORDER BY id',
    [lane],
  );
  const ids = rows.map((row) => row.id);
  const snapshot = await readLane(world.redis.redis, lane, ids);
  const broken = violations(snapshot.lane);
  if (broken.length > 0) throw new Error(broken.join('\n'));
  const { lastCommand, sales } = snapshot.lane;
  for (const sale of sales.values()) {
    const first = sale.due[0]?.deadline;
    if (snapshot.dues.get(sale.id) !== first) throw new Error(`${sale.id} is not due at ${first}`);
  }
  return { lastCommand, sales: [...sales.values()].map(comparable), gone: snapshot.gone };
}

function comparable(sale: Sale): unknown {
  const { records, due, attempts: _, refused: __, line, ...rest } = sale;
  const shoppers = [...records].map(([shopper, record]) => ({
    shopper,
    letGo: record.letGo,
    ticket: record.ticket,
    orders: [...record.orders].sort((a, b) => (a.key < b.key ? -1 : 1)),
  }));
  const held = shoppers.flatMap(({ shopper, orders }) =>
    orders.filter((o) => o.state === 'held').map((o) => `${o.deadline} ${shopper}`),
  );
  const named = due.flatMap((m) => m.names.map((name) => `${m.deadline} ${name.shopper}`));
  return {
    ...rest,
    shoppers: shoppers.sort((a, b) => (a.shopper < b.shopper ? -1 : 1)),
    // Two batches of one millisecond name a shopper twice, and once says the same.
    deadlines: [...new Set(named.filter((name) => held.includes(name)))].sort(),
    line: line === null ? null : comparableLine(line, records),
  };
}

/** Whoever was parked waits again, and when one was last seen is a hint. */
function comparableLine(line: Line, records: Sale['records']): unknown {
  const { queue, parked, due, seen: _, ...rest } = line;
  const isOpen = ([shopper]: [string, number]): boolean =>
    records.get(shopper)?.ticket?.state === 'admitted';
  return {
    ...rest,
    waits: [...queue, ...parked].sort(([, a], [, b]) => a - b),
    turns: [...due].filter(isOpen).sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}
