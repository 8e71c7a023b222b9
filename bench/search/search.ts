/**
 * Searches of real queries in a shop of a benchmark's own: rate and latency with and without the
 * memory of answers, how both grow with the shop, how good the first ten hits are and what each
 * ingredient of the ranking brings.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { defaultRanking } from '../../catalog/search/ranking.ts';
import type { Ranking } from '../../catalog/search/ranking.ts';
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
import { judgedQueries } from './judged.ts';
import { bestGrades, byFacts, byHand, judgeables, ndcg } from './relevance.ts';
import type { Grade, Judgeable } from './relevance.ts';
import { openStand } from './stand.ts';
import type { Stand } from './stand.ts';

const seed = 1;
const smallShare = 10;
const connectionsMax = 16;
const warmUpSeconds = 2;
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
      return await runIn(stand, generator, sources, options, say);
    } finally {
      await stand.drop();
    }
  },
};

async function runIn(
  stand: Stand,
  generator: Generator,
  sources: Sources,
  options: ScenarioOptions,
  say: Say,
): Promise<Findings> {
  const { products } = options;
  const small = Math.round(products / smallShare);
  const meter = new Meter([]);
  const filling = (done: number): void => {
    if (done % sayEvery === 0) say(`search: ${done.toLocaleString('en')} products written`);
  };
  await stand.fill(0, small, filling);
  const first = await speed(stand, sources, options, meter, say, small, 0);
  await stand.fill(small, products, filling);
  const whole = await speed(stand, sources, options, meter, say, products, 0);
  const remembered = await speed(stand, sources, options, meter, say, products, rememberedMs);
  const relevance = await judge(stand, generator, sources, products, say);
  const [, paced] = whole;
  return {
    scenario: 'search',
    about: `A search of a real query with facets, in ${products.toLocaleString('en')} products.`,
    settings: { ...options },
    rows: [...first, ...whole, ...remembered],
    facts: [...(await sizes(stand)), ...relevance],
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
    othersCpus: meter.othersCpus,
  };
}

interface Server {
  readonly url: string;
  close(): Promise<void>;
}

async function serve(
  stand: Stand,
  freshMs: number,
  ranking: Ranking = defaultRanking,
): Promise<Server> {
  const file = fileURLToPath(new URL('server.js', import.meta.url));
  const child: ChildProcess = fork(file, [stand.url, String(freshMs), JSON.stringify(ranking)]);
  const [port] = (await once(child, 'message')) as [number];
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** Its own maximum rate, then latency at half of it. */
async function speed(
  stand: Stand,
  { queries, stores }: Sources,
  { connections, seconds }: ScenarioOptions,
  meter: Meter,
  say: Say,
  products: number,
  freshMs: number,
): Promise<Row[]> {
  const server = await serve(stand, freshMs);
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
    return [most, paced];
  } finally {
    for (const connection of open) connection.close();
    await server.close();
  }
}

const without: readonly (readonly [name: string, ranking: Ranking])[] = [
  ['as it is', defaultRanking],
  ['without weights of fields', { ...defaultRanking, fields: { A: 1, B: 1, C: 1, D: 1 } }],
  ['without near words', { ...defaultRanking, near: false }],
  ['without availability and popularity', { ...defaultRanking, quality: 0 }],
];

async function judge(
  stand: Stand,
  generator: Generator,
  { queries }: Sources,
  products: number,
  say: Say,
): Promise<[string, string][]> {
  const all = judgeables(generator, products);
  const sets: readonly (readonly [string, readonly (readonly [string, Grade])[]])[] = [
    [
      `${judgedQueries.length} queries judged by hand`,
      judgedQueries.map((one) => [one.query, byHand(one)]),
    ],
    [
      `${queries.length} queries by facts`,
      queries.map(({ text, kind }, n) => [text, byFacts(n, kind)]),
    ],
  ];
  const facts: [string, string][] = [];
  for (const [name, ranking] of without) {
    say(`search: relevance ${name}`);
    const server = await serve(stand, 0, ranking);
    for (const [set, judged] of sets) {
      const scores: number[] = [];
      for (const [query, grade] of judged) scores.push(await score(server.url, query, grade, all));
      const mean = scores.reduce((sum, one) => sum + one, 0) / scores.length;
      facts.push([`nDCG@10, ${set}, ${name}`, mean.toFixed(3)]);
    }
    await server.close();
  }
  return facts;
}

async function score(
  url: string,
  query: string,
  grade: Grade,
  all: readonly Judgeable[],
): Promise<number> {
  const answer = await fetch(`${url}/v1/search?q=${encodeURIComponent(query)}&limit=10`);
  if (answer.status !== ok) throw new Error(`${query} was answered ${answer.status}`);
  const { hits } = (await answer.json()) as { readonly hits: readonly { readonly id: string }[] };
  const grades = hits.map(({ id }) => {
    const product = all[Number(id.slice('prd_'.length))];
    return product === undefined ? 0 : grade(product);
  });
  return ndcg(grades, bestGrades(all, grade));
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
