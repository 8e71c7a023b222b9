// A cursor names an instant and an id of its own list; every other text is refused, however close.
import { describe, expect, it } from 'vitest';
import { isOrderId, isSaleId } from '../../../engine/domain/ids.ts';
import { BadCursor, readCursor, writeCursor } from '../../../engine/sales/read.ts';

const sale = `sal_${'0'.repeat(16)}`;
const order = `ord_${'0'.repeat(40)}`;
const coded = (text: string): string => Buffer.from(text).toString('base64url');

describe('a cursor', () => {
  it.each([0, 1, Date.UTC(2030, 5, 1), 8.64e15])('of %d is read as it was written', (at) => {
    expect(readCursor(writeCursor(at, sale), isSaleId)).toEqual([at, sale]);
    expect(readCursor(writeCursor(at, order), isOrderId)).toEqual([at, order]);
  });

  it('of another list is none', () => {
    expect(() => readCursor(writeCursor(1, order), isSaleId)).toThrow(BadCursor);
    expect(() => readCursor(writeCursor(1, sale), isOrderId)).toThrow(BadCursor);
  });

  it.each([
    ['empty', ''],
    ['a word', 'nonsense'],
    ['no id', coded('1')],
    ['an id that is none', coded('1:sal_0')],
    ['no time', coded(`:${sale}`)],
    ['a negative time', coded(`-1:${sale}`)],
    ['a fraction', coded(`1.5:${sale}`)],
    ['a time with zeros', coded(`01:${sale}`)],
    ['an exponent', coded(`1e3:${sale}`)],
    ['hexadecimal', coded(`0x5:${sale}`)],
    ['a space', coded(` 1:${sale}`)],
    ['a time beyond Date', coded(`8640000000000001:${sale}`)],
    ['a time of 16 digits', coded(`9999999999999999:${sale}`)],
    ['more behind', coded(`1:${sale}:1`)],
    ['a line break', coded(`1:${sale}\n`)],
    ['padding', `${coded(`1:${sale}`)}=`],
    [
      'other characters between',
      `${coded(`1:${sale}`).slice(0, 4)}.${coded(`1:${sale}`).slice(4)}`,
    ],
  ])('with %s is none', (_what, cursor) => {
    expect(() => readCursor(cursor, isSaleId)).toThrow(BadCursor);
  });
});
