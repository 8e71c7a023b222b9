/**
 * `npm run bench [scenario]`: a stack of its own for a benchmark, which has the last word on its
 * arguments. Nothing here polls while it measures.
 */
import './base/preflight.mjs';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './base/paths.mjs';
import { runProgram } from './program.mjs';
import { nodeFlags } from './run/roles.mjs';

const main = 'dist/bench/main.js';
const usage = `
npm run bench -- [scenario] [options]

Starts a stack of its own on free ports, runs the scenario and its audit, and stops everything.
bench/README.md tells what is measured and how.
`;

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(`${usage.trim()}\n`);
  const built = existsSync(join(root, main));
  if (built) spawnSync(process.execPath, [join(root, main), '--help'], { stdio: 'inherit' });
  process.exit(0);
}
// A million tickets that nobody has settled yet take more than a small shop's Redis is given.
process.env['REDIS_MAXMEMORY_MB'] ||= '8192';
// The engine as a library is measured in it, so with the flags that an api has. Figures for a program
// leave stdout to them alone.
const flags = nodeFlags('api');
await runProgram({ name: 'bench', main, args, flags, quiet: args.includes('--json') });
