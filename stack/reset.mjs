/**
 * `npm run reset`: deletes the data of the clone's own stack, after saying what that is.
 */
import './base/preflight.mjs';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { readArgs } from './base/args.mjs';
import { exitCode, runScript, StackError } from './base/errors.mjs';
import { lockHolder } from './base/lock.mjs';
import { highnoonDir, outsideDir, root } from './base/paths.mjs';
import { endLeftovers, sweepFolders } from './run/record.mjs';
import { readSettings } from './stack.mjs';

const usage = `
npm run reset [-- --yes]

Deletes what npm start has stored in .highnoon/: Redis, Postgres and Kafka data, logs and the demo
vendor's key. Refuses while that stack runs. Packages, build and downloads stay.

  --yes  does not ask
`;

const parts = ['redis', 'postgres', 'postgres.password', 'kafka', 'logs', 'vendor.key'];
const records = ['stack.json', 'pids.json', 'start.lock'];

/** @param {string[]} doomed @returns {Promise<boolean>} */
async function confirmed(doomed) {
  process.stdout.write(`This will be deleted:\n${doomed.map((file) => `  ${file}\n`).join('')}`);
  if (!process.stdin.isTTY) {
    throw new StackError('Nothing was deleted: without a terminal, say --yes.', {
      code: exitCode.usage,
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question('Delete it? [y/N] ');
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

runScript(async () => {
  const { yes } = readArgs({ usage, options: { yes: { kind: 'flag' } } });
  const dir = highnoonDir(readSettings(process.env, false));
  const holder = lockHolder(join(dir, 'start.lock'));
  if (holder) {
    const lines = ['Stop it first (Ctrl-C where it runs); nothing was deleted.'];
    throw new StackError(`A stack runs on this data, by process ${holder.pid}.`, { lines });
  }
  const files = parts.map((name) => join(dir, name));
  const doomed = [...files, outsideDir(dir)].filter((file) => existsSync(file));
  if (doomed.length === 0) {
    process.stdout.write('There is nothing to delete.\n');
    return exitCode.ok;
  }
  if (!yes && !(await confirmed(doomed))) return exitCode.failed;
  await endLeftovers(dir);
  await sweepFolders(join(root, '.highnoon'));
  for (const file of [...doomed, ...records.map((name) => join(dir, name))]) {
    rmSync(file, { recursive: true, force: true });
  }
  process.stdout.write(`Deleted:\n${doomed.map((file) => `  ${file}\n`).join('')}`);
  return exitCode.ok;
});
