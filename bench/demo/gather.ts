/** Getting the crowd ready: a token for each shopper, and as many connections as files allow. */
import { readFileSync } from 'node:fs';
import type { Connection } from '../client/connection.ts';
import type { Pool } from '../client/pool.ts';

export type Progress = (done: number, of: number) => void;

const tokensAtOnce = 64;
const openAtOnce = 128;
/** Files a process needs beside the crowd's connections. */
const ownFiles = 200;

const filesPattern = /^Max open files\s+(\d+|unlimited)/m;

/** Runs `work` for 0 … count-1, `width` at a time. */
export async function each(count: number, width: number, work: (i: number) => Promise<void>) {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
}

/** Verified shoppers' tokens, from the development issuer. */
export async function gatherTokens(pool: Pool, count: number, progress: Progress) {
  const tokens: string[] = [];
  await each(count, tokensAtOnce, async () => {
    const call = { method: 'POST', path: '/v1/sessions', body: {} } as const;
    const { token } = await pool.json<{ token: string }>(call, 201);
    tokens.push(token);
    progress(tokens.length, count);
  });
  return tokens;
}

/** How many connections a process may have; Infinity when it cannot be told. */
export function connectionsAllowed(pid: number | 'self'): number {
  try {
    const limit = filesPattern.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1];
    return limit === undefined || limit === 'unlimited' ? Infinity : Number(limit) - ownFiles;
  } catch {
    return Infinity;
  }
}

/** One that cannot be opened now is opened again when its shopper strikes. */
export async function openAll(connections: readonly Connection[], progress: Progress) {
  let opened = 0;
  await each(connections.length, openAtOnce, async (i) => {
    await connections[i]?.open();
    progress(++opened, connections.length);
  });
}
