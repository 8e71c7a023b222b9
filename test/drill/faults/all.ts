/** Every fault there is, and the plan of a whole run. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Rng } from '../../support/rng.ts';
import { connectionFaults } from './connections.ts';
import { crashFaults } from './crashes.ts';
import type { Fault } from './fault.ts';
import { processFaults } from './processes.ts';
import { storeFaults } from './stores.ts';

export const allFaults: readonly Fault[] = [
  ...processFaults,
  ...crashFaults,
  ...storeFaults,
  ...connectionFaults,
];

function isThere(need: string): boolean {
  if (need === 'root') return process.getuid?.() === 0;
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, need), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What of this fault's needs this machine does not have. */
export const lacking = ({ needs = [] }: Fault): string[] => needs.filter((one) => !isThere(one));

/**
 * A whole run: every fault once, in a seeded order, then faults at the connections until there are
 * `count`. The same seed gives the same plan.
 */
export function planOf(rng: Rng, count: number): Fault[] {
  const plan: Fault[] = [];
  const once = [...allFaults];
  while (once.length > 0) plan.push(...once.splice(rng.whole(0, once.length - 1), 1));
  while (plan.length < count) plan.push(rng.pick(connectionFaults));
  return plan.slice(0, count);
}
