/**
 * The three stores of a stack: a given one is looked at, a missing one is got and run.
 */
import { messageOf, StackError } from '../base/errors.mjs';
import { accepts } from '../base/probe.mjs';
import { getKafka } from '../get/kafka.mjs';
import { getPostgres } from '../get/postgres.mjs';
import { getRedis } from '../get/redis.mjs';
import { kafkaSpec } from './kafka.mjs';
import { postgresSpec } from './postgres.mjs';
import { redisSpec } from './redis.mjs';

/** Every store, in the order in which they are started; they are stopped backwards. */
export const storeNames = ['postgres', 'redis', 'kafka'];

/** @typedef {import('./supervised.mjs').ProcessSpec} ProcessSpec */
/** @typedef {import('../base/steps.mjs').Progress} Progress */

/**
 * @typedef {object} StoreContext
 * @property {import('../env.mjs').Settings} settings
 * @property {import('./plan.mjs').Plan} plan
 * @property {string} dir
 * @property {(name: string) => string} logFile
 * @property {number} maxConnections of Postgres
 * @property {boolean} postgresLow
 * @property {number | undefined} kafkaAdvertised
 * @property {(line: string) => void} say
 * @property {(spec: ProcessSpec) => Promise<void>} launch starts it and waits until it serves
 */

/** @param {string} name of a variable @param {string} host @param {number} port */
async function reachable(name, host, port) {
  if (await accepts(host.replace(/^\[|\]$/g, ''), port)) return;
  throw new StackError(`${name}: nothing answers at ${host}:${port}.`);
}

/** @param {StoreContext} context @param {Progress} progress @returns {Promise<string>} its url */
async function redis({ settings, plan, dir, logFile, launch }, progress) {
  if (settings.redisUrl) {
    const { hostname, port } = new URL(settings.redisUrl);
    await reachable('REDIS_URL', hostname, Number(port || 6379));
    progress.done(`${hostname}:${port || 6379}, as REDIS_URL says`);
    return settings.redisUrl;
  }
  const { bin, version, source } = await getRedis(progress);
  const port = plan.redis;
  const maxmemoryMb = settings.redisMaxmemoryMb;
  await launch(redisSpec({ bin, dir, logFile: logFile('redis'), port, maxmemoryMb }));
  progress.done(`${version} (${source}) on 127.0.0.1:${port}`);
  return `redis://127.0.0.1:${port}`;
}

/** @param {StoreContext} context @param {Progress} progress @returns {Promise<string>} its url */
async function postgres(context, progress) {
  const { settings, plan, dir, maxConnections, postgresLow: low, say, launch } = context;
  if (settings.databaseUrl) {
    const { hostname, port } = new URL(settings.databaseUrl);
    await reachable('DATABASE_URL', hostname, Number(port || 5432));
    progress.done(`${hostname}:${port || 5432}, as DATABASE_URL says`);
    return settings.databaseUrl;
  }
  const binaries = await getPostgres(progress);
  const port = plan.postgres;
  const logFile = context.logFile('postgres');
  const order = { binaries, dir, logFile, port, maxConnections, low };
  const { spec, url } = await postgresSpec(order, say);
  await launch(spec);
  progress.done(`${binaries.version} (${binaries.source}) on 127.0.0.1:${port}`);
  return url;
}

/** @param {StoreContext} context @param {Progress} progress @returns {Promise<string>} brokers */
async function kafka({ settings, plan, dir, logFile, kafkaAdvertised, launch }, progress) {
  if (settings.kafkaBrokers.length > 0) {
    const [first = ''] = settings.kafkaBrokers;
    const colon = first.lastIndexOf(':');
    await reachable('KAFKA_BROKERS', first.slice(0, colon), Number(first.slice(colon + 1)));
    progress.done(`${settings.kafkaBrokers.join(',')}, as KAFKA_BROKERS says`);
    return settings.kafkaBrokers.join(',');
  }
  const got = await getKafka(progress, { repoUrl: settings.mavenRepoUrl });
  const { kafka: port, kafkaController: controllerPort } = plan;
  const ports = { port, controllerPort, advertised: kafkaAdvertised ?? port };
  await launch(await kafkaSpec({ kafka: got, dir, logFile: logFile('kafka'), ...ports }));
  progress.done(`${got.version} on Java ${got.java.version}, on 127.0.0.1:${port}`);
  return `127.0.0.1:${port}`;
}

/** @type {Record<string, { title: string, start: typeof redis }>} */
const starters = {
  redis: { title: 'Redis', start: redis },
  postgres: { title: 'Postgres', start: postgres },
  kafka: { title: 'Kafka', start: kafka },
};

/**
 * Starts them side by side.
 * @param {string[]} names @param {StoreContext} context
 * @param {import('../base/steps.mjs').Steps} steps
 * @returns {Promise<Record<string, string>>} url by name
 */
export async function startStores(names, context, steps) {
  const results = await Promise.allSettled(
    names.map((name) => {
      const store = starters[name];
      if (!store) throw new StackError(`There is no store ${name}.`);
      return steps.step(store.title, (progress) => store.start(context, progress));
    }),
  );
  /** @type {Record<string, string>} */
  const urls = {};
  const failures = [];
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') urls[names[index] ?? ''] = result.value;
    else failures.push(result.reason);
  }
  if (failures.length > 0) throw allInOne(failures);
  return urls;
}

/** Who lacks two things shall read it at once. @param {unknown[]} failures @returns {unknown} */
function allInOne(failures) {
  const [first, ...others] = failures;
  if (!(first instanceof StackError) || others.length === 0) return first;
  const more = others.flatMap((one) => [
    '',
    messageOf(one),
    ...(one instanceof StackError ? one.lines : []),
  ]);
  return new StackError(first.message, { lines: [...first.lines, ...more], code: first.code });
}
