/**
 * The demo: a vendor registers the seed's laptop, a sale opens at high noon, a crowd that waited in line
 * is drawn and served (or strikes in the first instant), and the audit says whether anything was sold
 * twice. Exit code 0 when all holds.
 */
import { pidOf, readStackInfo } from '../stack-info.ts';
import type { StackInfo } from '../stack-info.ts';
import { audit } from '../audit.ts';
import { Pool } from '../client/pool.ts';
import { settleLag, untilSettled } from './closing.ts';
import { Crowd } from './crowd.ts';
import { LineCrowd } from './line-crowd.ts';
import { connectionsAllowed, gatherTokens, openAll } from './gather.ts';
import { connectionsTo, targetOf } from '../client/connection.ts';
import { UsageError, usageCode } from '../arguments.ts';
import { readOptions, usage } from './options.ts';
import type { DemoOptions } from './options.ts';
import { OwnershipCheck } from './ownership.ts';
import { number } from './picture.ts';
import type { LineView } from './picture.ts';
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
/** A join takes less than to come did. */
const joinShare = 0.5;
const turnSeconds = 6;
const patienceMs = 30_000;
const lookMs = 100;

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
    `${number(allowed)} connections fit here (ulimit -n), fewer than ${number(shoppers)} shoppers.`,
  );
  return Math.max(1, allowed);
}

/** What both crowds are made of. */
interface Stage {
  readonly options: DemoOptions;
  readonly stack: StackInfo;
  readonly screen: Screen;
  readonly pool: Pool;
  readonly shop: Shop;
  readonly tokens: readonly string[];
}

interface Play {
  readonly sale: string;
  readonly tally: Tally;
  readonly check: OwnershipCheck;
  /** Shoppers that were told a number; null without a line. */
  readonly numbered: number | null;
}

async function runDemo(options: DemoOptions, stack: StackInfo, screen: Screen): Promise<boolean> {
  const pool = new Pool(stack.apiUrl, poolSize);
  const shop = new Shop(pool);
  await shop.found('Bob’s Laptops');
  await shop.register(options.units);
  screen.say(`The laptop is listed: ${shop.product}`);
  const fits = connectionCount(stack, options.shoppers, screen);
  // In a line each has a socket of their own.
  const shoppers = options.mode === 'line' ? fits : options.shoppers;
  const tokens = await gatherTokens(pool, shoppers, (done, of) => {
    if (done % 100 === 0) screen.progress(`Tokens for the crowd: ${number(done)} of ${number(of)}`);
  });
  screen.say(`${number(tokens.length)} shoppers have their tokens.`);
  const stage: Stage = { options, stack, screen, pool, shop, tokens };
  const play = options.mode === 'line' ? await playLine(stage) : await playOpen(stage, fits);
  screen.say('The sale is over; waiting until everything is in Postgres …');
  const stats = await untilSettled(shop, play.sale);
  pool.close();
  const lag = await settleLag(stack.opsUrl);
  const verdict = await audit();
  const { tally, check, numbered } = play;
  const { units } = options;
  return tell(screen, { shoppers, units, stats, tally, check, lag, audit: verdict, numbered });
}

async function announced(
  stage: Stage,
  openMs: number,
  admission: Readonly<Record<string, unknown>> = { mode: 'open' },
) {
  const { shop, screen, options } = stage;
  const found = await shop.announce(options.units, leadMs + openMs, holdSeconds, admission);
  const bell = new Date(found.startsAt).toISOString().slice(11, 19);
  screen.say(`The sale ${found.sale} opens at ${bell} UTC, the crowd’s 12:00.`);
  return found;
}

/** The crowd comes before the bell, is drawn, and buys when it is admitted. */
async function playLine(stage: Stage): Promise<Play> {
  const { options, shop, screen, tokens, pool } = stage;
  const { units, pay: payShare } = options;
  const tally = new Tally(tokens.length);
  const parts = { clock: shop.clock, tally };
  const crowd = new LineCrowd({ host: pool.host, units, payShare }, tokens, parts);
  const cameAt = performance.now();
  await crowd.gather((here, of) => {
    if (here % 100 === 0) screen.progress(`The crowd comes: ${number(here)} of ${number(of)}`);
  });
  const tookMs = performance.now() - cameAt;
  screen.say(`${number(tokens.length)} sockets are open.`);
  const admission = { mode: 'queue', turn_seconds: turnSeconds };
  const { sale, startsAt } = await announced(stage, tookMs * joinShare, admission);
  const check = new OwnershipCheck(startsAt, units);
  const line = (): LineView => ({
    numbered: crowd.numbered,
    waiting: crowd.tick?.waiting ?? 0,
    serving: crowd.tick?.serving ?? 0,
    cutLine: crowd.tick?.cut_line ?? null,
    chain: crowd.tick?.chain ?? '',
  });
  const scene = { sale, startsAt, shoppers: tokens.length, units, tally, line };
  const show = new Show(scene, shop, screen);
  show.start();
  await crowd.join({ id: sale, startsAt, check }, (joined) => {
    show.connections = joined;
  });
  await pause(startsAt - shop.clock.now());
  await untilOver(crowd, show, units);
  show.stop();
  crowd.end();
  return { sale, tally, check, numbered: crowd.numbered };
}

/** Without a line: all strike in the first instant. */
async function playOpen(stage: Stage, fits: number): Promise<Play> {
  const { options, stack, shop, screen, tokens, pool } = stage;
  const { units } = options;
  const shoppers = tokens.length;
  const connections = connectionsTo(targetOf(stack.apiUrl), fits);
  const openMs = connections.length / opensPerMs;
  const { sale, startsAt } = await announced(stage, openMs);
  const tally = new Tally(shoppers);
  const check = new OwnershipCheck(startsAt, units);
  const hopeShare = Math.min(1, (hopersPerUnit * units) / shoppers);
  const plan = { sale, host: pool.host, startsAt, payShare: options.pay, hopeShare };
  const crowd = new Crowd(plan, tokens, connections, { clock: shop.clock, tally, check });
  const scene = { sale, startsAt, shoppers, units, tally, line: () => null };
  const show = new Show(scene, shop, screen);
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
  return { sale, tally, check, numbered: null };
}

/** All sold and paid, nobody wants anything any more, or everybody's patience has ended. */
async function untilOver(crowd: Crowd | LineCrowd, show: Show, units: number): Promise<void> {
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
