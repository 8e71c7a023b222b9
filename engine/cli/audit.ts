/** `highnoon audit`: exit 0 = everything holds, 1 = something does not, 2 = could not check. */
import { loadConfig } from '../../platform/config.ts';
import { messageOf } from '../../platform/fault.ts';
import { createKafka } from '../../platform/kafka/index.ts';
import { createLog } from '../../platform/log.ts';
import { createDb } from '../../platform/postgres/pool.ts';
import { connectRedis, untilReady } from '../../platform/redis/connection.ts';
import { audit, exitCodeOf } from '../audit/audit.ts';
import { tableOf } from '../audit/report.ts';
import { topicsOf } from '../topics.ts';
import { exitWith, readArguments } from './arguments.ts';
import { progressLine, type ProgressLine } from './progress.ts';

const usage = `highnoon audit [--sale S] [--wait SECONDS] [--json]

Recounts Redis, Kafka and Postgres from their raw keys, messages and rows. It changes nothing, and
may run while the system is at work.
  --sale S     only this sale, and what concerns its lane as a whole
  --wait N     seconds to wait until what was accepted before has settled (30)
  --json       one JSON document
Exit 0: everything holds. 1: something does not. 2: something could not be checked.`;

const redisReadyMs = 5000;
const storeTimeoutMs = 120_000;
/** Postgres's snapshot of a lane rests while Redis and Kafka are read. */
const snapshotRestMs = 900_000;
const waitMaxSeconds = 86_400;
const showEveryMs = 200;

/** Shows how far long work has come, not more often than eyes can follow. */
function showing(progress: ProgressLine): (line: string) => void {
  let shownMs = performance.now();
  return (line) => {
    const now = performance.now();
    if (now - shownMs < showEveryMs) return;
    shownMs = now;
    progress.show(line);
  };
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
  const wait = values.wait === '' ? NaN : Number(values.wait);
  if (!(wait >= 0 && wait <= waitMaxSeconds)) {
    throw new Error(`--wait: ${values.wait} is no number of seconds from 0 to ${waitMaxSeconds}`);
  }
  const config = loadConfig(undefined, ['REDIS_URL', 'DATABASE_URL', 'KAFKA_BROKERS']);
  const log = createLog('audit', 'silent');
  const db = createDb(config.databaseUrl, {
    max: 2,
    statementTimeoutMs: storeTimeoutMs,
    idleInTransactionTimeoutMs: snapshotRestMs,
    name: 'audit',
  });
  const redis = connectRedis(config.redisUrl, {
    name: 'audit',
    log,
    commandTimeoutMs: storeTimeoutMs,
  });
  const kafka = createKafka({ brokers: config.kafkaBrokers, clientId: 'audit', log });
  try {
    await untilReady(redis, redisReadyMs);
    const progress = progressLine();
    const stores = { db, redis, kafka, topic: topicsOf(config.topicPrefix).orders };
    const sale = values.sale ?? null;
    const report = await audit(stores, { sale, waitMs: wait * 1000, say: showing(progress) });
    progress.clear();
    const exitCode = exitCodeOf(report);
    const passed = exitCode === exitWith.held;
    process.stdout.write(
      values.json ? `${JSON.stringify({ passed, ...report })}\n` : tableOf(report),
    );
    return exitCode;
  } finally {
    redis.disconnect();
    await Promise.allSettled([kafka.close(), db.close()]);
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`\ncould not check: ${messageOf(error)}\n`);
    process.exitCode = exitWith.unchecked;
  },
);
