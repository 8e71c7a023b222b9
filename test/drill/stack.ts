/**
 * The stack under attack: stores of its own, a proxy before each of them, and roles that know only
 * the proxies. Two apis and two workers, so that one may die while the other goes on.
 */
import { spawn } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { linkTo, type Link } from '../support/link.ts';

/** What a drill uses of `stack/stack.mjs`; the starter hands it in. */
export interface Stack {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly urls: Readonly<Record<'api' | 'redis' | 'database' | 'kafka', string | null>>;
  pid(name: string): number | null;
  kill(name: string, by?: NodeJS.Signals): void;
  halt(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  whenReady(name: string): Promise<void>;
  restartWith(name: string, env: NodeJS.ProcessEnv): Promise<void>;
  deaths(name: string): number;
  spawnRole(
    role: string,
    env?: NodeJS.ProcessEnv,
  ): Promise<{ readonly name: string; readonly url: string; readonly opsUrl: string }>;
  stop(): Promise<void>;
}

export interface StackModule {
  startStack(options: Readonly<Record<string, unknown>>): Promise<Stack>;
  freePorts(count: number): Promise<number[]>;
}

export type StoreName = 'redis' | 'postgres' | 'kafka';

export const storeNames: readonly StoreName[] = ['redis', 'postgres', 'kafka'];
export const roleNames = ['api', 'api-2', 'worker', 'worker-2', 'catalog'] as const;

export type ProcessName = StoreName | (typeof roleNames)[number];

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const isStore = (name: ProcessName): name is StoreName =>
  (storeNames as readonly string[]).includes(name);

export class DrillStack {
  readonly stores: Stack;
  readonly roles: Stack;
  readonly proxies: Readonly<Record<StoreName, Link>>;
  readonly apis: readonly string[];

  private constructor(
    stores: Stack,
    roles: Stack,
    proxies: Readonly<Record<StoreName, Link>>,
    apis: readonly string[],
  ) {
    this.stores = stores;
    this.roles = roles;
    this.proxies = proxies;
    this.apis = apis;
  }

  /** `env` = configuration of stores and roles that is not the default. */
  static async start(
    module: StackModule,
    say: (line: string) => void,
    env: NodeJS.ProcessEnv = {},
  ): Promise<DrillStack> {
    const [advertised = 0] = await module.freePorts(1);
    const stores = await module.startStack({
      roles: [],
      log: say,
      env,
      maxConnections: 200,
      kafkaAdvertised: advertised,
    });
    const { redis, database, kafka } = stores.urls;
    if (redis === null || database === null || kafka === null) {
      throw new Error('a store is missing');
    }
    const proxies = {
      redis: await linkTo(redis),
      postgres: await linkTo(database),
      kafka: await linkTo(`tcp://${kafka}`, { port: advertised }),
    };
    const roles = await module.startStack({
      stores: storeNames,
      roles: ['api', 'catalog', 'worker'],
      log: say,
      env: {
        ...env,
        REDIS_URL: proxies.redis.url,
        DATABASE_URL: proxies.postgres.url,
        KAFKA_BROKERS: proxies.kafka.address,
        LOG_LEVEL: 'warn',
      },
    });
    const second = await roles.spawnRole('api');
    await roles.spawnRole('worker');
    return new DrillStack(stores, roles, proxies, [roles.urls.api ?? '', second.url]);
  }

  of(name: ProcessName): Stack {
    return isStore(name) ? this.stores : this.roles;
  }

  /** `npx highnoon …` at the stores themselves, past the proxies. */
  highnoon(args: readonly string[]): Promise<CommandResult> {
    const child = spawn(process.execPath, ['stack/cli/highnoon.mjs', ...args], {
      env: { ...process.env, ...this.storeEnv() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        resolve({ code: code ?? 1, out, err });
      });
    });
  }

  storeEnv(): Readonly<Record<'REDIS_URL' | 'DATABASE_URL' | 'KAFKA_BROKERS', string>> {
    const { redis, database, kafka } = this.stores.urls;
    return {
      REDIS_URL: redis ?? '',
      DATABASE_URL: database ?? '',
      KAFKA_BROKERS: kafka ?? '',
    };
  }

  /** Copies what every process has logged: its own folders are removed with it. */
  keepLogs(folder: string): void {
    for (const [name, { dir }] of [
      ['roles', this.roles],
      ['stores', this.stores],
    ] as const) {
      cpSync(join(dir, 'logs'), join(folder, name), { recursive: true });
    }
  }

  async stop(): Promise<void> {
    await this.roles.stop();
    await Promise.all(Object.values(this.proxies).map((proxy) => proxy.close()));
    await this.stores.stop();
  }
}
