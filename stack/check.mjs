/**
 * `npm run check`: lint, types, who may import whom, and format, two at a time, each with its time.
 * Exit 1 when one of them finds something; `--fix` lets prettier and eslint repair what they can.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const atOnce = 2;
const usage = `Usage: npm run check [-- --fix]

Checks lint (eslint), types (tsc), who may import whom and format (prettier).
Exits with 0 when all are right.
  --fix   write what prettier and eslint can repair
  --help  this text
`;

/** @typedef {{ name: string, script: string, args: string[] }} Check */
/** @typedef {{ name: string, code: number, output: string, seconds: number }} Result */

/** The longest first, so that two at a time end at about the same moment. @param {boolean} fix */
function checksOf(fix) {
  const checks = [
    {
      name: 'lint',
      script: 'eslint/bin/eslint.js',
      args: ['.', '--max-warnings', '0', ...(fix ? ['--fix'] : [])],
    },
    { name: 'types', script: 'typescript/bin/tsc', args: ['--noEmit', '-p', 'tsconfig.json'] },
    {
      name: 'imports',
      script: 'vitest/vitest.mjs',
      args: ['run', '--reporter', 'default', 'test/unit/imports.test.ts'],
    },
    {
      name: 'format',
      script: 'prettier/bin/prettier.cjs',
      args: [fix ? '--write' : '--check', '--log-level', 'warn', '.'],
    },
  ];
  // Both write the same files: one after the other, and the types of what came out.
  const [lint, types, imports, format] = checks;
  return fix ? [[lint], [format], [types, imports]] : [checks];
}

/** @param {Check} check @returns {Promise<Result>} */
function run({ name, script, args }) {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(modules, script), ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (/** @type {Buffer} */ chunk) => (output += chunk.toString());
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const end = (/** @type {number} */ code) =>
      resolve({ name, code, output, seconds: (performance.now() - startedAt) / 1000 });
    child.on('error', (error) => {
      output += error.message;
      end(1);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

/** @param {Result} result */
function show({ name, code, output, seconds }) {
  const said = output.trimEnd();
  if (code !== 0 && said !== '') console.log(`${said}\n`);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(7)} ${seconds.toFixed(1)} s`);
}

/** Runs a group, at most `atOnce` at a time. @param {Check[]} group @returns {Promise<boolean>} */
async function runGroup(group) {
  const waiting = [...group];
  let right = true;
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const result = await run(next);
      show(result);
      right &&= result.code === 0;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return right;
}

/** @param {string[]} args @returns {Promise<number>} the exit code */
async function main(args) {
  if (args.includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  const unknown = args.find((arg) => arg !== '--fix');
  if (unknown !== undefined) {
    process.stderr.write(`check: unknown option ${unknown}\n\n${usage}`);
    return 2;
  }
  if (!existsSync(modules)) {
    process.stderr.write('check: nothing is installed yet; run `npm ci` first\n');
    return 2;
  }
  let right = true;
  for (const group of checksOf(args.includes('--fix'))) right = (await runGroup(group)) && right;
  return right ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
