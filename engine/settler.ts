/**
 * Settler: reads Kafka `orders` and writes it to Postgres, one transaction per Kafka batch, the
 * watermark in it. Drops what it has, takes what follows, asks for a republish when something is
 * missing. Kafka's offset is stored beside the watermark and sought on assignment.
 */
import { clock } from '../platform/clock.ts';
import type {
  IncomingBatch,
  IncomingMessage,
  KafkaConsumer,
  KafkaPort,
} from '../platform/kafka/port.ts';
import { crashPoint } from '../platform/crash.ts';
import { Fault, messageOf } from '../platform/fault.ts';
import type { Log } from '../platform/log.ts';
import { metrics } from '../platform/metrics.ts';
import type { Db } from '../platform/postgres/db.ts';
import type { Redis } from '../platform/redis/connection.ts';
import { runScript, type Script } from '../platform/redis/scripts.ts';
import { isAbove, type Position } from './domain/contiguity.ts';
import { readEntry, type Entry } from './lanes/codec.ts';
import { laneKeys } from './lanes/keys.ts';
import { isOf } from './lanes/outbox.ts';
import { startLoop, type Loop } from './loop.ts';
import { decisionsPerTxMax, settleRun } from './settle/run.ts';
import type { Settled } from './settle/settlement.ts';

export interface SettlerOptions {
  readonly kafka: KafkaPort;
  readonly db: Db;
  readonly redis: Redis;
  readonly republishScript: Script;
  readonly topic: string;
  readonly groupId: string;
  readonly lanes: number;
  readonly deployment: string;
  readonly log: Log;
  /** Lane commands were written for these lanes. */
  readonly onCommands: (lanes: readonly number[]) => void;
  /** The watermark has moved: the lane's copy of it is old. */
  readonly onSettled: () => void;
  /** A line's bell has settled: its numbers can be drawn. */
  readonly onBell: () => void;
  /** Somebody has joined a line of this lane, or its bell has settled. */
  readonly onLine: (lane: number) => void;
  readonly onCrash: (error: Error) => void;
}

const stalledMs = 2000;
const stalledCheckMs = 1000;

export interface Settler {
  close(): Promise<void>;
}

export async function startSettler(options: SettlerOptions): Promise<Settler> {
  /** Lanes whose partition is this process's to read, and of these the ones with more to read. */
  const owned = new Set<number>();
  const behind = new Set<number>();
  const consumer: KafkaConsumer = await options.kafka.consume({
    groupId: options.groupId,
    topics: [options.topic],
    commit: true,
    concurrency: options.lanes,
    startOffset: async (_, partition) => {
      const [row] = await options.db.query<{ kafka_offset: number }>(
        'SELECT kafka_offset FROM sale.watermarks WHERE lane = $1',
        [partition],
      );
      return row === undefined || row.kafka_offset < 0 ? 0n : BigInt(row.kafka_offset);
    },
    onBatch: (batch) => settleBatch(options, batch, behind),
    onAssigned: (assigned) => {
      owned.clear();
      behind.clear();
      for (const { partition } of assigned) owned.add(partition);
    },
    onCrash: options.onCrash,
  });
  const watch = startStallWatch(options, (lane) => owned.has(lane) && !behind.has(lane));
  return {
    async close() {
      await watch.close();
      await consumer.close();
    },
  };
}

/** Settles a Kafka batch in transactions of bounded size. Throws = Kafka gives the batch again. */
export async function settleBatch(
  options: SettlerOptions,
  batch: IncomingBatch,
  behind = new Set<number>(),
): Promise<void> {
  const lane = batch.partition;
  behind.add(lane);
  if (lane >= options.lanes) {
    throw new Fault('kafka', `partition ${lane} is no lane`, { retryable: true });
  }
  let entries: Entry[] = [];
  let decisions = 0;
  for (const [i, message] of batch.messages.entries()) {
    const entry = readMessage(options, lane, message);
    if (entry !== null) {
      entries.push(entry);
      decisions += entry.count;
    }
    const last = i === batch.messages.length - 1;
    if (decisions >= decisionsPerTxMax || last) {
      if (batch.isStale()) return;
      await settleEntries(options, lane, entries, message.offset + 1n);
      await batch.heartbeat();
      entries = [];
      decisions = 0;
    }
  }
  const last = batch.messages.at(-1)?.offset ?? 0n;
  if (batch.highWatermark - last <= 1n) behind.delete(lane);
}

/** A message that no lane can have written is not an entry: its place, if it has one, is a gap. */
function readMessage(
  options: SettlerOptions,
  lane: number,
  message: IncomingMessage,
): Entry | null {
  if (!isOf(options.deployment, message)) return null;
  try {
    return readEntry(message.value);
  } catch (error) {
    metrics.loopErrors.inc({ loop: 'settler' });
    options.log.error({ lane, err: messageOf(error) }, 'not an entry, dropped');
    return null;
  }
}

async function settleEntries(
  options: SettlerOptions,
  lane: number,
  entries: readonly Entry[],
  offset: bigint,
): Promise<void> {
  const { db, log } = options;
  const all = await settleRun(db, lane, entries, Number(offset), (error) => {
    metrics.loopErrors.inc({ loop: 'settler' });
    log.warn({ lane, entries: entries.length, err: messageOf(error) }, 'not settled yet');
  });
  crashPoint('settler.committed');
  for (const settled of all) await report(options, lane, settled);
  crashPoint('settler.settled');
}

async function report(options: SettlerOptions, lane: number, settled: Settled): Promise<void> {
  const now = clock.wall();
  const label = { lane: String(lane) };
  for (const entry of settled.taken) {
    metrics.settleLagSeconds.observe(label, Math.max(0, now - entry.at) / 1000);
  }
  metrics.settledDecisions.inc(label, settled.decisions);
  // What was put away may have frozen its lane: the trimmer tells it.
  if (settled.taken.length > 0 || settled.quarantined > 0) options.onSettled();
  const { bell, joined } = lineNews(settled);
  if (bell) options.onBell();
  if (bell || joined) options.onLine(lane);
  metrics.loopRuns.inc({ loop: 'settler' });
  if (settled.quarantined > 0) {
    options.log.error({ lane, events: settled.quarantined }, 'put into quarantine');
  }
  if (settled.commandLanes.length > 0) options.onCommands(settled.commandLanes);
  if (settled.gap) await askRepublish(options, lane);
}

function lineNews({ taken }: Settled): { readonly bell: boolean; readonly joined: boolean } {
  const has = (wanted: string): boolean =>
    taken.some(({ groups }) =>
      groups.some(([, events]) => events.some(([type]) => type === wanted)),
    );
  return { bell: has('bell'), joined: has('joined') };
}

async function askRepublish(options: SettlerOptions, lane: number): Promise<void> {
  try {
    const { republishFrom, dues } = laneKeys(lane);
    await runScript(options.redis, options.republishScript, [republishFrom, dues], []);
    options.log.warn({ lane }, 'a position is missing: asked for a republish');
  } catch {
    // Redis is away: the stall watch asks again.
  }
}

/**
 * At the partition's end the outbox is ahead and nothing has settled for 2 s: Kafka may have lost
 * what was published. Only whoever reads a partition knows that it is at its end.
 */
function startStallWatch(options: SettlerOptions, isAtEnd: (lane: number) => boolean): Loop {
  const seen = new Map<number, { position: string; since: number }>();
  return startLoop({
    name: 'stall-watch',
    log: options.log,
    everyMs: stalledCheckMs,
    round: async () => {
      const rows = await options.db.query<{ lane: number; epoch: number; seq: number }>(
        'SELECT lane, epoch, seq FROM sale.watermarks WHERE lane < $1',
        [options.lanes],
      );
      for (const { lane, epoch, seq } of rows) {
        const position = `${epoch}-${seq}`;
        const before = seen.get(lane);
        const waits = isAtEnd(lane) && (await isAhead(options.redis, lane, { epoch, seq }));
        if (!waits || before?.position !== position) {
          seen.set(lane, { position, since: clock.now() });
        } else if (clock.now() - before.since >= stalledMs) {
          seen.set(lane, { position, since: clock.now() });
          await askRepublish(options, lane);
        }
      }
    },
  });
}

/** True when the lane has decided something after this position. */
async function isAhead(redis: Redis, lane: number, settled: Position): Promise<boolean> {
  const keys = laneKeys(lane);
  const [head, current, ends] = await Promise.all([
    redis.hget(keys.clock, 'seq'),
    redis.hget(keys.marker, 'epoch'),
    redis.hgetall(keys.ends),
  ]);
  const lasts = [[Number(current), Number(head)] as const].concat(
    Object.entries(ends).map(([epoch, end]) => [Number(epoch), Number(end)] as const),
  );
  return lasts.some(([epoch, seq]) => seq >= 0 && isAbove({ epoch, seq }, settled));
}
