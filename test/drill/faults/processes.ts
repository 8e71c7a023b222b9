/** Processes that die, stand still, run out of file descriptors or are replaced one by one. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { familyOf, signalAll } from '../../support/processes.ts';
import { roleNames, storeNames, type DrillStack, type ProcessName } from '../stack.ts';
import { wait, type Fault } from './fault.ts';

const all: readonly ProcessName[] = [...roleNames, ...storeNames];

/** Long enough for every time-out of ours to pass. */
const stopsMs: readonly number[] = [1000, 5000, 12_000];

function pidOf(stack: DrillStack, name: ProcessName): number {
  const pid = stack.of(name).pid(name);
  if (pid === null) throw new Error(`${name} does not run`);
  return pid;
}

const kills = all.map((name): Fault => ({
  name: `kill-${name}`,
  kind: 'process',
  does: `SIGKILL to ${name}; its starter brings it back`,
  async run({ stack }) {
    const before = pidOf(stack, name);
    stack.of(name).kill(name, 'SIGKILL');
    while (stack.of(name).pid(name) === before) await wait(10);
    await stack.of(name).whenReady(name);
  },
}));

const stops = all.flatMap((name) =>
  stopsMs.map((ms): Fault => ({
    name: `stop-${name}-${ms / 1000}s`,
    kind: 'process',
    does: `SIGSTOP to ${name} for ${ms / 1000} s, then SIGCONT`,
    async run({ stack }) {
      const family = familyOf(pidOf(stack, name));
      signalAll(family, 'SIGSTOP');
      await wait(ms);
      signalAll(family, 'SIGCONT');
    },
  })),
);

const downs = (['kafka', 'postgres'] as const).map((name): Fault => ({
  name: `down-${name}-60s`,
  kind: 'process',
  does: `${name} is down for 60 s`,
  async run({ stack }) {
    await stack.stores.halt(name);
    await wait(60_000);
    await stack.stores.resume(name);
  },
}));

const rolling: Fault = {
  name: 'rolling-restart',
  kind: 'process',
  does: 'every api and worker is replaced, one after the other',
  async run({ stack }) {
    for (const name of roleNames) {
      await stack.roles.halt(name);
      await stack.roles.resume(name);
    }
  },
};

const noFiles: Fault = {
  name: 'no-file-descriptors-api',
  kind: 'process',
  does: 'api may open no further file or connection for 3 s',
  needs: ['prlimit'],
  async run({ stack }) {
    const pid = pidOf(stack, 'api');
    const open = readdirSync(`/proc/${pid}/fd`).length;
    const limits = readFileSync(`/proc/${pid}/limits`, 'latin1');
    const before = /Max open files +(\d+)/.exec(limits)?.[1] ?? '1024';
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${open}:`]);
    await wait(3000);
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${before}:`]);
  },
};

const storm: Fault = {
  name: 'rebalance-storm',
  kind: 'process',
  does: 'a worker comes and goes five times: the consumer groups are shared out anew each time',
  async run({ stack }) {
    for (let i = 0; i < 5; i += 1) {
      await stack.roles.halt('worker-2');
      await stack.roles.resume('worker-2');
    }
  },
};

export const processFaults: readonly Fault[] = [
  ...kills,
  ...stops,
  ...downs,
  rolling,
  noFiles,
  storm,
];
