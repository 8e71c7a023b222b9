/**
 * A Redis with many orders in its lane is killed: how long is it felt? Its append-only file is read
 * again, a verifier looks and begins an epoch, and the lane serves.
 */
import { Client as Postgres } from 'pg';
import { Connection, localAddresses, targetOf } from '../../../bench/client/connection.ts';
import { closedLoop } from '../../../bench/client/load.ts';
import { holdRests, holdsOf, Setting, Turns } from '../../../bench/scenarios/setting.ts';
import { DrillStack } from '../stack.ts';
import { Replies } from './replies.ts';
import { bar, seconds, type Scenario, type ScenarioContext } from './scenario.ts';

const connections = 64;
const shoppers = 10_000;
const fillMaxSeconds = 1800;
const feltMaxMs = 3000;
const askEveryMs = 10;
/** Of the connections: the others would only take the processors from what is measured. */
const askers = 16;
const askMaxMs = 60_000;

/**
 * From the first ask that is not accepted to the first that is accepted again. What was not accepted
 * is asked again with its key, as clients do.
 */
async function feltBy(
  connection: Connection,
  next: () => string | null,
  replies: Replies,
): Promise<number> {
  const begun = performance.now();
  let from = 0;
  let text: string | null = null;
  for (;;) {
    text ??= next();
    if (text === null) throw new Error('there are too few turns');
    const sentAt = performance.now();
    const accepted = replies.count(await connection.request(text));
    if (!accepted && from === 0) from = sentAt;
    if (accepted && from > 0) return performance.now() - from;
    if (accepted) text = null;
    if (performance.now() - begun > askMaxMs) return from === 0 ? 0 : Infinity;
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
  }
}

/** Held orders, as Postgres has them: none of them ends here. */
async function ordersIn(stack: DrillStack): Promise<number> {
  const db = new Postgres({ connectionString: stack.storeEnv().DATABASE_URL });
  await db.connect();
  try {
    const { rows } = await db.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM sale.orders WHERE state = 'held'`,
    );
    return rows[0]?.n ?? 0;
  } finally {
    await db.end();
  }
}

async function measure({ orders, say }: ScenarioContext, stack: DrillStack): Promise<boolean> {
  const [apiUrl = ''] = stack.apis;
  const sales = Math.ceil(orders / shoppers) + 1;
  const setting = await Setting.open({ apiUrl }, sales * shoppers);
  const clients = Array.from({ length: connections }, (_, i) => {
    return new Connection(targetOf(apiUrl), localAddresses[i % localAddresses.length]);
  });
  try {
    const turns = new Turns(shoppers);
    turns.add(await setting.openSales(sales, shoppers));
    const next = holdsOf(turns, holdRests(setting.host, await setting.tokens(shoppers)));
    const enough = (): string | null => (turns.taken < orders ? next() : null);
    const filled = await closedLoop(
      { connections: clients, next: enough, status: 201 },
      fillMaxSeconds,
    );
    say(`${filled.answers} orders in the lane, after ${seconds(filled.seconds * 1000)}`);
    const replies = new Replies();
    const asking = clients.slice(0, askers).map((client) => feltBy(client, next, replies));
    stack.stores.kill('redis');
    const felt = Math.max(...(await Promise.all(asking)));
    await setting.settled(turns.sales);
    const [accepted, stored] = [filled.answers + replies.accepted, await ordersIn(stack)];
    const audit = await stack.highnoon(['audit', '--wait', '120']);
    return [
      bar(say, filled.answers >= orders, `${orders} orders in the lane`),
      bar(
        say,
        felt > 0 && felt <= feltMaxMs,
        `felt for ${seconds(felt)} (≤ ${seconds(feltMaxMs)})`,
      ),
      bar(
        say,
        replies.odd.size === 0,
        `whoever was not accepted was told to come again; others: ${replies.oddOnes}`,
      ),
      bar(say, stored === accepted, `${accepted} orders were accepted, ${stored} are stored`),
      bar(say, audit.code === 0, 'the audit'),
    ].every(Boolean);
  } finally {
    for (const client of clients) client.close();
    setting.close();
  }
}

export const redisRestart: Scenario = {
  name: 'redis-restart',
  does: 'Redis is killed with --orders orders in its lane',
  async run(context) {
    const stack = await DrillStack.start(context.module, context.say, {
      LANES: '1',
      REDIS_MAXMEMORY_MB: '2048',
    });
    try {
      return await measure(context, stack);
    } finally {
      await stack.stop();
    }
  },
};
