/**
 * The role `catalog`: the shop window and the intake of products. It answers as soon as it
 * listens, and keeps answering from memory while the stores are away.
 */
import { loadConfig } from '../platform/config.ts';
import { createHttpServer } from '../platform/http/server.ts';
import { standardRoutes } from '../platform/http/standard.ts';
import { createKafka } from '../platform/kafka/index.ts';
import { runRole } from '../platform/lifecycle.ts';
import type { Role } from '../platform/lifecycle.ts';
import { createLog } from '../platform/log.ts';
import { collectProcessMetrics, setProcessLabel } from '../platform/metrics.ts';
import { createOps } from '../platform/ops.ts';
import { createDb } from '../platform/postgres/pool.ts';
import { createAuthenticate } from './identity.ts';
import { startIntake } from './intake.ts';
import { createPages } from './products.ts';
import { watch } from './readiness.ts';
import { windowInfo, windowRoutes } from './routes.ts';

const name = 'catalog';
const pageConnectionsMax = 8;
const pageStatementTimeoutMs = 3000;
const connectTimeoutMs = 1000;
const intakeConnectionsMax = 2;
const intakeStatementTimeoutMs = 30_000;
const drainMs = 3000;

async function start(): Promise<Role> {
  const config = loadConfig(undefined, ['DATABASE_URL', 'KAFKA_BROKERS']);
  const log = createLog(name, config.logLevel);
  setProcessLabel(name);
  collectProcessMetrics();
  const pagesDb = createDb(config.databaseUrl, {
    max: pageConnectionsMax,
    statementTimeoutMs: pageStatementTimeoutMs,
    connectTimeoutMs,
    name: 'highnoon-catalog',
    log,
  });
  const intakeDb = createDb(config.databaseUrl, {
    max: intakeConnectionsMax,
    statementTimeoutMs: intakeStatementTimeoutMs,
    connectTimeoutMs,
    name: 'highnoon-catalog-intake',
    log,
  });
  const kafka = createKafka({ brokers: config.kafkaBrokers, clientId: 'highnoon-catalog', log });
  const intake = startIntake({
    kafka,
    db: intakeDb,
    topic: `${config.topicPrefix}new-product`,
    groupId: `${config.topicPrefix}highnoon-intake`,
    log,
  });
  const health = watch(intakeDb, () => intake.state);
  const ready = () => health.ready();
  const routes = windowRoutes(createPages(pagesDb, log), ready);
  const http = await createHttpServer({
    name,
    host: config.host,
    port: config.catalogPort,
    routes: [...routes, ...standardRoutes(routes, windowInfo, 'window')],
    authenticate: createAuthenticate(pagesDb, {
      issuer: config.tokenIssuer,
      audience: config.tokenAudience,
    }),
    log,
    rateLimits: config.rateLimits,
  });
  const ops = await createOps({
    processName: name,
    host: config.host,
    port: config.opsPort,
    ready,
    log,
  });
  log.info({ port: http.port, ops: ops.port }, 'the window is open');
  return {
    async close() {
      await http.close(drainMs);
      await health.close();
      await intake.close();
      await kafka.close();
      await Promise.all([ops.close(), pagesDb.close(), intakeDb.close()]);
    },
  };
}

runRole(name, start);
