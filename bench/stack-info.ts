/** The running stack, from the stack.json that its starter keeps. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface StackProcess {
  readonly name: string;
  readonly pid: number;
}

export interface StackInfo {
  readonly dir: string;
  readonly apiUrl: string;
  readonly catalogUrl: string;
  readonly opsUrl: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly kafkaBrokers: string;
  readonly processes: readonly StackProcess[];
}

interface StackFile {
  readonly [name: string]: unknown;
  readonly processes?: readonly StackProcess[];
}

export const defaultDir = '.highnoon';

/** Throws an Error that says where it looked when no stack runs there. */
export function readStackInfo(dir: string): StackInfo {
  let file: StackFile;
  try {
    file = JSON.parse(readFileSync(join(dir, 'stack.json'), 'utf8')) as StackFile;
  } catch (cause) {
    throw new Error(`No stack runs in ${dir}: start one with npm start.`, { cause });
  }
  const url = (name: string): string => {
    const value = file[name];
    if (typeof value === 'string') return value;
    throw new Error(`The stack in ${dir} has no ${name}.`);
  };
  return {
    dir,
    apiUrl: url('api_url'),
    catalogUrl: url('catalog_url'),
    opsUrl: url('ops_url'),
    redisUrl: url('redis_url'),
    databaseUrl: url('database_url'),
    kafkaBrokers: url('kafka_brokers'),
    processes: file.processes ?? [],
  };
}

/** The pid of a role, or null when the stack has none of that name. */
export function pidOf(stack: StackInfo, name: string): number | null {
  return stack.processes.find((process) => process.name === name)?.pid ?? null;
}
