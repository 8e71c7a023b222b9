/**
 * `npm run drill [fault…]`: attacks a stack of its own under load and judges what came of it.
 */
import './base/preflight.mjs';
import { join } from 'node:path';
import { exitCode, report } from './base/errors.mjs';
import { onInterrupt } from './base/interrupt.mjs';
import { root } from './base/paths.mjs';
import { freePorts } from './base/ports.mjs';
import { createSteps } from './base/steps.mjs';
import { prepare } from './install.mjs';
import { startStack, stopAll } from './stack.mjs';

const interrupted = 130;
const usage = `
npm run drill -- [fault… | scenario] [options]

Starts stores and processes of its own, puts them under load and breaks them: every fault once in
an order drawn from the seed, then faults at the connections until there are enough. After heal and
drain a checker compares what clients were told with what is stored, and the audit recounts.

  fault…           only these: names or kinds of --list; joined by + they come at the same time
  scenario         availability, redis-restart or overload: prints numbers and the bars they must hold
  --table          the table of what --results has, without a run
  --list           name every fault and scenario
  --count N        faults of a whole run (default 1000)
  --seed N         order and load (default 1)
  --check-every N  judge after so many faults at the connections (default 10)
  --orders N       orders in the lane of redis-restart (default 500000)
  --results FILE   where results are appended; what is there of this seed is not run again
                   (default .highnoon/drill.ndjson)

Exit code 0: every promise, or every bar, held. 1: one did not, or a fault that was named cannot be run here. 2: an
argument is wrong. A whole run names what this machine cannot run, and counts it as not run.
`;

const print = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);

onInterrupt(() => {
  print('\nStopping …');
  void stopAll().then(() => process.exit(interrupted));
});
try {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    print(usage.trim());
    process.exit(exitCode.ok);
  }
  await prepare(createSteps(print));
  const { main } = await import(join(root, 'dist/test/drill/main.js'));
  const code = await main(args, { startStack, freePorts }, print);
  await stopAll();
  process.exit(code);
} catch (error) {
  await stopAll();
  process.exit(report(error));
}
