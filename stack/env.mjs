/**
 * The environment, read and checked. The starter reads it before it installs, locks or starts
 * anything, and platform/config.ts reads it in the same way in every process, so that a wrong value
 * is refused everywhere with the same words. Plain JavaScript: the starter runs before a build.
 */
import { portMax } from './env-kinds.mjs';
import { roleNames, variables } from './env-table.mjs';

export { roleNames, variables };

/**
 * @typedef {object} OpsPeer
 * @property {string} process name of the process that answers there
 * @property {string} url its operators' address, without a path
 */

/**
 * What the environment says, checked. A `null` url means: not given, the starter runs its own.
 * @typedef {object} Settings
 * @property {number} port
 * @property {number} catalogPort
 * @property {number} opsPort
 * @property {string} host
 * @property {string | null} redisUrl
 * @property {string | null} databaseUrl
 * @property {string[]} kafkaBrokers `host:port`, empty when not given
 * @property {string[]} roles
 * @property {number} lanes
 * @property {'on' | 'off' | 'loopback-exempt'} rateLimits
 * @property {string[]} allowedOrigins
 * @property {'development' | 'production' | 'test'} nodeEnv
 * @property {string} currency
 * @property {'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'} logLevel
 * @property {number} redisMaxmemoryMb
 * @property {number} inDoubtMax
 * @property {number} inDoubtMaxAgeSeconds
 * @property {number} outboxKeepMs
 * @property {number} relayPauseMs
 * @property {number} batchMax
 * @property {number} holdSecondsDefault
 * @property {number} lineMax
 * @property {number} admitHoldP99Ms
 * @property {number} admitInDoubtMs
 * @property {number} kafkaReplication
 * @property {number} commandTimeoutMs
 * @property {string} topicPrefix
 * @property {string | null} apiUrl
 * @property {string | null} opsUrl
 * @property {string | null} catalogUrl
 * @property {OpsPeer[]} opsPeers
 * @property {string} tokenIssuer
 * @property {string} tokenAudience
 * @property {string | null} jwksUrl
 * @property {string | null} beaconUrl
 * @property {string | null} highnoonDir
 * @property {string} crashAt
 * @property {string | null} processName
 * @property {string | null} mavenRepoUrl
 */

/** Lists and the prefix have a value of their own when nothing is given; the rest is null. */
/** @type {Record<string, unknown>} */
const emptyValues = {
  kafkaBrokers: [],
  opsPeers: [],
  allowedOrigins: [],
  topicPrefix: '',
  crashAt: '',
};

/**
 * Reads and checks every variable; an empty one counts as not given.
 * @param {Record<string, string | undefined>} env
 * @returns {{ values: Settings, problems: string[] }} `values` may be used only without problems
 */
export function readEnv(env) {
  /** @type {string[]} */
  const problems = [];
  /** @type {Record<string, unknown>} */
  const values = {};
  for (const { name, key, default: fallback, kind } of variables) {
    const given = env[name] || fallback;
    const value = given === '' ? (emptyValues[key] ?? null) : kind.parse(given);
    if (value === undefined) problems.push(`${name}: ${shown(given)} is not ${kind.expects}`);
    values[key] = value;
  }
  if (values['nodeEnv'] === 'production' && values['crashAt'] !== '') {
    problems.push('CRASH_AT: is for drills and not for production');
  }
  return { values: /** @type {Settings} */ (/** @type {unknown} */ (values)), problems };
}

/** A url may hold a password, and this goes to the terminal. @param {string} given */
function shown(given) {
  return JSON.stringify(given.replace(/:\/\/[^/@\s]*@/, '://…@'));
}

/**
 * What only the starter can judge: all of our ports side by side. A process is given its own
 * operators' port, so there the neighbours of that number mean nothing.
 * @param {Settings} values @returns {string[]}
 */
export function portProblems({ port, catalogPort, opsPort }) {
  /** @type {[string, number][]} */
  const ports = [
    ['PORT', port],
    ['CATALOG_PORT', catalogPort],
    ['OPS_PORT', opsPort],
    ['OPS_PORT + 1', opsPort && opsPort + 1],
    ['OPS_PORT + 2', opsPort && opsPort + 2],
  ];
  return ports.flatMap(([name, number], index) => {
    if (number > portMax) return [`${name}: ${number} is more than ${portMax}`];
    const other = ports.slice(0, index).find(([, used]) => used !== 0 && used === number);
    return other ? [`${name}: ${number} is also ${other[0]}`] : [];
  });
}
