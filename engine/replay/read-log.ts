/**
 * A lane's log, whole and in order: what Kafka keeps of it, and what its outbox still holds. Of what
 * has settled Kafka may have lost anything (decision 0025): the log begins behind the last of that.
 */
import type { KafkaPort } from '../../platform/kafka/port.ts';
import type { OutboxItem } from '../audit/lane-scan.ts';
import {
  compare,
  nameOf,
  spansBetween,
  type EpochEnds,
  type Position,
} from '../audit/positions.ts';
import { readEntry, type Entry } from '../lanes/codec.ts';
import { isOf } from '../lanes/outbox.ts';
import type { Difference } from './judge.ts';

export interface Log {
  /** In order and without a hole. */
  entries(): Generator<Entry>;
  readonly count: number;
  /** It does not begin with the lane's first decision. */
  readonly beheaded: boolean;
  /** Where it is broken; what comes after the first hole is not in `entries`. */
  readonly differences: readonly Difference[];
  /** A position is missing. */
  readonly cut: boolean;
}

export interface LogSource {
  readonly kafka: Pick<KafkaPort, 'read' | 'ends'>;
  readonly topic: string;
  /** Whose messages count; those that do not say whose they are do too. */
  readonly deployment: string;
  readonly lane: number;
  readonly ends: EpochEnds;
  readonly outbox: readonly OutboxItem[];
  /** The watermark after the outbox was read: above it nothing may be missing. */
  readonly settled: Position;
  /** The log must reach as far. */
  readonly head: Position;
  /** Told now and then how many messages were read. */
  readonly onMessages: (messages: number) => void;
}

const tellEvery = 1000;

/** One payload for each position, whoever has it. */
class Places {
  readonly differences: Difference[] = [];
  readonly #ends: EpochEnds;
  readonly #places = new Map<number, Map<number, Buffer>>();

  constructor(ends: EpochEnds) {
    this.#ends = ends;
  }

  at({ epoch, seq }: Position): Buffer | undefined {
    return this.#places.get(epoch)?.get(seq);
  }

  /** The last position up to there that is missing; null = none is. */
  lastHole(to: Position): Position | null {
    const spans = spansBetween({ epoch: 1, seq: -1 }, to, this.#ends);
    for (const { epoch, first, last } of spans.reverse()) {
      const seqs = this.#places.get(epoch);
      for (let seq = last; seq >= first; seq--) if (seqs?.has(seq) !== true) return { epoch, seq };
    }
    return null;
  }

  /** Takes a payload, unless it is no entry or lies beyond its epoch's end: none is a decision. */
  take(bytes: Buffer): void {
    let entry: Entry;
    try {
      entry = readEntry(bytes);
    } catch {
      return;
    }
    const { epoch, seq } = entry;
    const end = this.#ends.get(epoch);
    if (end === undefined || seq > (end ?? Infinity)) return;
    const seqs = this.#places.get(epoch) ?? new Map<number, Buffer>();
    this.#places.set(epoch, seqs);
    const known = seqs.get(seq);
    if (known === undefined) seqs.set(seq, bytes);
    else if (!known.equals(bytes)) this.#differ(entry, 'one payload', 'two different payloads');
  }

  missing(place: Position): void {
    this.#differ(place, 'dense', 'the position is missing: what follows cannot be judged');
  }

  #differ(place: Position, rule: string, says: string): void {
    this.differences.push({ position: nameOf(place), sale: null, order: null, rule, says });
  }
}

export async function readLog(source: LogSource): Promise<Log> {
  const { kafka, topic, deployment, lane, ends, outbox, settled, head, onMessages } = source;
  const places = new Places(ends);
  const range = (await kafka.ends(topic)).get(lane);
  if (range === undefined) throw new Error(`Kafka has no partition ${lane} of ${topic}`);
  let messages = 0;
  await kafka.read(topic, lane, range.low, range.high, (message) => {
    if (isOf(deployment, message)) places.take(message.value);
    messages += 1;
    if (messages % tellEvery === 0) onMessages(messages);
  });
  for (const { bytes } of outbox) places.take(bytes);
  const hole = places.lastHole(settled);
  const before = hole ?? { epoch: 1, seq: -1 };
  // A lane that was rolled back may be behind what is missing.
  const found = inOrder(places, before, compare(head, before) < 0 ? before : head, ends);
  return {
    count: found.values.length,
    beheaded: hole !== null,
    cut: found.cut,
    differences: places.differences,
    *entries() {
      for (const value of found.values) yield readEntry(value);
    },
  };
}

/** Every payload up to the head, and what follows it without a hole; or up to the first hole. */
function inOrder(
  places: Places,
  before: Position,
  head: Position,
  ends: EpochEnds,
): { values: Buffer[]; cut: boolean } {
  const values: Buffer[] = [];
  for (const { epoch, first, last } of spansBetween(before, head, ends)) {
    for (let seq = first; seq <= last; seq++) {
      const value = places.at({ epoch, seq });
      if (value === undefined) {
        places.missing({ epoch, seq });
        return { values, cut: true };
      }
      values.push(value);
    }
  }
  for (let seq = head.seq + 1; ; seq++) {
    const value = places.at({ epoch: head.epoch, seq });
    if (value === undefined) return { values, cut: false };
    values.push(value);
  }
}
