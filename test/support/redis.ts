/**
 * A Redis server of a test file's own, on a free port, in a folder that goes with it. The binary is
 * TEST_REDIS_BIN (stack/test.mjs says which), else the `redis-server` of the path.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../platform/log.ts';
import { connectRedis, untilReady, type Redis } from '../../platform/redis/connection.ts';

export interface TestRedisOptions {
  /** Settings of redis.conf; over the defaults below. */
  readonly config?: Readonly<Record<string, string>>;
  /** 0 = none. */
  readonly commandTimeoutMs?: number;
}

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  readonly redis: Redis;
  /** Where its data is. */
  readonly dir: string;
  /** Kills the server. Its data stays. */
  crash(): Promise<void>;
  /** Starts a server again on the same port, over what the folder then holds. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const defaults = {
  save: '',
  appendonly: 'no',
  maxmemory: '512mb',
  'maxmemory-policy': 'noeviction',
};
/** A large append-only file is read first, on a machine that may be slow. */
const readyMs = 60_000;
const triesMax = 3;

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function spawnServer(port: number, dir: string, config: Readonly<Record<string, string>>) {
  const settings = Object.entries({ ...defaults, ...config }).flatMap(([k, v]) => [`--${k}`, v]);
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no'];
  const bin = process.env['TEST_REDIS_BIN'] ?? 'redis-server';
  return spawn(bin, [...own, ...settings], { stdio: 'ignore' });
}

function ended(child: ChildProcess): Promise<void> {
  const gone = child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  if (gone) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** One server process after the other, on one port and over one folder. */
class Server {
  readonly port: number;
  readonly dir: string;
  readonly #config: Readonly<Record<string, string>>;
  readonly #kill = (): unknown => this.#child?.kill('SIGKILL');
  #child: ChildProcess | null = null;

  constructor(port: number, config: Readonly<Record<string, string>>) {
    this.port = port;
    this.dir = mkdtempSync(join(tmpdir(), 'highnoon-redis-'));
    this.#config = config;
    process.once('exit', this.#kill);
  }

  /** Resolves when the connection is ready, rejects when the server ends before. */
  async start(redis: Redis): Promise<void> {
    const child = spawnServer(this.port, this.dir, this.#config);
    this.#child = child;
    const failed = new Promise<never>((_, reject) => {
      child.once('error', reject);
      child.once('exit', (code) =>
        reject(new Error(`redis-server ended with ${code ?? 'a signal'}`)),
      );
    });
    failed.catch(() => undefined);
    await Promise.race([untilReady(redis, readyMs), failed]);
  }

  async crash(): Promise<void> {
    this.#kill();
    if (this.#child !== null) await ended(this.#child);
  }

  async remove(): Promise<void> {
    await this.crash();
    process.off('exit', this.#kill);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Starts a server and a connection to it. Another process may have taken the port: tries again. */
export async function startRedis(options: TestRedisOptions = {}, tries = 1): Promise<TestRedis> {
  const port = await freePort();
  const server = new Server(port, options.config ?? {});
  const url = `redis://127.0.0.1:${port}`;
  const redis = connectRedis(url, {
    name: 'test',
    log: createLog('test', 'silent'),
    commandTimeoutMs: options.commandTimeoutMs ?? 0,
  });
  const stop = async (): Promise<void> => {
    redis.disconnect();
    await server.remove();
  };
  try {
    await server.start(redis);
  } catch (error) {
    await stop();
    if (tries < triesMax) return startRedis(options, tries + 1);
    throw error;
  }
  const crash = async (): Promise<void> => {
    const closed = redis.status === 'ready' && new Promise((done) => redis.once('close', done));
    await server.crash();
    await closed;
  };
  return { url, port, redis, dir: server.dir, crash, start: () => server.start(redis), stop };
}
