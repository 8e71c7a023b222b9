/**
 * The configuration of a process, read once from the environment. The table of variables, with
 * defaults and bounds, is stack/env.mjs, so that the starter refuses the same values.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEnv } from '../stack/env.mjs';

export type Environment = Readonly<Record<string, string | undefined>>;

export type RateLimits = 'on' | 'off' | 'loopback-exempt';

export type NodeEnv = 'development' | 'production' | 'test';

export type NeededVariable = 'REDIS_URL' | 'DATABASE_URL' | 'KAFKA_BROKERS';

export interface OpsPeer {
  readonly process: string;
  readonly url: string;
}

export interface Config {
  readonly port: number;
  readonly catalogPort: number;
  readonly opsPort: number;
  readonly host: string;
  /** '' when not set: ask for it by `needs`. */
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly kafkaBrokers: readonly string[];
  readonly roles: readonly string[];
  readonly lanes: number;
  readonly rateLimits: RateLimits;
  /** In lower case, without a path. */
  readonly allowedOrigins: readonly string[];
  readonly nodeEnv: NodeEnv;
  readonly currency: string;
  readonly logLevel: string;
  readonly redisMaxmemoryMb: number;
  readonly inDoubtMax: number;
  readonly inDoubtMaxAgeSeconds: number;
  readonly outboxKeepMs: number;
  readonly relayPauseMs: number;
  readonly batchMax: number;
  readonly holdSecondsDefault: number;
  readonly lineMax: number;
  readonly admitHoldP99Ms: number;
  readonly admitInDoubtMs: number;
  readonly kafkaReplication: number;
  readonly commandTimeoutMs: number;
  /** Before every topic and group. */
  readonly topicPrefix: string;
  readonly catalogUrl: string;
  readonly opsPeers: readonly OpsPeer[];
  readonly tokenIssuer: string;
  readonly tokenAudience: string;
  readonly jwksUrl: string;
  /** Empty = draws use no public randomness. */
  readonly beaconUrl: string;
  readonly highnoonDir: string;
  readonly crashAt: string;
  readonly processName: string;
}

export interface ConfigProblem {
  readonly name: string;
  readonly message: string;
}

/** Every wrong variable by its name; a process that meets it exits with code 2. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ name, message }) => `  ${name}: ${message}`);
    super(`The configuration is refused:\n${lines.join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads the environment. `needs` are variables that may be empty in general but not for this
 * process. Throws a ConfigError that lists everything wrong.
 */
export function loadConfig(
  env: Environment = process.env,
  needs: readonly NeededVariable[] = [],
): Config {
  const { values, problems: texts } = readEnv({ ...env });
  const problems = texts.map(toProblem);
  for (const name of needs) {
    if ((env[name] ?? '') === '') problems.push({ name, message: 'is needed by this process' });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    ...values,
    redisUrl: values.redisUrl ?? '',
    databaseUrl: values.databaseUrl ?? '',
    catalogUrl: values.catalogUrl ?? `http://${values.host}:${values.catalogPort}`,
    jwksUrl: values.jwksUrl ?? '',
    beaconUrl: values.beaconUrl ?? '',
    highnoonDir: values.highnoonDir ?? join(projectRoot(), '.highnoon'),
    processName: values.processName ?? 'highnoon',
  };
}

/** `NAME: what is wrong with it`. */
function toProblem(text: string): ConfigProblem {
  const cut = text.indexOf(': ');
  return cut < 0
    ? { name: text, message: 'is not valid' }
    : { name: text.slice(0, cut), message: text.slice(cut + 2) };
}

/** The log level before there is a Config. */
export function logLevelOf(env: Environment = process.env): string {
  return env['LOG_LEVEL'] ?? 'info';
}

/** What a process calls itself in logs and metrics: its role, unless it was given a name. */
export function processNameOf(role: string, env: Environment = process.env): string {
  const named = env['HIGHNOON_PROCESS'] ?? '';
  return named === '' ? role : named;
}

/** The folder that holds package.json: where lua/, *.sql and grafana/ are read from. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('no package.json above this file');
    folder = parent;
  }
  return folder;
}
