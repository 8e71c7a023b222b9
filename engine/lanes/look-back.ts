/**
 * Where whoever looks for lost decisions begins to read a lane's log: before what has settled, by time
 * and by offset, whichever is earlier. Time alone is blind to what was stamped by a clock that is slow,
 * the stored offset alone once Kafka has lost a tail.
 */
import { clock } from '../../platform/clock.ts';
import type { KafkaPort, PartitionEnds } from '../../platform/kafka/port.ts';

const backMs = 5 * 60_000;

/** What Postgres says of a lane's settlement. */
export interface SettledTo {
  /** Lane time of the last decision, ms. */
  readonly lane_time: number;
  /** Kafka's offset after it; negative = none yet. */
  readonly kafka_offset: number;
}

/** An offset of the partition, from its first message on. Throws while Kafka is away. */
export async function lookBackFrom(
  kafka: Pick<KafkaPort, 'offsetsAt'>,
  topic: string,
  lane: number,
  { low, high }: PartitionEnds,
  settled: SettledTo,
): Promise<bigint> {
  // Lane time may be ahead of every other clock: Redis's was once set forward.
  const since = Math.max(0, Math.min(settled.lane_time, clock.wall()) - backMs);
  const at = (await kafka.offsetsAt(topic, since)).get(lane) ?? low;
  const stored = BigInt(Math.max(0, settled.kafka_offset));
  // Beyond the end means that the topic was made anew.
  const unread = stored > high ? low : stored;
  const from = at < unread ? at : unread;
  return from < low ? low : from;
}
