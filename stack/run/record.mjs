/**
 * What is written down about a running stack: `stack.json` for every command that looks for it,
 * `pids.json` for the next start, and the watchdog's orders. All three follow every change of a pid.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lockHolder } from '../base/lock.mjs';
import { outsideDir } from '../base/paths.mjs';
import { identify, isAlive } from '../base/proc.mjs';
import { endStack } from './watchdog.mjs';

const watchdogFile = fileURLToPath(new URL('./watchdog.mjs', import.meta.url));

/** @typedef {import('./watchdog.mjs').Charge} Charge */
/** @typedef {import('./watchdog.mjs').Orders} Orders */
/** @typedef {import('../base/proc.mjs').Identity} Identity */

/**
 * Form of stack.json, known to clients (contract: "Commands").
 * @typedef {object} StackFile
 * @property {string | null} api_url
 * @property {string | null} catalog_url
 * @property {string | null} ops_url
 * @property {string | null} redis_url
 * @property {string | null} database_url
 * @property {string | null} kafka_brokers
 * @property {{ name: string, pid: number }[]} processes
 */

/** @param {string} dir */
const stackFile = (dir) => join(dir, 'stack.json');
/** @param {string} dir */
const pidsFile = (dir) => join(dir, 'pids.json');

/** @param {string} file @param {unknown} content both hold passwords or invite to kill: ours only */
function write(file, content) {
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(aside, file);
}

/** @template T @param {string} file @returns {T | null} */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/** @param {string} dir @returns {StackFile | null} of a stack whose starter lives */
export function runningStack(dir) {
  const starter = readJson(pidsFile(dir))?.starter;
  return starter && isAlive(starter) ? readJson(stackFile(dir)) : null;
}

/**
 * Ends what a killed starter (and a killed watchdog) left behind.
 * @param {string} dir @returns {Promise<string[]>} names of what was still running
 */
export async function endLeftovers(dir) {
  /** @type {{ starter: Identity, processes: Charge[] } | null} */
  const pids = readJson(pidsFile(dir));
  if (!pids || isAlive(pids.starter)) return [];
  const living = pids.processes.filter(isAlive);
  await endStack({ processes: living, remove: [stackFile(dir), pidsFile(dir)] });
  return living.map(({ name }) => name);
}

/**
 * Removes folders of demos and tests that were killed together with their watchdog.
 * @param {string} parent the `.highnoon` folder
 */
export async function sweepFolders(parent) {
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const dir = join(parent, name);
    const pid = /^(?:demo|bench|test|stack)-(\d+)/.exec(name)?.[1];
    if (!pid || identify(Number(pid)) || lockHolder(join(dir, 'start.lock'))) continue;
    await endLeftovers(dir);
    for (const folder of [dir, outsideDir(dir)]) rmSync(folder, { recursive: true, force: true });
  }
}

export class StackRecord {
  /** @type {Charge[]} */
  #processes = [];
  /** @type {Omit<StackFile, 'processes'> | null} */
  #urls = null;
  /** @type {import('node:child_process').ChildProcess | null} */
  #watchdog = null;
  #closed = false;

  /** @param {string} dir @param {string[]} alsoRemove what a killed starter must not leave */
  constructor(dir, alsoRemove) {
    this.dir = dir;
    this.remove = [stackFile(dir), pidsFile(dir), ...alsoRemove];
    this.#guard();
    this.#write();
  }

  #guard() {
    const child = spawn(process.execPath, [watchdogFile], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    });
    child.stdin.on('error', () => {}); // its exit is what counts
    child.unref();
    /** @type {import('node:net').Socket} */ (child.stdin).unref();
    child.on('exit', () => {
      if (this.#closed) return;
      this.#guard();
      this.#order();
    });
    this.#watchdog = child;
  }

  /** @param {boolean} [goodbye] */
  #order(goodbye = false) {
    /** @type {Orders} */
    const orders = { processes: this.#processes, remove: this.remove, goodbye };
    this.#watchdog?.stdin?.write(`${JSON.stringify(orders)}\n`);
  }

  #write() {
    if (this.#closed) return;
    this.#order();
    write(pidsFile(this.dir), { starter: identify(process.pid), processes: this.#processes });
    if (!this.#urls) return;
    const shown = this.#processes.filter(({ hidden }) => !hidden);
    const processes = shown.map(({ name, pid }) => ({ name, pid }));
    write(stackFile(this.dir), { ...this.#urls, processes });
  }

  /** @param {Charge[]} processes */
  update(processes) {
    this.#processes = processes;
    this.#write();
  }

  /** From now on every command finds the stack. @param {Omit<StackFile, 'processes'>} urls */
  publish(urls) {
    this.#urls = urls;
    this.#write();
  }

  /** The stack is going: nobody shall find it. */
  withdraw() {
    this.#urls = null;
    rmSync(stackFile(this.dir), { force: true });
  }

  /** Everything has ended in order. */
  close() {
    this.#closed = true;
    this.#order(true);
    this.#watchdog?.stdin?.end();
    for (const file of [stackFile(this.dir), pidsFile(this.dir)]) rmSync(file, { force: true });
  }
}
