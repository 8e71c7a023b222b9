// What the engine says of an answer that is none.
import { expect, it } from 'vitest';
import { outcomeOf } from '../../../engine/outcomes.ts';

it('tells a crowd that is turned away different times to come again', () => {
  const times = Array.from({ length: 200 }, () => {
    const outcome = outcomeOf('hold', { kind: 'unavailable', reason: 'full' }, () => null);
    return outcome.kind === 'unavailable' ? outcome.retryAfterMs : NaN;
  });
  expect(Math.min(...times)).toBeGreaterThanOrEqual(500);
  expect(Math.max(...times)).toBeLessThanOrEqual(1500);
  expect(new Set(times).size).toBeGreaterThan(50);
});
