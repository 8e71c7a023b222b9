/** The processes of the shared stack, as its stack.json names them now. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';

interface Running {
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

export function processes(): Running['processes'] {
  const text = readFileSync(join(inject('stack').dir, 'stack.json'), 'utf8');
  return (JSON.parse(text) as Running).processes;
}

/** Undefined while it is away. */
export const pidOf = (name: string): number | undefined =>
  processes().find((one) => one.name === name)?.pid;

/** Throws while it is away. */
export function mustPidOf(name: string): number {
  const pid = pidOf(name);
  if (pid === undefined) throw new Error(`no ${name} in stack.json`);
  return pid;
}
