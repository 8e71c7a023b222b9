/**
 * Redis's disk loses something, under load; then recover. At the moment of the loss Redis is cut
 * off and what only Redis has is written down: nothing but that may be gone afterwards.
 */
import { cpSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { readDoubt } from '../doubt.ts';
import type { DrillStack } from '../stack.ts';
import { mustBeShut, refusedTries } from './evidence.ts';
import { NotMet, wait, type Fault, type FaultContext } from './fault.ts';
import { redisDir, withRedis } from './redis-at.ts';

/** An empty Redis is looked at for so long before it is recovered, and until somebody was refused. */
const shutForMs = 2000;
/** An api whose Redis was away answers nobody for a while. */
const refusedWithinMs = 15_000;

/** What an operator does when a lane is frozen or its Redis has lost its data. */
async function recover({ stack, say }: FaultContext): Promise<void> {
  const { code, out, err } = await stack.highnoon(['recover']);
  say(`recover: exit ${code}; ${out.trim().split('\n').at(-1) ?? ''}`);
  if (code !== 0) throw new Error(`recover failed (${code}): ${out} ${err}`);
}

/** True once a lane says that it cannot serve as it is. */
async function untilFrozen(stack: DrillStack): Promise<boolean> {
  for (let i = 0; i < 300; i += 1) {
    const keys = await withRedis(stack, (redis) => redis.keys('{lane:*}:frozen')).catch(() => []);
    if (keys.length > 0) return true;
    await wait(50);
  }
  return false;
}

/** Nobody is served, and nothing makes the lanes anew, until somebody recovers them. */
async function staysShut({ stack, probe, say }: FaultContext): Promise<void> {
  const from = performance.now();
  let refused = 0;
  do {
    const tries = await probe();
    const markers = await withRedis(stack, (redis) => redis.keys('{lane:*}:marker'));
    mustBeShut(tries, markers);
    refused += refusedTries(tries);
    await wait(50);
  } while (performance.now() - from < (refused > 0 ? shutForMs : refusedWithinMs));
  if (refused === 0) throw new NotMet('nobody was refused while Redis was empty');
  say(`refused ${refused} holds while Redis was empty`);
}

/** Cuts Redis off, writes down what is in doubt, ends it, and brings it back after `change`. */
async function lose({ stack, loses }: FaultContext, change: () => void): Promise<void> {
  const proxy = stack.proxies.redis;
  await proxy.cut();
  loses(await readDoubt(stack));
  await stack.stores.halt('redis');
  change();
  await stack.stores.resume('redis');
  proxy.behave();
}

const aofOlder: Fault = {
  name: 'redis-older-aof',
  kind: 'store',
  does: 'Redis comes back with an append-only file that is 3 s old; then recover',
  async run(context) {
    const { stack } = context;
    const old = join(stack.stores.dir, 'redis-old');
    rmSync(old, { recursive: true, force: true });
    cpSync(redisDir(stack), old, { recursive: true });
    await wait(3000);
    await lose(context, () => {
      rmSync(redisDir(stack), { recursive: true });
      cpSync(old, redisDir(stack), { recursive: true });
    });
    if (!(await untilFrozen(stack))) throw new Error('an older copy was served');
    await recover(context);
  },
};

const redisLost: Fault = {
  name: 'redis-lost-everything',
  kind: 'store',
  does: 'Redis comes back empty in the middle of a sale; then recover',
  async run(context) {
    const { stack } = context;
    await lose(context, () => {
      for (const name of readdirSync(redisDir(stack))) {
        rmSync(join(redisDir(stack), name), { recursive: true });
      }
    });
    try {
      await staysShut(context);
    } finally {
      await recover(context);
    }
  },
};

const aofCut: Fault = {
  name: 'redis-aof-cut-short',
  kind: 'store',
  does: 'the last 300 bytes of the append-only file are gone; recover if a lane says so',
  async run(context) {
    const { stack } = context;
    await lose(context, () => {
      const folder = join(redisDir(stack), 'appendonlydir');
      const last = readdirSync(folder)
        .filter((name) => name.endsWith('.incr.aof'))
        .map((name) => join(folder, name))
        .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
        .at(-1);
      if (last === undefined) throw new NotMet('no append-only file');
      truncateSync(last, Math.max(0, statSync(last).size - 300));
    });
    if (await shutWithin(context, 3000)) await recover(context);
  },
};

async function shutWithin({ stack }: FaultContext, ms: number): Promise<boolean> {
  for (let waited = 0; waited < ms; waited += 50) {
    const frozen = await withRedis(stack, (redis) => redis.keys('{lane:*}:frozen'));
    if (frozen.length > 0) return true;
    await wait(50);
  }
  return false;
}

export const redisDiskFaults: readonly Fault[] = [aofOlder, redisLost, aofCut];
