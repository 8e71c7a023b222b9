/**
 * Every metric of Highnoon in one object. Labels are bounded sets only: a route's id, a lane, a
 * code; never a shopper, a raw path or anything else that a client can choose.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Metric } from 'prom-client';
import { HotCounter, HotHistogram } from './hot-metrics.ts';

const registry = new Registry();
const registers = [registry];

function counter<L extends string>(name: string, help: string, labelNames: readonly L[]) {
  return new Counter<L>({ name: `highnoon_${name}`, help, labelNames, registers });
}

function gauge<L extends string>(name: string, help: string, labelNames: readonly L[]) {
  return new Gauge<L>({ name: `highnoon_${name}`, help, labelNames, registers });
}

function histogram<L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[],
  buckets: number[],
) {
  return new Histogram<L>({ name: `highnoon_${name}`, help, labelNames, buckets, registers });
}

/** The registry's type wants prom-client's own classes; it only calls what these have too. */
function registered<M extends HotCounter | HotHistogram>(metric: M): M {
  registry.registerMetric(metric as unknown as Metric);
  return metric;
}

function hotCounter(name: string, help: string, labelNames: readonly string[]): HotCounter {
  return registered(new HotCounter({ name: `highnoon_${name}`, help, labelNames }));
}

function hotHistogram(
  name: string,
  help: string,
  labelNames: readonly string[],
  buckets: readonly number[],
): HotHistogram {
  return registered(new HotHistogram({ name: `highnoon_${name}`, help, labelNames, buckets }));
}

const answerSeconds = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const shortSeconds = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1];
const settleSeconds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const batchSizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

export const metrics = {
  outcomes: hotCounter('outcomes_total', 'Commands decided', ['command', 'outcome']),
  batchSize: hotHistogram('batch_size', 'Commands in a batch', ['lane'], batchSizes),
  batchWaitSeconds: hotHistogram(
    'batch_wait_seconds',
    'From the first command of a batch until it was sent',
    ['lane'],
    shortSeconds,
  ),
  scriptSeconds: hotHistogram(
    'script_seconds',
    'A script, from sending to its answer',
    ['script'],
    shortSeconds,
  ),
  outboxLength: gauge('outbox_length', 'Entries in a lane’s outbox', ['lane']),
  outboxAgeSeconds: gauge('outbox_age_seconds', 'Age of its oldest entry', ['lane']),
  inDoubtCount: gauge('in_doubt_count', 'Decisions not yet in Postgres', ['lane']),
  inDoubtAgeSeconds: gauge('in_doubt_age_seconds', 'Age of the oldest of them', ['lane']),
  settledDecisions: counter('settled_decisions_total', 'Decisions written to Postgres', ['lane']),
  settleLagSeconds: histogram(
    'settle_lag_seconds',
    'From the decision to its commit in Postgres',
    ['lane'],
    settleSeconds,
  ),
  kafkaLag: gauge('kafka_lag', 'Messages a group has not worked on', [
    'group',
    'topic',
    'partition',
  ]),
  loopErrors: counter('loop_errors_total', 'Rounds of a loop that failed', ['loop']),
  loopRuns: counter('loop_runs_total', 'Rounds of a loop', ['loop']),
  quarantined: gauge('quarantined', 'Decisions that can never settle', ['lane']),
  productsRefused: gauge('products_refused', 'Registrations that can never be products', []),
  laneOpen: gauge('lane_open', '1 while the lane is verified and open', ['lane']),
  saleUnits: gauge('sale_units', 'Units of a live flash sale, by kind', ['sale', 'kind']),
  httpRequests: hotCounter('http_requests_total', 'Answered requests', [
    'route',
    'method',
    'status',
  ]),
  httpSeconds: hotHistogram(
    'http_seconds',
    'From the request’s head to its answer',
    ['route'],
    answerSeconds,
  ),
  sockets: gauge('sockets', 'Open sockets', []),
  socketMessages: hotCounter('socket_messages_total', 'Messages of clients', ['type']),
  socketsClosed: counter('sockets_closed_total', 'Sockets that we closed', ['code']),
  pgPool: gauge('pg_pool', 'Postgres connections (total, idle) and callers waiting', ['state']),
  relayedEntries: counter('relayed_entries_total', 'Outbox entries published to Kafka', ['lane']),
  reapedHolds: counter('reaped_holds_total', 'Overdue holds ended', ['lane']),
  lineDrawn: counter('line_drawn_total', 'Tickets that were drawn', []),
  lineAdmitted: counter('line_admitted_total', 'Turns begun', ['lane']),
  lineLapsed: counter('line_lapsed_total', 'Turns that ran out', ['lane']),
  admitRate: gauge('admit_rate', 'Tickets that the admitter admits a second, units permitting', [
    'sale',
  ]),
  admitSlowed: counter('admit_slowed_total', 'Rounds of the admitter that spared the lane', [
    'lane',
    'why',
  ]),
  commandsApplied: counter('commands_applied_total', 'Lane commands applied', ['lane', 'kind']),
} as const;

/** Each look wakes an idle process: at 20 ms they were 2.2 ms of CPU a second, now they are 0.9. */
const loopLookMs = 50;

/** Node's own: event loop lag, memory, CPU, garbage collection. Once per process. */
export function collectProcessMetrics(): void {
  if (registry.getSingleMetric('highnoon_nodejs_eventloop_lag_seconds') !== undefined) return;
  collectDefaultMetrics({
    register: registry,
    prefix: 'highnoon_',
    eventLoopMonitoringPrecision: loopLookMs,
  });
}

/** Label `process` on everything that this process shows. */
export function setProcessLabel(processName: string): void {
  registry.setDefaultLabels({ process: processName });
}

const scrapers = new Map<string, () => void | Promise<void>>();

/** Runs before every scrape, once per name: for gauges that are read rather than counted. */
export function beforeScrape(name: string, fill: () => void | Promise<void>): void {
  scrapers.set(name, fill);
}

/** All metrics of this process in Prometheus' text format. */
export async function metricsText(): Promise<string> {
  // A gauge that cannot be read now must not hide all the others.
  await Promise.allSettled([...scrapers.values()].map(async (fill) => fill()));
  return registry.metrics();
}

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';
