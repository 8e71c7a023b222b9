/**
 * Where each assigned partition is expected to go on. A batch that was fetched from elsewhere is
 * left over from before a seek or an assignment, and working on it would skip messages.
 */
import type { Batch } from 'kafkajs';
import type { TopicPartition } from './port.ts';

interface Position {
  /** Null: not known, the first batch decides. */
  expected: bigint | null;
  /** Whether a batch from elsewhere was sent back already. */
  wasBack: boolean;
}

export class Positions {
  readonly #positions = new Map<string, Position>();

  assign(assigned: readonly TopicPartition[]): void {
    this.#positions.clear();
    for (const { topic, partition } of assigned) {
      this.#positions.set(keyOf(topic, partition), { expected: null, wasBack: false });
    }
  }

  expect(topic: string, partition: number, offset: bigint): void {
    const position = this.#positions.get(keyOf(topic, partition));
    if (position !== undefined) position.expected = offset;
  }

  advance(topic: string, partition: number, next: bigint): void {
    this.#positions.set(keyOf(topic, partition), { expected: next, wasBack: false });
  }

  /**
   * The offset to seek to instead of working on this batch, or null. A partition is sent back only
   * once: coming from elsewhere again means that the offset does not exist (out of range, or only
   * control records), and the broker's answer counts.
   */
  goBackTo(batch: Batch): bigint | null {
    const position = this.#positions.get(keyOf(batch.topic, batch.partition));
    if (position === undefined || position.expected === null || position.wasBack) return null;
    const { fetchedOffset } = batch as Batch & { readonly fetchedOffset?: string };
    if (fetchedOffset === undefined || BigInt(fetchedOffset) === position.expected) return null;
    position.wasBack = true;
    return position.expected;
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
