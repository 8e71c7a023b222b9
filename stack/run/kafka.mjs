/**
 * Our own Kafka: one node that is broker and controller (KRaft), small and quick to start.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../base/command.mjs';
import { accepts } from '../base/probe.mjs';

const stopMs = 10_000;
// C1 alone costs no more CPU per message here than C2, and starts faster.
const jvm = ['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const jvmMore = ['-XX:-UsePerfData', '-Djava.awt.headless=true'];

const logging = `status = error
appender.err.type = Console
appender.err.name = err
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.err.ref = err
`;

/** @param {{ data: string, port: number, controllerPort: number, advertised: number }} node */
function properties({ data, port, controllerPort, advertised }) {
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertised}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': data,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'auto.create.topics.enable': false,
    // A killed broker is not let in again before its old session is over; the default is 9 s.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    // With one node nobody else wants to see it alive: else it writes a record every half second.
    'metadata.max.idle.interval.ms': 0,
    'log.cleaner.dedupe.buffer.size': 2_097_152, // the default takes 128 MiB of heap
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return `${lines.join('\n')}\n`;
}

/**
 * @typedef {object} KafkaOrder
 * @property {import('../get/kafka.mjs').Kafka} kafka
 * @property {string} dir the `.highnoon` folder
 * @property {string} logFile
 * @property {number} port
 * @property {number} controllerPort
 * @property {number} advertised the port that it gives as its address
 */

/**
 * Formats the log folder if that was not done.
 * @param {KafkaOrder} order @returns {Promise<import('./supervised.mjs').ProcessSpec>}
 */
export async function kafkaSpec({ kafka, dir, logFile, port, controllerPort, advertised }) {
  const home = join(dir, 'kafka');
  const data = join(home, 'data');
  mkdirSync(home, { recursive: true });
  const config = join(home, 'server.properties');
  const logConfig = join(home, 'log4j2.properties');
  writeFileSync(config, properties({ data, port, controllerPort, advertised }));
  writeFileSync(logConfig, logging);
  const { bin, env: javaEnv, args: javaArgs } = kafka.java;
  const env = { ...process.env, ...javaEnv };
  const common = [...javaArgs, ...jvm, ...jvmMore, `-Dlog4j2.configurationFile=${logConfig}`];
  const java = [...common, '-cp', join(kafka.libs, '*')];
  if (!existsSync(join(data, 'meta.properties'))) {
    rmSync(data, { recursive: true, force: true });
    // 22 characters; one that began with '-' would be read as an option
    const cluster = randomBytes(16).toString('base64url').replace(/^-/, 'A');
    const format = ['kafka.tools.StorageTool', 'format', '-t', cluster, '-c', config];
    await run(bin, [...java, ...format], { cwd: home, env });
  }
  return {
    name: 'kafka',
    command: bin,
    args: [...java, 'kafka.Kafka', config],
    env,
    cwd: home,
    logFile,
    low: true,
    stopSignal: 'SIGTERM',
    stopMs,
    ready: () => accepts('127.0.0.1', port),
  };
}
