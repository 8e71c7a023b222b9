/** What the reaper makes of a clock that was set: it waits, and then believes what has kept time. */
import { describe, expect, it } from 'vitest';
import { DriftWatch } from '../../../engine/reaper.ts';

const everyMs = 250;

/** Looks from `from` to `to`, own ms, at a Redis whose clock is off by `by`; answers the last look. */
function looks(watch: DriftWatch, from: number, to: number, by: (own: number) => number) {
  let seen = watch.look(from + by(from), from);
  for (let own = from + everyMs; own <= to; own += everyMs) {
    seen = watch.look(own + by(own), own);
    if (seen.settled) return { ...seen, own };
  }
  return { ...seen, own: to };
}

describe('a clock that was set', () => {
  it.each([20_000, -20_000, 2500])(
    'by %i ms counts once it has kept time for ten seconds',
    (ms) => {
      const watch = new DriftWatch();
      expect(looks(watch, 0, 5000, () => 0).drift).toBe(0);
      const settled = looks(watch, 5250, 30_000, () => ms);
      expect(settled).toEqual({ drift: ms, settled: true, own: 15_250 });
      expect(looks(watch, 15_500, 60_000, () => ms)).toEqual({
        drift: 0,
        settled: false,
        own: 60_000,
      });
    },
  );

  it('is waited for while it goes on changing, and forgotten when it is as it was', () => {
    const watch = new DriftWatch();
    looks(watch, 0, 1000, () => 0);
    const leaping = looks(watch, 1250, 60_000, (own) => 5000 + 1000 * Math.floor(own / 4000));
    expect(leaping.settled).toBe(false);
    expect(leaping.drift).toBeGreaterThan(2000);
    expect(looks(watch, 60_250, 120_000, () => 100)).toMatchObject({ drift: 100, settled: false });
  });

  it('by less than two seconds is none', () => {
    const watch = new DriftWatch();
    looks(watch, 0, 1000, () => 0);
    expect(looks(watch, 1250, 60_000, () => -1900)).toMatchObject({ drift: -1900, settled: false });
  });
});
