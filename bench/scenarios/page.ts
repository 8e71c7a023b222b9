/**
 * A product page from the window's memory, at the catalog's own port and through the api, against a
 * bare uWebSockets.js answer of the same bytes. Alternated, so that all see the same machine.
 */
import { startServer } from '../child-server.ts';
import type { ChildServer } from '../child-server.ts';
import { connectionsTo, Connection, targetOf } from '../client/connection.ts';
import type { Target } from '../client/connection.ts';
import { closedLoop } from '../client/load.ts';
import type { Load } from '../client/load.ts';
import { requestText } from '../client/request-text.ts';
import { median } from '../findings.ts';
import type { Findings, Row } from '../findings.ts';
import { Meter } from '../scenario.ts';
import type { Say, Scenario, ScenarioOptions } from '../scenario.ts';
import type { StackInfo } from '../stack-info.ts';
import { combined } from './rounds.ts';
import { Setting } from './setting.ts';
import { bareAnswer } from './bare.ts';

const ok = 200;
const warmUpSeconds = 1;
const barPercent = 70;
const listedMaxMs = 15_000;
const lookMs = 50;

export const page: Scenario = {
  name: 'page',
  part: 'generator',
  async run(stack, options, say) {
    const setting = await Setting.open(stack, 100);
    const path = `/v1/products/${setting.shop.product}`;
    try {
      const order = await pageAt(stack.catalogUrl, path);
      const bare = await startServer('baselines/bare-page.js', { order });
      try {
        const meter = new Meter([...stack.processes, { name: 'bare page', pid: bare.pid }]);
        return await measure(stack, options, meter, { path, bare, say });
      } finally {
        await bare.close();
      }
    } finally {
      setting.close();
    }
  },
};

/** The page as it is answered, once its product is listed. */
async function pageAt(url: string, path: string) {
  const target = targetOf(url);
  const host = `${target.hostname}:${target.port}`;
  const until = performance.now() + listedMaxMs;
  for (;;) {
    const connection = new Connection(target);
    const reply = await connection.request(requestText({ method: 'GET', path, host }));
    connection.close();
    if (reply?.status === ok && reply.body.includes('"in_stock"')) return bareAnswer(reply);
    if (performance.now() > until) throw new Error('the product was not listed in time');
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

interface Stage {
  readonly path: string;
  readonly bare: ChildServer;
  readonly say: Say;
}

async function measure(
  stack: StackInfo,
  options: ScenarioOptions,
  meter: Meter,
  { path, bare, say }: Stage,
): Promise<Findings> {
  const targets: readonly (readonly [name: string, target: Target])[] = [
    ['page at the catalog', targetOf(stack.catalogUrl)],
    ['page through the api', targetOf(stack.apiUrl)],
    ['bare page', targetOf(bare.url)],
  ];
  const loads: { readonly name: string; readonly load: Load; readonly rows: Row[] }[] = [];
  for (const [name, target] of targets) {
    const load = await opened(target, options.connections, path);
    await closedLoop(load, warmUpSeconds);
    loads.push({ name, load, rows: [] });
  }
  const seconds = options.seconds / options.rounds;
  for (let round = 1; round <= options.rounds; round += 1) {
    say(`page: round ${round} of ${options.rounds}`);
    for (const { name, load, rows } of loads) {
      const phase = async () => {
        const { answers: operations, ...rest } = await closedLoop(load, seconds);
        return { operations, ...rest };
      };
      rows.push(await meter.measure(name, phase));
    }
  }
  for (const { load } of loads) for (const one of load.connections) one.close();
  const [catalog = [], api = [], bares = []] = loads.map(({ rows }) => rows);
  const share = (rows: readonly Row[]): number =>
    100 * median(rows.map((row, i) => row.perSecond / (bares[i]?.perSecond ?? row.perSecond)));
  return {
    scenario: 'page',
    about: 'A product page, remembered by the catalog for a second at a time.',
    settings: { ...options },
    rows: [catalog, api, bares].map(combined),
    facts: [['rate through the api, of the bare page’s', `${share(api).toFixed(0)} %`]],
    bars: [
      {
        what: 'rate at the catalog, of the bare page’s',
        value: share(catalog),
        bar: barPercent,
        side: 'least',
        unit: '%',
      },
    ],
    othersCpus: meter.othersCpus,
  };
}

async function opened(target: Target, count: number, path: string): Promise<Load> {
  const host = `${target.hostname}:${target.port}`;
  const text = requestText({ method: 'GET', path, host });
  const connections = connectionsTo(target, count);
  await Promise.all(connections.map((connection) => connection.open()));
  return { connections, status: ok, next: () => text };
}
