/**
 * What a clone needs before anything of it runs: its packages and its build, each made only when
 * what it is made from has changed, and by one process at a time.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from './base/command.mjs';
import { withLock } from './base/lock.mjs';
import { root } from './base/paths.mjs';
import { cannotInstall } from './get/hints.mjs';
import { npm } from './get/npm.mjs';

const packageStamp = join(root, 'node_modules/.highnoon-stamp');
const buildStamp = join(root, 'dist/.highnoon-stamp');
const dist = join(root, 'dist');
const sources = [
  'api',
  'bench',
  'catalog',
  'engine',
  'platform',
  'test/drill',
  'test/sim',
  'test/support',
];
const buildFiles = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
const starterFiles = ['stack/env.mjs', 'stack/env-kinds.mjs', 'stack/env-table.mjs'];

/** @typedef {import('./base/steps.mjs').Steps} Steps */
/** @typedef {import('./base/steps.mjs').Progress} Progress */

/** @param {string} file @returns {string} '' when there is none */
function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function lockHash() {
  return createHash('sha256')
    .update(read(join(root, 'package-lock.json')))
    .digest('hex');
}

/** @param {string} file @returns {Record<string, { version?: string, optional?: boolean }>} */
function packagesOf(file) {
  return JSON.parse(read(file) || '{}').packages ?? {};
}

/** True also when somebody else installed exactly what the lock asks for. */
function packagesAreThere() {
  if (read(packageStamp) === lockHash()) return true;
  const there = packagesOf(join(root, 'node_modules/.package-lock.json'));
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const names = Object.keys(wanted).filter((name) => name !== '' && !wanted[name]?.optional);
  const complete =
    Object.keys(there).length > 0 &&
    names.every((name) => there[name]?.version === wanted[name]?.version);
  if (complete) writeFileSync(packageStamp, lockHash());
  return complete;
}

/** @param {Progress} progress */
async function installPackages(progress) {
  progress.note('npm ci');
  const onLine = (/** @type {string} */ line) => progress.note(line.slice(0, 100));
  try {
    await npm(['ci', '--include=dev'], { cwd: root, onLine });
  } catch (error) {
    throw cannotInstall(error);
  }
  writeFileSync(packageStamp, lockHash());
  progress.done(`${Object.keys(packagesOf(join(root, 'package-lock.json'))).length - 1} packages`);
}

/** @param {string} folder @returns {string[]} files below it */
function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** Name, size and time of every source: what is built is what is there. */
function sourceHash() {
  const hash = createHash('sha256');
  const compiled = sources.flatMap((folder) => filesIn(join(root, folder)));
  const files = compiled.filter((file) => file.endsWith('.ts'));
  for (const name of [...buildFiles, ...starterFiles]) files.push(join(root, name));
  for (const file of files.sort()) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${relative(root, file)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** Removes what was built from a source that is gone: it could still be started. */
function sweepDist() {
  for (const file of filesIn(dist).filter((name) => name.endsWith('.js'))) {
    const source = join(root, relative(dist, file)).replace(/\.js$/, '.ts');
    if (!existsSync(source)) rmSync(file);
  }
}

/** @param {Progress} progress @param {string} hash */
async function build(progress, hash) {
  progress.note('tsc');
  sweepDist();
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root });
  writeFileSync(buildStamp, hash);
}

/**
 * Installs and builds, if need be.
 * @param {Steps} steps
 */
export async function prepare(steps) {
  const waiting = (/** @type {{ pid: number }} */ { pid }) =>
    steps.say(`  … process ${pid} is installing or building in this clone: waiting`);
  await withLock(join(root, '.highnoon', 'install.lock'), waiting, async () => {
    if (!packagesAreThere()) await steps.step('Packages', installPackages);
    const hash = sourceHash();
    const entry = existsSync(join(dist, '.tsbuildinfo'));
    if (entry && read(buildStamp) === hash) return;
    // Without its outputs an incremental build would believe that nothing is to be done.
    if (!existsSync(buildStamp)) rmSync(join(dist, '.tsbuildinfo'), { force: true });
    await steps.step('Build', (progress) => build(progress, hash));
  });
}
