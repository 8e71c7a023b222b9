/**
 * Searches of real queries in a shop of a benchmark's own: rate and latency with and without the
 * memory of answers, how both grow with the shop, how good the first ten hits are and what each
 * ingredient of the ranking brings.
 */
import { createGenerator } from '../../catalog/seed/generator.ts';
import type { Generator } from '../../catalog/seed/generator.ts';
import { readSources } from '../../catalog/seed/sources.ts';
import type { Sources } from '../../catalog/seed/sources.ts';
import { Connection, targetOf } from '../client/connection.ts';
import { closedLoop, openLoop } from '../client/load.ts';
import type { Load } from '../client/load.ts';
import { requestText } from '../client/request-text.ts';
import type { Findings, Row } from '../findings.ts';
import { Meter } from '../scenario.ts';
import type { Say, Scenario, ScenarioOptions } from '../scenario.ts';
import type { StackInfo } from '../stack-info.ts';
import { comparePeers, judge } from './judge.ts';
import { serve } from './serve.ts';
import { openStand } from './stand.ts';
import type { Stand } from './stand.ts';

const seed = 1;
const smallShare = 10;
const connectionsMax = 16;
const warmUpSeconds = 5;
const rememberedMs = 60_000;
const medianBarMs = 5;
const tailBarMs = 50;
const sayEvery = 10_000;
const ok = 200;

export const search: Scenario = {
  name: 'search',
  part: 'generator',
  async run(stack, options, say) {
    const sources = readSources();
    const generator = createGenerator(seed, sources);
    const stand = await openStand(stack.databaseUrl, generator);
    try {
      return await runIn(stand, stack, generator, sources, options, say);
    } finally {
      await stand.drop();
    }
  },
};

async function runIn(
  stand: Stand,
  stack: StackInfo,
  generator: Generator,
  sources: Sources,
  options: ScenarioOptions,
  say: Say,
): Promise<Findings> {
  const { products } = options;
  const small = Math.round(products / smallShare);
  const filling = (done: number): void => {
    if (done % sayEvery === 0) say(`search: ${done.toLocaleString('en')} products written`);
  };
  await stand.fill(0, small, filling);
  const others: number[] = [];
  const speedOf = async (size: number, freshMs: number): Promise<Row[]> => {
    const { rows, othersCpus } = await speed(stand, stack, sources, options, say, size, freshMs);
    others.push(othersCpus);
    return rows;
  };
  const first = await speedOf(small, 0);
  await stand.fill(small, products, filling);
  const whole = await speedOf(products, 0);
  const remembered = await speedOf(products, rememberedMs);
  const relevance = await judge(stand, generator, sources, products, say);
  const peers = await comparePeers(stand, generator, sources, products, say);
  const [, paced] = whole;
  return {
    scenario: 'search',
    about: `A search of a real query with facets, in ${products.toLocaleString('en')} products.`,
    settings: { ...options },
    rows: [...first, ...whole, ...remembered],
    facts: [...(await sizes(stand)), ...relevance, ...peers],
    bars: [
      {
        what: 'p50 at half rate',
        value: paced?.p50Ms ?? 0,
        bar: medianBarMs,
        side: 'most',
        unit: 'ms',
      },
      {
        what: 'p99 at half rate',
        value: paced?.p99Ms ?? 0,
        bar: tailBarMs,
        side: 'most',
        unit: 'ms',
      },
    ],
    othersCpus: Math.max(...others),
  };
}

/** Its own maximum rate, then latency at half of it. */
async function speed(
  stand: Stand,
  { processes }: StackInfo,
  { queries, stores }: Sources,
  { connections, seconds }: ScenarioOptions,
  say: Say,
  products: number,
  freshMs: number,
): Promise<{ rows: Row[]; othersCpus: number }> {
  const server = await serve(stand, freshMs);
  const meter = new Meter([...processes, { name: 'search', pid: server.pid }]);
  const target = targetOf(server.url);
  const host = `${target.hostname}:${target.port}`;
  let turn = 0;
  const next = (): string => {
    turn += 1;
    const query = queries[turn % queries.length]?.text ?? '';
    const zip = stores[turn % stores.length]?.zip ?? '';
    // Every other search says where to; a third of them want nothing else.
    const place = turn % 2 === 0 ? `&country=US&postal_code=${zip}` : '';
    const only = turn % 6 === 0 ? '&deliverable=true' : '';
    const path = `/v1/search?q=${encodeURIComponent(query)}${place}${only}`;
    return requestText({ method: 'GET', path, host });
  };
  const open = Array.from(
    { length: Math.min(connections, connectionsMax) },
    () => new Connection(target),
  );
  await Promise.all(open.map((connection) => connection.open()));
  const load: Load = { connections: open, next, status: ok };
  const name = `${products.toLocaleString('en')} products, ${freshMs === 0 ? 'nothing' : 'answers'} remembered`;
  try {
    await closedLoop(load, warmUpSeconds);
    say(`search: ${name}`);
    const phase = (run: () => ReturnType<typeof closedLoop>) => async () => {
      const { answers: operations, ...rest } = await run();
      return { operations, ...rest };
    };
    const most = await meter.measure(
      `${name}: all it can`,
      phase(() => closedLoop(load, seconds)),
    );
    const half = most.perSecond / 2;
    const paced = await meter.measure(
      `${name}: at half`,
      phase(() => openLoop(load, half, seconds)),
    );
    return { rows: [most, paced], othersCpus: meter.othersCpus };
  } finally {
    for (const connection of open) connection.close();
    await server.close();
  }
}

const sizesText = `
SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
WHERE relnamespace = 'shop'::regnamespace AND relname IN ('products', 'search', 'search_vocabulary')`;

async function sizes({ db }: Stand): Promise<[string, string][]> {
  const rows = await db.query<{ name: string; bytes: number }>(sizesText);
  const mega = 1024 * 1024;
  return rows.map(({ name, bytes }) => [
    `size of shop.${name} with its indexes`,
    `${Math.round(bytes / mega)} MB`,
  ]);
}
