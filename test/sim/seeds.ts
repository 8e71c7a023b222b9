/**
 * What every test run simulates, in two files so that two halves run side by side: seeds hold, and have
 * been where it is dangerous; and what would break is seen.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLab, type Lab } from './lab.ts';
import type { Mutant } from './mutants.ts';
import { runSeed } from './run.ts';
import { SeedSet } from './set.ts';

const setMs = 30 * 60_000;
const mutantMs = 10 * 60_000;
/** A rule that is broken is seen by one of so many. */
const mutantSeedsMax = 40;

/** Every event of a seed, in short. */
async function eventsOf(lab: Lab, seed: number): Promise<string> {
  const hash = createHash('sha256');
  await runSeed(lab, seed, (line) => hash.update(line));
  return hash.digest('hex');
}

export function seedsHold(first: number, count: number, mutants: readonly Mutant[]): void {
  describe(`seeds ${first} to ${first + count - 1}`, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await openLab();
    });
    afterAll(() => lab.close());

    it('is the same run for the same seed', async () => {
      const one = await eventsOf(lab, first);
      const other = await eventsOf(lab, first + 1);
      expect(await eventsOf(lab, first)).toBe(one);
      expect(other).not.toBe(one);
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

    // A simulation that finds nothing here finds nothing.
    it.each(mutants)(
      'a broken rule is caught: $name',
      async (mutant) => {
        let caught = 0;
        for (let seed = 1; seed <= mutantSeedsMax && caught === 0; seed++) {
          const { wrong } = await runSeed(lab, seed, null, mutant);
          if (wrong.length > 0) caught = seed;
        }
        expect(caught).toBeGreaterThan(0);
      },
      mutantMs,
    );
  });
}
