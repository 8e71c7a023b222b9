/** A command of ours as an operator types it: what it says and how it ends. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../../platform/config.ts';
import type { World } from './world.ts';

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

/** The same on a world's stores. */
export const highnoonOn = (world: World, args: readonly string[]): Promise<Ended> =>
  highnoon(args, {
    REDIS_URL: world.redis.url,
    DATABASE_URL: world.database.url,
    KAFKA_BROKERS: world.kafka.brokers,
    TOPIC_PREFIX: world.kafka.prefix,
  });
