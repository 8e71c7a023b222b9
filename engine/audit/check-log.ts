/** Reads a lane's log and checks that nothing is missing from where Kafka begins to the head. */
import type { KafkaPort } from '../../platform/kafka/port.ts';
import type { LogEntry } from './entries.ts';
import type { Findings } from './findings.ts';
import type { LaneLog } from './lane-log.ts';
import type { LaneReading } from './lane-scan.ts';
import { countOf, spanName, spansBetween, type Position } from './positions.ts';

/** Retention may cut into messages that two relays sent side by side: so many are not compared. */
const disorderMax = 100;

/**
 * Reads what Kafka keeps of a lane, then its outbox; each new entry is handed on. Answers the first
 * position that Kafka must have; null = retention has left nothing.
 */
export async function readLog(
  kafka: KafkaPort,
  topic: string,
  range: { readonly low: bigint; readonly high: bigint },
  reading: LaneReading,
  log: LaneLog,
  onEntry: (entry: LogEntry) => Promise<void>,
): Promise<Position | null> {
  // Retention never empties a partition from offset 0 on: what is not there was lost.
  let floor: Position | null = range.low === 0n ? { epoch: 1, seq: 0 } : null;
  if (range.low === 0n) log.keptSince = 0;
  await kafka.read(topic, reading.lane, range.low, range.high, async (message) => {
    const entry = log.take('kafka', message.value, null);
    const settling = range.low > 0n && log.messages <= disorderMax;
    if (settling) floor = log.last;
    if (entry !== null) await onEntry(entry);
  });
  for (const { place, bytes } of reading.outbox) {
    const entry = log.take('outbox', bytes, place);
    if (entry !== null) await onEntry(entry);
  }
  log.sortTail();
  return floor;
}

/**
 * `floor` = the first position that Kafka must have; `settledNow` = the watermark after the outbox
 * was read: up to there Kafka must have everything, above it the outbox, up to the head then.
 */
export function checkDense(
  log: LaneLog,
  floor: Position | null,
  settledNow: Position,
  head: Position | null,
  findings: Findings,
): void {
  const check = findings.of('log.dense');
  const { ends } = log.bounds;
  if (floor !== null) {
    const before = { epoch: floor.epoch, seq: floor.seq - 1 };
    const kept = spansBetween(before, settledNow, ends);
    check.checked += countOf(kept);
    for (const hole of kept.flatMap((span) => log.holes('kafka', span))) {
      check.violate(`lane ${log.lane} ${spanName(hole)}`, 'settled, and missing in Kafka');
    }
  }
  if (head === null) return;
  const doubtful = spansBetween(settledNow, head, ends);
  check.checked += countOf(doubtful);
  for (const hole of doubtful.flatMap((span) => log.holes('outbox', span))) {
    const inKafka = log.has('kafka', { epoch: hole.epoch, seq: hole.first });
    const says = `above the watermark, and missing in the outbox`;
    check.violate(`lane ${log.lane} ${spanName(hole)}`, `${says}${inKafka ? '' : ' and in Kafka'}`);
  }
}
