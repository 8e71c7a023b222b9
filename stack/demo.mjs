/**
 * `npm run demo`: a stack of its own, a crowd at 12:00, the audit, and everything is gone again.
 */
import './base/preflight.mjs';
import { readArgs } from './base/args.mjs';
import { report } from './base/errors.mjs';
import { runProgram } from './program.mjs';

const usage = `
npm run demo [-- --shoppers N --units N --mode line|open]

Installs what is missing, starts a stack of its own on free ports, lets a crowd buy at the bell,
ends with the audit and stops everything.

  --shoppers N  how many shoppers come (default: the demo's own, 20000)
  --units N     how many units there are (default: the demo's own, 1000)
  --mode MODE   line (default): they join before the bell over sockets and are drawn;
                open: all strike over HTTP at once
`;

try {
  const { shoppers, units, mode } = readArgs({
    usage,
    options: {
      shoppers: { kind: 'whole', min: 1, max: 1_000_000 },
      units: { kind: 'whole', min: 1, max: 10_000_000 },
      mode: { kind: 'word', words: ['line', 'open'] },
    },
  });
  const args = [
    ...(shoppers === undefined ? [] : ['--shoppers', String(shoppers)]),
    ...(units === undefined ? [] : ['--units', String(units)]),
    ...(mode === undefined ? [] : ['--mode', String(mode)]),
  ];
  await runProgram({ name: 'demo', main: 'dist/bench/demo/main.js', args });
} catch (error) {
  process.exit(report(error));
}
