/**
 * One whole stack for all files of this tier but those that break one: started once before them,
 * ended after them. Its files run one after the other and own what they make.
 */
import type { TestProject } from 'vitest/node';
import { startStack } from '../../stack/stack.mjs';

export interface SharedStack {
  readonly api: string;
  readonly catalog: string;
  /** The operators' port of api; catalog and worker have the two numbers after it. */
  readonly ops: string;
  readonly redis: string;
  readonly database: string;
  readonly kafka: string;
  /** Its folder: HIGHNOON_DIR of the commands. */
  readonly dir: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    stack: SharedStack;
  }
}

/** The addresses of a stack that runs in full. */
export function addressesOf(stack: Awaited<ReturnType<typeof startStack>>): SharedStack {
  const url = (name: keyof typeof stack.urls): string => {
    const value = stack.urls[name];
    if (value === null) throw new Error(`the stack has no ${name}`);
    return value;
  };
  return {
    api: url('api'),
    catalog: url('catalog'),
    ops: url('ops'),
    redis: url('redis'),
    database: url('database'),
    kafka: url('kafka'),
    dir: stack.dir,
  };
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack();
  project.provide('stack', addressesOf(stack));
  return () => stack.stop();
}
