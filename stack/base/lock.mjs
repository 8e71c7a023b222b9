/**
 * Lock files that name their holder: a lock whose holder is dead is taken over, and who waits can
 * say for whom.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { identify, isAlive } from './proc.mjs';

const retryMs = 200;

/** @typedef {import('./proc.mjs').Identity} Identity */

/**
 * @param {string} file
 * @returns {{ release: () => void, holder: null } | { release: null, holder: Identity }}
 */
export function tryLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(identify(process.pid)));
  try {
    for (;;) {
      try {
        linkSync(own, file); // atomic, and fails when the file is there
        return { release: () => rmSync(file, { force: true }), holder: null };
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      }
      const holder = lockHolder(file);
      if (holder) return { release: null, holder };
      takeAway(file);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** @param {string} file @returns {Identity | null} the living holder */
export function lockHolder(file) {
  try {
    const holder = /** @type {Identity} */ (JSON.parse(readFileSync(file, 'utf8')));
    return isAlive(holder) ? holder : null;
  } catch {
    return null;
  }
}

/** Of two that find the same dead lock, the later one may move a living lock: it puts it back. */
function takeAway(/** @type {string} */ file) {
  const aside = `${file}.dead.${process.pid}`;
  try {
    renameSync(file, aside);
    if (lockHolder(aside)) linkSync(aside, file);
    rmSync(aside, { force: true });
  } catch {
    // Somebody else was faster; the caller looks again.
  }
}

/**
 * Waits for the lock as long as it takes, runs the work and lets go.
 * @template T
 * @param {string} file @param {(holder: Identity) => void} onWait called once, when it must wait
 * @param {() => Promise<T>} work @returns {Promise<T>}
 */
export async function withLock(file, onWait, work) {
  let told = false;
  for (;;) {
    const { release, holder } = tryLock(file);
    if (release) {
      try {
        return await work();
      } finally {
        release();
      }
    }
    if (!told) onWait(holder);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}
