/** Settlement of a line: tickets, the chain entry by entry, the bell, and what breaks their rules. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ticketIdOf } from '../../../engine/domain/ids.ts';
import type { Entry } from '../../../engine/lanes/codec.ts';
import { settleRun } from '../../../engine/settle/run.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

type Event = readonly unknown[];

const lane = 0;
const line = { mode: 'queue', ratePerSecond: 50, turnSeconds: 60, factor: 1.5 } as const;
let world: World;
let shop: WorldShop;
let vendor: string;
let product: string;
let sale: string;

beforeAll(async () => {
  world = await formatWorld({ lanes: 1, kafka: 'none' });
  shop = new WorldShop(world);
  vendor = await shop.vendor();
  product = (await shop.product(vendor, 10_000)).id;
});
afterAll(() => world.close());
beforeEach(async () => {
  const startsAt = Date.now() + 3_600_000;
  const items = [{ product, allotted: 1, price: 100 }];
  // Written and no more: the lane is not told, so that its next positions are this test's.
  sale = await shop.writeSale(vendor, items, { admission: line, startsAt });
});

const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const entrant = (key: string): Buffer => sha256(ticketIdOf(sale, key));
const joined = (key: string, index: number, number = 0): Event => [
  'joined',
  key,
  `of-${key}`,
  index,
  number,
];

/** Settles entries of such events as the lane's next ones. The lane itself knows nothing of them. */
async function settle(...entries: readonly (readonly Event[])[]) {
  const [mark] = await world.db.query<{ epoch: number; seq: number }>(
    'SELECT epoch, seq FROM sale.watermarks WHERE lane = $1',
    [lane],
  );
  if (mark === undefined) throw new Error('no watermark');
  const next = entries.map((events, i): Entry => ({
    epoch: mark.epoch,
    seq: mark.seq + 1 + i,
    at: 1000 + i,
    before: null,
    count: events.length,
    groups: [[sale, events]],
    outage: 0,
  }));
  const settled = await settleRun(world.db, lane, next, null, () => undefined);
  return {
    positions: next.map(({ epoch, seq }) => `${epoch}-${seq}`),
    quarantined: settled.reduce((sum, s) => sum + s.quarantined, 0),
    again: () => settleRun(world.db, lane, next, null, () => undefined),
  };
}

const lineRow = async () => {
  const [row] = await world.db.query<{
    joined: number;
    chain: Buffer;
    bell_n: number | null;
    root: Buffer | null;
  }>('SELECT * FROM sale.lines WHERE sale_id = $1', [sale]);
  if (row === undefined) throw new Error('no line');
  return row;
};
const tickets = () =>
  world.db.query<Record<string, unknown>>(
    `SELECT index, key, shopper, state, admitted_at, turn_ends, claim, ended_at
       FROM sale.tickets WHERE sale_id = $1 ORDER BY index`,
    [sale],
  );
const away = async (): Promise<string[]> => {
  const rows = await world.db.query<{ reason: string }>(
    `SELECT reason FROM sale.quarantine WHERE event->>'sale' = $1 ORDER BY seq, index`,
    [sale],
  );
  return rows.map(({ reason }) => reason);
};

describe('creation', () => {
  it('keeps the terms of the line, and hands them to the lane', async () => {
    const [row] = await world.db.query<Record<string, unknown>>(
      `SELECT l.mode, l.rate_per_second, l.turn_seconds, l.factor, l.line_max, s.admission,
              c.body->8 AS installed
         FROM sale.lines l JOIN sale.sales s ON s.id = l.sale_id
         JOIN sale.lane_commands c ON c.sale_id = s.id AND c.kind = 'install'
        WHERE l.sale_id = $1`,
      [sale],
    );
    expect(row).toEqual({
      mode: 'queue',
      rate_per_second: 50,
      turn_seconds: 60,
      factor: 1.5,
      line_max: world.config.lineMax,
      admission: { mode: 'queue', rate_per_second: 50, turn_seconds: 60, factor: 1.5 },
      installed: [1, 60_000, 150, world.config.lineMax],
    });
  });

  it('writes no line for an open sale', async () => {
    const open = await shop.writeSale(vendor, [{ product, allotted: 1, price: 100 }]);
    const [row] = await world.db.query<{ length: number; lines: number }>(
      `SELECT jsonb_array_length(body) AS length,
              (SELECT count(*) FROM sale.lines WHERE sale_id = $1) AS lines
         FROM sale.lane_commands WHERE sale_id = $1 AND kind = 'install'`,
      [open],
    );
    expect(row).toEqual({ length: 8, lines: 0 });
  });
});

describe('joins', () => {
  it('extend the chain by one link for each entry, and only once', async () => {
    const done = await settle([joined('a', 0), joined('b', 1)], [joined('c', 2)]);
    const first = sha256(entrant('a'), entrant('b'));
    const second = sha256(first, entrant('c'));
    expect(await lineRow()).toMatchObject({ joined: 3, chain: second, bell_n: null, root: null });
    const links = await world.db.query(
      `SELECT position, first_index, count FROM sale.line_entries WHERE sale_id = $1
        ORDER BY first_index`,
      [sale],
    );
    expect(links).toEqual([
      { position: done.positions[0], first_index: 0, count: 2 },
      { position: done.positions[1], first_index: 2, count: 1 },
    ]);
    // Kafka may give a batch twice.
    await done.again();
    expect(await lineRow()).toMatchObject({ joined: 3, chain: second });
    expect(await tickets()).toHaveLength(3);
    expect(await away()).toEqual([]);
  });

  it('fold with all that came of a ticket in the same settlement', async () => {
    await settle([joined('a', 0)]);
    await settle(
      [['left', 'a', 'of-a'], joined('b', 1), joined('c', 2)],
      [['joined', 'a2', 'of-a', 3, 0]],
      [['admitted', 'b', 'of-b', 5000, 2]],
      [
        ['finished', 'b', 'of-b'],
        ['admitted', 'c', 'of-c', 6000, 1],
      ],
    );
    const ofA = { shopper: 'of-a', admitted_at: null, turn_ends: null, claim: null };
    expect(await tickets()).toEqual([
      { ...ofA, index: 0, key: 'a', state: 'left', ended_at: 1000 },
      {
        index: 1,
        key: 'b',
        shopper: 'of-b',
        state: 'finished',
        admitted_at: 1002,
        turn_ends: 5000,
        claim: 2,
        ended_at: 1003,
      },
      {
        index: 2,
        key: 'c',
        shopper: 'of-c',
        state: 'admitted',
        admitted_at: 1003,
        turn_ends: 6000,
        claim: 1,
        ended_at: null,
      },
      { ...ofA, index: 3, key: 'a2', state: 'waiting', ended_at: null },
    ]);
    await settle([['lapsed', 'c', 'of-c']]);
    expect((await tickets())[2]).toMatchObject({ state: 'lapsed', ended_at: 1000 });
    expect(await away()).toEqual([]);
  });
});

it('keeps the key by which a ticket was left; one without a key, as of before, has none', async () => {
  await settle([joined('a', 0), joined('b', 1), joined('c', 2), ['left', 'c', 'of-c', 'key-c']]);
  await settle([
    ['left', 'a', 'of-a', 'key-a'],
    ['left', 'b', 'of-b'],
  ]);
  const left = await world.db.query(
    'SELECT key, state, left_key FROM sale.tickets WHERE sale_id = $1 ORDER BY index',
    [sale],
  );
  expect(left).toEqual([
    { key: 'a', state: 'left', left_key: 'key-a' },
    { key: 'b', state: 'left', left_key: '' },
    { key: 'c', state: 'left', left_key: 'key-c' },
  ]);
  expect(await away()).toEqual([]);
});

describe('the bell', () => {
  it('fixes N and the root; later joiners have the numbers behind', async () => {
    await settle([joined('a', 0), joined('b', 1)]);
    await settle([['bell', 0, 2], joined('c', 2, 3)], [joined('d', 3, 4)]);
    const root = sha256(entrant('a'), entrant('b'));
    expect(await lineRow()).toMatchObject({
      joined: 4,
      bell_n: 2,
      root,
      chain: sha256(sha256(root, entrant('c')), entrant('d')),
    });
    const numbers = await world.db.query(
      'SELECT index, number FROM sale.ticket_numbers WHERE sale_id = $1 ORDER BY index',
      [sale],
    );
    expect(numbers).toEqual([
      { index: 2, number: 3 },
      { index: 3, number: 4 },
    ]);
    expect(await away()).toEqual([]);
  });

  it('rings for nobody too', async () => {
    await settle([['bell', 0, 0]]);
    expect(await lineRow()).toMatchObject({ joined: 0, bell_n: 0, root: Buffer.alloc(0) });
  });
});

describe('what breaks the rules is put away, and all else settles', () => {
  it.each([
    ['a place that is not the next', [joined('b', 2)], /took place 2, the next is 1/],
    ['a place that is taken', [joined('b', 0)], /took place 0, the next is 1/],
    ['a number before the bell', [joined('b', 1, 2)], /given number 2, not 0/],
    ['a second live ticket', [['joined', 'b', 'of-a', 1, 0]], /a ticket of its shopper is there/],
    ['a turn of nobody', [['admitted', 'x', 'of-x', 1, 1]], /not in the state before it/],
    ['an end without a turn', [['finished', 'a', 'of-a']], /not in the state before it/],
    [
      'two ends',
      [
        ['left', 'a', 'of-a'],
        ['left', 'a', 'of-a'],
      ],
      /left cannot follow/,
    ],
    ['a bell for more than joined', [['bell', 0, 2]], /2 joined before the bell, 1 have settled/],
    ['what Postgres cannot store', [['joined', 'b', 'of-\0', 1, 0]], /invalid byte sequence/],
  ] as [string, Event[], RegExp][])('%s', async (_what, events, reason) => {
    await settle([joined('a', 0)]);
    expect((await settle([...events, joined('z', 9)])).quarantined).toBeGreaterThan(0);
    expect((await away()).join('; ')).toMatch(reason);
    await world.db.run(`UPDATE sale.lanes SET state = 'open', reasons = '[]'`);
  });
});
