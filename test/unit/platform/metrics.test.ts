/** Metrics: cheap ones count right, merged ones are one text, the operators' port shows them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HotCounter, HotHistogram } from '../../../platform/hot-metrics.ts';
import { createLog } from '../../../platform/log.ts';
import {
  beforeScrape,
  collectProcessMetrics,
  metrics,
  metricsText,
} from '../../../platform/metrics.ts';
import { mergeMetrics } from '../../../platform/metrics-merge.ts';
import { createOps } from '../../../platform/ops.ts';
import type { OpsOptions, OpsServer } from '../../../platform/ops.ts';

const log = createLog('test', 'silent');

describe('a hot metric', () => {
  it('counts', async () => {
    const counter = new HotCounter({ name: 'c', help: 'h', labelNames: ['a', 'b'] });
    counter.labels('x', 1).inc();
    counter.inc({ b: 1, a: 'x' }, 2);
    counter.labels('y', 2).inc(5);
    const { values } = await counter.get();
    expect(values.map((v) => [v.labels, v.value])).toEqual([
      [{ a: 'x', b: 1 }, 3],
      [{ a: 'y', b: 2 }, 5],
    ]);
    counter.remove('y', 2);
    expect((await counter.get()).values.length).toBe(1);
    expect(() => counter.labels('x')).toThrow(/labels/);
  });

  it('has cumulative buckets', async () => {
    const config = { name: 'h', help: 'h', labelNames: [], buckets: [1, 2, 5] };
    const histogram = new HotHistogram(config);
    for (const value of [0.5, 1, 1.5, 5, 6]) histogram.observe({}, value);
    const { values } = await histogram.get();
    expect(values.map((v) => [v.metricName, v.labels['le'], v.value])).toEqual([
      ['h_bucket', 1, 2],
      ['h_bucket', 2, 3],
      ['h_bucket', 5, 4],
      ['h_bucket', '+Inf', 5],
      ['h_sum', undefined, 14],
      ['h_count', undefined, 5],
    ]);
  });
});

describe('the metrics of a process', () => {
  it('are shown with their families', async () => {
    metrics.outcomes.labels('hold', 'held').inc();
    metrics.httpSeconds.labels('hold').observe(0.003);
    metrics.batchSize.observe({ lane: '0' }, 7);
    metrics.laneOpen.set({ lane: '0' }, 1);
    const text = await metricsText();
    expect(text).toContain('# TYPE highnoon_outcomes_total counter');
    expect(text).toMatch(/highnoon_outcomes_total\{command="hold",outcome="held".*\} 1/);
    expect(text).toMatch(/highnoon_http_seconds_bucket\{.*le="0.005".*\} 1/);
    expect(text).toMatch(/highnoon_http_seconds_count\{route="hold".*\} 1/);
    expect(text).toMatch(/highnoon_lane_open\{lane="0".*\} 1/);
  });

  it('survive a gauge that cannot be read', async () => {
    beforeScrape('broken', () => Promise.reject(new Error('away')));
    beforeScrape('thrown', () => {
      throw new Error('away');
    });
    expect(await metricsText()).toContain('highnoon_lane_open');
  });

  it('all begin with highnoon_', async () => {
    const names = [...(await metricsText()).matchAll(/^# TYPE (\S+)/gm)].map((m) => m[1]);
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => name?.startsWith('highnoon_') !== true)).toEqual([]);
  });
});

const one = `# HELP a_total What
# TYPE a_total counter
a_total{p="1"} 1
# HELP h_seconds How long
# TYPE h_seconds histogram
h_seconds_bucket{le="+Inf",p="1"} 1
h_seconds_sum{p="1"} 2
h_seconds_count{p="1"} 1
# HELP empty Nothing yet
# TYPE empty gauge
`;

describe('merged metrics', () => {
  it('have every family once, with the samples of all', () => {
    const two = `${one.replaceAll('p="1"', 'p="2"')}alone 5\n`;
    const text = mergeMetrics([one, two]);
    for (const name of ['a_total', 'h_seconds', 'empty']) {
      expect(text.split(`# TYPE ${name} `).length).toBe(2);
      expect(text.split(`# HELP ${name} `).length).toBe(2);
    }
    const lines = text.split('\n').filter((line) => line !== '');
    expect(lines.slice(0, 4)).toEqual([
      '# HELP a_total What',
      '# TYPE a_total counter',
      'a_total{p="1"} 1',
      'a_total{p="2"} 1',
    ]);
    const histogram = lines.filter((line) => line.startsWith('h_seconds'));
    expect(histogram.length).toBe(6);
    const start = lines.indexOf('# TYPE h_seconds histogram');
    expect(lines.slice(start + 1, start + 7)).toEqual(histogram);
    expect(lines).toContain('alone 5');
  });

  it('take the head from whoever has it', () => {
    const text = mergeMetrics(['x 1\n', '# HELP x What\n# TYPE x gauge\nx{p="2"} 2\n']);
    expect(text.trim().split('\n')).toEqual([
      '# HELP x What',
      '# TYPE x gauge',
      'x 1',
      'x{p="2"} 2',
    ]);
  });

  it('of nothing are nothing', () => {
    expect(mergeMetrics([])).toBe('');
    expect(mergeMetrics(['', '\n'])).toBe('');
  });
});

describe('the operators’ port', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((s) => s.close()));
  });

  async function ops(more: Partial<OpsOptions> = {}): Promise<OpsServer & { base: string }> {
    const server = await createOps({
      processName: 'api',
      host: '127.0.0.1',
      port: 0,
      ready: () => ({ status: 'ok', checks: {} }),
      log,
      ...more,
    });
    open.push(server);
    return { ...server, base: `http://127.0.0.1:${server.port}` };
  }

  async function peer(text: string | null): Promise<string> {
    const server = createServer((_, res) => {
      if (text !== null) res.end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    open.push({
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('merges the peers, and says who is missing', async () => {
    const peers = [
      { process: 'worker', url: await peer('# TYPE w gauge\nw{process="worker"} 1\n') },
      { process: 'hangs', url: await peer(null) },
      { process: 'away', url: 'http://127.0.0.1:1' },
    ];
    const { base } = await ops({ peers });
    const startedAtMs = performance.now();
    const response = await fetch(`${base}/metrics`);
    expect(performance.now() - startedAtMs).toBeLessThan(2000);
    expect(response.headers.get('content-type')).toContain('version=0.0.4');
    const text = await response.text();
    expect(text).toContain('w{process="worker"} 1');
    expect(text).toContain('highnoon_peer_up{process="worker"} 1');
    expect(text).toContain('highnoon_peer_up{process="hangs"} 0');
    expect(text).toContain('highnoon_peer_up{process="away"} 0');
    expect(text).toMatch(/highnoon_process_cpu_seconds_total\{process="api"\}/);
    const own = await (await fetch(`${base}/metrics?own=1`)).text();
    expect(own).not.toContain('peer_up');
  });

  it('tells how it is', async () => {
    let status: 'ok' | 'degraded' | 'down' = 'ok';
    const { base } = await ops({ ready: () => ({ status, checks: { kafka: 'away' } }) });
    const get = async (): Promise<number> => (await fetch(`${base}/health/ready`)).status;
    expect(await get()).toBe(200);
    status = 'degraded';
    expect(await get()).toBe(200);
    status = 'down';
    expect(await get()).toBe(503);
    expect(await (await fetch(`${base}/health/live`)).json()).toEqual({ status: 'ok' });
  });

  it('hands /admin/ on', async () => {
    const { base } = await ops({
      admin: ({ method, path, query, body }) =>
        Promise.resolve(
          path === '/admin/echo'
            ? { status: 202, json: { method, q: query.get('q'), body } }
            : null,
        ),
    });
    const send = (path: string, body: string): Promise<Response> =>
      fetch(base + path, { method: 'POST', body });
    const echo = await send('/admin/echo?q=1', '{"a":2}');
    expect([echo.status, await echo.json()]).toEqual([
      202,
      { method: 'POST', q: '1', body: { a: 2 } },
    ]);
    expect((await send('/admin/other', '')).status).toBe(404);
    expect((await send('/admin/echo', '{')).status).toBe(400);
    expect((await send('/admin/echo', 'x'.repeat(70_000))).status).toBe(413);
    expect((await send('/metrics', '')).status).toBe(405);
    expect((await fetch(`${base}/nowhere`)).status).toBe(404);
  });

  it.each([
    ['GET', '/admin/lanes', 422, 'unsupported'],
    ['POST', '/admin/lanes', 422, 'unsupported'],
    ['GET', '/admin', 422, 'unsupported'],
    ['GET', '/nowhere', 404, 'not_found'],
    ['POST', '/metrics', 405, 'method_not_allowed'],
  ])('refuses %s %s by a problem', async (method, path, status, code) => {
    const { base } = await ops();
    const response = await fetch(base + path, { method });
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const json = (await response.json()) as Record<string, unknown>;
    expect(json).toMatchObject({ type: `/docs/errors#${code}`, status, code });
    expect(json['request_id']).toEqual(expect.any(String));
  });

  it('lives on when something in it fails', async () => {
    const { base } = await ops({ ready: () => Promise.reject(new Error('secret')) });
    const response = await fetch(`${base}/health/ready`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
    expect((await fetch(`${base}/health/live`)).status).toBe(200);
  });

  it('does not share its port', async () => {
    const { port } = await ops();
    await expect(ops({ port })).rejects.toMatchObject({ code: 'listen' });
  });
});

describe('the lag of the event loop', () => {
  it('is looked at twenty times a second: more often is what an idle process does most', async () => {
    collectProcessMetrics();
    const name = 'highnoon_nodejs_eventloop_lag_min_seconds';
    const least = async (): Promise<number> =>
      Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(await metricsText())?.[1]);
    // Each scrape begins anew; without a look in between there is no least one.
    const isSeldom = async (): Promise<boolean> => {
      const lag = await least();
      return lag > 0.03 && lag < 1;
    };
    await expect.poll(isSeldom, { timeout: 5000, interval: 200 }).toBe(true);
  });
});
