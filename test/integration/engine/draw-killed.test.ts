/** A worker that dies while numbers are given: the next one gives the same, whatever was done. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { LineTicket } from '../../../engine/domain/line/types.ts';
import { entrantOf } from '../../../engine/line/chain.ts';
import { drawOrder, resultOf } from '../../../engine/line/draw.ts';
import { numbersPerCommandMax } from '../../../engine/line/numbers.ts';
import { projectRoot } from '../../../platform/config.ts';
import { auditOf } from '../../support/audit.ts';
import { until } from '../../support/environment.ts';
import { valueOf, WorldLine } from '../../support/world-line.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

/** A process turns joins away when too many wait. */
const atOnce = 500;

let world: World;
let shop: WorldShop;
let line: WorldLine;
let vendor: string;
let product: string;
const workers: ChildProcess[] = [];

beforeAll(async () => {
  world = await formatWorld({ lanes: 1, kafka: 'all' });
  shop = new WorldShop(world);
  line = new WorldLine(world, shop);
  vendor = await shop.vendor();
  product = (await shop.product(vendor, 100)).id;
});
afterEach(stopWorkers);
afterAll(() => world.close());

async function stopWorkers(): Promise<void> {
  for (const worker of workers.splice(0)) {
    if (worker.exitCode !== null || worker.signalCode !== null) continue;
    const ended = once(worker, 'exit');
    worker.kill('SIGKILL');
    await ended;
  }
}

function startWorker(crashAt: string): ChildProcess {
  const { redis, database, kafka } = world;
  const env = {
    ...process.env,
    REDIS_URL: redis.url,
    DATABASE_URL: database.url,
    KAFKA_BROKERS: kafka.brokers,
    TOPIC_PREFIX: kafka.prefix,
    LANES: '1',
    NODE_ENV: 'test',
    OPS_PORT: '0',
    HIGHNOON_PROCESS: 'worker',
    CRASH_AT: crashAt,
  };
  const file = join(projectRoot(), 'dist/engine/main.js');
  const worker = spawn(process.execPath, [file], { env, stdio: 'ignore' });
  workers.push(worker);
  return worker;
}

it.each([
  ['when the draw is in Postgres', 'drawer.drawn'],
  ['in the middle of the numbers', 'command.answered:2'],
])('%s', { timeout: 200_000 }, async (_when, crashAt) => {
  const count = 2 * numbersPerCommandMax + 100;
  const startsAt = Date.now() + 8_000;
  const items = [{ product, allotted: 1, price: 100 }];
  const sale = await line.sale(vendor, items, [], { startsAt });
  const shoppers = Array.from({ length: count }, (_, i) => `s${i}`);
  const tickets: LineTicket[] = [];
  for (let at = 0; at < count; at += atOnce) {
    const some = shoppers.slice(at, at + atOnce);
    tickets.push(...(await Promise.all(some.map((shopper) => line.join(sale, shopper)))));
  }
  expect(tickets.at(-1)).toMatchObject({ index: count - 1, number: null });
  await line.ring(sale);

  const doomed = startWorker(crashAt);
  const [code, signal] = (await once(doomed, 'exit')) as [number | null, string | null];
  expect([code, signal]).toEqual([null, 'SIGKILL']);
  expect(valueOf(await world.lanes.line.figures(sale)).numbered).toBe(false);

  startWorker('');
  await until(
    'every number is given',
    async () => valueOf(await world.lanes.line.figures(sale)).numbered,
    60_000,
  );
  await until(
    'and settled',
    async () => {
      const [row] = await world.db.query<{ done: boolean }>(
        'SELECT numbered_at IS NOT NULL AS done FROM sale.lines WHERE sale_id = $1',
        [sale],
      );
      return row?.done === true;
    },
    60_000,
  );
  const [row] = await world.db.query<{ seed: Buffer; root: Buffer; beacon: Buffer }>(
    `SELECT seed, root, beacon FROM sale.lines l JOIN sale.sales s ON s.id = l.sale_id
      WHERE sale_id = $1`,
    [sale],
  );
  if (row === undefined) throw new Error('no line');
  const entrants = Buffer.concat(tickets.map(({ id }) => entrantOf(id)));
  const order = drawOrder(resultOf(row.seed, row.root, row.beacon), entrants);
  for (const number of [1, 2, numbersPerCommandMax, numbersPerCommandMax + 1, count]) {
    const shopper = shoppers[order[number - 1] ?? -1] ?? '';
    expect((await line.ticket(sale, shopper)).number).toBe(number);
  }
  await stopWorkers();
  await world.steps.pump();
  // The audit recomputes all of them, in Postgres and in the lane.
  expect(await auditOf(world)).toEqual([]);
});
