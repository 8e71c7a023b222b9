/** A command of ours as an operator types it: what it says and how it ends. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../../platform/config.ts';

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program in the clone, with these variables over the test's own. */
export function runProgram(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: projectRoot(), env: { ...process.env, ...env } });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, out, err });
    });
  });
}

/** `npx highnoon …`, without npx. */
export const highnoon = (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> =>
  runProgram(process.execPath, [join(projectRoot(), 'stack/cli/highnoon.mjs'), ...args], env);
