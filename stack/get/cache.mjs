/**
 * The cache of downloaded stores, shared by clones: an entry is made aside under a lock and moved
 * into place whole, so that a broken download is never mistaken for a store.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../base/lock.mjs';

/** @typedef {import('../base/steps.mjs').Progress} Progress */

/**
 * @param {{ base: string, name: string, progress: Progress }} entry
 * @param {(folder: string) => Promise<void>} make fills the folder; it is moved afterwards
 * @returns {Promise<string>} the entry's folder
 */
export async function inCache({ base, name, progress }, make) {
  const folder = join(base, name);
  if (existsSync(folder)) return folder;
  const waiting = (/** @type {{ pid: number }} */ { pid }) =>
    progress.note(`process ${pid} is getting it, waiting`);
  return withLock(join(base, `${name}.lock`), waiting, async () => {
    if (existsSync(folder)) return folder;
    const aside = `${folder}.part`;
    rmSync(aside, { recursive: true, force: true });
    mkdirSync(aside, { recursive: true });
    await make(aside);
    // Postgres runs as another user when we are root, whatever our umask is.
    spawnSync('chmod', ['-R', 'u+rwX,go+rX', aside]);
    renameSync(aside, folder);
    return folder;
  });
}

/**
 * A file that runs a program found under another name or with libraries of its own, so that nobody
 * who starts it has to know. The program keeps the pid.
 * @param {{ file: string, program: string, libraries: string[] }} spec
 */
export function writeLauncher({ file, program, libraries }) {
  rmSync(file, { force: true });
  if (libraries.length === 0) {
    symlinkSync(program, file);
    return;
  }
  const quote = (/** @type {string} */ text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const lines = [
    '#!/bin/sh',
    `LD_LIBRARY_PATH=${quote(libraries.join(':'))} exec ${quote(program)} "$@"`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o755 });
}
