/** Stores that lose, repeat or forget what was in them, or have no room left. */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import type { DrillStack } from '../stack.ts';
import { wait, type Fault, type FaultContext } from './fault.ts';

const topic = 'orders';

async function withRedis<T>(stack: DrillStack, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(stack.storeEnv().REDIS_URL);
  redis.on('error', () => undefined);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

const kafkaOf = (stack: DrillStack): Kafka =>
  new Kafka({
    clientId: 'drill',
    // By the proxy: it is what the broker says its address is.
    brokers: [`127.0.0.1:${stack.proxies.kafka.port}`],
    logLevel: logLevel.NOTHING,
  });

const redisDir = (stack: DrillStack): string => join(stack.stores.dir, 'redis');

/** What an operator does when a lane is frozen or its Redis has lost its data. */
async function recover({ stack, say }: FaultContext): Promise<void> {
  const { code, out, err } = await stack.highnoon(['recover']);
  say(`recover: exit ${code}; ${out.trim().split('\n').at(-1) ?? ''}`);
  if (code !== 0) throw new Error(`recover failed (${code}): ${out} ${err}`);
}

/** True once a lane says that it cannot serve as it is. */
async function untilShut(stack: DrillStack): Promise<boolean> {
  for (let i = 0; i < 300; i += 1) {
    const shut = await withRedis(stack, async (redis) => {
      const keys = await redis.keys('{lane:*}:frozen');
      const markers = await redis.keys('{lane:*}:marker');
      return keys.length > 0 || markers.length === 0;
    }).catch(() => false);
    if (shut) return true;
    await wait(50);
  }
  return false;
}

const aofOlder: Fault = {
  name: 'redis-older-aof',
  kind: 'store',
  does: 'Redis comes back with an append-only file that is 3 s old; then recover',
  mayLose: true,
  async run(context) {
    const { stack } = context;
    const old = join(stack.stores.dir, 'redis-old');
    rmSync(old, { recursive: true, force: true });
    cpSync(redisDir(stack), old, { recursive: true });
    await wait(3000);
    await stack.stores.halt('redis');
    rmSync(redisDir(stack), { recursive: true });
    cpSync(old, redisDir(stack), { recursive: true });
    await stack.stores.resume('redis');
    if (!(await untilShut(stack))) throw new Error('an older copy was served');
    await recover(context);
  },
};

const redisLost: Fault = {
  name: 'redis-lost-everything',
  kind: 'store',
  does: 'Redis comes back empty in the middle of a sale; then recover',
  mayLose: true,
  async run(context) {
    const { stack } = context;
    await stack.stores.halt('redis');
    for (const name of readdirSync(redisDir(stack))) {
      rmSync(join(redisDir(stack), name), { recursive: true });
    }
    await stack.stores.resume('redis');
    if (!(await untilShut(stack))) throw new Error('an empty Redis was served');
    await recover(context);
  },
};

const aofCut: Fault = {
  name: 'redis-aof-cut-short',
  kind: 'store',
  does: 'the last 300 bytes of the append-only file are gone; recover if a lane says so',
  mayLose: true,
  async run(context) {
    const { stack } = context;
    await stack.stores.halt('redis');
    const folder = join(redisDir(stack), 'appendonlydir');
    const last = readdirSync(folder)
      .filter((name) => name.endsWith('.incr.aof'))
      .map((name) => join(folder, name))
      .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
      .at(-1);
    if (last === undefined) throw new Error('no append-only file');
    truncateSync(last, Math.max(0, statSync(last).size - 300));
    await stack.stores.resume('redis');
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

const outOfMemory: Fault = {
  name: 'redis-out-of-memory',
  kind: 'store',
  does: 'maxmemory is set below what is used for 3 s',
  run: ({ stack }) =>
    withRedis(stack, async (redis) => {
      const [, before = ''] = await redis.config('GET', 'maxmemory');
      await redis.config('SET', 'maxmemory', '1mb');
      await wait(3000);
      await redis.config('SET', 'maxmemory', before);
    }),
};

const scriptsFlushed: Fault = {
  name: 'redis-scripts-flushed',
  kind: 'store',
  does: 'SCRIPT FLUSH, 20 times in 1 s',
  run: ({ stack }) =>
    withRedis(stack, async (redis) => {
      for (let i = 0; i < 20; i += 1) {
        await redis.script('FLUSH');
        await wait(50);
      }
    }),
};

/** Throws when Redis outlives what was to end it. `deaths` = how often it had died before. */
async function redisDied(stack: DrillStack, deaths: number): Promise<void> {
  for (let i = 0; i < 250; i += 1) {
    if (stack.stores.deaths('redis') > deaths) return;
    await wait(20);
  }
  throw new Error('Redis outlived it');
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
      execFileSync('umount', [folder]);
    }
    rmSync(folder, { recursive: true });
    cpSync(aside, folder, { recursive: true });
    rmSync(aside, { recursive: true });
    await stack.stores.resume('redis');
  },
};

/** With Postgres silent the relay goes on and the settler stands: what is cut off had not settled. */
async function whileNothingSettles(stack: DrillStack, act: () => Promise<void>): Promise<void> {
  stack.proxies.postgres.misbehave({ silent: true });
  try {
    await wait(1500);
    await act();
  } finally {
    stack.proxies.postgres.behave();
  }
}

const kafkaHole: Fault = {
  name: 'kafka-hole',
  kind: 'store',
  does: 'messages of `orders` that have not settled are deleted from the topic',
  async run({ stack }) {
    const admin = kafkaOf(stack).admin();
    await admin.connect();
    try {
      await whileNothingSettles(stack, async () => {
        const ends = await admin.fetchTopicOffsets(topic);
        const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
        await admin.deleteTopicRecords({ topic, partitions });
      });
    } finally {
      await admin.disconnect();
    }
  },
};

const kafkaTopicLost: Fault = {
  name: 'kafka-topic-lost',
  kind: 'store',
  does: 'the topic `orders` is deleted with all that is in it',
  async run({ stack }) {
    const admin = kafkaOf(stack).admin();
    await admin.connect();
    try {
      await admin.deleteTopics({ topics: [topic] });
    } finally {
      await admin.disconnect();
    }
  },
};

interface Copy {
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Reads `orders` from its beginning for two seconds. */
async function readAll(kafka: Kafka): Promise<Copy[]> {
  const copies: Copy[] = [];
  const consumer = kafka.consumer({ groupId: `drill-${Date.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ partition, message: { key, value } }) => {
      copies.push({ partition, key, value });
      return Promise.resolve();
    },
  });
  await wait(2000);
  await consumer.disconnect();
  return copies;
}

const kafkaRepeats: Fault = {
  name: 'kafka-duplicates-reordered',
  kind: 'store',
  does: 'the last 500 messages of `orders` come again, shuffled',
  async run({ stack, rng }) {
    const kafka = kafkaOf(stack);
    const copies = (await readAll(kafka)).slice(-500);
    for (let i = copies.length - 1; i > 0; i -= 1) {
      const j = rng.whole(0, i);
      [copies[i], copies[j]] = [copies[j] as Copy, copies[i] as Copy];
    }
    const producer = kafka.producer({ idempotent: false });
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: copies });
    await producer.disconnect();
  },
};

const twoOwners: Fault = {
  name: 'two-owners-of-every-loop',
  kind: 'store',
  does: 'leases are taken away every 20 ms for 3 s, so both workers do the same work',
  run: ({ stack }) =>
    withRedis(stack, async (redis) => {
      const until = performance.now() + 3000;
      while (performance.now() < until) {
        const leases = await redis.keys('{lane:*}:lease:*');
        for (const lease of leases) await redis.del(lease);
        await wait(20);
      }
    }),
};

export const storeFaults: readonly Fault[] = [
  aofOlder,
  redisLost,
  aofCut,
  outOfMemory,
  scriptsFlushed,
  fsyncFails,
  diskFull,
  kafkaHole,
  kafkaTopicLost,
  kafkaRepeats,
  twoOwners,
];
