// A join or a bell that cannot settle: what an operator does, and that the line is drawn afterwards.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { recover, untilOpen } from '../../support/world-recovery.ts';
import { WorldLine } from '../../support/world-line.ts';
import { auditOf } from '../../support/audit.ts';
import {
  begin,
  end,
  loseRedis,
  publishLast,
  resolveAll,
  sale,
  settleAll,
  shop,
  sound,
  world,
} from './away.ts';

let line: WorldLine;
let lined: string;

beforeEach(async () => {
  await begin();
  line = new WorldLine(world, shop);
  const vendor = await shop.vendor();
  const product = await shop.product(vendor, 10);
  const items = [{ product: product.id, allotted: 2, price: 100 }];
  lined = await line.sale(vendor, items, ['ann'], {
    limitPerShopper: 1,
    startsAt: Date.now() + 2500,
  });
  await settleAll();
});
afterEach(end);

const change = (sql: string): Promise<number> => world.db.run(sql, [lined]);

/** Bob joins, and Postgres has another ticket of his in its place for as long as his join settles. */
async function putAwayJoin(more = (): Promise<unknown> => Promise.resolve()): Promise<void> {
  await change(`INSERT INTO sale.tickets (sale_id, index, key, shopper, state, joined_at)
                VALUES ($1, 1, 'x', 'bob', 'waiting', 0)`);
  await line.join(lined, 'bob');
  await more();
  expect(await settleAll()).toBeGreaterThan(0);
  await change('DELETE FROM sale.tickets WHERE sale_id = $1 AND index = 1');
}

async function isDrawn(waiting: readonly string[]): Promise<void> {
  await line.draw(lined);
  const numbers = await Promise.all(
    waiting.map(async (shopper) => (await line.ticket(lined, shopper)).number),
  );
  expect(numbers.every((number) => number !== null)).toBe(true);
  expect(await line.admit(lined, 5)).toBe(waiting.length);
  await sound();
}

it('a join whose cause has gone settles, and is drawn with the others', async () => {
  await putAwayJoin();
  expect(await resolveAll()).toEqual([[null, 'settled']]);
  await untilOpen(world);
  await line.ring(lined);
  await isDrawn(['ann', 'bob']);
});

it('a join that was lost keeps its place in the list, and the others are drawn', async () => {
  await putAwayJoin();
  await recover(world);
  expect(await resolveAll()).toEqual([[null, 'dropped']]);
  await untilOpen(world);
  await line.ring(lined);
  // He joins at the end of the line, if he likes.
  expect(await line.join(lined, 'bob')).toMatchObject({ index: 2, number: 3 });
  await isDrawn(['ann', 'bob']);
});

it.each(['lost', 'live'])('a %s join that was left keeps the key of the leave', async (what) => {
  const leave = () => world.lanes.line.leave(lined, 'bob', 'once');
  await putAwayJoin(leave);
  const isLost = what === 'lost';
  if (isLost) await recover(world);
  const dropped = [null, isLost ? 'dropped' : 'settled'];
  expect(await resolveAll()).toEqual([dropped, dropped]);
  await untilOpen(world);
  await line.join(lined, 'bob');
  expect(await leave()).toMatchObject({ replayed: true, value: { state: 'waiting' } });
  await line.ring(lined);
  await isDrawn(['ann', 'bob']);
});

it('a bell is fixed over those who have joined', async () => {
  await change('UPDATE sale.lines SET joined = 5 WHERE sale_id = $1');
  await line.ring(lined);
  const [{ bells } = {}] = await world.db.query<{ bells: number }>(
    `SELECT count(*)::int AS bells FROM sale.quarantine WHERE event->>'type' = 'bell'`,
  );
  expect(bells).toBe(1);
  await change('UPDATE sale.lines SET joined = 1 WHERE sale_id = $1');
  expect(await resolveAll()).toEqual([[null, 'settled']]);
  await untilOpen(world);
  await isDrawn(['ann']);
});

it('a hold that was lost takes nothing of a turn that is open', async () => {
  await line.ring(lined);
  await line.draw(lined);
  expect(await line.admit(lined, 1)).toBe(1);
  await world.steps.pump();
  await shop.hold(sale, 'gone');
  const order = await shop.hold(lined, 'ann');
  expect((await line.ticket(lined, 'ann')).state).toBe('finished');
  await publishLast();
  await loseRedis();
  expect(await recover(world)).toMatchObject({ quarantined: 2 });
  const resolved = await resolveAll();
  expect([...resolved].sort()).toEqual([
    [null, 'dropped'],
    [order.id, 'voided'],
  ]);
  await untilOpen(world);
  expect((await line.ticket(lined, 'ann')).state).toBe('admitted');
  const wrong = await auditOf(world);
  expect(wrong.filter((finding) => finding.startsWith('match.tickets'))).toEqual([]);
  await shop.hold(lined, 'ann');
  expect((await line.ticket(lined, 'ann')).state).toBe('finished');
  await sound();
});
