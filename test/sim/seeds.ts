/** The seeds of every test run, in two files so that two run side by side. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLab, type Lab } from './lab.ts';
import { runSeed } from './run.ts';
import { SeedSet } from './set.ts';

const setMs = 30 * 60_000;

export function seedsHold(first: number, count: number): void {
  describe(`seeds ${first} to ${first + count - 1}`, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await openLab();
    });
    afterAll(() => lab.close());

    it('is the same run for the same seed', async () => {
      const [one, other] = [await runSeed(lab, first), await runSeed(lab, first + 1)];
      expect((await runSeed(lab, first)).digest).toBe(one.digest);
      expect(other.digest).not.toBe(one.digest);
    });

    it(
      'hold, and have been where it is dangerous',
      async () => {
        const set = new SeedSet(lab);
        for (let seed = first; seed < first + count; seed++) await set.run(seed);
        expect(set.report).toEqual([]);
        expect(set.missed).toEqual([]);
      },
      setMs,
    );
  });
}
