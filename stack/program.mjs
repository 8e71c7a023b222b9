/**
 * A stack of its own for one program (the demo, the benchmarks): started beside whatever runs, on
 * free ports, in a folder that is deleted afterwards.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tail } from './base/command.mjs';
import { exitCode, report, StackError } from './base/errors.mjs';
import { onInterrupt } from './base/interrupt.mjs';
import { root } from './base/paths.mjs';
import { identify } from './base/proc.mjs';
import { prepare } from './install.mjs';
import { startStack, stopAll } from './stack.mjs';

const interrupted = 130;
const tailLines = 8;

/**
 * Runs the program with our terminal; nothing of ours moves meanwhile.
 * @param {Awaited<ReturnType<typeof startStack>>} stack @param {string[]} main with node's flags
 * @param {string[]} args
 * @returns {Promise<number>} its exit code
 */
function foreground(stack, main, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...main, '--stack', stack.dir, ...args], {
      cwd: root,
      env: stack.env,
      stdio: 'inherit',
    });
    const identity = child.pid === undefined ? null : identify(child.pid);
    if (identity) stack.alsoEnd(identity);
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal ? interrupted : exitCode.failed)));
  });
}

/**
 * Has a program that is built read its arguments, with the one more by which it does nothing else: it has
 * the last word on them, and would have it only once its stack is up.
 * @param {string} file @param {string[]} args
 */
function checkArgs(file, args) {
  if (!existsSync(file)) return;
  const { status, stderr } = spawnSync(process.execPath, [file, '--help', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status === exitCode.usage) throw new StackError(stderr.trim(), { code: exitCode.usage });
}

/** @param {string} logs folder @param {(line: string) => void} print */
function printTails(logs, print) {
  for (const name of readdirSync(logs)) {
    const lines = tail(readFileSync(join(logs, name), 'utf8'), tailLines);
    if (lines.length > 0) print(`\nThe end of ${name}:\n${lines.join('\n')}`);
  }
}

/**
 * @param {{ name: 'demo' | 'bench', main: string, args: string[], flags?: string[], quiet?: boolean }}
 *   program `main` in dist/; `flags` of node; `quiet`: stdout is the program's alone
 * @returns {Promise<never>} ends the process with the program's exit code
 */
export async function runProgram({ name, main, args, flags = [], quiet = false }) {
  const output = quiet ? process.stderr : process.stdout;
  /** @param {string} line */
  const print = (line) => void output.write(`${line}\n`);
  const dir = join(root, '.highnoon', `${name}-${process.pid}`);
  let stopping = false;
  onInterrupt(() => {
    stopping = true;
    print('\nStopping …');
    void stopAll().then(() => process.exit(interrupted));
  });
  let code = exitCode.failed;
  try {
    const file = join(root, main);
    checkArgs(file, args);
    const stack = await startStack({ dir, env: process.env, log: print, before: prepare });
    if (!existsSync(file)) throw new StackError(`${name} is not built yet: ${main} is missing.`);
    print('');
    code = await foreground(stack, [...flags, file], args);
    if (code !== exitCode.ok && !stopping) printTails(join(dir, 'logs'), print);
  } catch (error) {
    if (!stopping) code = report(error);
  }
  await stopAll();
  process.exit(stopping ? interrupted : code);
}
