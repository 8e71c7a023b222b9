/** Array literals for Postgres: numbers, nulls and any strings. */
import { describe, expect, it } from 'vitest';
import { numberArray, textArray } from '../../../platform/postgres/arrays.ts';

describe('arrays for Postgres', () => {
  it('writes numbers, and null as NULL', () => {
    expect(numberArray([])).toBe('{}');
    expect(numberArray([0, -1, null, 2 ** 53 - 1])).toBe('{0,-1,NULL,9007199254740991}');
  });

  it('writes any strings', () => {
    expect(textArray([])).toBe('{}');
    expect(textArray(['', 'NULL', 'a,b', '{1}'])).toBe('{"","NULL","a,b","{1}"}');
    expect(textArray(['say "x"', 'back\\slash', 'line\nbreak'])).toBe(
      '{"say \\"x\\"","back\\\\slash","line\nbreak"}',
    );
  });
});
