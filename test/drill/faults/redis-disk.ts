/**
 * Redis's disk loses something, under load; then recover. At the moment of the loss Redis is cut
 * off and what only Redis has is written down: nothing but that may be gone afterwards.
 */
import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { readDoubt, type Doubt } from '../doubt.ts';
import type { DrillStack } from '../stack.ts';
import { lostAtLeast, readTold } from '../told.ts';
import { cutAt, mustBeShut, refusedTries, wentBack, type Heads } from './evidence.ts';
import { NotMet, wait, type Fault, type FaultContext } from './fault.ts';
import { redisDir, withRedis } from './redis-at.ts';

/** An empty Redis is looked at for so long before it is recovered, and until somebody was refused. */
const shutForMs = 2000;
/** An api whose Redis was away answers nobody for a while. */
const refusedWithinMs = 15_000;
/** Cuts of the append-only file until one takes a decision. */
const cutTries = 3;
const cutEveryMs = 2000;

/** What an operator does when a lane is frozen or its Redis has lost its data. */
async function recover({ stack, say, shows, recovers }: FaultContext): Promise<void> {
  const { code, out, err } = await stack.highnoon(['recover', '--json']);
  if (code !== 0) throw new Error(`recover failed (${code}): ${out} ${err}`);
  const told = readTold(out);
  recovers(told);
  const found = told.map((one) => `lane ${one.lane} ${one.found}`).join(', ');
  shows(`recover: at least ${lostAtLeast(told)} entries lost`);
  say(`recover: ${found}; at least ${lostAtLeast(told)} entries lost`);
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

/** Of every outbox the last id that it ever gave, trimmed or not. */
const headsOf = (stack: DrillStack): Promise<Heads> =>
  withRedis(stack, async (redis) => {
    const heads = new Map<string, string>();
    for (const key of await redis.keys('{lane:*}:outbox')) {
      const info = (await redis.xinfo('STREAM', key)) as unknown[];
      heads.set(key, String(info[info.indexOf('last-generated-id') + 1]));
    }
    return heads;
  });

/**
 * Cuts Redis off, writes down what is in doubt, ends it, and brings it back after `change`. Throws
 * NotMet when it comes back with all that it had decided.
 */
async function lose({ stack, loses, say, shows }: FaultContext, change: () => void): Promise<void> {
  const proxy = stack.proxies.redis;
  await proxy.cut();
  try {
    const doubt = await readDoubt(stack);
    const before = await headsOf(stack);
    loses(doubt);
    await stack.stores.halt('redis');
    try {
      change();
    } finally {
      await stack.stores.resume('redis');
    }
    const sign = wentBack(before, await headsOf(stack));
    say(`${sign}; only Redis had ${sum(doubt.entries)} entries`);
    shows(sign);
  } finally {
    // Whoever tries once more needs entries, and the others need Redis.
    proxy.behave();
  }
}

const sum = (entries: Doubt['entries']): number =>
  [...entries.values()].reduce((n, of) => n + of, 0);

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

/** The append-only file that was written last. */
function lastFile(stack: DrillStack): string {
  const folder = join(redisDir(stack), 'appendonlydir');
  const last = readdirSync(folder)
    .filter((name) => name.endsWith('.incr.aof'))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    .at(-1);
  if (last === undefined) throw new NotMet('no append-only file');
  return last;
}

const aofCut: Fault = {
  name: 'redis-aof-cut-short',
  kind: 'store',
  does: 'the append-only file ends in the last entry of an outbox, 300 bytes early at least; recover if a lane says so',
  async run(context) {
    const { stack } = context;
    // A file that was just rewritten has none: there is one soon.
    for (let tries = 1; ; tries += 1) {
      try {
        await lose(context, () => {
          const file = lastFile(stack);
          truncateSync(file, cutAt(readFileSync(file), 300));
        });
        break;
      } catch (error) {
        if (!(error instanceof NotMet) || tries === cutTries) throw error;
      }
      await wait(cutEveryMs);
    }
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
