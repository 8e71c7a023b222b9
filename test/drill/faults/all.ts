/** Every fault there is, faults at the same time, and the plan of a whole run. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Rng } from '../../support/rng.ts';
import { clockFaults } from './clock.ts';
import { connectionFaults } from './connections.ts';
import { crashFaults } from './crashes.ts';
import type { Fault } from './fault.ts';
import { kafkaFaults } from './kafka.ts';
import { processFaults } from './processes.ts';
import { redisDiskFaults } from './redis-disk.ts';
import { redisFaults } from './redis.ts';

export const allFaults: readonly Fault[] = [
  ...processFaults,
  ...crashFaults,
  ...redisFaults,
  ...redisDiskFaults,
  ...clockFaults,
  ...kafkaFaults,
  ...Object.values(connectionFaults).flat(),
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

/** Several faults at the same time, as one. */
export const together = (faults: readonly Fault[]): Fault => ({
  name: faults.map(({ name }) => name).join('+'),
  kind: faults.every(({ kind }) => kind === 'connection') ? 'connection' : 'mixed',
  does: `at the same time: ${faults.map(({ does }) => does).join('; ')}`,
  needs: faults.flatMap(({ needs = [] }) => needs),
  parts: faults.length,
  async run(context) {
    await Promise.all(faults.map((fault) => fault.run(context)));
  },
});

/** One to three faults at the connections of as many stores, at the same time. */
function someConnections(rng: Rng): Fault {
  const stores = Object.values(connectionFaults);
  const chosen: Fault[] = [];
  for (let left = rng.whole(1, stores.length); left > 0; left -= 1) {
    const [ofOne = []] = stores.splice(rng.whole(0, stores.length - 1), 1);
    chosen.push(rng.pick(ofOne));
  }
  const [only] = chosen;
  return only !== undefined && chosen.length === 1 ? only : together(chosen);
}

/**
 * A whole run: every fault once, in a seeded order, then faults at the connections, singly and
 * mixed, until there are `count`. The same seed gives the same plan.
 */
export function planOf(rng: Rng, count: number): Fault[] {
  const plan: Fault[] = [];
  const once = [...allFaults];
  while (once.length > 0) plan.push(...once.splice(rng.whole(0, once.length - 1), 1));
  for (let faults = plan.length; faults < count; faults += plan.at(-1)?.parts ?? 1) {
    plan.push(someConnections(rng));
  }
  return plan.slice(0, count);
}
