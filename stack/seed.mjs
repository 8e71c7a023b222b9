/** `npm run seed`: builds what is missing and fills the running shop (catalog/seed/main.ts). */
import './base/preflight.mjs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { exitCode, runScript } from './base/errors.mjs';
import { highnoonDir, root } from './base/paths.mjs';
import { createSteps } from './base/steps.mjs';
import { prepare } from './install.mjs';
import { readSettings } from './stack.mjs';

runScript(async () => {
  await prepare(createSteps((line) => void process.stderr.write(`${line}\n`)));
  const main = join(root, 'dist/catalog/seed/main.js');
  const stack = ['--stack', highnoonDir(readSettings(process.env, false))];
  const args = [main, ...stack, ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? exitCode.failed));
  });
});
