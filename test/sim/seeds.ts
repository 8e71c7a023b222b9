/** The seeds of every test run, in two files so that two run side by side. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLab, type Lab } from './lab.ts';
import { runSeed } from './run.ts';
import { SeedSet } from './set.ts';

const setMs = 30 * 60_000;

/** Every event of a seed, in short. */
async function eventsOf(lab: Lab, seed: number): Promise<string> {
  const hash = createHash('sha256');
  await runSeed(lab, seed, (line) => hash.update(line));
  return hash.digest('hex');
}

export function seedsHold(first: number, count: number): void {
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
  });
}
