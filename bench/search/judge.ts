/** How good the first ten hits are, and how ours compare with those of others. */
import { defaultRanking } from '../../catalog/search/ranking.ts';
import type { Ranking } from '../../catalog/search/ranking.ts';
import type { Generator } from '../../catalog/seed/generator.ts';
import type { Sources } from '../../catalog/seed/sources.ts';
import { Histogram } from '../client/histogram.ts';
import type { Say } from '../scenario.ts';
import { judgedQueries } from './judged.ts';
import { measurePeers } from './peers.ts';
import type { Peer } from './peers.ts';
import { bestGrades, byFacts, byHand, judgeables, ndcg } from './relevance.ts';
import type { Grade, Judgeable } from './relevance.ts';
import { serve } from './serve.ts';
import type { Stand } from './stand.ts';

const ok = 200;

const without: readonly (readonly [name: string, ranking: Ranking])[] = [
  ['as it is', defaultRanking],
  ['without weights of fields', { ...defaultRanking, fields: { A: 1, B: 1, C: 1, D: 1 } }],
  ['without what words are worth together', { ...defaultRanking, closeness: 0 }],
  ['without near words and missing words', { ...defaultRanking, near: false }],
  ['without availability and popularity', { ...defaultRanking, quality: 0 }],
];

type JudgedSet = readonly [name: string, judged: readonly (readonly [string, Grade])[]];

const judgedSets = ({ queries }: Sources): readonly JudgedSet[] => [
  [
    `${judgedQueries.length} queries judged by hand`,
    judgedQueries.map((one) => [one.query, byHand(one)]),
  ],
  [
    `${queries.length} queries by facts`,
    queries.map(({ text, kind }, n) => [text, byFacts(n, kind)]),
  ],
];

/** nDCG@10 of both sets, with each ingredient of the ranking switched off in turn. */
export async function judge(
  stand: Stand,
  generator: Generator,
  sources: Sources,
  products: number,
  say: Say,
): Promise<[string, string][]> {
  const all = judgeables(generator, products);
  const sets = judgedSets(sources);
  const facts: [string, string][] = [];
  for (const [name, ranking] of without) {
    say(`search: relevance ${name}`);
    const server = await serve(stand, 0, ranking);
    for (const [set, judged] of sets) {
      const scores: number[] = [];
      for (const [query, grade] of judged) scores.push(await score(server.url, query, grade, all));
      facts.push([`nDCG@10, ${set}, ${name}`, mean(scores).toFixed(3)]);
    }
    await server.close();
  }
  return facts;
}

const score = async (url: string, query: string, grade: Grade, all: readonly Judgeable[]) =>
  scoreOf(await idsOf(url, query), grade, all);

async function idsOf(url: string, query: string): Promise<string[]> {
  const answer = await fetch(`${url}/v1/search?q=${encodeURIComponent(query)}&limit=10`);
  if (answer.status !== ok) throw new Error(`${query} was answered ${answer.status}`);
  const { hits } = (await answer.json()) as { readonly hits: readonly { readonly id: string }[] };
  return hits.map(({ id }) => id);
}

function scoreOf(ids: readonly string[], grade: Grade, all: readonly Judgeable[]): number {
  const grades = ids.map((id) => {
    const product = all[Number(id.slice('prd_'.length))];
    return product === undefined ? 0 : grade(product);
  });
  return ndcg(grades, bestGrades(all, grade));
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, one) => sum + one, 0) / values.length;

const cannot =
  'what they cannot: say whether a hit can be delivered or filter by it, count facets with what is ' +
  'in stock, hold a variant and its product as one hit, find a product in the transaction that writes it';

/** Ours and theirs, one query after the other; facts say why where they cannot be had. */
export async function comparePeers(
  stand: Stand,
  generator: Generator,
  sources: Sources,
  products: number,
  say: Say,
): Promise<[string, string][]> {
  const sets = judgedSets(sources);
  const queries = sets.flatMap(([, judged]) => judged.map(([query]) => query));
  let peers: Peer[];
  try {
    peers = await measurePeers(generator, products, queries, say);
  } catch (error) {
    return [['peers', `not measured: ${error instanceof Error ? error.message : String(error)}`]];
  }
  const all = judgeables(generator, products);
  const ours = await measureOurs(stand, queries);
  const facts: [string, string][] = [
    ['one after the other: ours, over HTTP with facets', latencyText(ours)],
  ];
  for (const peer of peers) {
    const { name, seconds, bytes, latency, found } = peer;
    facts.push([`one after the other: ${name}, in its process, ids only`, latencyText(latency)]);
    const size = `${Math.round(bytes / mega)} MB, made in ${seconds.toFixed(0)} s`;
    facts.push([`size of the index of ${name}`, size]);
    let at = 0;
    for (const [set, judged] of sets) {
      const scores = judged.map(([, grade], i) => scoreOf(found[at + i] ?? [], grade, all));
      facts.push([`nDCG@10, ${set}, ${name}`, mean(scores).toFixed(3)]);
      at += judged.length;
    }
  }
  return [...facts, ['peers', cannot]];
}

const mega = 1024 * 1024;
const latencyText = (latency: Histogram): string =>
  `p50 ${latency.quantile(0.5).toFixed(1)} ms, p99 ${latency.quantile(0.99).toFixed(1)} ms`;

/** The second time around, so that nothing is read for the first time. */
async function measureOurs(stand: Stand, queries: readonly string[]): Promise<Histogram> {
  const server = await serve(stand, 0);
  let latency = new Histogram();
  for (let pass = 0; pass < 2; pass += 1) {
    latency = new Histogram();
    for (const query of queries) {
      const at = performance.now();
      await idsOf(server.url, query);
      latency.add(performance.now() - at);
    }
  }
  await server.close();
  return latency;
}
