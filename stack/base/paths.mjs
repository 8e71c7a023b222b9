/**
 * Where things are: the clone, its `.highnoon` folder, the cache that clones share, and the folders
 * that Postgres can use when we are root (it refuses root, and cannot enter a closed home).
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone's root. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** @param {{ highnoonDir: string | null }} settings @returns {string} */
export function highnoonDir({ highnoonDir: given }) {
  return given ? resolve(given) : join(root, '.highnoon');
}

/** @returns {string} */
export function cacheDir() {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'highnoon');
}

/** @typedef {{ name: string, uid: number, gid: number }} User */

/** @returns {boolean} */
export function isRoot() {
  return process.getuid?.() === 0;
}

/**
 * Who runs Postgres: nobody special when we are not root, else the system's `postgres` or `nobody`.
 * @returns {User | null}
 */
export function postgresUser() {
  if (!isRoot()) return null;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const found = users.find(([name]) => name === wanted);
    if (found) return { name: wanted, uid: Number(found[2]), gid: Number(found[3]) };
  }
  return { name: '65534', uid: 65_534, gid: 65_534 };
}

/** @param {string} folder @param {User | null} user @returns {boolean} may the user pass through? */
export function canReach(folder, user) {
  if (!user) return true;
  for (let at = resolve(folder); ; at = dirname(at)) {
    const stat = statSync(at, { throwIfNoEntry: false });
    if (stat) {
      const bit = stat.uid === user.uid ? 0o100 : stat.gid === user.gid ? 0o010 : 0o001;
      if ((stat.mode & bit) === 0) return false;
    }
    if (at === dirname(at)) return true;
  }
}

/** Data of Postgres for a `.highnoon` folder. @param {string} dir @param {User | null} user */
export function postgresDir(dir, user) {
  return canReach(dir, user) ? join(dir, 'postgres') : join(outsideDir(dir), 'postgres');
}

/** Where data of a folder goes that Postgres's user cannot reach. @param {string} dir */
export function outsideDir(dir) {
  const name = createHash('sha256').update(resolve(dir)).digest('hex').slice(0, 16);
  return join('/var/lib/highnoon', name);
}

/** The cache for what Postgres's user must read. @param {User | null} user */
export function sharedCacheDir(user) {
  return canReach(cacheDir(), user) ? cacheDir() : '/var/cache/highnoon';
}
