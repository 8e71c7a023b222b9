/**
 * The role `api`: every public route. The sale's it answers itself through the engine, the shop
 * window's it hands to the catalog. It listens once the engine is open, and says it is ready once
 * every lane is.
 */
import { createEngine } from '../engine/index.ts';
import { loadConfig, processNameOf } from '../platform/config.ts';
import type { Config } from '../platform/config.ts';
import { armCrash } from '../platform/crash.ts';
import { messageOf } from '../platform/fault.ts';
import { raiseBacklog } from '../platform/http/backlog.ts';
import { runRole } from '../platform/lifecycle.ts';
import type { Role } from '../platform/lifecycle.ts';
import { createLog } from '../platform/log.ts';
import { collectProcessMetrics, setProcessLabel } from '../platform/metrics.ts';
import { createOps } from '../platform/ops.ts';
import { catalogClient } from './catalog-client.ts';
import { createKafkaProbe } from './kafka-probe.ts';
import { probeTimeoutMs, probeUrl, watchHealth } from './readiness.ts';
import { createApiServer } from './server.ts';

const role = 'api';
const drainMs = 5000;
/** Not accepted yet; the kernel's own bound (net.core.somaxconn) holds beside it. */
const waitingConnectionsMax = 16_384;
/** After the api's own; the starter gives each process its own ops port. */
const workerOpsOffset = 2;

async function start(): Promise<Role> {
  const config = loadConfig(undefined, ['REDIS_URL', 'DATABASE_URL', 'KAFKA_BROKERS']);
  armCrash(config.crashAt);
  const name = processNameOf(role);
  const log = createLog(name, config.logLevel);
  setProcessLabel(name);
  collectProcessMetrics();
  const engine = await createEngine(config, log);
  const catalog = catalogClient(config.catalogUrl);
  const kafka = createKafkaProbe(config.kafkaBrokers);
  const watch = watchHealth({
    engine,
    probes: {
      kafka: () => kafka.ask(probeTimeoutMs),
      worker: probeUrl(workerOpsUrl(config)),
      catalog: probeUrl(config.catalogUrl),
    },
    log,
  });
  const http = await createApiServer({ settings: config, engine, catalog, watch, log });
  const ops = await createOps({
    processName: name,
    host: config.host,
    port: config.opsPort,
    peers: config.opsPeers,
    ready: () => {
      const { status, checks, lanesNotReady } = watch.health();
      const lanes = lanesNotReady.length === 0 ? 'ok' : lanesNotReady;
      return { status, checks: { ...checks, lanes } };
    },
    log,
  });
  raiseBacklog(http.port, waitingConnectionsMax).catch((error: unknown) => {
    log.warn({ err: messageOf(error) }, 'a crowd that comes at once will find a short queue');
  });
  log.info({ port: http.port, ops: ops.port }, 'the api is open');
  return {
    async close() {
      await http.close(drainMs);
      watch.close();
      kafka.close();
      catalog.close();
      await ops.close();
      await engine.close();
    },
  };
}

function workerOpsUrl({ opsPeers, host, opsPort }: Config): string {
  const peer = opsPeers.find(({ process }) => process === 'worker');
  return peer?.url ?? `http://${host}:${opsPort + workerOpsOffset}`;
}

runRole(role, start);
