/** `highnoon recover`: makes lanes again from Postgres; exit 0 = every one of them serves. */
import { loadConfig } from '../../platform/config.ts';
import { messageOf } from '../../platform/fault.ts';
import { createKafka } from '../../platform/kafka/index.ts';
import { createLog } from '../../platform/log.ts';
import { createDb } from '../../platform/postgres/pool.ts';
import { connectRedis, untilReady } from '../../platform/redis/connection.ts';
import { scriptOf } from '../lane-set.ts';
import { recoverLane, type Recovered } from '../recover.ts';
import { recoveryTold } from '../recover/found.ts';
import { readSettings } from '../settings.ts';
import { topicsOf, topicSpecs } from '../topics.ts';
import { exitWith, readArguments } from './arguments.ts';
import { foundText, lossOf } from './loss-text.ts';
import { progressLine } from './progress.ts';

const usage = `highnoon recover [--lane N|all] [--json]

Makes a lane again from Postgres: after Redis lost its data or came back with older ones, after
Kafka lost its log, or when a lane is frozen as rolled_back. It freezes the lane, settles what the
outbox and Kafka still have, puts away what can never settle, ends the lane's epoch, writes the lane
anew, and lets it serve. Holds keep their ids and units. Workers and api may run meanwhile.
  --lane N   only this lane; default: all, one after the other
  --json     one JSON document
It says what was lost, if anything, as a lower bound. It may be run again at any time, and must be
when it was cut: a lane whose recovery was cut stays frozen, and the next run tells its losses too.
Exit 0: every lane serves. 1: a lane stays frozen (quarantine). 2: not done; the error says why.`;

const storeTimeoutMs = 60_000;
const idleMs = 600_000;
const readyMs = 10_000;

function print(r: Recovered, tookMs: number): void {
  const kept = `${r.sales} sales, ${r.orders} orders, ${r.holds} of them held`;
  const lines = [
    `lane ${r.lane}  epoch ${r.epoch} after ${r.end.epoch}-${r.end.seq}: ${kept}`,
    `        ${foundText[r.found]}; ${lossOf(r)}`,
    `        ${r.settled} decisions settled, ${r.quarantined} put into quarantine, in ${(tookMs / 1000).toFixed(1)} s`,
  ];
  if (r.frozen !== '') {
    lines.push(`        STAYS FROZEN (${r.frozen}): see sale.quarantine`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The lanes that are meant, or throws. */
function lanesOf(text: string, lanes: number): number[] {
  if (text === 'all') return Array.from({ length: lanes }, (_, lane) => lane);
  const lane = Number(text);
  if (!/^\d+$/.test(text) || lane >= lanes) {
    throw new Error(`--lane: ${text} is no lane; there are ${lanes}, from 0`);
  }
  return [lane];
}

async function main(): Promise<number> {
  const { values } = readArguments(usage, {
    options: {
      lane: { type: 'string', default: 'all' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const config = loadConfig(undefined, ['REDIS_URL', 'DATABASE_URL', 'KAFKA_BROKERS']);
  const log = createLog('recover', 'silent');
  const name = 'highnoon-recover';
  const db = createDb(config.databaseUrl, {
    max: 4,
    statementTimeoutMs: storeTimeoutMs,
    idleInTransactionTimeoutMs: idleMs,
    name,
  });
  const redis = connectRedis(config.redisUrl, { name, log, commandTimeoutMs: storeTimeoutMs });
  const kafka = createKafka({ brokers: config.kafkaBrokers, clientId: name, log });
  try {
    const settings = await readSettings(db);
    const lanes = lanesOf(values.lane, settings.lanes);
    await untilReady(redis, readyMs);
    const producer = await kafka.producer();
    const progress = progressLine();
    const all: Recovered[] = [];
    for (const lane of lanes) {
      const started = performance.now();
      let at = '';
      const recovered = await recoverLane(
        {
          ...{ db, redis, kafka, producer, settings, script: scriptOf('rebuild') },
          topic: topicsOf(config.topicPrefix).orders,
          topics: topicSpecs(config.topicPrefix, settings.lanes, config.kafkaReplication),
          onStep: (step) => progress.show((at = `lane ${lane}: ${step}`)),
          onProgress: (far) => progress.show(`${at}, ${far}`),
        },
        lane,
      );
      progress.clear();
      all.push(recovered);
      if (values.json) continue;
      print(recovered, performance.now() - started);
      await recoveryTold(db, lane, recovered.epoch);
    }
    if (values.json) {
      process.stdout.write(`${JSON.stringify({ lanes: all })}\n`);
      for (const { lane, epoch } of all) await recoveryTold(db, lane, epoch);
    }
    return all.some((r) => r.frozen !== '') ? exitWith.violated : exitWith.held;
  } finally {
    redis.disconnect();
    await Promise.allSettled([kafka.close(), db.close()]);
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`\nnot recovered: ${messageOf(error)}\n`);
    process.exit(exitWith.unchecked);
  },
);
