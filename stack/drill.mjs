/**
 * `npm run drill [fault…]`: attacks a stack of its own under load and judges what came of it.
 */
import './base/preflight.mjs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitCode, messageOf, report, StackError } from './base/errors.mjs';
import { onInterrupt } from './base/interrupt.mjs';
import { root } from './base/paths.mjs';
import { freePorts } from './base/ports.mjs';
import { createSteps } from './base/steps.mjs';
import { prepare } from './install.mjs';
import { startStack, stopAll } from './stack.mjs';

const interrupted = 130;
const usage = `
npm run drill -- [fault…] [options]

Starts stores and processes of its own, puts them under load and breaks them: every fault once in
an order drawn from the seed, then faults at the connections until there are enough. After heal and
drain a checker compares what clients were told with what is stored, and the audit recounts.

  fault…           only these: names or kinds of --list
  --list           name every fault
  --count N        faults of a whole run (default 1000)
  --seed N         order and load (default 1)
  --check-every N  judge after so many faults at the connections (default 10)
  --results FILE   where results are appended; what is there of this seed is not run again
                   (default .highnoon/drill.ndjson)

Exit code 0: every promise held. A fault that this machine cannot run is named and not passed.
`;

const print = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);

/** @param {string} name @param {string} text @param {number} min */
function whole(name, text, min) {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (value >= min) return value;
  throw new StackError(`--${name}: ${text} is not a whole number from ${min}.`, {
    code: exitCode.usage,
  });
}

/** @param {string[]} args */
function read(args) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        list: { type: 'boolean', default: false },
        count: { type: 'string', default: '1000' },
        seed: { type: 'string', default: '1' },
        'check-every': { type: 'string', default: '10' },
        results: { type: 'string', default: join(root, '.highnoon/drill.ndjson') },
      },
    });
    return {
      faults: positionals,
      help: values.help,
      list: values.list,
      count: whole('count', values.count, 1),
      seed: whole('seed', values.seed, 0),
      checkEvery: whole('check-every', values['check-every'], 1),
      results: values.results,
    };
  } catch (error) {
    if (error instanceof StackError) throw error;
    throw new StackError(messageOf(error), { lines: ['', usage.trim()], code: exitCode.usage });
  }
}

onInterrupt(() => {
  print('\nStopping …');
  void stopAll().then(() => process.exit(interrupted));
});
try {
  const args = read(process.argv.slice(2));
  if (args.help) {
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
