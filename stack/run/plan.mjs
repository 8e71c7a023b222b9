/**
 * Where everything of a stack will listen, and the refusal of a port that somebody else holds,
 * before anything is installed or started.
 */
import { StackError } from '../base/errors.mjs';
import { freePorts, freeRow, isFree } from '../base/ports.mjs';
import { portHolder } from '../base/proc.mjs';
import { roleNames } from '../env.mjs';
import { opsPortOf } from './roles.mjs';

/** @typedef {import('../env.mjs').Settings} Settings */

/**
 * @typedef {object} Plan
 * @property {string} host
 * @property {string} reach `host` to connect to
 * @property {number} api
 * @property {number} catalog
 * @property {number} ops of api; the other roles have the numbers after it
 * @property {number} redis
 * @property {number} postgres
 * @property {number} kafka
 * @property {number} kafkaController
 */

/** @param {string} host */
function reachOf(host) {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * @param {Settings} settings @param {'env' | 'free'} mode @param {string[]} roles
 * @returns {Promise<Plan>}
 * @throws {StackError} naming the holder of a port that is not free
 */
export async function planPorts(settings, mode, roles) {
  const fixed = mode === 'env';
  if (fixed) await checkPorts(settings, roles);
  const [api, catalog, redis, postgres, kafka, kafkaController] = await freePorts(6);
  const ops = (fixed && settings.opsPort) || (await freeRow(3));
  return /** @type {Plan} */ ({
    host: settings.host,
    reach: reachOf(settings.host),
    api: (fixed && settings.port) || api,
    catalog: (fixed && settings.catalogPort) || catalog,
    ops,
    redis,
    postgres,
    kafka,
    kafkaController,
  });
}

/** @param {Settings} settings @param {string[]} roles */
async function checkPorts({ host, port, catalogPort, opsPort }, roles) {
  /** @type {[string, number][]} */
  const wanted = [];
  if (roles.includes('api')) wanted.push(['PORT', port]);
  if (roles.includes('catalog')) wanted.push(['CATALOG_PORT', catalogPort]);
  for (const role of opsPort === 0 ? [] : roles.filter((one) => roleNames.includes(one))) {
    const number = opsPortOf(role, opsPort);
    wanted.push([number === opsPort ? 'OPS_PORT' : `OPS_PORT + ${number - opsPort}`, number]);
  }
  const taken = [];
  for (const [name, number] of wanted) {
    if (number === 0 || (await isFree(number, host))) continue;
    taken.push(`${name}: ${number} is held by ${portHolder(number)}`);
  }
  if (taken.length === 0) return;
  const [first, ...lines] = taken;
  throw new StackError(first ?? '', { lines: [...lines, 'Stop it, or choose another number.'] });
}
