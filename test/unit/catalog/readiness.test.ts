// Ready while it answers: degraded, not down, once Postgres was seen.
import { describe, expect, it } from 'vitest';
import { readinessOf } from '../../../catalog/readiness.ts';

describe('the window’s readiness', () => {
  it.each([
    ['down before Postgres was ever seen', null, 'ok', 'down'],
    ['ok with both', 0, 'ok', 'ok'],
    ['degraded while the intake starts', 0, 'starting', 'degraded'],
    ['degraded with Kafka away', 0, 'away', 'degraded'],
    ['degraded with Postgres away', 2501, 'ok', 'degraded'],
    ['degraded with both away', 1e9, 'away', 'degraded'],
  ] as const)('is %s', (_, seenAgeMs, intake, status) => {
    expect(readinessOf(seenAgeMs, intake).status).toBe(status);
  });

  it('says which is away', () => {
    expect(readinessOf(9999, 'ok').checks).toEqual({ postgres: 'away', intake: 'ok' });
  });
});
