/**
 * One child process that is kept alive: a child that dies is started again, the first time at once,
 * then after a pause that doubles up to 5 s.
 *
 * States: `idle` → `running` ⇄ `waiting` (dead, a restart is due) → `halted` (ended because it was
 * told to, may be resumed). `ended` is every time the process has died by itself.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { onPath } from '../base/command.mjs';
import { identify, isAlive, signal } from '../base/proc.mjs';

const firstPauseMs = 250;
const pauseMaxMs = 5_000;
const steadyMs = 30_000;
const logBytesMax = 64 * 1024 * 1024;
const lowPriority = 10;
/**
 * Each becomes the program and keeps the pid; setpriority() would miss threads begun meanwhile. A
 * batch process, and each child of it, never takes the CPU from another by waking up. That counts
 * everywhere, `nice` only within a session where the kernel groups them (sched_autogroup). Lowering
 * the groups too was worse: beside other work the settlement lagged by seconds (measured).
 */
const lowly = [
  ...(onPath('chrt') ? ['chrt', '--batch', '0'] : []),
  ...['nice', '-n', String(lowPriority)],
];

/** @typedef {import('../base/proc.mjs').Identity} Identity */

/**
 * @typedef {object} ProcessSpec
 * @property {string} name as in stack.json
 * @property {string} command
 * @property {string[]} args
 * @property {NodeJS.ProcessEnv} env
 * @property {string} cwd
 * @property {string} logFile where both of its streams go
 * @property {NodeJS.Signals} stopSignal
 * @property {number} stopMs between the stop signal and SIGKILL
 * @property {() => Promise<boolean>} ready
 * @property {import('../base/paths.mjs').User | null} [user]
 * @property {boolean} [low] runs at low priority, so that holds do not wait for settlement
 * @property {boolean} [tied] gets an IPC channel, by which it notices our death
 */

export class Supervised {
  /** @type {'idle' | 'running' | 'waiting' | 'halted'} */
  state = 'idle';
  /** @type {Identity | null} */
  identity = null;
  /** How often it has died by itself. */
  deaths = 0;
  #failures = 0;
  #startedAt = 0;
  /** @type {NodeJS.Timeout | null} */
  #timer = null;
  /** @type {Promise<void>} */
  #gone = Promise.resolve();

  /**
   * @param {ProcessSpec} spec
   * @param {{ say: (line: string) => void, changed: () => void }} owner `changed` follows each new pid
   */
  constructor(spec, owner) {
    this.spec = spec;
    this.owner = owner;
  }

  start() {
    const { command, args, env, cwd, logFile, user, low, tied } = this.spec;
    const log = openSync(logFile, sizeOf(logFile) > logBytesMax ? 'w' : 'a');
    const [file = command, ...rest] = [...(low ? lowly : []), command, ...args];
    const child = spawn(file, rest, {
      env,
      cwd,
      detached: true, // Ctrl-C is for us; we stop the others in order
      stdio: ['ignore', log, log, ...(tied ? /** @type {const} */ (['ipc']) : [])],
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
    });
    closeSync(log);
    child.channel?.unref();
    this.state = 'running';
    this.#startedAt = performance.now();
    this.identity = child.pid === undefined ? null : identify(child.pid);
    this.#gone = new Promise((resolve) => {
      child.on('error', (error) => this.#ended(error.message, resolve));
      child.on('exit', (code, by) => this.#ended(by ? `by ${by}` : `with code ${code}`, resolve));
    });
    this.owner.changed();
  }

  /** @param {string} how @param {() => void} resolve */
  #ended(how, resolve) {
    if (this.state === 'waiting') return; // 'error' and 'exit' may both come
    const pid = this.identity?.pid;
    this.identity = null;
    resolve();
    if (this.state === 'halted') return;
    this.deaths += 1;
    if (performance.now() - this.#startedAt >= steadyMs) this.#failures = 0;
    const pauseMs =
      this.#failures === 0 ? 0 : Math.min(pauseMaxMs, firstPauseMs * 2 ** (this.#failures - 1));
    this.#failures += 1;
    this.state = 'waiting';
    const when = pauseMs === 0 ? 'at once' : `in ${pauseMs / 1000} s`;
    const { name, logFile } = this.spec;
    this.owner.say(`  ! ${name} (${pid ?? 'not started'}) ended ${how}; again ${when}. ${logFile}`);
    this.#timer = setTimeout(() => this.start(), pauseMs);
    this.owner.changed();
  }

  /** @param {NodeJS.Signals} name a signal for the process itself, which is then kept alive */
  kill(name) {
    if (this.identity) signal(this.identity, name);
  }

  /** Ends it for good or until `start`: its stop signal, a deadline, SIGKILL. */
  async halt() {
    if (this.#timer) clearTimeout(this.#timer);
    const wasRunning = this.state === 'running';
    this.state = 'halted';
    const { identity } = this;
    if (!wasRunning || !identity) return;
    signal(identity, this.spec.stopSignal);
    const last = setTimeout(() => {
      this.owner.say(`  ! ${this.spec.name} (${identity.pid}) does not stop: SIGKILL`);
      signal(identity, 'SIGKILL', { group: true });
    }, this.spec.stopMs);
    await this.#gone;
    clearTimeout(last);
    this.owner.changed();
  }

  /** Stops it in its own way and starts it again. */
  async restart() {
    await this.halt();
    this.start();
  }

  isRunning() {
    return this.state === 'running' && this.identity !== null && isAlive(this.identity);
  }
}

/** @param {string} file */
function sizeOf(file) {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
