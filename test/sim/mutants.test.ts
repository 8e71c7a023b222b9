/**
 * The simulation can see: rules of the protocol are broken at the ways to the stores, and seeds that hold
 * otherwise do not. A simulation that finds nothing here finds nothing.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLab, type Lab } from './lab.ts';
import { mutants } from './mutants.ts';
import { runSeed } from './run.ts';

const seedsMax = 40;
const mutantMs = 10 * 60_000;

describe('a broken rule', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(() => lab.close());

  it.each(mutants)(
    'is caught: $name',
    async (mutant) => {
      let caught = 0;
      for (let seed = 1; seed <= seedsMax && caught === 0; seed++) {
        const { wrong } = await runSeed(lab, seed, null, mutant);
        if (wrong.length > 0) caught = seed;
      }
      expect(caught).toBeGreaterThan(0);
    },
    mutantMs,
  );
});
