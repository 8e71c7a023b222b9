/**
 * Runs a command to its end: its lines are handed on for progress, and a failure carries the last
 * of them, so that nobody has to look for a log.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { StackError } from './errors.mjs';

const tailLines = 20;
const headLines = 8;

/** Commands under way, which shall not go on without us. @type {Set<import('node:child_process').ChildProcess>} */
const underWay = new Set();
process.on('exit', () => {
  for (const child of underWay) child.kill('SIGTERM');
});

/**
 * @typedef {object} CommandOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [uid]
 * @property {number} [gid]
 * @property {string} [input] standard input; nothing when missing
 * @property {(line: string) => void} [onLine]
 * @property {number} [timeoutMs]
 */

/**
 * @param {string} command @param {string[]} args @param {CommandOptions} [options]
 * @returns {Promise<string>} everything it wrote, both streams
 * @throws {StackError} when it cannot be started, fails or takes too long
 */
export function run(command, args, options = {}) {
  const { cwd, env, uid, gid, input, onLine, timeoutMs = 15 * 60_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      timeout: timeoutMs,
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    underWay.add(child);
    let output = '';
    let line = '';
    const take = (/** @type {string} */ chunk) => {
      output += chunk;
      const lines = (line + chunk).split(/[\r\n]+/);
      line = lines.pop() ?? '';
      for (const each of lines) if (each.trim()) onLine?.(each.trim());
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8');
      stream?.on('data', take);
    }
    child.stdin?.on('error', () => {}); // it may end without reading its input
    child.stdin?.end(input);
    const fail = (/** @type {string} */ how) =>
      reject(new StackError(`${[command, ...args].join(' ')} ${how}`, { lines: bothEnds(output) }));
    child.on('error', (error) => fail(`could not be started: ${error.message}`));
    child.on('close', (code, signal) => {
      underWay.delete(child);
      if (code === 0) resolve(output);
      else fail(signal ? `was ended by ${signal}` : `failed with exit code ${code}`);
    });
  });
}

/** @param {string} output @param {number} [count] @returns {string[]} its last lines, indented */
export function tail(output, count = tailLines) {
  const lines = output.split('\n').filter((line) => line.trim());
  return lines.slice(-count).map((line) => `    ${line}`);
}

/** npm says what is wrong first and then explains itself at length. @param {string} output */
function bothEnds(output) {
  const lines = tail(output, Infinity);
  if (lines.length <= headLines + tailLines) return lines;
  return [...lines.slice(0, headLines), '    …', ...lines.slice(-tailLines)];
}

/** @param {string} tool @returns {string | null} its full path, when it is on PATH */
export function onPath(tool) {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder && existsSync(join(folder, tool))) return join(folder, tool);
  }
  return null;
}
