/**
 * A server of a benchmark's own, in a process of its own: it may be told first what to serve, and
 * tells its port. It runs as a role of the stack does, not as the generator that began it.
 */
import { fork } from 'node:child_process';
import type { Serializable } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { playPart } from './measure/priority.ts';

export interface ChildServer {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

export interface ServerStart {
  readonly args?: readonly string[];
  /** Sent to it before it listens. */
  readonly order?: Serializable;
}

/** `path` of the module from this folder. Rejects when it ends before it has told its port. */
export async function startServer(
  path: string,
  { args = [], order }: ServerStart = {},
): Promise<ChildServer> {
  const child = fork(fileURLToPath(new URL(path, import.meta.url)), args);
  const ended = once(child, 'exit');
  if (order !== undefined) child.send(order);
  const told = await Promise.race([once(child, 'message'), ended.then(() => null)]);
  if (told === null) throw new Error(`${path} ended before it listened`);
  const pid = child.pid ?? 0;
  playPart('engine', pid);
  return {
    url: `http://127.0.0.1:${(told as [number])[0]}`,
    pid,
    async close() {
      child.disconnect();
      await ended;
    },
  };
}
