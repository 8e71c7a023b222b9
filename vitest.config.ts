/**
 * The test tiers as vitest projects: each is a folder of test/, run one after the other, because the
 * heavier ones bring processes of their own to the few cores.
 */
import { defineConfig } from 'vitest/config';

const testMs = 60_000;
const hookMs = 120_000;

/** How many files of a tier run side by side. */
const tiers = { unit: 2, model: 2, lua: 2, sim: 2, integration: 2, e2e: 1, drill: 1 };

/**
 * The simulation is one thread that waits for its stores, twice side by side: V8's own threads would
 * collect garbage on the cores that the stores need.
 */
const flags: Readonly<Record<string, string[]>> = {
  sim: ['--single-threaded-gc', '--max-semi-space-size=64'],
};

const projects = Object.entries(tiers).map(([name, maxWorkers], groupOrder) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    environment: 'node',
    pool: 'forks' as const, // native code and signals want processes
    maxWorkers,
    testTimeout: testMs,
    hookTimeout: hookMs,
    sequence: { groupOrder },
    execArgv: flags[name] ?? [],
    ...(name === 'e2e' ? { globalSetup: ['test/e2e/shared-stack.ts'] } : {}),
  },
}));

// vitest asks for a default export; it is the only one in the project.
export default defineConfig({ test: { projects, passWithNoTests: false } });
