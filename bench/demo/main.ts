/**
 * The demo: a vendor registers the seed's laptop, a sale opens at high noon, a crowd strikes in the
 * first instant, and the audit says whether anything was sold twice. Exit code 0 when all holds.
 */
import { pidOf, readStackInfo } from '../stack-info.ts';
import type { StackInfo } from '../stack-info.ts';
import { audit } from '../audit.ts';
import { Pool } from '../client/pool.ts';
import { settleLag, untilSettled } from './closing.ts';
import { Crowd } from './crowd.ts';
import { connectionsAllowed, crowdConnections, gatherTokens, openAll } from './gather.ts';
import { UsageError } from '../arguments.ts';
import { readOptions, usage } from './options.ts';
import type { DemoOptions } from './options.ts';
import { OwnershipCheck } from './ownership.ts';
import { number } from './picture.ts';
import { Screen } from './screen.ts';
import { Shop } from './shop.ts';
import { Show } from './show.ts';
import { complaintsOf, summaryOf } from './summary.ts';
import type { Ending } from './summary.ts';
import { Tally } from './tally.ts';

const poolSize = 16;
const holdSeconds = 8;
/** So many come back for each unit; all others leave, as people do. */
const hopersPerUnit = 3;
const leadMs = 3000;
/** Slow enough for any machine; the sale opens later for a larger crowd. */
const opensPerMs = 4;
const patienceMs = 30_000;
const lookMs = 100;
const usageCode = 2;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** As many as both ends may have, at most one for each shopper. */
function connectionCount(stack: StackInfo, shoppers: number, screen: Screen): number {
  const apiPid = pidOf(stack, 'api');
  const allowed = Math.min(
    connectionsAllowed('self'),
    apiPid === null ? Infinity : connectionsAllowed(apiPid),
  );
  if (shoppers <= allowed) return shoppers;
  screen.say(
    `${number(allowed)} connections fit here (ulimit -n): ` +
      `${number(shoppers - allowed)} of the shoppers share one.`,
  );
  return Math.max(1, allowed);
}

async function runDemo(options: DemoOptions, stack: StackInfo, screen: Screen): Promise<boolean> {
  const { shoppers, units } = options;
  const pool = new Pool(stack.apiUrl, poolSize);
  const shop = new Shop(pool);
  await shop.found('Bob’s Laptops');
  await shop.register(units);
  screen.say(`The laptop is listed: ${shop.product}`);
  const tokens = await gatherTokens(pool, shoppers, (done, of) => {
    if (done % 100 === 0) screen.progress(`Tokens for the crowd: ${number(done)} of ${number(of)}`);
  });
  screen.say(`${number(tokens.length)} shoppers have their tokens.`);
  const connections = crowdConnections(stack.apiUrl, connectionCount(stack, shoppers, screen));
  const openMs = connections.length / opensPerMs;
  const { sale, startsAt } = await shop.announce(units, leadMs + openMs, holdSeconds);
  const bell = new Date(startsAt).toISOString().slice(11, 19);
  screen.say(`The sale ${sale} opens at ${bell} UTC, the crowd’s 12:00.`);
  const tally = new Tally(shoppers);
  const check = new OwnershipCheck(startsAt, units);
  const hopeShare = Math.min(1, (hopersPerUnit * units) / shoppers);
  const plan = { sale, host: pool.host, startsAt, payShare: options.pay, hopeShare };
  const crowd = new Crowd(plan, tokens, connections, { clock: shop.clock, tally, check });
  const show = new Show({ sale, startsAt, shoppers, units, tally }, shop, screen);
  show.start();
  await pause(startsAt - shop.clock.now() - openMs - leadMs / 2);
  await Promise.all([
    openAll(connections, (opened) => {
      show.connections = opened;
    }),
    crowd.strike(),
  ]);
  await untilOver(crowd, show, units);
  show.stop();
  crowd.end();
  screen.say('The sale is over; waiting until everything is in Postgres …');
  const stats = await untilSettled(shop, sale);
  pool.close();
  const lag = await settleLag(stack.opsUrl);
  const verdict = await audit();
  return tell(screen, { shoppers, units, stats, tally, check, lag, audit: verdict });
}

/** All sold and paid, nobody wants anything any more, or everybody's patience has ended. */
async function untilOver(crowd: Crowd, show: Show, units: number): Promise<void> {
  const until = performance.now() + patienceMs;
  while (performance.now() < until && !crowd.isDone) {
    if (show.stats?.sold === units) return;
    await pause(lookMs);
  }
}

function tell(screen: Screen, ending: Ending): boolean {
  screen.say('');
  for (const line of summaryOf(ending)) screen.say(line);
  return complaintsOf(ending).length === 0;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const screen = new Screen(process.stdout, options.plain);
  return (await runDemo(options, readStackInfo(options.stack), screen)) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = error instanceof UsageError ? usageCode : 1;
}
