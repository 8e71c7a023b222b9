/**
 * Debian packages without installing them: downloaded and unpacked into the cache, which needs no
 * root, starts no service, makes no cluster and leaves the system as it was.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { onPath, run } from '../base/command.mjs';
import { StackError } from '../base/errors.mjs';
import { withLock } from '../base/lock.mjs';
import { cacheDir, isRoot } from '../base/paths.mjs';

/** @typedef {import('../base/steps.mjs').Progress} Progress */

const systemLists = '/var/lib/apt/lists';
const aptEnv = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };

/** @returns {boolean} */
export function hasApt() {
  return onPath('apt-get') !== null && onPath('dpkg-deb') !== null;
}

/** @param {string} folder */
function hasLists(folder) {
  return existsSync(folder) && readdirSync(folder).some((name) => name.includes('_Packages'));
}

/** Lists of our own when the system has none and we may not fetch them for it. */
function options() {
  const common = ['-o', 'APT::Sandbox::User=root', '-o', 'DPkg::Lock::Timeout=300'];
  if (isRoot() || hasLists(systemLists)) return common;
  const own = join(cacheDir(), 'apt');
  const state = ['-o', `Dir::State::Lists=${join(own, 'lists')}`, '-o', `Dir::Cache=${own}`];
  return [...common, ...state, '-o', 'Debug::NoLocking=1'];
}

/** @param {Progress} progress @param {{ force?: boolean }} [how] */
async function update(progress, { force = false } = {}) {
  const lists = isRoot() || hasLists(systemLists) ? systemLists : join(cacheDir(), 'apt', 'lists');
  if (!force && hasLists(lists)) return;
  if (lists === systemLists && !isRoot()) return; // somebody else's business
  mkdirSync(join(lists, 'partial'), { recursive: true });
  mkdirSync(join(cacheDir(), 'apt', 'archives', 'partial'), { recursive: true });
  progress.note('apt-get update');
  await run('apt-get', [...options(), '-q', 'update'], { env: aptEnv });
}

/** One apt at a time, among all of ours. @template T @param {() => Promise<T>} work */
function oneAtATime(work) {
  return withLock(join(cacheDir(), 'apt.lock'), () => {}, work);
}

/** Once more with fresh lists, where a listed version is gone from the archive. */
async function withFreshLists(
  /** @type {Progress} */ progress,
  /** @type {() => Promise<void>} */ work,
) {
  await update(progress);
  try {
    await work();
  } catch (error) {
    if (!isRoot() && hasLists(systemLists)) throw error;
    await update(progress, { force: true });
    await work();
  }
}

/**
 * The first of these packages that the archive has.
 * @param {string[]} names @param {Progress} progress @returns {Promise<string | null>}
 */
export async function firstKnown(names, progress) {
  await oneAtATime(() => update(progress));
  for (const name of names) {
    const policy = await run('apt-cache', [...options(), 'policy', name], { env: aptEnv });
    if (/Candidate: [^(\s]/.test(policy)) return name;
  }
  return null;
}

/**
 * Unpacks packages, with those they depend on and the system lacks, into a folder.
 * @param {string[]} packages @param {string} into @param {Progress} progress
 */
export async function unpackDebs(packages, into, progress) {
  const folder = `${into}.debs`;
  await oneAtATime(() =>
    withFreshLists(progress, async () => {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      const wanted = [...new Set([...packages, ...(await missing(packages))])];
      let done = 0;
      await run('apt-get', [...options(), '-q', 'download', ...wanted], {
        cwd: folder,
        env: aptEnv,
        onLine: (line) => {
          if (!/^Get:/.test(line)) return;
          done += 1;
          progress.note(`downloading ${done} of ${wanted.length} packages`);
        },
      });
    }),
  );
  for (const file of readdirSync(folder)) await run('dpkg-deb', ['-x', join(folder, file), into]);
  rmSync(folder, { recursive: true, force: true });
  relink(into, into);
}

/** What an installation would add; it is only simulated. @param {string[]} packages */
async function missing(packages) {
  const args = [...options(), '-s', '-q', '--no-install-recommends', 'install', ...packages];
  const plan = await run('apt-get', args, { env: aptEnv });
  return [...plan.matchAll(/^Inst (\S+) \((?:\S+)/gm)].map((match) => match[1] ?? '');
}

/** Absolute links, made for `/`, are turned to where the tree has their target. */
function relink(/** @type {string} */ tree, /** @type {string} */ folder) {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    const stat = lstatSync(file);
    if (stat.isDirectory()) relink(tree, file);
    if (!stat.isSymbolicLink()) continue;
    const target = readlinkSync(file);
    const inTree = target.startsWith('/') ? join(tree, target) : join(dirname(file), target);
    const there = lstatSync(inTree, { throwIfNoEntry: false }) !== undefined;
    // What the tree lacks is a package that the system has already.
    const wanted = there ? relative(dirname(file), inTree) : `/${relative(tree, inTree)}`;
    if (wanted === target || (target.startsWith('/') && !there)) continue;
    rmSync(file);
    symlinkSync(wanted, file);
  }
}

/** Folders of shared libraries in an unpacked tree. @param {string} tree @returns {string[]} */
export function libraryFolders(tree) {
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  return [`usr/lib/${triplet}`, `lib/${triplet}`, 'usr/lib', 'lib']
    .map((folder) => join(tree, folder))
    .filter((folder) => existsSync(folder));
}

/**
 * Installs packages that start no service (Java, Maven), as root.
 * @param {string[]} packages @param {Progress} progress
 */
export async function installDebs(packages, progress) {
  if (!isRoot()) throw new StackError(`Installing ${packages.join(', ')} needs root.`);
  const args = [...options(), '-q', '-y', '--no-install-recommends', 'install', ...packages];
  await oneAtATime(() =>
    withFreshLists(progress, async () => {
      await run('apt-get', args, { env: aptEnv, onLine: (line) => progress.note(shorten(line)) });
    }),
  );
}

/** @param {string} line */
function shorten(line) {
  return line.length > 90 ? `${line.slice(0, 89)}…` : line;
}
