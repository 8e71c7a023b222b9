/**
 * Relay of one lane: publishes outbox entries to Kafka `orders`, each as one message, its bytes
 * untouched. It keeps no durable cursor: it begins after the watermark at its start, on taking
 * over and when the settler asks; else it goes on with what is new. Twice is harmless, never is
 * not.
 */
import { clock } from '../platform/clock.ts';
import { crashPoint } from '../platform/crash.ts';
import type { KafkaProducer } from '../platform/kafka/port.ts';
import type { Log } from '../platform/log.ts';
import { metrics } from '../platform/metrics.ts';
import type { Db } from '../platform/postgres/db.ts';
import type { Redis } from '../platform/redis/connection.ts';
import type { LaneKeys } from './lanes/keys.ts';
import type { Lease } from './lanes/lease.ts';
import { idOf, messageOf, readOutbox } from './lanes/outbox.ts';
import { startLoop, type Loop } from './loop.ts';

export interface RelayOptions {
  readonly lane: number;
  readonly keys: LaneKeys;
  /** As the lane's marker names it. */
  readonly deployment: string;
  /** A connection of its own: it blocks on the outbox. */
  readonly redis: Redis;
  readonly lease: Lease;
  readonly db: Db;
  readonly producer: KafkaProducer;
  readonly topic: string;
  /** Pause between rounds under load: fewer, larger requests for everyone downstream. */
  readonly pauseMs: number;
  readonly log: Log;
  /** Creates the topic when it is missing. */
  readonly ensureTopic: () => Promise<void>;
}

const readAheadMax = 64;
/** Also how late it may look whether it is asked to publish again, and that it should end. */
const blockMs = 1000;
/**
 * Entries within a pause's time from which on there is load, and a pause pays. Not entries of a
 * round: a relay that keeps up sees one or two at a time however many come, and sent each alone.
 */
const busyEntries = 4;

/** Tells of each round's entries whether there is load; `now` in ms, never backwards. */
export function loadWindow(pauseMs: number): (entries: number, now: number) => boolean {
  let since = -Infinity;
  let sum = 0;
  return (entries, now) => {
    if (now - since > pauseMs) {
      since = now;
      sum = 0;
    }
    sum += entries;
    return sum >= busyEntries;
  };
}

export function startRelay(options: RelayOptions): Loop {
  const { lane, keys, redis, lease, producer, topic } = options;
  let cursor: string | null = null;
  let failed = false;
  const isBusy = loadWindow(options.pauseMs);

  const round = async (): Promise<boolean> => {
    if (!(await lease.owned())) {
      cursor = null;
      return false;
    }
    const known = cursor;
    const from = known ?? (await afterWatermark(options.db, lane));
    // Forgotten first: an ask that is taken and then not followed would be lost.
    cursor = null;
    // Asked together, so of the same server: what another deployment decided is not ours to settle.
    const [asked, owner, items] = await Promise.all([
      redis.getdel(keys.republishFrom),
      redis.hget(keys.marker, 'deployment'),
      readOutbox(redis, keys.outbox, from, readAheadMax),
    ]);
    if (asked !== null && known !== null) return true;
    cursor = from;
    if (owner !== options.deployment) throw new Error("the lane's marker is not this deployment's");
    if (items.length === 0) {
      // Wakes at the next entry; nothing is read here, so nothing can be lost here.
      await redis.xread('COUNT', 1, 'BLOCK', blockMs, 'STREAMS', keys.outbox, cursor);
      return true;
    }
    if (failed) await options.ensureTopic();
    failed = true;
    crashPoint('relay.read');
    await producer.send(
      topic,
      items.map((item) => messageOf(lane, options.deployment, item)),
    );
    crashPoint('relay.sent');
    failed = false;
    cursor = items.at(-1)?.id ?? cursor;
    metrics.relayedEntries.inc({ lane: String(lane) }, items.length);
    return items.length === readAheadMax || !isBusy(items.length, clock.now());
  };
  return startLoop({
    name: 'relay',
    log: options.log,
    everyMs: options.pauseMs,
    round,
    atEnd: () => lease.release(),
  });
}

async function afterWatermark(db: Db, lane: number): Promise<string> {
  const [row] = await db.query<{ epoch: number; seq: number }>(
    'SELECT epoch, seq FROM sale.watermarks WHERE lane = $1',
    [lane],
  );
  if (row === undefined) throw new Error(`lane ${lane} has no watermark`);
  return idOf(row);
}
