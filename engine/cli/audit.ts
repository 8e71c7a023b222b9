/** `highnoon audit`: exit 0 = everything holds, 1 = something does not, 2 = could not check. */
import { loadConfig } from '../../platform/config.ts';
import { messageOf } from '../../platform/fault.ts';
import { createKafka } from '../../platform/kafka/index.ts';
import { createLog } from '../../platform/log.ts';
import { createDb } from '../../platform/postgres/pool.ts';
import { connectRedis, untilReady } from '../../platform/redis/connection.ts';
import { audit, type AuditReport } from '../proof/audit.ts';
import { topicsOf } from '../topics.ts';
import { exitWith, readArguments } from './arguments.ts';

const usage = `highnoon audit [--sale S] [--wait SECONDS] [--json]

Recounts Redis, Kafka and Postgres from their raw keys, messages and rows.
  --sale S     only this sale
  --wait N     seconds to wait until nothing is in doubt (30)
  --json       one JSON document
Exit 0: everything holds. 1: something does not. 2: it could not be checked.`;

const storeTimeoutMs = 60_000;

function print(report: AuditReport): void {
  const width = Math.max(...report.checks.map((c) => c.name.length));
  for (const c of report.checks) {
    const mark = c.violations === 0 ? 'ok  ' : 'FAIL';
    const seen = String(c.checked).padStart(8);
    process.stdout.write(`${mark}  ${c.name.padEnd(width)} ${seen}  ${c.compares}\n`);
    for (const example of c.examples) process.stdout.write(`        ${example}\n`);
    const more = c.violations - c.examples.length;
    if (more > 0) process.stdout.write(`        … and ${more} more\n`);
  }
  const counted = `${report.orders} orders, ${report.units} units held or sold`;
  const failed = report.checks.filter((c) => c.violations > 0).map((c) => c.name);
  if (report.inDoubt > 0) failed.push(`${report.inDoubt} decisions still in doubt`);
  process.stdout.write(
    report.passed
      ? `\naudit passed: ${report.checks.length} checks, ${counted}\n`
      : `\naudit FAILED: ${failed.join(', ')}; ${counted}\n`,
  );
}

async function main(): Promise<number> {
  const { values } = readArguments(usage, {
    options: {
      sale: { type: 'string' },
      wait: { type: 'string', default: '30' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const wait = Number(values.wait);
  if (!Number.isFinite(wait) || wait < 0) throw new Error(`--wait: ${values.wait} is not a number`);
  if (values.sale !== undefined && !/^sal_[0-9a-z]{16}$/.test(values.sale)) {
    throw new Error(`--sale: ${values.sale} is not a sale`);
  }
  const config = loadConfig(undefined, ['REDIS_URL', 'DATABASE_URL', 'KAFKA_BROKERS']);
  const log = createLog('audit', 'silent');
  const db = createDb(config.databaseUrl, {
    max: 2,
    statementTimeoutMs: storeTimeoutMs,
    name: 'audit',
  });
  const redis = connectRedis(config.redisUrl, {
    name: 'audit',
    log,
    commandTimeoutMs: storeTimeoutMs,
  });
  const kafka = createKafka({ brokers: config.kafkaBrokers, clientId: 'audit', log });
  try {
    await untilReady(redis, 5000);
    const stores = { db, redis, kafka, topic: topicsOf(config.topicPrefix).orders };
    const report = await audit(stores, {
      sale: values.sale ?? null,
      waitMs: wait * 1000,
      say: (line) => process.stderr.write(`${line}\n`),
    });
    if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else print(report);
    return report.passed ? exitWith.held : exitWith.violated;
  } finally {
    redis.disconnect();
    await Promise.allSettled([kafka.close(), db.close()]);
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`could not check: ${messageOf(error)}\n`);
    process.exit(exitWith.unchecked);
  },
);
