// The log decided again: a history of all that happens to sales follows from it; a log, a record or a
// row that was changed is named by position, order and rule.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { laneOfId } from '../../../engine/domain/ids.ts';
import { pack, unpack } from '../../../engine/lanes/codec.ts';
import { laneKeys, pushSaleKeys } from '../../../engine/lanes/keys.ts';
import { replayLane, type LaneReplayed } from '../../../engine/replay/replay.ts';
import { storesOf } from '../../support/audit.ts';
import { highnoonOn } from '../../support/command.ts';
import { recover, untilOpen } from '../../support/world-recovery.ts';
import { Broken } from '../audit/break.ts';
import { makeHistory, type History } from '../audit/history.ts';
import { copyStores, type StoreCopy } from '../audit/store-copy.ts';

let history: History;
let copy: StoreCopy;

beforeAll(async () => {
  history = await makeHistory({ lanes: 1 });
  copy = await copyStores(history.world);
});
afterEach(() => copy.restore());
afterAll(() => history.world.close());

const replay = (topic = history.world.topic, only: string | null = null): Promise<LaneReplayed> =>
  replayLane({ ...storesOf(history.world), topic }, 0, only, () => undefined);

/** { 1, epoch, sequence, lane time, before, count, { { sale, events }, … }, outage }. */
type Entry = [number, number, number, number, unknown, number, [string, unknown[][]][], number];

/** Changes the first event of a kind, of an order whose shopper is named or any. */
async function changeEvent(
  kind: string,
  change: (event: unknown[]) => unknown,
  where: (event: unknown[]) => boolean = () => true,
): Promise<LaneReplayed> {
  const broken = new Broken(history);
  let done = false;
  await broken.alterLog((messages) =>
    messages.map((bytes) => {
      const entry = unpack(bytes) as Entry;
      const event = entry[6]
        .flatMap(([, events]) => events)
        .find((one) => one[0] === kind && where(one));
      if (event === undefined || done) return bytes;
      done = true;
      change(event);
      return pack(entry);
    }),
  );
  expect(done).toBe(true);
  return replay(broken.topic);
}

const of = (shopper: string) => (event: unknown[]) => event[2] === shopper;

describe('a history', () => {
  it('follows from its log', async () => {
    const { differences, unjudged, sales, orders, decisions } = await replay();
    expect([differences, unjudged]).toEqual([[], []]);
    expect(sales).toBeGreaterThan(4);
    expect(orders).toBeGreaterThan(15);
    expect(decisions).toBeGreaterThan(orders);
  });

  it('of one sale follows too', async () => {
    const { differences, orders } = await replay(undefined, history.closed);
    expect([differences, orders]).toEqual([[], 2]);
  });
});

describe('a decision that was not legal', () => {
  interface Illegal {
    readonly what: string;
    readonly kind: string;
    readonly where?: (event: unknown[]) => boolean;
    readonly change: (event: unknown[]) => unknown;
    readonly rule: string;
  }
  const thirty = Array.from({ length: 30 }, () => 1);
  const illegal: readonly Illegal[] = [
    {
      what: 'a unit that another has',
      kind: 'held',
      where: of('ann'),
      change: (e) => (e[7] = [1, 2]),
      rule: 'event',
    },
    {
      what: 'another price than the sale has',
      kind: 'held',
      where: of('ann'),
      change: (e) => (e[4] = 1),
      rule: 'event',
    },
    {
      what: 'more units than there are',
      kind: 'held',
      where: of('cid'),
      change: (e) => (e[7] = thirty),
      rule: 'sold_out',
    },
    {
      what: 'an item that is not there',
      kind: 'held',
      where: of('cid'),
      change: (e) => (e[3] = 7),
      rule: 'item',
    },
    {
      what: 'a payment of no order',
      kind: 'paid',
      where: of('cid'),
      change: (e) => (e[1] = 'x'),
      rule: 'not_found',
    },
    {
      what: 'an expiry before the deadline',
      kind: 'paid',
      where: of('cid'),
      change: (e) => (e[0] = 'expired'),
      rule: 'deadline',
    },
    {
      what: 'a release by another',
      kind: 'released',
      where: of('bea'),
      change: (e) => (e[2] = 'x'),
      rule: 'not_found',
    },
    {
      what: 'a credit of other units',
      kind: 'moved',
      change: (e) => (e[7] = 1),
      rule: 'event',
    },
    {
      what: 'a command out of order',
      kind: 'moved',
      change: (e) => (e[1] = 99),
      rule: 'command order',
    },
    {
      what: 'a place that is not the next',
      kind: 'joined',
      change: (e) => (e[3] = 7),
      rule: 'event',
    },
    {
      what: 'a second ticket of a shopper',
      kind: 'joined',
      where: of('bea'),
      change: (e) => (e[2] = 'ann'),
      rule: 'once',
    },
    {
      what: 'a turn of nobody',
      kind: 'admitted',
      change: (e) => (e[2] = 'nobody'),
      rule: 'turn',
    },
    {
      what: 'a turn that claims too much',
      kind: 'admitted',
      change: (e) => (e[4] = 2),
      rule: 'event',
    },
    {
      what: 'a turn that lapses before its end',
      kind: 'left',
      change: (e) => (e[0] = 'lapsed'),
      rule: 'turn',
    },
    {
      what: 'a ticket that finishes without a hold',
      kind: 'left',
      change: (e) => (e[0] = 'finished'),
      rule: 'turn',
    },
    {
      what: 'another number of joiners at the bell',
      kind: 'bell',
      change: (e) => (e[2] = 9),
      rule: 'event',
    },
    {
      what: 'numbers that are not the next',
      kind: 'numbers',
      change: (e) => (e[4] = 2),
      rule: 'event',
    },
  ];

  it.each(illegal)('$what: $rule', async ({ kind, where, change, rule }) => {
    const { differences } = await changeEvent(kind, change, where);
    const [first] = differences;
    expect(first).toMatchObject({ rule });
    expect(first?.position).toMatch(/^1-\d+$/);
  });

  it('a hold beyond the limit, and one after the end', async () => {
    const { world, closed, live } = history;
    await world.db.run(
      `UPDATE sale.lane_commands SET body = jsonb_set(body, '{3}', '1')
        WHERE kind = 'install' AND sale_id = $1`,
      [live],
    );
    const limited = await replay();
    expect(limited.differences.map(({ rule }) => rule)).toContain('limit_reached');
    await world.db.run(
      `UPDATE sale.lane_commands SET body = jsonb_set(body, '{2}', '1')
        WHERE kind = 'install' AND sale_id = $1`,
      [closed],
    );
    const ended = await replay(undefined, closed);
    expect(ended.differences[0]).toMatchObject({ sale: closed });
  });
});

describe('a log that is broken', () => {
  it('is named at a hole that has not settled', async () => {
    const head = await history.world.redis.redis.hincrby(laneKeys(0).clock, 'seq', 1);
    const { differences, unjudged } = await replay();
    expect(differences).toMatchObject([{ position: `1-${head}`, rule: 'dense' }]);
    expect(unjudged).toEqual([]);
  });

  const part = (messages: Buffer[], share: number) =>
    messages.slice(Math.floor(messages.length * share));

  it.each<[string, (messages: Buffer[]) => Buffer[]]>([
    ['all of it', () => []],
    ['its end', (messages) => messages.slice(0, 4)],
    ['a part in the middle', (messages) => messages.filter((_, i) => i < 4 || i > 6)],
    ['a fifth', (messages) => part(messages, 0.2)],
    ['two fifths', (messages) => part(messages, 0.4)],
    ['three fifths', (messages) => part(messages, 0.6)],
    ['four fifths', (messages) => part(messages, 0.8)],
    ['all but its end', (messages) => messages.slice(-1)],
  ])('leaves sales unjudged where Kafka lost what has settled: %s', async (_, alter) => {
    const broken = new Broken(history);
    await broken.alterLog(alter);
    const { differences, unjudged } = await replay(broken.topic);
    expect(differences).toEqual([]);
    expect(unjudged.map(({ sale }) => sale)).toContain(history.live);
    expect(unjudged[0]?.why).toContain('before the log begins');
  });

  it('judges what comes after a lost topic', async () => {
    // Of its own: what it adds to Kafka is not restored.
    const own = await makeHistory({ lanes: 1 });
    try {
      const { world, shop, vendor, live } = own;
      const product = await shop.product(vendor, 9);
      const sale = await shop.sale(vendor, [{ product: product.id, allotted: 9, price: 100 }]);
      await shop.pay(await shop.hold(sale, 'joe', 2, product.id));
      await world.steps.pump();
      const lost = new Broken(own);
      const tellsOf = (bytes: Buffer) => (unpack(bytes) as Entry)[6].some(([id]) => id === sale);
      await lost.alterLog((messages) => messages.slice(messages.findIndex(tellsOf)));
      const { topic } = lost;
      const done = await replayLane({ ...storesOf(world), topic }, 0, null, () => undefined);
      expect([done.differences, done.orders]).toEqual([[], 1]);
      const left = done.unjudged.map((one) => one.sale);
      expect([left.includes(live), left.includes(sale)]).toEqual([true, false]);
    } finally {
      await own.world.close();
    }
  });

  it('and where a position has two payloads', async () => {
    const broken = new Broken(history);
    await broken.alterLog((messages) => {
      const entry = unpack(messages[4] ?? Buffer.alloc(0)) as Entry;
      entry[3] += 1;
      return [...messages, pack(entry)];
    });
    const { differences } = await replay(broken.topic);
    expect(differences).toMatchObject([{ position: '1-4', rule: 'one payload' }]);
  });
});

describe('a state that does not follow', () => {
  const keysOf = (sale: string): string[] => {
    const keys: string[] = [];
    pushSaleKeys(keys, laneOfId(sale), sale);
    return keys;
  };

  it('of a record', async () => {
    const { world, live, released } = history;
    const [, records = ''] = keysOf(live);
    const packed = await world.redis.redis.hgetBuffer(records, 'bea');
    const record = unpack(packed ?? Buffer.alloc(0)) as unknown[][];
    (record[5] as unknown[])[2] = 1;
    await world.redis.redis.hset(records, 'bea', pack(record));
    const { differences } = await replay();
    expect(differences).toMatchObject([{ order: released.id, rule: 'record' }]);
    expect(differences[0]?.says).toContain('state held, by the log released');
  });

  it('of a record that is gone', async () => {
    const { world, live, paid } = history;
    await world.redis.redis.hdel(keysOf(live)[1] ?? '', 'cid');
    const { differences } = await replay();
    expect(differences).toMatchObject([{ order: paid.id, rule: 'record' }]);
  });

  it('of the counters', async () => {
    const { world, live } = history;
    const [terms = ''] = keysOf(live);
    const counts = unpack((await world.redis.redis.hgetBuffer(terms, 'n')) as Buffer) as number[];
    counts[3] = (counts[3] ?? 0) + 1;
    await world.redis.redis.hset(terms, 'n', pack(counts));
    const { differences } = await replay();
    expect(differences).toMatchObject([{ sale: live, order: null, rule: 'record' }]);
  });

  it('of a row of Postgres, or one that is missing or too many', async () => {
    const { world, held, paid } = history;
    await world.db.run('UPDATE sale.orders SET units = $2 WHERE id = $1', [held.id, [399]]);
    await world.db.run('DELETE FROM sale.orders WHERE id = $1', [paid.id]);
    const { differences } = await replay();
    const found = differences.map(({ order, rule }) => [order, rule]);
    expect(found.toSorted()).toEqual(
      [
        [held.id, 'postgres'],
        [paid.id, 'postgres'],
      ].toSorted(),
    );
  });
});

describe('npx highnoon replay', () => {
  it('ends with 0 when all follows, 1 when something does not', async () => {
    const { world, held } = history;
    const passed = await highnoonOn(world, ['replay']);
    expect([passed.code, passed.err]).toEqual([0, '']);
    expect(passed.out).toMatch(
      /^lane 0 {2}\d+ decisions of \d+ entries.*: they follow\nreplay passed/,
    );
    await world.db.run('UPDATE sale.orders SET fingerprint = 1 WHERE id = $1', [held.id]);
    const failed = await highnoonOn(world, ['replay', '--sale', history.live, '--json']);
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.out)).toMatchObject({
      passed: false,
      lanes: [{ differences: [{ order: held.id, rule: 'postgres' }] }],
    });
  });

  it.each([
    [['--sale', 'sal_0'], 'there is no sale sal_0'],
    [['x'], 'takes no arguments'],
    [['--wrong'], '--wrong'],
  ])('ends with 2 for %j', async (args, says) => {
    const { code, out, err } = await highnoonOn(history.world, ['replay', ...args]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(says);
  });

  it('follows over a recovery', async () => {
    const { world, shop, live, laptop, held } = history;
    await recover(world);
    await untilOpen(world);
    await shop.pay(held);
    await shop.hold(live, 'zoe', 3, laptop.id);
    await world.steps.pump();
    expect((await replay()).differences).toEqual([]);
  });
});
