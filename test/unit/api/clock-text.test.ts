// Times must read as Date would write them, whatever was asked before.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timeText, timeTextOrNull } from '../../../api/clock-text.ts';

const millis = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) });

describe('timeText', () => {
  it('is what toISOString writes, in any order of asking', () => {
    fc.assert(
      fc.property(fc.array(millis, { maxLength: 50 }), (asked) => {
        for (const ms of asked) expect(timeText(ms)).toBe(new Date(ms).toISOString());
      }),
    );
  });

  it('is right around a second whose slot another second has taken', () => {
    const first = Date.UTC(2030, 5, 1, 12);
    for (const ms of [first, first + 61_000, first + 999, first + 61_999, first + 1000, first]) {
      expect(timeText(ms)).toBe(new Date(ms).toISOString());
    }
  });

  it('cuts fractions of a millisecond', () => {
    expect(timeText(1500.75)).toBe('1970-01-01T00:00:01.500Z');
  });

  it('keeps null', () => {
    expect(timeTextOrNull(null)).toBeNull();
    expect(timeTextOrNull(0)).toBe('1970-01-01T00:00:00.000Z');
  });
});
