#!/usr/bin/env node
/**
 * `npx highnoon COMMAND …`: finds the running stack and runs the command with its addresses.
 */
import '../base/preflight.mjs';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCode, runScript, StackError } from '../base/errors.mjs';
import { highnoonDir, root } from '../base/paths.mjs';
import { createSteps } from '../base/steps.mjs';
import { prepare } from '../install.mjs';
import { runningStack } from '../run/record.mjs';
import { readSettings } from '../stack.mjs';

/** @type {Record<string, string>} */
const commands = {
  vendor: 'create vendors and their keys',
  audit: 'recount all three stores; exit 0 when nothing was oversold or lost',
  recover: 'make a lane again from Postgres, after Redis or Kafka lost data',
  replay: 'decide the log again; exit 0 when every accepted decision follows from it',
  quarantine: 'list what can never settle, and resolve it',
  sale: 'list and show sales, end the freeze of one',
  dlq: 'list dead letters, and send them again',
  verify: "check a sale's draw from what it published; exit 0 when every number follows",
  plan: 'what a sale with a line will be like: time to sell out, waits, odds',
};

/** Commands that need no stack: what they read is named in their arguments. */
const alone = ['verify', 'plan'];

/** Commands that have a name already and are not there yet. @type {Record<string, string>} */
const later = { rehearse: 'a sale with a crowd and nothing at stake, before the real one' };

/** @param {string} name @param {string} what */
const laterUsage = (name, what) =>
  `highnoon ${name} [options]\n\n${what}.\nNot built yet: it has no options, and does nothing.`;

const planned = Object.entries(later).map(([name, what]) => [name, `${what} (not built yet)`]);
const list = [...Object.entries(commands), ...planned].map(
  ([name, what]) => `  ${name.padEnd(11)} ${what}`,
);
const usage = [
  'npx highnoon COMMAND [options]     (inside the clone; each command has --help)',
  '',
  ...list,
  '',
  'It works on the stack that runs in this clone (HIGHNOON_DIR names another one), or on',
  'REDIS_URL, DATABASE_URL and KAFKA_BROKERS when one of them is set.',
].join('\n');

const storeVariables = ['REDIS_URL', 'DATABASE_URL', 'KAFKA_BROKERS'];

/** @param {string} line messages of ours keep out of a command's own output */
const tell = (line) => process.stderr.write(`${line}\n`);

/**
 * Addresses of the running stack; all of them, or none when the caller names stores: a mixture of
 * two stacks would be audited as one.
 * @param {boolean} needed @returns {NodeJS.ProcessEnv}
 */
function stackEnv(needed) {
  const dir = highnoonDir(readSettings(process.env, false));
  if (storeVariables.some((name) => process.env[name])) return {};
  const stack = runningStack(dir);
  if (!stack) {
    if (!needed) return {};
    throw new StackError(`No stack runs in ${dir}.`, {
      lines: ['Start one with npm start, or set REDIS_URL, DATABASE_URL and KAFKA_BROKERS.'],
      code: exitCode.usage,
    });
  }
  const found = {
    REDIS_URL: stack.redis_url,
    DATABASE_URL: stack.database_url,
    KAFKA_BROKERS: stack.kafka_brokers,
    API_URL: stack.api_url,
    CATALOG_URL: stack.catalog_url,
    OPS_URL: stack.ops_url,
    HIGHNOON_DIR: dir,
  };
  /** @type {NodeJS.ProcessEnv} */
  const env = {};
  for (const [name, value] of Object.entries(found)) if (value) env[name] = value;
  return env;
}

/** @param {string} file @param {string[]} args @param {NodeJS.ProcessEnv} env @returns {Promise<number>} */
function runCommand(file, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args], {
      env: { ...process.env, ...env },
      stdio: 'inherit',
    });
    for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
      process.on(name, () => child.kill(name));
    }
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? exitCode.failed));
  });
}

runScript(async () => {
  const [command, ...args] = process.argv.slice(2);
  if (command === '--version') {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    process.stdout.write(`${version}\n`);
    return exitCode.ok;
  }
  if (command === '--help' || command === '-h' || command === 'help') {
    process.stdout.write(`${usage}\n`);
    return exitCode.ok;
  }
  const asksHelp = args.includes('--help') || args.includes('-h');
  if (command !== undefined && Object.hasOwn(later, command)) {
    if (!asksHelp) {
      throw new StackError(`${command} is not built yet: nothing was done.`, {
        code: exitCode.usage,
      });
    }
    process.stdout.write(`${laterUsage(command, later[command] ?? '')}\n`);
    return exitCode.ok;
  }
  if (command === undefined || !Object.hasOwn(commands, command)) {
    const what = command === undefined ? 'Which command?' : `${command} is not a command.`;
    throw new StackError(what, { lines: ['', usage], code: exitCode.usage });
  }
  if (!existsSync(join(root, 'node_modules')) || !existsSync(join(root, 'dist'))) {
    tell('This clone is not built yet:');
    await prepare(createSteps(tell));
  }
  const file = join(root, 'dist/engine/cli', `${command}.js`);
  if (!existsSync(file)) {
    throw new StackError(`${command} is not built yet.`, { code: exitCode.usage });
  }
  return runCommand(file, args, alone.includes(command) ? {} : stackEnv(!asksHelp));
});
