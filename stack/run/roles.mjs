/**
 * Our own processes: how each role is started and what it is told by its environment.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../base/paths.mjs';
import { readiness } from '../base/probe.mjs';
import { roleNames, variables } from '../env.mjs';

const stopMs = 12_000; // a role gives itself 10 s
/**
 * What a request makes lives as long as its batch. Measured at 22,000 refusals/s: the collector's
 * threads take 13 % of api's CPU with V8's default of 16 MB, 7 % with 64.
 *
 * The worker's heap is 20 MB, and V8 begins to mark as soon as less than a young generation is left of
 * the old one's limit, which there is always: it marked all of it every two seconds. With a limit of
 * 256 MB from the start it does not, and a larger young generation does no harm. Most of the worker's
 * time is spent in Node's own code: on large pages, 24 MB of memory, where the machine has them
 * (docs/decisions/0061-the-workers-heap.md).
 *
 * @type {Record<string, string[]>}
 */
const flagsOf = {
  api: ['--max-semi-space-size=64'],
  worker: ['--initial-heap-size=256', '--max-semi-space-size=32', '--use-largepages=silent'],
};

/** @param {string} role @returns {string[]} */
export const nodeFlags = (role) => flagsOf[role] ?? [];

/** @type {Record<string, string>} */
const mainOf = {
  api: 'dist/api/main.js',
  catalog: 'dist/catalog/main.js',
  worker: 'dist/engine/main.js',
};

/** Program that migrates, creates topics and formats the lanes. */
export const setupMain = 'dist/engine/setup.js';

/** @param {string} role @returns {boolean} */
export function isBuilt(role) {
  const main = mainOf[role];
  return main !== undefined && existsSync(join(root, main));
}

/** @param {string} role @param {number} opsPort of api @returns {number} */
export function opsPortOf(role, opsPort) {
  return opsPort + roleNames.indexOf(role);
}

/**
 * Our environment without what configures us and without what a test runner adds.
 * @returns {NodeJS.ProcessEnv}
 */
export function plainEnv() {
  const ours = new Set(variables.map(({ name }) => name));
  const kept = Object.entries(process.env).filter(
    ([name]) => !ours.has(name) && !/^(VITEST|TEST_|HIGHNOON_|npm_)/.test(name),
  );
  return Object.fromEntries(kept);
}

/** @typedef {'api' | 'catalog' | 'ops' | 'redis' | 'database' | 'kafka'} UrlName */
/** @typedef {Record<UrlName, string | null>} Urls */

/**
 * @param {NodeJS.ProcessEnv} given configuration that the stack was started with
 * @param {Urls} urls @param {NodeJS.ProcessEnv} more
 * @returns {NodeJS.ProcessEnv} for the roles and for every program that uses the stack
 */
export function stackEnv(given, urls, more) {
  const names = variables.map(({ name }) => name).filter((name) => given[name]);
  const found = {
    REDIS_URL: urls.redis,
    DATABASE_URL: urls.database,
    KAFKA_BROKERS: urls.kafka,
    API_URL: urls.api,
    OPS_URL: urls.ops,
    CATALOG_URL: given['CATALOG_URL'] || urls.catalog,
    ...more,
  };
  /** @type {NodeJS.ProcessEnv} */
  const told = {};
  for (const name of names) told[name] = given[name];
  for (const [name, value] of Object.entries(found)) if (value) told[name] = value;
  return { ...plainEnv(), ...told };
}

/**
 * @typedef {object} RolePlace
 * @property {string} host that the ports are opened on
 * @property {string} reach the same, to connect to
 * @property {number} port api's or catalog's; 0 for worker
 * @property {number} opsPort this role's own
 */

/**
 * @param {string} role
 * @param {RolePlace} place
 * @param {object} how
 * @param {NodeJS.ProcessEnv} how.env
 * @param {string} how.logFile
 * @param {string} how.processName
 * @param {boolean} how.strict ready only when every check is ok
 * @param {() => boolean} [how.mayBeShut] ready also with lanes that only an operator opens
 * @returns {import('./supervised.mjs').ProcessSpec & { waitingFor: () => string, warning: () => string }}
 *   `warning`: what an operator has to mend of a role that is as ready as it gets; '' = nothing
 */
export function roleSpec(role, place, { env, logFile, processName, strict, mayBeShut }) {
  const listens = role === 'worker' ? place.opsPort : place.port;
  const health = `http://${place.reach}:${listens}/health/ready`;
  let waitingFor = 'no answer yet';
  let warning = '';
  return {
    name: role,
    command: process.execPath,
    args: [...nodeFlags(role), join(root, mainOf[role] ?? '')],
    env: {
      ...env,
      HOST: place.host,
      OPS_PORT: String(place.opsPort),
      HIGHNOON_PROCESS: processName,
      ...(role === 'api' ? { PORT: String(place.port) } : {}),
      ...(role === 'catalog' ? { CATALOG_PORT: String(place.port) } : {}),
    },
    cwd: root,
    logFile,
    tied: true,
    low: role === 'worker',
    stopSignal: 'SIGTERM',
    stopMs,
    ready: async () => {
      const answer = await readiness(health);
      ({ waitingFor } = answer);
      warning = '';
      if (strict ? answer.ready : answer.serves) return true;
      if (mayBeShut?.() !== true) return false;
      // Only operators are told why a lane is shut.
      const lanes = await readiness(`http://${place.reach}:${place.opsPort}/health/ready`);
      warning = lanes.shut && role === 'api' ? lanes.waitingFor : '';
      return lanes.shut;
    },
    waitingFor: () => waitingFor,
    warning: () => warning,
  };
}
