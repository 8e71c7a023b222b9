/**
 * A Redis server, version 7 or later: the scripts rely on `XADD <epoch>-*`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from '../base/command.mjs';
import { StackError } from '../base/errors.mjs';
import { cacheDir } from '../base/paths.mjs';
import { hasApt, libraryFolders, unpackDebs } from './apt.mjs';
import { inCache, writeLauncher } from './cache.mjs';
import { firstWay } from './hints.mjs';

const leastMajor = 7;
const cacheName = 'redis-7';

/**
 * @typedef {object} RedisBinary
 * @property {string} bin starts the server as it is, and keeps the pid
 * @property {string} version
 * @property {string} source
 */

/** @typedef {import('../base/steps.mjs').Progress} Progress */

/** @param {string} bin @param {string} source @returns {RedisBinary} */
function checked(bin, source) {
  const { stdout } = spawnSync(bin, ['--version'], { encoding: 'utf8' });
  const version = /v=(\d+)\.(\d+\.\d+)/.exec(stdout ?? '');
  if (!version) throw new StackError(`${bin} does not run as a Redis server`);
  if (Number(version[1]) < leastMajor) {
    throw new StackError(`${bin} is Redis ${version[1]}.${version[2]}, ${leastMajor} is needed`);
  }
  return { bin, version: `${version[1]}.${version[2]}`, source };
}

/** The system's server, or Debian's checker: the same program, which goes by its name. */
function fromSystem() {
  const server = onPath('redis-server');
  if (server) return checked(server, server);
  const checker = onPath('redis-check-rdb');
  if (!checker) return null;
  const folder = join(cacheDir(), 'bin');
  mkdirSync(folder, { recursive: true });
  writeLauncher({ file: join(folder, 'redis-server'), program: checker, libraries: [] });
  return checked(join(folder, 'redis-server'), checker);
}

/** @param {string} folder an entry of the cache, at its final place */
function launcherIn(folder) {
  const file = join(folder, 'redis-server');
  if (!existsSync(file)) {
    const program = join(folder, 'tree/usr/bin/redis-server');
    const libraries = libraryFolders(join(folder, 'tree'));
    writeLauncher({ file, program, libraries });
  }
  return file;
}

/** @param {Progress} progress @returns {Promise<RedisBinary | null>} */
async function fromApt(progress) {
  if (!hasApt()) return null;
  const folder = await inCache({ base: cacheDir(), name: cacheName, progress }, async (part) => {
    const tree = join(part, 'tree');
    mkdirSync(tree);
    await unpackDebs(['redis-tools'], tree, progress);
    const program = join(tree, 'usr/bin/redis-server');
    writeLauncher({ file: program, program: 'redis-check-rdb', libraries: [] });
  });
  return checked(launcherIn(folder), 'unpacked from Debian');
}

/** @returns {RedisBinary | null} */
function fromCache() {
  const folder = join(cacheDir(), cacheName);
  return existsSync(folder) ? checked(launcherIn(folder), 'cache') : null;
}

/**
 * @param {Progress} progress
 * @param {{ system?: boolean }} [options] `system: false` looks past what is installed
 * @returns {Promise<RedisBinary>}
 */
export function getRedis(progress, { system = true } = {}) {
  return firstWay('redis', [
    ['redis-server on PATH', () => (system ? fromSystem() : null)],
    ['cache', fromCache],
    ['Debian package redis-tools, unpacked', () => fromApt(progress)],
  ]);
}
