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

/** So many seeds must have met all of `sometimes` (test/sim/set.ts); fewer need not. */
const judgedFrom = 250;
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

Exit code 0: every seed held. 1: one did not; its line says how to run it again; or, of 250 seeds and
more, together they never met something that a set of so many must meet.
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

/**
 * What one process met: how often each thing, and what of it a set of seeds must meet.
 * @typedef {{ runs: number, broken: number, seen: [string, number][], sometimes: string[] }} Share
 */

/**
 * @param {string[]} args @param {NodeJS.ProcessEnv} env @param {(share: Share) => void} onShare
 * @returns {Promise<number>} exit code
 */
function simulate(args, env, onShare) {
  const main = join(root, 'dist/test/sim/main.js');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, main, ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    child.on('message', (share) => onShare(/** @type {Share} */ (share)));
    const identity = child.pid === undefined ? null : identify(child.pid);
    if (identity) guest(identity);
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? exitCode.failed));
  });
}

/** Says what all of them met together. @param {Share[]} shares @returns {boolean} whether it is enough */
function judge(shares) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  for (const [name, times] of shares.flatMap((share) => share.seen)) {
    seen.set(name, (seen.get(name) ?? 0) + times);
  }
  for (const [name, times] of [...seen].sort()) print(`  ${name}: ${times}`);
  const runs = shares.reduce((sum, share) => sum + share.runs, 0);
  const broken = shares.reduce((sum, share) => sum + share.broken, 0);
  const missed = (shares[0]?.sometimes ?? []).filter((name) => !seen.has(name));
  const never = missed.length === 0 ? 'nothing' : missed.join(', ');
  const few = runs < judgedFrom ? ` (not judged below ${judgedFrom} seeds)` : '';
  print(`${runs} seeds, ${broken} broken; never met: ${never}${few}`);
  return missed.length === 0 || runs < judgedFrom;
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
  /** @type {Share[]} */
  const met = [];
  const onShare = (/** @type {Share} */ share) => void met.push(share);
  const codes = await Promise.all(sharesOf(args).map((share) => simulate(share, env, onShare)));
  const isMet = met.length === 0 || judge(met);
  return isMet && codes.every((code) => code === exitCode.ok) ? exitCode.ok : exitCode.failed;
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
