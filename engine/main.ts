/** Role `worker`: the engine's loops, and an operators' port that tells how they are. */
import { loadConfig, processNameOf } from '../platform/config.ts';
import { armCrash } from '../platform/crash.ts';
import { runRole } from '../platform/lifecycle.ts';
import { createLog } from '../platform/log.ts';
import { createOps, type Readiness } from '../platform/ops.ts';
import { startWorker, type Worker } from './worker.ts';

/** Ready = every lane is verified and open. */
function readiness(worker: Worker | null): Readiness {
  if (worker === null) return { status: 'down', checks: { loops: 'starting' } };
  const shut = worker.lanes.gate.doors.filter((d) => !d.open);
  return {
    status: shut.length === 0 ? 'ok' : 'down',
    checks: {
      loops: 'ok',
      lanes: shut.length === 0 ? 'ok' : shut.map((d) => `lane ${d.lane}: ${d.reason}`).join('; '),
    },
  };
}

runRole('worker', async () => {
  const config = loadConfig(undefined, ['REDIS_URL', 'DATABASE_URL', 'KAFKA_BROKERS']);
  armCrash(config.crashAt);
  const processName = processNameOf('worker');
  const log = createLog(processName, config.logLevel);
  let worker: Worker | null = null;
  const ops = await createOps({
    processName,
    host: config.host,
    port: config.opsPort,
    ready: () => readiness(worker),
    log,
  });
  worker = await startWorker(config, log, (error) => {
    log.fatal({ err: error }, 'a consumer died');
    process.exit(1);
  });
  const started = worker;
  return {
    async close() {
      await started.close();
      await ops.close();
    },
  };
});
