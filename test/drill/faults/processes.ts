/** Processes that die, stand still, run out of file descriptors or are replaced one by one. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Admin } from 'kafkajs';
import { topicsOf } from '../../../engine/topics.ts';
import { familyOf, signalAll } from '../../support/processes.ts';
import { roleNames, storeNames, type DrillStack, type ProcessName } from '../stack.ts';
import { NotMet, stopsMs, wait, type Fault } from './fault.ts';
import { withAdmin } from './kafka.ts';

const all: readonly ProcessName[] = [...roleNames, ...storeNames];

const strangersAtOnce = 64;
const stormTimes = 5;
const joinedMaxMs = 15_000;

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
  async run({ stack, say }) {
    const pid = pidOf(stack, 'api');
    const open = readdirSync(`/proc/${pid}/fd`).length;
    const limits = readFileSync(`/proc/${pid}/limits`, 'latin1');
    const before = /Max open files +(\d+)/.exec(limits)?.[1] ?? '1024';
    const limit = (files: number | string): void => {
      execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}:`]);
    };
    limit(open);
    let unanswered = 0;
    try {
      unanswered = await strangers(stack.apis[0] ?? '');
    } finally {
      limit(before);
    }
    if (unanswered === 0) throw new NotMet('every new connection was served');
    say(`${unanswered} of ${strangersAtOnce} new connections got no answer`);
  },
};

/** New connections at once, each kept for 3 s. Answers how many of them got no answer. */
async function strangers(api: string): Promise<number> {
  const { hostname: host, port } = new URL(api);
  const answers = await Promise.all(
    Array.from({ length: strangersAtOnce }, async () => {
      let told = false;
      const socket = connect({ host, port: Number(port) });
      socket.on('error', () => undefined); // refused, which is no answer
      socket.on('data', () => (told = true));
      socket.write(`GET /health/live HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      await wait(3000);
      socket.destroy();
      return told;
    }),
  );
  return answers.filter((told) => !told).length;
}

/** Who has been in the group of the settlers so far: a member that comes back is another one. */
class GroupWatch {
  readonly #admin: Admin;
  readonly #seen = new Set<string>();

  constructor(admin: Admin) {
    this.#admin = admin;
  }

  get members(): number {
    return this.#seen.size;
  }

  /** Until there were more than so many. Throws NotMet when nobody comes. */
  async untilJoined(known: number): Promise<void> {
    const until = performance.now() + joinedMaxMs;
    const { settlerGroup } = topicsOf('');
    for (;;) {
      const { groups } = await this.#admin.describeGroups([settlerGroup]);
      for (const { memberId } of groups[0]?.members ?? []) this.#seen.add(memberId);
      if (this.#seen.size > known) return;
      if (performance.now() > until) throw new NotMet('the group was not shared out anew');
      await wait(20);
    }
  }
}

const storm: Fault = {
  name: 'rebalance-storm',
  kind: 'process',
  does: 'a worker comes and goes five times: the consumer groups are shared out anew each time',
  run: ({ stack, say }) =>
    withAdmin(stack, async (admin) => {
      const watch = new GroupWatch(admin);
      await watch.untilJoined(0);
      for (let times = 0; times < stormTimes; times += 1) {
        const known = watch.members;
        await stack.roles.halt('worker-2');
        await stack.roles.resume('worker-2');
        await watch.untilJoined(known);
      }
      say(`${watch.members} members of the settlers' group, one after the other`);
    }),
};

export const processFaults: readonly Fault[] = [
  ...kills,
  ...stops,
  ...downs,
  rolling,
  noFiles,
  storm,
];
