/** What a recovery saves, and what it says is lost, after each of the three stores has lost data. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settle } from '../../../engine/settle/settlement.ts';
import { readEntry } from '../../../engine/lanes/codec.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { freezeLane } from '../../../engine/settle/quarantine.ts';
import { auditOf } from '../../support/audit.ts';
import { specsOf } from '../../support/kafka.ts';
import { recover, stateOf, untilOpen, untilShut } from '../../support/world-recovery.ts';
import { startVerifier } from '../../support/world-verifier.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World } from '../../support/world.ts';

const keys = laneKeys(0);
let world: World;
let shop: WorldShop;
let sale: string;

beforeEach(async () => {
  world = await formatWorld({ lanes: 1 });
  shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const product = await shop.product(vendor, 100);
  sale = await shop.sale(vendor, [{ product: product.id, allotted: 50, price: 100 }]);
});

afterEach(() => world.close());

const orders = async (): Promise<number> => {
  const [row] = await world.db.query<{ n: number }>('SELECT count(*) AS n FROM sale.orders');
  return row?.n ?? 0;
};

interface Row {
  readonly epoch: number;
  readonly seq: number;
  readonly order_id: string | null;
}
const quarantine = (): Promise<Row[]> =>
  world.db.query('SELECT epoch, seq, order_id FROM sale.quarantine ORDER BY epoch, seq, index');

const laneRow = async (): Promise<{ state: string; reasons: unknown[]; token: string | null }> => {
  const [row] = await world.db.query<{ state: string; reasons: unknown[]; token: string | null }>(
    'SELECT state, reasons, token FROM sale.lanes',
  );
  if (row === undefined) throw new Error('no lane');
  return row;
};

const head = async (): Promise<number> => Number(await world.redis.redis.hget(keys.clock, 'seq'));

/** Entries of the outbox above a position, as they are. */
async function outbox(after: number): Promise<Buffer[]> {
  const items = await world.redis.redis.xrangeBuffer(keys.outbox, `(1-${after}`, '+');
  return items.map(([, fields]) => fields[1] as Buffer);
}

/** Publishes entries, as a relay does. */
async function publish(values: readonly Buffer[]): Promise<void> {
  const producer = await world.kafka.kafka.producer();
  await producer.send(
    world.topic,
    values.map((value) => ({ partition: 0, key: '0', value })),
  );
  await producer.close();
}

/** The lane's Redis starts anew with nothing. */
async function loseRedis(): Promise<void> {
  await world.redis.crash();
  rmSync(aof(), { recursive: true });
  await world.redis.start();
  await untilShut(world);
}

const aof = (): string => join(world.redis.dir, 'appendonlydir');
const copy = (): string => join(world.redis.dir, 'copy');
const keepCopy = (): void => cpSync(aof(), copy(), { recursive: true });

/** The lane's Redis starts anew with the copy. */
async function swapForCopy(): Promise<void> {
  await world.redis.crash();
  rmSync(aof(), { recursive: true });
  cpSync(copy(), aof(), { recursive: true });
  await world.redis.start();
  await untilShut(world);
}

async function sound(): Promise<void> {
  await untilOpen(world);
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
}

describe('a lane in the middle of a sale', () => {
  it('settles what only its outbox has', async () => {
    const order = await shop.hold(sale, 'ann', 2);
    const recovered = await recover(world);
    expect(recovered).toMatchObject({ found: 'whole', settled: 1, lostAtLeast: 0, orders: 1 });
    await untilOpen(world);
    expect((await shop.pay(order)).state).toBe('paid');
    await sound();
  });

  it('keeps what Kafka has when Redis lost everything, and says from when on', async () => {
    await world.steps.pump();
    const order = await shop.hold(sale, 'ann', 2);
    await world.steps.relay();
    const lost = await shop.hold(sale, 'bob', 1);
    await loseRedis();
    const recovered = await recover(world);
    expect(recovered).toMatchObject({ found: 'nothing', settled: 1, lostAtLeast: 0, holds: 1 });
    expect(recovered.keptUntil).toBeGreaterThan(0);
    await untilOpen(world);
    expect((await world.lanes.shop.read(lost.id, 'bob')).kind).toBe('rejected');
    expect((await shop.pay(order)).units).toEqual(order.units);
    // Nobody was told of the lost unit but its shopper: it is free again.
    expect((await shop.hold(sale, 'cay', 1)).units).toEqual(lost.units);
    await sound();
  });

  it('counts what somebody has seen and is gone', async () => {
    await world.steps.pump();
    const from = await head();
    for (let i = 0; i < 3; i++) await shop.hold(sale, `s${i}`, 1);
    await freezeLane(world.db, 0, 'rolled_back', `seen 1-${from + 3}, lane has 1-${from}`);
    await loseRedis();
    const recovered = await recover(world);
    expect(recovered).toMatchObject({ found: 'nothing', lostAtLeast: 3, frozen: '' });
    expect(await laneRow()).toEqual({ state: 'open', reasons: [], token: null });
    await sound();
  });

  it('counts what was seen of an epoch that ended without it, once the next has settled', async () => {
    await world.steps.pump();
    const from = await head();
    keepCopy();
    for (let i = 0; i < 4; i++) await shop.hold(sale, `s${i}`, 1);
    const late = (await outbox(from)).at(3);
    if (late === undefined) throw new Error('no fourth entry');
    await swapForCopy();
    const verifier = startVerifier(world);
    try {
      await verifier.untilOpen();
      const other = new WorldShop(world, verifier.lanes);
      await other.hold(sale, 'other', 1); // 2-0, by a process that has seen nothing of the first
      await world.steps.relay();
      await world.steps.settle();
      await untilOpen(world);
      // The first process strikes, with what it has seen.
      await shop.ask(sale, 'next', 'k');
      const why = `rolled_back: seen 1-${from + 4}, lane has 2-${from}`;
      expect(await world.redis.redis.get(keys.frozen)).toBe(why);
      // One of the four is in Kafka by now, from a relay that was slow: put away, not lost.
      await publish([late]);
      const recovered = await recover(world);
      expect(recovered).toMatchObject({ found: 'older', lostAtLeast: 3, frozen: '' });
      // What was told is not counted again.
      expect(await recover(world)).toMatchObject({ found: 'whole', lostAtLeast: 0 });
    } finally {
      await verifier.close();
    }
  });

  it('says so when a process found it rolled back, though Redis is not behind', async () => {
    await world.steps.pump();
    await freezeLane(world.db, 0, 'rolled_back', 'the lane is of epoch 1, postgres of 2');
    expect(await recover(world)).toMatchObject({ found: 'older', lostAtLeast: 0, frozen: '' });
    await sound();
  });

  it('knows a copy that is older than the last recovery, though nothing settled since', async () => {
    await world.steps.pump();
    keepCopy();
    await recover(world);
    await untilOpen(world);
    await shop.hold(sale, 'ann', 1);
    await swapForCopy();
    expect(await recover(world)).toMatchObject({ found: 'older', lostAtLeast: 0 });
  });

  it('keeps what Kafka has when Redis came back older', async () => {
    await world.steps.pump();
    keepCopy();
    const kept = await shop.hold(sale, 'ann', 1);
    await world.steps.relay();
    await shop.hold(sale, 'bob', 1);
    await swapForCopy();
    const recovered = await recover(world);
    expect(recovered).toMatchObject({ found: 'older', settled: 1, lostAtLeast: 0, holds: 1 });
    await untilOpen(world);
    expect((await shop.pay(kept)).state).toBe('paid');
    await sound();
  });

  it('serves again after a copy came back that is older than the last recovery', async () => {
    keepCopy();
    const first = await recover(world);
    await untilOpen(world);
    const kept = await shop.hold(sale, 'ann', 1);
    await world.steps.relay();
    await swapForCopy();
    const recovered = await recover(world);
    expect(recovered).toMatchObject({ found: 'older', settled: 1, quarantined: 0, holds: 1 });
    expect(recovered.epoch).toBeGreaterThan(first.epoch);
    await untilOpen(world);
    expect((await shop.pay(kept)).state).toBe('paid');
    await sound();
  });

  it('puts into quarantine what lies behind a gap, and does not freeze for it', async () => {
    await world.steps.pump();
    const before = await stateOf(world);
    const from = await head();
    const lost = await shop.hold(sale, 'ann', 1);
    const away = await shop.hold(sale, 'bob', 1);
    const [, second] = await outbox(from);
    if (second === undefined) throw new Error('no second entry');
    await publish([second]);
    await loseRedis();
    const recovered = await recover(world);
    expect(recovered).toMatchObject({ settled: 0, quarantined: 1, lostAtLeast: 1, frozen: '' });
    expect(await quarantine()).toEqual([{ epoch: 1, seq: from + 2, order_id: away.id }]);
    expect(await stateOf(world)).toEqual(before);
    await untilOpen(world);
    // Both ask again with their keys: the orders are decided anew, and nothing follows the old one.
    expect((await shop.hold(sale, 'bob', 1)).units).toEqual(lost.units);
    await world.steps.pump();
    expect(await orders()).toBe(1);
    expect(await laneRow()).toMatchObject({ state: 'open', reasons: [] });
  });

  it.each([false, true])('goes on after Kafka lost its topic (made anew: %s)', async (anew) => {
    await shop.hold(sale, 'ann', 1);
    await world.steps.pump();
    const held = await shop.hold(sale, 'bob', 1);
    await world.steps.relay();
    await world.kafka.kafka.deleteTopic(world.topic);
    if (anew) await world.kafka.kafka.ensureTopics(specsOf(world.kafka.prefix, 1, false));
    const recovered = await recover(world);
    expect(recovered).toMatchObject({ found: 'whole', settled: 1, lostAtLeast: 0, orders: 2 });
    await untilOpen(world);
    expect((await shop.pay(held)).state).toBe('paid');
    await world.steps.pump();
    expect(await orders()).toBe(2);
    expect(await laneRow()).toMatchObject({ state: 'open' });
  });
});

describe('after a recovery', () => {
  it('a late message of the epoch before is put away or dropped, and freezes nothing', async () => {
    await world.steps.pump();
    const from = await head();
    const first = await shop.hold(sale, 'ann', 1);
    const [settled] = await outbox(from);
    await world.steps.pump();
    await shop.hold(sale, 'bob', 1);
    const [late] = await outbox(from + 1);
    if (settled === undefined || late === undefined) throw new Error('no entries');
    await loseRedis();
    await recover(world);
    await untilOpen(world);
    const entries = [settled, late, late].map(readEntry);
    await world.db.tx((q) => settle(q, 0, entries, null));
    expect((await quarantine()).map(({ seq }) => seq)).toEqual([from + 2]);
    expect(await laneRow()).toMatchObject({ state: 'open', reasons: [] });
    // The order of the late message may be decided again and settles.
    const again = await shop.hold(sale, 'bob', 1);
    expect(again.units).not.toEqual(first.units);
    await world.steps.pump();
    expect(await laneRow()).toMatchObject({ state: 'open', reasons: [] });
  });

  it('a process that has seen positions of the epoch before goes on', async () => {
    await world.steps.pump();
    for (let i = 0; i < 3; i++) await shop.hold(sale, `s${i}`, 1);
    const door = world.lanes.gate.door(0);
    const seen = [door.epoch, door.seenEpoch, door.seenSeq];
    await loseRedis();
    await recover(world);
    await untilOpen(world);
    expect([1, door.seenEpoch, door.seenSeq]).toEqual(seen);
    await shop.hold(sale, 'ann', 1);
    expect(door).toMatchObject({ epoch: 2, seenEpoch: 2, seenSeq: 0 });
    expect(await laneRow()).toMatchObject({ state: 'open' });
    await sound();
  });
});

describe('the order of a recovery', () => {
  it('flags the lane before Postgres says that it is frozen, and counts from the end', async () => {
    const seen: unknown[] = [];
    await recover(world, {
      onStep: async (step) => {
        const [row] = await world.db.query(
          'SELECT state, epoch, recovered_epoch AS counts FROM sale.lanes',
        );
        const flagged = (await world.redis.redis.get(keys.frozen)) !== null;
        if (['freeze', 'drain', 'rebuild', 'thaw'].includes(step)) seen.push([step, row, flagged]);
      },
    });
    expect(seen).toEqual([
      ['freeze', { state: 'open', epoch: 1, counts: 0 }, false],
      ['drain', { state: 'frozen', epoch: 1, counts: 0 }, true],
      ['rebuild', { state: 'frozen', epoch: 2, counts: 0 }, true],
      ['thaw', { state: 'open', epoch: 2, counts: 2 }, true],
    ]);
  });
});
