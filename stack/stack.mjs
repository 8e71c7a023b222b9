/**
 * A whole stack as one object: stores and roles as supervised child processes of this process.
 * `npm start`, demo, bench and the tests all stand on it.
 */
import { join, resolve } from 'node:path';
import { exitCode, StackError } from './base/errors.mjs';
import { highnoonDir, root } from './base/paths.mjs';
import { portProblems, readEnv } from './env.mjs';
import { sweepFolders } from './run/record.mjs';
import { AlreadyRunning, Stack } from './run/running.mjs';

export { AlreadyRunning };

/** @typedef {import('./base/steps.mjs').Steps} Steps */
/** @typedef {import('./env.mjs').Settings} Settings */

/**
 * @typedef {object} StackOptions
 * @property {string} [dir] folder for data, logs and stack.json; default: the clone's `.highnoon`
 *   with fixed ports, else one of its own below it
 * @property {'env' | 'free'} [ports] PORT, CATALOG_PORT and OPS_PORT, or free ones (default)
 * @property {string[]} [stores] of redis, postgres, kafka; default all; a given url is used as it is
 * @property {string[]} [roles] default: ROLES; one that is not built is left out
 * @property {NodeJS.ProcessEnv} [env] configuration as in docs/operating.md, default process.env;
 *   with free ports only what is given here counts
 * @property {(line: string) => void} [log]
 * @property {boolean} [keep] the folder survives `stop`; default: only with fixed ports
 * @property {number} [kafkaAdvertised] port that our Kafka gives as its address: a proxy's
 * @property {boolean} [setup] runs engine/setup before the roles; default: when there are roles
 * @property {number} [maxConnections] of our own Postgres, default 60
 * @property {boolean} [postgresLow] it runs at low priority, so that holds do not wait for settlement
 *   (default); false: whoever asks it has nothing else to wait for
 * @property {(steps: Steps) => Promise<void>} [before] must be done before setup and roles; runs
 *   beside the start of the stores, when the folder is ours and the ports are free
 */

/** @type {Set<Stack>} */
const stacks = new Set();
let count = 0;

/** Stops every stack of this process, also one that is still starting. */
export async function stopAll() {
  await Promise.all([...stacks].map((stack) => stack.stop()));
}

/** @param {NodeJS.ProcessEnv} env @param {boolean} fixedPorts @returns {Settings} */
export function readSettings(env, fixedPorts) {
  const { values, problems } = readEnv(env);
  if (problems.length === 0 && fixedPorts) problems.push(...portProblems(values));
  const [first, ...lines] = problems;
  if (first) throw new StackError(first, { lines, code: exitCode.usage });
  return values;
}

/** @param {StackOptions} [options] @returns {Promise<Stack>} ready to be used */
export async function startStack(options = {}) {
  const fixed = options.ports === 'env';
  const env = options.env ?? (fixed ? process.env : {});
  const settings = readSettings(env, fixed);
  const own = join(root, '.highnoon', `stack-${process.pid}-${(count += 1)}`);
  const dir = resolve(options.dir ?? (fixed ? highnoonDir(settings) : own));
  const stack = new Stack({ ...options, env, dir, keep: options.keep ?? fixed }, settings);
  stacks.add(stack);
  await sweepFolders(join(root, '.highnoon'));
  try {
    await stack.start();
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
