// A batch as it goes to lua/shop.lua: holds in columns under what they have in common, the rest as they
// are; and the replies, of which those of plain holds come as numbers.
import { describe, expect, it } from 'vitest';
import {
  packBatch,
  packLineBatch,
  readLineReplies,
  readReplies,
} from '../../../engine/lanes/batch.ts';
import { pack, unpack } from '../../../engine/lanes/codec.ts';

const hold = (i: number, quantity = 1, sale = 0): unknown[] => {
  return [1, sale, `shp_${i}`, `key_${i}`, 11, quantity, '', 1];
};

/** What the script reads: shape, and the values of the columns one behind the other. */
function read(commands: readonly unknown[][]): { shape: unknown; columns: unknown[] } {
  const [shape, columns] = packBatch(commands).map((bytes) => Buffer.from(bytes));
  const holds = commands.filter(([op]) => op === 1).length;
  const values = commands.length + 2 * holds;
  // The same as an array, whose head is put in front.
  const head = pack(Array.from({ length: values }, () => 0)).subarray(0, values < 16 ? 1 : 3);
  const list = unpack(Buffer.concat([head, columns ?? Buffer.alloc(0)]));
  return { shape: unpack(shape ?? Buffer.alloc(0)), columns: list as unknown[] };
}

describe('a batch of shoppers', () => {
  it('names what holds have in common once, and keeps the order of all', () => {
    const pay = [2, 0, 'shp_9', 'key_9', 'end', 5];
    const { shape, columns } = read([hold(1), hold(2, 2), pay, hold(3), hold(4, 1, 1)]);
    const kinds = [
      [0, 11, 1, '', 1],
      [0, 11, 2, '', 1],
      [1, 11, 1, '', 1],
    ];
    expect(shape).toEqual([5, 4, kinds, [pay]]);
    const shoppers = ['shp_1', 'shp_2', 'shp_3', 'shp_4'];
    const keys = ['key_1', 'key_2', 'key_3', 'key_4'];
    expect(columns).toEqual([1, 2, 0, 1, 3, ...shoppers, ...keys]);
  });

  it('is as long as a batch may be', () => {
    const holds = Array.from({ length: 4096 }, (_, i) => hold(i));
    const { shape, columns } = read(holds);
    expect(shape).toEqual([4096, 4096, [[0, 11, 1, '', 1]], []]);
    expect(columns.length).toBe(3 * 4096);
    expect(columns.at(-1)).toBe('key_4095');
  });

  it('leaves a hold that nobody of ours can have made to the script', () => {
    const wrong: unknown[][] = [
      [1, 0, 5, 'key', 11, 1, '', 1],
      [1, 0, 'shp', 'key', 11, 0, '', 1],
      [1, 0, 'shp', 'key', 11, 1.5, '', 1],
      [1, -1, 'shp', 'key', 11, 1, '', 1],
      [1, 0, 'shp', 'key'],
    ];
    const [shape] = packBatch(wrong);
    expect(unpack(Buffer.from(shape ?? Buffer.alloc(0)))).toEqual([5, 0, [], wrong]);
  });

  it('has the reply of a plain hold from its kind and its unit', () => {
    const common = (price: number): unknown[] => [0, 1, 0, 'prd', price, 100, 200, 0];
    const replies = readReplies([7 * 3, [-4, 0, 1], 9 * 3 + 2], [common(5), false, common(6)]);
    expect(replies).toEqual([
      [0, 1, 0, 'prd', 5, 100, 200, 0, [7], 0],
      [-4, 0, 1],
      [0, 1, 0, 'prd', 6, 100, 200, 0, [9], 0],
    ]);
    expect(() => readReplies([1], [common(5), false])).toThrow();
  });
});

describe('a batch of a line', () => {
  const join = (i: number): unknown[] => [1, 0, `shp_${i}`, `key_${i}`, 1];

  it('has its joins in columns, and the rest as it is', () => {
    const [shape] = packLineBatch([join(1), [5, 0, 3], join(2), [1, 0, 'shp', null, 1]]);
    const others = [
      [5, 0, 3],
      [1, 0, 'shp', null, 1],
    ];
    expect(unpack(Buffer.from(shape ?? Buffer.alloc(0)))).toEqual([4, 2, [[0, 1]], others]);
  });

  it('has the reply of a plain join from its index and its command', () => {
    const replies = readLineReplies([[-8], 41], [join(1), join(2)]);
    expect(replies).toEqual([[-8], [0, 0, 41, 0, 1, 0, 'key_2', -1]]);
  });
});
