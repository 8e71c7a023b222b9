/**
 * CPU time by process, as the kernel counts it: the process, its living descendants, and those that
 * it has waited for. Postgres works in children of its postmaster; an AOF rewrite is one of Redis.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { StackProcess } from '../stack-info.ts';

export interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Microseconds in user and kernel mode, waited-for children included. */
  readonly micros: number;
}

/** Microseconds by name. */
export type CpuTimes = ReadonlyMap<string, number>;

/** USER_HZ is 100 on every Linux that Node runs on. */
const tickMicros = 10_000;
const fieldsAfterName = { parent: 1, utime: 11, childStime: 14 };

/** A line of /proc/<pid>/stat; the name in it may hold blanks and parentheses. */
export function parseStat(text: string): Stat {
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  const times = fields.slice(fieldsAfterName.utime, fieldsAfterName.childStime + 1);
  const ticks = times.reduce((sum, field) => sum + Number(field), 0);
  const pid = Number.parseInt(text, 10);
  const parent = Number(fields[fieldsAfterName.parent]);
  if (nameEnd < 0 || times.length !== 4 || !Number.isFinite(pid + parent + ticks)) {
    throw new Error(`not a line of /proc/<pid>/stat: ${text.slice(0, 80)}`);
  }
  return { pid, parent, micros: ticks * tickMicros };
}

/** Microseconds of a process and all below it. */
export function treeMicros(stats: readonly Stat[], root: number): number {
  const inTree = new Set([root]);
  let grown = true;
  while (grown) {
    grown = false;
    for (const { pid, parent } of stats) {
      if (!inTree.has(parent) || inTree.has(pid)) continue;
      inTree.add(pid);
      grown = true;
    }
  }
  return stats.reduce((sum, { pid, micros }) => (inTree.has(pid) ? sum + micros : sum), 0);
}

function allStats(): Stat[] {
  const stats: Stat[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      stats.push(parseStat(readFileSync(`/proc/${name}/stat`, 'utf8')));
    } catch (error) {
      // It ended since the folder was read.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
  return stats;
}

/** What each process, and this one as `generator`, has used so far. */
export function cpuTimes(processes: readonly StackProcess[], generator: string): CpuTimes {
  const stats = allStats();
  const { user, system } = process.cpuUsage();
  return new Map([
    ...processes.map(({ name, pid }): [string, number] => [name, treeMicros(stats, pid)]),
    [generator, user + system],
  ]);
}

/** Microseconds for each of `count` operations between two readings, by process. */
export function perOperation(before: CpuTimes, after: CpuTimes, count: number): CpuTimes {
  return new Map(
    [...after].map(([name, micros]) => [name, (micros - (before.get(name) ?? 0)) / count]),
  );
}

export function sumOver(times: CpuTimes, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (times.get(name) ?? 0), 0);
}
