/** The demo's last look at a stack: the settlement lag, read from a real operators' port. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { settleLag } from '../../../bench/demo/closing.ts';
import { createLog } from '../../../platform/log.ts';
import { metrics } from '../../../platform/metrics.ts';
import { createOps } from '../../../platform/ops.ts';
import type { OpsServer } from '../../../platform/ops.ts';

let ops: OpsServer;
beforeAll(async () => {
  ops = await createOps({
    processName: 'api',
    host: '127.0.0.1',
    port: 0,
    ready: () => ({ status: 'ok', checks: {} }),
    log: createLog('test', 'silent'),
  });
});
afterAll(() => ops.close());

it('finds the settlement lag among the metrics', async () => {
  const url = `http://127.0.0.1:${ops.port}`;
  expect(await settleLag(url)).toEqual({ p50Ms: null, p99Ms: null });
  for (const lane of ['0', '1']) metrics.settleLagSeconds.observe({ lane }, 0.04);
  const { p50Ms, p99Ms } = await settleLag(url);
  expect(p50Ms).toBeGreaterThan(0);
  expect(p99Ms).toBeGreaterThanOrEqual(p50Ms ?? Infinity);
});
