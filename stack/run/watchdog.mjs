/**
 * The process that outlives a killed starter for a moment: it holds a pipe to it, and when the pipe
 * closes without a goodbye it ends what the starter had started, by pid and start time, within 4 s.
 * Started as `node watchdog.mjs`; each line of its input is a JSON `Orders`, the last one counts.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { endAll, signal } from '../base/proc.mjs';

const rolesMs = 1_000;
const storesMs = 2_500;

/**
 * @typedef {object} Charge
 * @property {string} name
 * @property {number} pid
 * @property {string} start
 * @property {NodeJS.Signals} stopSignal
 * @property {boolean} store stores are ended after what uses them
 * @property {boolean} [hidden] no part of the stack itself: not shown in stack.json
 */

/**
 * @typedef {object} Orders
 * @property {Charge[]} processes
 * @property {string[]} remove files and folders that must not outlive the stack
 * @property {boolean} [goodbye] the starter stops in order: nothing is left to do
 */

/** @param {Orders} orders */
export async function endStack({ processes, remove }) {
  const stores = processes.filter(({ store }) => store);
  const others = processes.filter(({ store }) => !store);
  for (const each of others) signal(each, 'SIGCONT');
  await endAll(others, rolesMs);
  await endAll(stores, storesMs);
  for (const file of remove) rmSync(file, { recursive: true, force: true });
}

async function watch() {
  /** @type {Orders} */
  let orders = { processes: [], remove: [] };
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      orders = /** @type {Orders} */ (JSON.parse(line));
    } catch {
      break; // the starter died in the middle of a line: the orders before it stand
    }
    if (orders.goodbye) return;
  }
  await endStack(orders);
}

if (process.argv[1] === import.meta.filename) await watch();
