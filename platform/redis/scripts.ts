/**
 * Lua scripts: one file each, put together from its includes at start, run by SHA. A script that
 * the server has forgotten (restart, SCRIPT FLUSH) is loaded again without an error to anyone.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { awaiting } from '../awaited.ts';
import type { Redis } from './connection.ts';

export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
}

/** Reads `<folder>/<name>.lua` and puts `--@include x` lines in from `<folder>/include/x.lua`. */
export function readScript(folder: string, name: string): Script {
  const source = readFileSync(join(folder, `${name}.lua`), 'utf8').replace(
    /^--@include (\w+)$/gm,
    (_, include: string) => readFileSync(join(folder, 'include', `${include}.lua`), 'utf8'),
  );
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}

/**
 * Runs a script and returns its raw reply. NOSCRIPT had no effect, so it is loaded and run once
 * more, if `mayRepeat` still allows it: the connection may lead to another server by then.
 */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
  mayRepeat: () => boolean = () => true,
): Promise<unknown> {
  const run = (): Promise<unknown> =>
    redis.callBuffer('EVALSHA', script.sha, keys.length, ...keys, ...args);
  try {
    return await awaiting(redis.stream, run());
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    if (!mayRepeat()) throw error;
    await redis.script('LOAD', script.source);
    if (!mayRepeat()) throw error;
    return await run();
  }
}
