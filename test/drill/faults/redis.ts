/** Redis has no room, fails to sync, forgets its scripts, or takes every lease away. */
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DrillStack } from '../stack.ts';
import { mustHaveFailed, mustHaveTwoOwners, refusedTries } from './evidence.ts';
import { NotMet, wait, type Fault } from './fault.ts';
import { redisDir, withRedis } from './redis-at.ts';

const outOfMemory: Fault = {
  name: 'redis-out-of-memory',
  kind: 'store',
  does: 'maxmemory is set below what is used for 3 s',
  run: ({ stack, probe }) =>
    withRedis(stack, async (redis) => {
      const [, before = ''] = await redis.config('GET', 'maxmemory');
      const errors = await redis.info('errorstats');
      await redis.config('SET', 'maxmemory', '1mb');
      let refused = 0;
      try {
        await wait(3000);
        refused = refusedTries(await probe());
      } finally {
        await redis.config('SET', 'maxmemory', before);
      }
      // A gate that has seen how full it is keeps holds away from Redis.
      if (refused === 0) mustHaveFailed(errors, await redis.info('errorstats'), 'OOM');
    }),
};

const scriptsFlushed: Fault = {
  name: 'redis-scripts-flushed',
  kind: 'store',
  does: 'SCRIPT FLUSH, 20 times in 1 s',
  run: ({ stack }) =>
    withRedis(stack, async (redis) => {
      const errors = await redis.info('errorstats');
      for (let i = 0; i < 20; i += 1) {
        await redis.script('FLUSH');
        await wait(50);
      }
      mustHaveFailed(errors, await redis.info('errorstats'), 'NOSCRIPT');
    }),
};

/** Throws when Redis outlives what was to end it. `deaths` = how often it had died before. */
async function redisDied(stack: DrillStack, deaths: number): Promise<void> {
  for (let i = 0; i < 250; i += 1) {
    if (stack.stores.deaths('redis') > deaths) return;
    await wait(20);
  }
  throw new NotMet('Redis outlived it');
}

const fsyncFails: Fault = {
  name: 'redis-fsync-error',
  kind: 'store',
  does: 'fdatasync of Redis fails once with EIO: Redis ends itself',
  needs: ['strace'],
  async run({ stack }) {
    const pid = stack.stores.pid('redis');
    const deaths = stack.stores.deaths('redis');
    const args = ['-f', '-qq', '-p', String(pid), '-e', 'trace=fdatasync'];
    try {
      execFileSync('strace', [...args, '-e', 'inject=fdatasync:error=EIO:when=1'], {
        stdio: 'ignore',
        timeout: 5000,
      });
    } catch {
      // It ends with the process it watches, or by the time-out.
    }
    await redisDied(stack, deaths);
    await stack.stores.whenReady('redis');
  },
};

const diskFull: Fault = {
  name: 'redis-disk-full',
  kind: 'store',
  does: 'the disk of the append-only file is full for 3 s: Redis ends itself',
  needs: ['root', 'mount'],
  async run({ stack }) {
    const folder = redisDir(stack);
    const aside = `${folder}-aside`;
    const filler = join(folder, 'filler');
    await stack.stores.halt('redis');
    rmSync(aside, { recursive: true, force: true });
    cpSync(folder, aside, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'tmpfs', folder]);
    try {
      cpSync(aside, folder, { recursive: true });
      await stack.stores.resume('redis');
      await wait(1000);
      const deaths = stack.stores.deaths('redis');
      try {
        writeFileSync(filler, Buffer.alloc(300 * 1024 * 1024));
      } catch {
        // ENOSPC is what was wanted.
      }
      await wait(3000);
      rmSync(filler, { force: true });
      await redisDied(stack, deaths);
      await stack.stores.whenReady('redis');
      await wait(1000);
      await stack.stores.halt('redis');
      rmSync(aside, { recursive: true });
      cpSync(folder, aside, { recursive: true });
    } finally {
      // A fork of Redis that rewrites its file may be there still.
      execFileSync('umount', ['--lazy', folder]);
    }
    rmSync(folder, { recursive: true });
    cpSync(aside, folder, { recursive: true });
    rmSync(aside, { recursive: true });
    await stack.stores.resume('redis');
  },
};

const twoOwners: Fault = {
  name: 'two-owners-of-every-loop',
  kind: 'store',
  does: 'leases are taken away every 20 ms for 3 s, so both workers do the same work',
  run: ({ stack }) =>
    withRedis(stack, async (redis) => {
      const owners = new Map<string, Set<string>>();
      const until = performance.now() + 3000;
      while (performance.now() < until) {
        for (const lease of await redis.keys('{lane:*}:lease:*')) {
          const owner = await redis.getdel(lease);
          if (owner === null) continue;
          owners.set(lease, (owners.get(lease) ?? new Set()).add(owner));
        }
        await wait(20);
      }
      mustHaveTwoOwners(owners);
    }),
};

export const redisFaults: readonly Fault[] = [
  outOfMemory,
  scriptsFlushed,
  fsyncFails,
  diskFull,
  twoOwners,
];
