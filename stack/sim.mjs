/**
 * `npm run sim`: the engine's production files under a seeded scheduler, for as long as it is told, one
 * process for each core.
 */
import './base/preflight.mjs';
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { exitCode, report } from './base/errors.mjs';
import { onInterrupt } from './base/interrupt.mjs';
import { root } from './base/paths.mjs';
import { identify } from './base/proc.mjs';
import { getRedis } from './get/redis.mjs';
import { prepare } from './install.mjs';
import { startStack, stopAll } from './stack.mjs';

/** As in vitest.config.ts: the cores are for the stores, not for V8's own threads. */
const flags = ['--single-threaded-gc', '--max-semi-space-size=64'];
const interrupted = 130;
const usage = `
npm run sim -- [options]

Runs seeds: each is a sale with its own faults, in virtual time, judged at the end. The same seed is the
same run, event by event. docs/simulation.md says what is real in it.

  --seed N    the first seed (default 1)
  --count N   so many seeds; without it as long as --hours says
  --hours N   (default 1)
  --trace     print every event of the one seed --seed

Exit code 0: every seed held. 1: one did not; its line says how to run it again.
`;

const print = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);

/** @param {string[]} args @param {string} name @param {string} usual */
function option(args, name, usual) {
  const at = args.indexOf(name);
  return at < 0 ? usual : (args[at + 1] ?? usual);
}

/** Options for each process: with several they share the seeds out. @param {string[]} args */
function sharesOf(args) {
  const count = option(args, '--count', '');
  const most = count === '' ? Infinity : Number(count);
  const processes = args.includes('--trace') ? 1 : Math.min(availableParallelism(), most);
  const first = Number(option(args, '--seed', '1'));
  return Array.from({ length: processes }, (_, i) => [
    ...args,
    ...['--seed', `${first + i}`, '--step', `${processes}`],
    ...(count === '' ? [] : ['--count', `${Math.floor((most - i - 1) / processes) + 1}`]),
  ]);
}

/** @param {string[]} args @param {NodeJS.ProcessEnv} env @returns {Promise<number>} exit code */
function simulate(args, env) {
  const main = join(root, 'dist/test/sim/main.js');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, main, ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: 'inherit',
    });
    const identity = child.pid === undefined ? null : identify(child.pid);
    if (identity) guest(identity);
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? exitCode.failed));
  });
}

/** @type {(identity: import('./base/proc.mjs').Identity) => void} */
let guest = () => {};

/** @param {string[]} args @returns {Promise<number>} */
async function main(args) {
  /** @type {NodeJS.ProcessEnv} */
  const env = { HIGHNOON_TEST: '1' };
  /** @param {import('./base/steps.mjs').Steps} steps */
  const before = async (steps) => {
    const redis = steps.step('Redis for the simulation', async (progress) => {
      const { bin, version, source } = await getRedis(progress);
      progress.done(`${version} (${source})`);
      return bin;
    });
    const [bin] = await Promise.all([redis, prepare(steps)]);
    env['TEST_REDIS_BIN'] = bin;
  };
  const dir = join(root, '.highnoon', `sim-${process.pid}`);
  const stores = ['postgres'];
  const options = { dir, env: {}, stores, roles: [], postgresLow: false, log: print, before };
  const stack = await startStack(options);
  guest = (identity) => stack.alsoEnd(identity);
  env['TEST_DATABASE_URL'] = stack.urls.database;
  const codes = await Promise.all(sharesOf(args).map((share) => simulate(share, env)));
  return codes.some((code) => code !== exitCode.ok) ? exitCode.failed : exitCode.ok;
}

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) {
  print(usage.trim());
  process.exit(exitCode.ok);
}
onInterrupt(() => {
  print('\nStopping …');
  void stopAll().then(() => process.exit(interrupted));
});
try {
  const code = await main(args);
  await stopAll();
  process.exit(code);
} catch (error) {
  await stopAll();
  process.exit(report(error));
}
