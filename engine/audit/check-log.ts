/**
 * Reads a lane's log and checks that nothing is missing above the watermark. Kafka need not have what
 * Postgres has settled: retention deletes it, and a lost topic or tail takes nothing away. So its log
 * counts from behind its last gap below the watermark on.
 */
import type { KafkaPort } from '../../platform/kafka/port.ts';
import { isOf } from '../lanes/outbox.ts';
import type { LogEntry } from './entries.ts';
import type { Findings } from './findings.ts';
import type { LaneLog } from './lane-log.ts';
import type { LaneReading } from './lane-scan.ts';
import { countOf, spanName, spansBetween, type Position } from './positions.ts';

/** The topic of decisions, and whose history in it counts. */
export interface LogSource {
  readonly kafka: Pick<KafkaPort, 'ends' | 'read'>;
  readonly topic: string;
  readonly deployment: string;
}

/** Reads what Kafka keeps of a lane, then its outbox; each new entry is handed on. */
export async function readLog(
  { kafka, topic, deployment }: LogSource,
  range: { readonly low: bigint; readonly high: bigint },
  reading: LaneReading,
  log: LaneLog,
  onEntry: (entry: LogEntry) => Promise<void>,
): Promise<void> {
  await kafka.read(topic, reading.lane, range.low, range.high, async (message) => {
    if (!isOf(deployment, message)) return;
    const entry = log.take('kafka', message.value, null);
    if (entry !== null) await onEntry(entry);
  });
  for (const { place, bytes } of reading.outbox) {
    const entry = log.take('outbox', bytes, place);
    if (entry !== null) await onEntry(entry);
  }
  log.sortTail();
}

/**
 * `settledNow` = the watermark after the outbox was read: above it the outbox must have everything,
 * up to the head then. Answers the lane time from which on Kafka keeps all that has settled;
 * infinite = it keeps nothing.
 */
export function checkDense(
  log: LaneLog,
  settledNow: Position,
  head: Position | null,
  findings: Findings,
): number {
  const check = findings.of('log.dense');
  const { ends } = log.bounds;
  const settled = spansBetween({ epoch: 1, seq: -1 }, settledNow, ends);
  const gone = settled.flatMap((span) => log.holes('kafka', span)).at(-1);
  const kept =
    gone === undefined
      ? settled
      : spansBetween({ epoch: gone.epoch, seq: gone.last }, settledNow, ends);
  check.checked += countOf(kept);
  if (head !== null) {
    const doubtful = spansBetween(settledNow, head, ends);
    check.checked += countOf(doubtful);
    for (const hole of doubtful.flatMap((span) => log.holes('outbox', span))) {
      const inKafka = log.has('kafka', { epoch: hole.epoch, seq: hole.first });
      const says = `above the watermark, and missing in the outbox`;
      check.violate(
        `lane ${log.lane} ${spanName(hole)}`,
        `${says}${inKafka ? '' : ' and in Kafka'}`,
      );
    }
  }
  const [first] = kept;
  if (gone === undefined) return 0;
  return first === undefined ? Infinity : log.keptSince({ epoch: first.epoch, seq: first.first });
}
