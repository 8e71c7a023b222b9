/**
 * Our own Redis: every answer leaves after fdatasync, nothing is evicted.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { redisServes } from '../base/probe.mjs';

const stopMs = 10_000;

/**
 * @param {{ bin: string, dir: string, logFile: string, port: number, maxmemoryMb: number }} order
 * @returns {import('./supervised.mjs').ProcessSpec}
 */
export function redisSpec({ bin, dir, logFile, port, maxmemoryMb }) {
  const data = join(dir, 'redis');
  mkdirSync(data, { recursive: true });
  const settings = {
    bind: '127.0.0.1',
    port,
    dir: data,
    daemonize: 'no',
    appendonly: 'yes',
    appendfsync: 'always',
    'no-appendfsync-on-rewrite': 'no',
    'aof-load-truncated': 'yes',
    'aof-use-rdb-preamble': 'yes',
    // A rewrite keeps holds waiting, what it saves a restart is little (docs/decisions/0057).
    'auto-aof-rewrite-percentage': 100,
    'auto-aof-rewrite-min-size': '256mb',
    save: '',
    maxmemory: `${maxmemoryMb}mb`,
    'maxmemory-policy': 'noeviction',
    'tcp-backlog': 511,
    loglevel: 'notice',
  };
  return {
    name: 'redis',
    command: bin,
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    env: { ...process.env },
    cwd: data,
    logFile,
    stopSignal: 'SIGTERM',
    stopMs,
    ready: () => redisServes('127.0.0.1', port),
  };
}
