// What the engine says of an answer that is none.
import { expect, it } from 'vitest';
import { outcomeOf } from '../../../engine/outcomes.ts';

it.each([
  [2, 2],
  [-1, null],
])('tells how many are free where the lane does: %d', (free, available) => {
  const answer = { kind: 'reply', reply: [-4, free, 1], now: 0, shared: null } as const;
  expect(outcomeOf('hold', answer, () => null)).toMatchObject({
    rejection: { code: 'sold_out', available, mayReturn: true },
  });
});

it('tells a crowd that is turned away different times to come again', () => {
  const times = Array.from({ length: 200 }, () => {
    const outcome = outcomeOf('hold', { kind: 'unavailable', reason: 'full' }, () => null);
    return outcome.kind === 'unavailable' ? outcome.retryAfterMs : NaN;
  });
  expect(Math.min(...times)).toBeGreaterThanOrEqual(500);
  expect(Math.max(...times)).toBeLessThanOrEqual(1500);
  expect(new Set(times).size).toBeGreaterThan(50);
});
