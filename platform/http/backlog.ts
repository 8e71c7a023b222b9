/**
 * More room for connections that wait to be accepted. The library asks for 512, which a crowd that
 * comes back fills in milliseconds: the kernel then drops what comes, some of it after the client was
 * told that it is connected, and such a client hears nothing for seconds. Asking again for the same
 * socket with another number is all it takes, but only Node's own server can ask, and not beside the
 * library in one process: so a process that shares the socket does, and ends at once.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const listening = '0A';
const tables = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
/** It ends before it could accept anything. */
const script = (most: number): string =>
  `require('node:net').createServer().listen({fd:3},${most});process.reallyExit(0)`;

/**
 * Room for `most` connections (the kernel's own maximum permitting) before the socket of this process
 * that listens on `port`. Rejects where it is not possible, and nothing has changed then.
 */
export async function raiseBacklog(port: number, most: number): Promise<void> {
  const fd = socketOf(port);
  const child = spawn(process.execPath, ['-e', script(most)], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
    env: {},
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`asking for a longer queue ended with ${code}`);
}

/** The descriptor, as the kernel's tables name it. */
function socketOf(port: number): number {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = new Set<string>();
  for (const line of tables.flatMap((table) => readFileSync(table, 'latin1').split('\n'))) {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    if (state === listening && local.endsWith(end)) sockets.add(`socket:[${inode}]`);
  }
  for (const fd of readdirSync('/proc/self/fd')) {
    if (sockets.has(targetOf(fd))) return Number(fd);
  }
  throw new Error(`no socket of this process listens on port ${port}`);
}

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // That of the listing itself, closed by now.
  }
}
