/** Where a figure was taken: machine, versions, commit, and what else kept the machine busy. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem, release } from 'node:os';
import { measureDisk, type Disk } from './disk.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  /** Short hash, with `+` when files differ from it; null without git. */
  readonly commit: string | null;
  readonly disk: Disk;
}

const gb = 2 ** 30;
const tickMicros = 10_000;

function git(...args: string[]): string {
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
  return execFileSync('git', args, { encoding: 'utf8', stdio }).trim();
}

function commit(): string | null {
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', '--short', 'HEAD') + (changed ? '+' : '');
  } catch {
    return null;
  }
}

/** `dir` is on the disk that the stack writes to. */
export function machine(dir: string): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGb: Math.round(totalmem() / gb),
    kernel: release(),
    node: process.version,
    commit: commit(),
    disk: measureDisk(dir),
  };
}

/** Microseconds in which any CPU was busy or taken away by the host, from /proc/stat. */
export function parseBusy(text: string): number {
  const line = /^cpu +(.+)$/m.exec(text)?.[1];
  if (line === undefined) throw new Error('/proc/stat has no line of all CPUs');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * tickMicros;
}

export function busyMicros(): number {
  return parseBusy(readFileSync('/proc/stat', 'utf8'));
}
