/**
 * `npm test`: installs, builds, starts the stores once in a folder of their own, runs the tiers and
 * ends with the line `N passed, N failed` of what was really run.
 */
import './base/preflight.mjs';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCode, report } from './base/errors.mjs';
import { onInterrupt } from './base/interrupt.mjs';
import { root } from './base/paths.mjs';
import { identify } from './base/proc.mjs';
import { getRedis } from './get/redis.mjs';
import { prepare } from './install.mjs';
import { startStack, stopAll } from './stack.mjs';

/** Tiers by what they need; in the order in which they run. @type {Record<string, string[]>} */
const needs = {
  unit: [],
  model: [],
  lua: ['binary'],
  sim: ['binary', 'postgres'],
  integration: ['binary', 'postgres', 'kafka'],
  e2e: [], // starts whole stacks of its own
  drill: [], // its own stack, behind proxies
};
const tiers = Object.keys(needs);
const maxConnections = 300; // many stacks share the one Postgres, each with its own pools
const interrupted = 130;

const usage = `
npm test [-- tier… [vitest options]]

Tiers: ${tiers.join(', ')}; all that exist when none is named. What follows them goes to vitest:
  npm test -- unit -t 'sold out'
  npm test -- lua test/lua/cases.test.ts

The tests find TEST_REDIS_BIN (they start their own servers), TEST_DATABASE_URL and
TEST_KAFKA_BROKERS in their environment; one that is set already is used as it is.
`;

/** @param {string} line */
const print = (line) => process.stdout.write(`${line}\n`);

/** @param {string} tier */
function hasTests(tier) {
  const folder = join(root, 'test', tier);
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { recursive: true }).some((name) => `${name}`.endsWith('.test.ts'));
}

/** Tests start servers of their own. @param {import('./base/steps.mjs').Steps} steps */
function findRedis(steps) {
  if (process.env['TEST_REDIS_BIN']) return process.env['TEST_REDIS_BIN'];
  return steps.step('Redis for the tests', async (progress) => {
    const { bin, version, source } = await getRedis(progress);
    progress.done(`${version} (${source})`);
    return bin;
  });
}

/**
 * @param {string[]} stores @param {string} dir
 * @returns {Promise<NodeJS.ProcessEnv>} what the tests are told
 */
async function startStores(stores, dir) {
  const { TEST_DATABASE_URL: url, TEST_KAFKA_BROKERS: brokers } = process.env;
  /** @type {NodeJS.ProcessEnv} */
  const told = { HIGHNOON_TEST: '1' };
  const env = {
    ...(url ? { DATABASE_URL: url } : {}),
    ...(brokers ? { KAFKA_BROKERS: brokers } : {}),
  };
  const running = stores.filter((name) => name !== 'binary');
  /** @param {import('./base/steps.mjs').Steps} steps */
  const before = async (steps) => {
    const redis = stores.includes('binary') ? findRedis(steps) : null;
    const [bin] = await Promise.all([redis, prepare(steps)]);
    if (bin) told['TEST_REDIS_BIN'] = bin;
  };
  const asked = { maxConnections, postgresLow: false };
  const options = { dir, env, stores: running, roles: [], ...asked, log: print, before };
  const stack = await startStack(options);
  if (stack.urls.database) told['TEST_DATABASE_URL'] = stack.urls.database;
  if (stack.urls.kafka) told['TEST_KAFKA_BROKERS'] = stack.urls.kafka;
  guest = (identity) => stack.alsoEnd(identity);
  return told;
}

/** @type {(identity: import('./base/proc.mjs').Identity) => void} */
let guest = () => {};

/**
 * @param {string[]} chosen @param {string[]} rest @param {NodeJS.ProcessEnv} env @param {string} file
 * @returns {Promise<number>} vitest's exit code
 */
function runVitest(chosen, rest, env, file) {
  const cli = join(root, 'node_modules/vitest/vitest.mjs');
  const projects = chosen.map((tier) => `--project=${tier}`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, 'run', ...projects, ...reporters, ...rest], {
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

/**
 * The real counts: a file that could not be run, an unhandled error or no test at all is a failure.
 * @param {string} file @param {number} code @returns {{ passed: number, failed: number, skipped: number }}
 */
function countResults(file, code) {
  const results = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const passed = results.numPassedTests ?? 0;
  const skipped = (results.numPendingTests ?? 0) + (results.numTodoTests ?? 0);
  const broken = (results.testResults ?? []).filter(
    (/** @type {{ status: string, assertionResults: { status: string }[] }} */ suite) =>
      suite.status === 'failed' && !suite.assertionResults.some((one) => one.status === 'failed'),
  );
  let failed = (results.numFailedTests ?? 0) + broken.length;
  if (failed === 0 && (code !== 0 || passed === 0)) failed = 1;
  return { passed, failed, skipped };
}

/** @param {string[]} args @returns {Promise<{ passed: number, failed: number, skipped: number }>} */
async function main(args) {
  const first = args.findIndex((arg) => !tiers.includes(arg));
  const named = first === -1 ? args : args.slice(0, first);
  const rest = first === -1 ? [] : args.slice(first);
  const chosen = (named.length > 0 ? named : tiers).filter(hasTests);
  if (chosen.length === 0) {
    print(`There are no tests in ${(named.length > 0 ? named : tiers).join(', ')}.`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const dir = join(root, '.highnoon', `test-${process.pid}`);
  const env = await startStores([...new Set(chosen.flatMap((tier) => needs[tier] ?? []))], dir);
  const file = join(dir, 'results.json');
  const code = await runVitest(chosen, rest, env, file);
  return countResults(file, code);
}

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) {
  print(usage.trim());
  process.exit(exitCode.ok);
}
onInterrupt(() => {
  void stopAll().then(() => process.exit(interrupted));
});
/** @type {Awaited<ReturnType<typeof main>>} */
let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  counts = await main(args);
} catch (error) {
  report(error);
}
await stopAll();
const { passed, failed, skipped } = counts;
print(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failed === 0 ? exitCode.ok : exitCode.failed);
