/**
 * Refusals of a sale that is sold out, against a bare uWebSockets.js route that parses the same body,
 * checks the same token and answers the same bytes. Alternated, so that both see the same machine.
 */
import type { ChildServer } from '../child-server.ts';
import { connectionsTo, Connection, targetOf } from '../client/connection.ts';
import type { Target } from '../client/connection.ts';
import { closedLoop } from '../client/load.ts';
import type { Load } from '../client/load.ts';
import type { Reply } from '../client/reply.ts';
import { median } from '../findings.ts';
import type { Findings, Row } from '../findings.ts';
import { sumOver } from '../measure/cpu.ts';
import { Meter } from '../scenario.ts';
import type { Scenario, ScenarioOptions } from '../scenario.ts';
import type { StackInfo } from '../stack-info.ts';
import { startBareRoute } from './bare.ts';
import { combined } from './rounds.ts';
import { holdLine, holdRests, Setting } from './setting.ts';

const refused = 409;
const accepted = 201;
const warmUpSeconds = 1;
const shoppersMost = 20_000;

export const soldOut: Scenario = {
  name: 'sold-out',
  part: 'generator',
  async run(stack, options, say) {
    const setting = await Setting.open(stack, 1);
    const shoppers = Math.min(options.shoppers, shoppersMost);
    say(`sold-out: ${shoppers} shoppers get their tokens`);
    const tokens = await setting.tokens(shoppers);
    const [sale = ''] = await setting.openSales(1, 1);
    const rests = holdRests(setting.host, tokens);
    const refusal = await sellOut(stack.apiUrl, sale, rests);
    const bare = await startBareRoute(refusal, tokens);
    try {
      // Not the winner: asking again would be answered with the hold.
      const texts = rests.slice(1).map((rest) => holdLine(sale) + rest);
      return await measure(stack, options, { texts, bare, say });
    } finally {
      await bare.close();
      setting.close();
    }
  },
};

/** Sells the one unit and returns how the next shopper is refused. */
async function sellOut(
  url: string,
  sale: string,
  [winner = '', loser = '']: readonly string[],
): Promise<Reply> {
  const connection = new Connection(targetOf(url));
  const won = await connection.request(holdLine(sale) + winner);
  const lost = await connection.request(holdLine(sale) + loser);
  connection.close();
  if (won?.status !== accepted || lost?.status !== refused) {
    throw new Error(`the sale did not sell out: ${won?.body ?? ''} ${lost?.body ?? ''}`);
  }
  return lost;
}

interface Stage {
  readonly texts: readonly string[];
  readonly bare: ChildServer;
  readonly say: (line: string) => void;
}

async function measure(
  stack: StackInfo,
  options: ScenarioOptions,
  { texts, bare, say }: Stage,
): Promise<Findings> {
  const meter = new Meter([...stack.processes, { name: 'bare route', pid: bare.pid }]);
  const product = await opened(targetOf(stack.apiUrl), options.connections, texts);
  const baseline = await opened(targetOf(bare.url), options.connections, texts);
  const refusals: Row[] = [];
  const bares: Row[] = [];
  for (const load of [product, baseline]) await closedLoop(load, warmUpSeconds);
  for (let round = 1; round <= options.rounds; round++) {
    say(`sold-out: round ${round} of ${options.rounds}`);
    const seconds = options.seconds / options.rounds;
    const phase = (load: Load) => async () => {
      const { answers, ...rest } = await closedLoop(load, seconds);
      return { operations: answers, ...rest };
    };
    refusals.push(await meter.measure('sold-out sale', phase(product)));
    bares.push(await meter.measure('bare route', phase(baseline)));
  }
  for (const { connections } of [product, baseline]) for (const one of connections) one.close();
  return findingsOf(options, refusals, bares, meter.othersCpus);
}

async function opened(target: Target, count: number, texts: readonly string[]): Promise<Load> {
  const connections = connectionsTo(target, count);
  await Promise.all(connections.map((connection) => connection.open()));
  let turn = 0;
  return { connections, status: refused, next: () => texts[++turn % texts.length] ?? null };
}

function findingsOf(
  options: ScenarioOptions,
  refusals: readonly Row[],
  bares: readonly Row[],
  othersCpus: number,
): Findings {
  const ratios = (of: (row: Row) => number): number =>
    median(refusals.map((row, i) => of(row) / of(bares[i] ?? row)));
  const rate = ratios(({ perSecond }) => perSecond);
  const cpu = 1 / ratios(({ cpu }) => sumOver(cpu, ['api', 'redis', 'bare route']));
  return {
    scenario: 'sold-out',
    about: 'A refusal: a hold of a sold-out sale, decided by its lane, answered with 409.',
    settings: { ...options },
    rows: [combined(refusals), combined(bares)],
    facts: [['bare CPU, of api + redis', `${(cpu * 100).toFixed(1)} %`]],
    bars: [
      { what: 'rate, of the bare route’s', value: rate * 100, bar: 75, side: 'least', unit: '%' },
    ],
    othersCpus,
  };
}
