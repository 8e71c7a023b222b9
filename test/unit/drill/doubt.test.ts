// What a lost disk may take: what neither Postgres nor Kafka has, and nothing else.
import { describe, expect, it } from 'vitest';
import { orderIdOf, saleIdOf } from '../../../engine/domain/ids.ts';
import { pack } from '../../../engine/lanes/codec.ts';
import { onlyInRedis } from '../../drill/doubt.ts';

const sale = saleIdOf(0, Buffer.alloc(8));
const keyOf = (n: number): string => String(n).repeat(24);

/** An outbox entry in which order `n` is held. */
const entry = (n: number, unit = n): Buffer =>
  Buffer.from(
    pack([
      ...[1, 3, n, 1000 + n, false, 1],
      [[sale, [['held', keyOf(n), 'sho_1', 0, 100, 5000, 7, [unit]]]]],
      0,
    ]),
  );

/** One in which order `of` is paid. */
const paid = (seq: number, of: number): Buffer =>
  Buffer.from(
    pack([
      ...[1, 3, seq, 1000 + seq, false, 1],
      [[sale, [['paid', keyOf(of), 'sho_1', 'end', 7, 0, [of], 1]]]],
      0,
    ]),
  );

const idOf = (n: number): string => orderIdOf(sale, keyOf(n));

describe('what is in doubt when a disk is lost', () => {
  it('is what Kafka has not', () => {
    const doubt = onlyInRedis([{ lane: 1, outbox: [entry(1), entry(2)], kafka: [entry(1)] }]);
    expect(doubt).toEqual({
      ...{ decisions: 1, entries: new Map([[1, 1]]), begun: new Set([idOf(2)]), later: new Set() },
    });
  });

  it('is an order whole, or only its end', () => {
    const doubt = onlyInRedis([
      { lane: 0, outbox: [entry(1), entry(2), paid(3, 1), paid(4, 2)], kafka: [entry(1)] },
    ]);
    const [begun, later] = [new Set([idOf(2)]), new Set([idOf(1)])];
    expect(doubt).toEqual({ decisions: 3, entries: new Map([[0, 3]]), begun, later });
  });

  it('is not saved by another decision at its position, or by another lane', () => {
    const lanes = [
      { lane: 0, outbox: [entry(1)], kafka: [entry(1, 9)] },
      { lane: 1, outbox: [], kafka: [entry(1)] },
    ];
    expect(onlyInRedis(lanes).decisions).toBe(1);
  });
});
