/**
 * Overload: one api in front of one lane whose capacity is held down by a slow cable to Redis and
 * small batches, so that one machine can offer three times of it. Who is not served must be told
 * so at once, with `Retry-After`; the others are served as fast as ever.
 */
import { readFileSync } from 'node:fs';
import { Connection, localAddresses, targetOf } from '../../../bench/client/connection.ts';
import { headerOf, type Reply } from '../../../bench/client/reply.ts';
import type { Next } from '../../../bench/client/load.ts';
import { pace } from '../../../bench/measure/pace.ts';
import { holdRests, holdsOf, Setting, Turns } from '../../../bench/scenarios/setting.ts';
import { DrillStack } from '../stack.ts';
import { bar, percent, type Scenario, type ScenarioContext } from './scenario.ts';

const batchMax = '16';
const cableMs = 10;
const times = 3;
const shoppers = 2000;
const sales = 40;
const peakConnections = 64;
const crowdConnections = 6000;
const peakSeconds = 5;
const overloadSeconds = 15;
/** A client that has no answer by then has given up: what comes later is no good to anybody. */
const patienceMs = 2000;
const goodputShare = 0.8;
const memoryMb = 256;

class Tally {
  /** Holds that were accepted within the client's patience. */
  good = 0;
  late = 0;
  shed = 0;
  shedWithoutRetry = 0;
  unanswered = 0;
  longestMs = 0;
  other = new Map<number, number>();

  count(reply: Reply | null, ms: number): void {
    this.longestMs = Math.max(this.longestMs, ms);
    if (reply === null) this.unanswered += 1;
    else if (reply.status === 503 || reply.status === 429) {
      this.shed += 1;
      if (headerOf(reply, 'retry-after') === null) this.shedWithoutRetry += 1;
    } else if (reply.status !== 201) {
      this.other.set(reply.status, (this.other.get(reply.status) ?? 0) + 1);
    } else if (ms <= patienceMs) this.good += 1;
    else this.late += 1;
  }
}

const residentMb = (pid: number): number => {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
};

/** As many as the lane takes: each connection asks again when it has its answer. */
async function atPeak(connections: readonly Connection[], next: Next): Promise<Tally> {
  const tally = new Tally();
  const until = performance.now() + peakSeconds * 1000;
  const run = async (connection: Connection): Promise<void> => {
    while (performance.now() < until) {
      const text = next();
      if (text === null) throw new Error('there are too few turns');
      const sentAt = performance.now();
      tally.count(await connection.request(text), performance.now() - sentAt);
    }
  };
  await Promise.all(connections.map(run));
  return tally;
}

/** By the clock, however late the answers are. */
async function offered(idle: Connection[], next: Next, perSecond: number): Promise<Tally> {
  const tally = new Tally();
  const all: Promise<void>[] = [];
  const one = async (connection: Connection, text: string, sentAt: number): Promise<void> => {
    tally.count(await connection.request(text), performance.now() - sentAt);
    idle.push(connection);
  };
  await pace(perSecond, overloadSeconds, (intendedAt) => {
    const [connection, text] = [idle.pop(), next()];
    if (text === null) throw new Error('there are too few turns');
    // Without a free connection the crowd itself is full, and that is a request without an answer.
    if (connection === undefined) tally.count(null, 0);
    else all.push(one(connection, text, intendedAt));
  });
  await Promise.all(all);
  return tally;
}

async function measure(stack: DrillStack, { say }: ScenarioContext): Promise<boolean> {
  const [apiUrl = ''] = stack.apis;
  const setting = await Setting.open({ apiUrl }, sales * shoppers);
  const crowd = Array.from({ length: crowdConnections }, (_, i) => {
    return new Connection(targetOf(apiUrl), localAddresses[i % localAddresses.length]);
  });
  try {
    const turns = new Turns(shoppers);
    turns.add(await setting.openSales(sales, shoppers));
    const next = holdsOf(turns, holdRests(setting.host, await setting.tokens(shoppers)));
    for (let i = 0; i < crowd.length; i += 100) {
      await Promise.all(crowd.slice(i, i + 100).map((connection) => connection.open()));
    }
    stack.proxies.redis.misbehave({ delayMs: cableMs });
    const peak = (await atPeak(crowd.slice(0, peakConnections), next)).good / peakSeconds;
    say(`peak: ${peak.toFixed(0)} holds/s by ${peakConnections} clients`);
    const pid = stack.roles.pid('api') ?? 0;
    const [before, most] = [residentMb(pid), { mb: 0 }];
    const watch = setInterval(() => (most.mb = Math.max(most.mb, residentMb(pid))), 200);
    const tally = await offered([...crowd], next, times * peak);
    clearInterval(watch);
    stack.proxies.redis.behave();
    await setting.settled(turns.sales);
    const audit = await stack.highnoon(['audit']);
    return judge(tally, peak, { before, most: most.mb }, audit.code, say);
  } finally {
    for (const connection of crowd) connection.close();
    setting.close();
  }
}

function judge(
  tally: Tally,
  peak: number,
  memory: { readonly before: number; readonly most: number },
  audit: number,
  say: ScenarioContext['say'],
): boolean {
  const goodput = tally.good / overloadSeconds;
  const { good, late, shed, unanswered, longestMs } = tally;
  const other = [...tally.other].map(([status, n]) => `${n} × ${status}`).join(', ');
  say(
    `offered ${(times * peak).toFixed(0)}/s for ${overloadSeconds} s: ${good} accepted, ` +
      `${shed} told to come again, ${late} accepted after ${patienceMs / 1000} s, ` +
      `${unanswered} without an answer, longest ${longestMs.toFixed(0)} ms`,
  );
  const grown = memory.most - memory.before;
  return [
    bar(
      say,
      goodput >= goodputShare * peak,
      `goodput ${goodput.toFixed(0)}/s = ${percent(goodput / peak)} of the peak (≥ ${percent(goodputShare, 0)})`,
    ),
    bar(
      say,
      shed > 0 && unanswered + tally.other.size + tally.shedWithoutRetry === 0,
      `the rest: 503 or 429 with Retry-After (${shed}); without it ${tally.shedWithoutRetry}, ` +
        `no answer ${unanswered}, others ${other === '' ? 'none' : other}`,
    ),
    bar(
      say,
      grown <= memoryMb,
      `api's memory ${memory.before.toFixed(0)} MB, at most ${memory.most.toFixed(0)} MB (+ ≤ ${memoryMb} MB)`,
    ),
    bar(say, audit === 0, 'the audit'),
  ].every(Boolean);
}

export const overload: Scenario = {
  name: 'overload',
  does: `${times} × the capacity of one api and one lane, held down by a slow Redis`,
  async run(context) {
    const env = { LANES: '1', BATCH_MAX: batchMax };
    const stack = await DrillStack.start(context.module, context.say, env);
    try {
      return await measure(stack, context);
    } finally {
      await stack.stop();
    }
  },
};
