/** Drawer: from a settled bell to numbers that R alone decides, wherever it is cut and whoever goes on. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { drandBeacon, nameRound } from '../../../engine/beacon.ts';
import { ticketIdOf } from '../../../engine/domain/ids.ts';
import { startDrawer, type DrawerOptions } from '../../../engine/drawer.ts';
import type { Entry } from '../../../engine/lanes/codec.ts';
import { idSecretOf } from '../../../engine/lanes/order-key.ts';
import { receiptKeys } from '../../../engine/lanes/receipt.ts';
import { entrantOf } from '../../../engine/line/chain.ts';
import { beaconWaitMs } from '../../../engine/line/beacons.ts';
import { drawOrder, resultOf } from '../../../engine/line/draw.ts';
import { chain, genesisMs, periodMs } from '../../../engine/line/quicknet.ts';
import { bodyOf, numbersPerCommandMax } from '../../../engine/line/numbers.ts';
import type { Loop } from '../../../engine/loop.ts';
import { readProof } from '../../../engine/line/proof.ts';
import { settleRun } from '../../../engine/settle/run.ts';
import type { Db } from '../../../platform/postgres/db.ts';
import { silent, until } from '../../support/environment.ts';
import { publishedRound } from '../../support/quicknet-round.ts';
import { errorsOf } from '../../support/world-loops.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

type Event = readonly unknown[];

const lane = 0;
const count = numbersPerCommandMax + 700;
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
  // Written and no more: the lane is not told, so that its next positions are this test's.
  sale = await shop.writeSale(vendor, [{ product, allotted: 1, price: 100 }], {
    admission: { mode: 'queue', ratePerSecond: null, turnSeconds: 60, factor: 1 },
  });
});

const keyOf = (i: number): string => `k${String(i).padStart(23, '0')}`;

async function settle(events: readonly Event[]): Promise<void> {
  const [mark] = await world.db.query<{ epoch: number; seq: number }>(
    'SELECT epoch, seq FROM sale.watermarks WHERE lane = $1',
    [lane],
  );
  if (mark === undefined) throw new Error('no watermark');
  const place = { epoch: mark.epoch, seq: mark.seq + 1 };
  const groups: Entry['groups'] = [[sale, events]];
  const entry = { ...place, at: 1000, before: null, count: events.length, groups, outage: 0 };
  const [settled] = await settleRun(world.db, lane, [entry], null, () => undefined);
  expect(settled?.quarantined).toBe(0);
}

async function ring(n: number): Promise<void> {
  const joins = Array.from({ length: n }, (_, i) => ['joined', keyOf(i), `s${i}`, i, 0] as const);
  if (n > 0) await settle(joins);
  await settle([['bell', 0, n]]);
}

interface Line {
  readonly root: Buffer;
  readonly seed: Buffer;
  readonly beacon: Buffer | null;
  readonly shown: boolean;
  readonly drawn: boolean;
  readonly numbered: boolean;
}
async function lineRow(): Promise<Line> {
  const [row] = await world.db.query<Line>(
    `SELECT root, seed, beacon, seed_shown_at IS NOT NULL AS shown, drawn_at IS NOT NULL AS drawn,
            numbered_at IS NOT NULL AS numbered
       FROM sale.lines l JOIN sale.sales s ON s.id = l.sale_id WHERE l.sale_id = $1`,
    [sale],
  );
  if (row === undefined) throw new Error('no line');
  return row;
}

const optionsOf = (more: Partial<DrawerOptions> = {}): DrawerOptions => ({
  db: world.db,
  shop: world.lanes.shop,
  log: silent,
  onCommands: () => undefined,
  ...more,
});

/** Runs drawers until the condition holds. */
async function draw(options: readonly DrawerOptions[], done: () => Promise<boolean>) {
  const loops: Loop[] = options.map(startDrawer);
  try {
    await until('it is drawn', done);
  } finally {
    for (const loop of loops) await loop.close();
  }
}
const drawn = async (): Promise<boolean> => (await lineRow()).drawn;

const stored = async (): Promise<number[]> => {
  const rows = await world.db.query<{ indexes: number[] }>(
    'SELECT indexes FROM sale.line_numbers WHERE sale_id = $1 ORDER BY first',
    [sale],
  );
  return rows.flatMap(({ indexes }) => indexes.map(Number));
};
/** Recomputed from seed, root and beacon, without Postgres's help. */
async function expected(n: number): Promise<number[]> {
  const { seed, root, beacon } = await lineRow();
  const entrants = Array.from({ length: n }, (_, i) => entrantOf(ticketIdOf(sale, keyOf(i))));
  const result = resultOf(seed, root, beacon ?? Buffer.alloc(0));
  return [...drawOrder(result, Buffer.concat(entrants))];
}
const commands = () =>
  world.db.query<{ number: number; body: number[] }>(
    `SELECT number, body FROM sale.lane_commands
      WHERE sale_id = $1 AND kind = 'numbers' ORDER BY number`,
    [sale],
  );

/** A database whose transactions fail from now on, so many times, after they have done their work. */
function cut(times: number): Db {
  let left = times;
  return new Proxy(world.db, {
    get(db, name: keyof Db) {
      if (name !== 'tx') {
        const value: unknown = Reflect.get(db, name);
        return typeof value === 'function' ? (value.bind(db) as unknown) : value;
      }
      return ((work, options) =>
        db.tx(async (q) => {
          const done = await work(q);
          if (left-- > 0) throw new Error('cut before its commit');
          return done;
        }, options)) as Db['tx'];
    },
  });
}

describe('a draw', () => {
  it('gives the numbers that seed, root and beacon say, in chunks', async () => {
    await ring(count);
    await draw([optionsOf()], drawn);
    expect(await stored()).toEqual(await expected(count));
    expect((await commands()).map(({ body }) => body)).toEqual([
      [1, numbersPerCommandMax],
      [numbersPerCommandMax + 1, 700],
    ]);
    const order = await stored();
    const last = order.slice(numbersPerCommandMax);
    const told = [numbersPerCommandMax + 1, 700, last, last.map((index) => `s${index}`)];
    const [, body = []] = (await commands()).map((command) => command.body);
    expect(await bodyOf(world.db, 'numbers', sale, body)).toEqual(told);
    // What its lane has been told already is read from the tickets.
    await world.db.run('UPDATE sale.line_numbers SET shoppers = NULL WHERE sale_id = $1', [sale]);
    expect(await bodyOf(world.db, 'numbers', sale, body)).toEqual(told);
  });

  it('of two drawers is the same, and happens once', async () => {
    await ring(50);
    await draw([optionsOf(), optionsOf(), optionsOf()], drawn);
    expect(await stored()).toEqual(await expected(50));
    expect(await commands()).toHaveLength(1);
  });

  it('that is cut shows no numbers, and whoever goes on draws the same', async () => {
    await ring(50);
    const before = await errorsOf('drawer');
    await draw([optionsOf({ db: cut(2) })], async () => {
      const { shown } = await lineRow();
      const numbers = await stored(); // read before the question: a draw may end in between
      if (!(await drawn())) expect(numbers).toEqual([]);
      return shown && (await errorsOf('drawer')) > before + 1 && (await drawn());
    });
    expect(await stored()).toEqual(await expected(50));
    expect(await commands()).toHaveLength(1);
  });

  it('of nobody is done at once', async () => {
    await ring(0);
    await draw([optionsOf()], async () => (await lineRow()).numbered);
    expect(await commands()).toEqual([]);
  });

  it('waits for a ticket that is in quarantine', async () => {
    await ring(3);
    await world.db.run('DELETE FROM sale.tickets WHERE sale_id = $1 AND index = 1', [sale]);
    const before = await errorsOf('drawer');
    await draw([optionsOf()], async () => (await errorsOf('drawer')) > before + 1);
    expect(await lineRow()).toMatchObject({ drawn: false, shown: true });
    expect(await stored()).toEqual([]);
    await world.db.run('DELETE FROM sale.lines WHERE sale_id = $1', [sale]);
  });
});

describe('a draw under way', () => {
  it('keeps nobody from joining: the settler does not wait for it', async () => {
    await ring(20);
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let isHeld: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (isHeld = resolve));
    // Numbers cannot be written while somebody looks at their table like this.
    const looking = world.db.tx(async (q) => {
      await q.query('LOCK TABLE sale.line_numbers IN SHARE MODE');
      isHeld();
      await released;
    });
    await held;
    const loop = startDrawer(optionsOf());
    try {
      await until('it waits to write its numbers', async () => {
        const [row] = await world.db.query<{ waits: boolean }>(
          `SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                           WHERE NOT l.granted AND a.datname = current_database()
                             AND l.relation = 'sale.line_numbers'::regclass) AS waits`,
        );
        return row?.waits === true;
      });
      await settle([['joined', keyOf(20), 's20', 20, 21]]);
    } finally {
      release();
      await looking;
      await loop.close();
    }
    await draw([optionsOf()], drawn);
    expect(await stored()).toEqual(await expected(20));
  });
});

describe('a beacon', () => {
  const names = async (source: string, bellAt: number): Promise<void> => {
    await world.db.run(
      'UPDATE sale.lines SET beacon_source = $2, bell_at = $3 WHERE sale_id = $1',
      [sale, source, bellAt],
    );
  };
  const limits = async (): Promise<string> => {
    const proof = await readProof(world.db, sale, receiptKeys(idSecretOf(world.settings.idSecret)));
    return proof.kind === 'done' ? `${proof.value.beaconSkipped} ${proof.value.limits}` : '';
  };

  it('is waited for, then part of the draw; until then the seed stays hidden', async () => {
    await ring(20);
    await names('round 7', Date.now());
    let asked = 0;
    const value = Buffer.from('of all the world');
    const beacon = async (source: string): Promise<Buffer | null> => {
      expect(source).toBe('round 7');
      expect((await lineRow()).shown).toBe(false);
      asked += 1;
      return asked < 3 ? null : value;
    };
    await draw([optionsOf({ beacon })], drawn);
    expect((await lineRow()).beacon).toEqual(value);
    expect(await stored()).toEqual(await expected(20));
    expect(await stored()).not.toEqual([...Array(20).keys()]);
    expect(await limits()).toMatch(/^false .*public value whose source was named/);
  });

  it('that hangs keeps no other draw waiting', async () => {
    await ring(5);
    await names('round 8', Date.now());
    const waiting = sale;
    sale = await shop.writeSale(vendor, [{ product, allotted: 1, price: 100 }], {
      admission: { mode: 'queue', ratePerSecond: null, turnSeconds: 60, factor: 1 },
    });
    await ring(5);
    await draw([optionsOf({ beacon: () => new Promise(() => undefined) })], drawn);
    sale = waiting;
    expect(await lineRow()).toMatchObject({ shown: false, drawn: false });
    await world.db.run('DELETE FROM sale.lines WHERE sale_id = $1', [sale]);
  });

  it.each<[string, DrawerOptions['beacon']]>([
    ['never answers', () => Promise.resolve(null)],
    ['is asked for of nobody', undefined],
  ])('that %s is gone without ten minutes after the bell, and the proof says so', async (_, b) => {
    await ring(5);
    await names('round 9', Date.now() - beaconWaitMs - 1000);
    const beacon = b === undefined ? {} : { beacon: b };
    await draw([optionsOf(beacon)], drawn);
    expect((await lineRow()).beacon).toEqual(Buffer.alloc(0));
    expect(await stored()).toEqual(await expected(5));
    expect(await limits()).toMatch(/^true .*drawn without the public value/);
  });

  it('comes from a relay that first has it not', async () => {
    const { round, signature } = publishedRound;
    let asked = 0;
    const relay = createServer((_request, response) => {
      asked += 1;
      response.writeHead(asked < 2 ? 425 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(publishedRound));
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    try {
      await ring(5);
      const source = `drand:${chain}:${round}`;
      await names(source, genesisMs + (round - 1) * periodMs - 10_000);
      // Its bell was long ago, and a draw goes on without whom it has asked three times.
      const beacon = drandBeacon(`http://127.0.0.1:${(relay.address() as AddressInfo).port}`);
      await draw([optionsOf({ beacon })], drawn);
      expect(asked).toBe(2);
      expect((await lineRow()).beacon?.toString('hex')).toBe(signature);
      expect(await stored()).toEqual(await expected(5));
      expect(await limits()).toMatch(/^false .*published after the bell/);
    } finally {
      await new Promise((resolve) => relay.close(resolve));
    }
  });

  it('that was public before a late bell is part of the draw, and the proof says so', async () => {
    const source = nameRound(Date.now() - 60_000);
    await ring(5);
    await names(source, Date.now());
    await draw([optionsOf({ beacon: () => Promise.resolve(Buffer.from('known')) })], drawn);
    expect(await limits()).toMatch(/^false .*bell rang late, after the public value/);
  });
});

describe('the lane', () => {
  const outcome = async (ok: 0 | 1, reason: string): Promise<void> => {
    for (const { number, body } of (await commands()).slice(-2)) {
      await settle([['numbers', number, ok, reason, ...body]]);
    }
  };
  const numbered = async (): Promise<boolean> => (await lineRow()).numbered;
  const numbersGiven = async (): Promise<number> => {
    const [row] = await world.db.query<{ given: number }>(
      'SELECT count(*)::int AS given FROM sale.ticket_numbers WHERE sale_id = $1',
      [sale],
    );
    return row?.given ?? 0;
  };

  it('has a number when its command has settled, and with the last one all', async () => {
    await ring(count);
    await draw([optionsOf()], drawn);
    const [first] = await commands();
    await settle([['numbers', first?.number, 1, '', 1, numbersPerCommandMax]]);
    expect(await numbersGiven()).toBe(numbersPerCommandMax);
    expect(await numbered()).toBe(false);
    await outcome(1, '');
    expect(await numbersGiven()).toBe(count);
    expect(await numbered()).toBe(true);
  });

  it('is told again, in order, what it refused while the sale was frozen', async () => {
    await ring(count);
    await draw([optionsOf()], drawn);
    const before = await commands();
    await outcome(0, 'sale_frozen');
    // The lane of this test does not know the sale: nobody can be told yet.
    const done = { kind: 'done' } as unknown as ReturnType<DrawerOptions['shop']['count']>;
    const own = { count: () => done } as unknown as DrawerOptions['shop'];
    await draw([optionsOf({ shop: own })], async () => (await commands()).length === 4);
    const again = (await commands()).slice(2);
    expect(again.map(({ body }) => body)).toEqual(before.map(({ body }) => body));
    await outcome(1, '');
    expect(await numbered()).toBe(true);
  });
});
