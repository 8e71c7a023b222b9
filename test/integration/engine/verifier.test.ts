/** Verifier: a lane whose server has started anew serves again, or never. */
import { cpSync, rmSync } from 'node:fs';
import { setImmediate as immediately } from 'node:timers/promises';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LaneOrder } from '../../../engine/domain/types.ts';
import { readEntry } from '../../../engine/lanes/codec.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { messageOf, readOutbox } from '../../../engine/lanes/outbox.ts';
import { readOrder } from '../../../engine/orders.ts';
import { freezeLane } from '../../../engine/settle/quarantine.ts';
import { settle } from '../../../engine/settle/settlement.ts';
import type { OutgoingMessage } from '../../../platform/kafka/port.ts';
import { serverRunId } from '../../../platform/redis/connection.ts';
import { auditOf } from '../../support/audit.ts';
import { until } from '../../support/environment.ts';
import { recover } from '../../support/world-recovery.ts';
import { startVerifier, type WorldVerifier } from '../../support/world-verifier.ts';
import { WorldShop } from '../../support/world-shop.ts';
import { formatWorld, type World, type WorldOptions } from '../../support/world.ts';

const lane = 0;
const keys = laneKeys(lane);
let world: World;
let shop: WorldShop;
let sale: string;
const verifiers: WorldVerifier[] = [];

async function begin(options: WorldOptions = {}, allotted = 2000): Promise<void> {
  world = await formatWorld({ lanes: 1, ...options });
  shop = new WorldShop(world);
  const vendor = await shop.vendor();
  const product = await shop.product(vendor, allotted);
  sale = await shop.sale(vendor, [{ product: product.id, allotted, price: 100 }]);
}
function verifier(onRead?: () => Promise<void>): WorldVerifier {
  const started = startVerifier(world, onRead);
  verifiers.push(started);
  return started;
}
afterEach(async () => {
  for (const started of verifiers.splice(0)) await started.close();
  await world.close();
});

const restart = async (): Promise<void> => {
  await world.redis.crash();
  await world.redis.start();
};
const holds = (from: number, count: number): Promise<LaneOrder[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => shop.hold(sale, `s${from + i}`)));
const worldOpen = (): Promise<void> =>
  until('the lane is open', () => world.lanes.gate.door(lane).open);

interface LaneRow {
  readonly epoch: number;
  readonly state: string;
  readonly reasons: readonly { code: string; detail: string }[];
}
async function laneRow(): Promise<LaneRow> {
  const [row] = await world.db.query<LaneRow>(
    'SELECT epoch, state, reasons FROM sale.lanes WHERE lane = $1',
    [lane],
  );
  if (row === undefined) throw new Error('no lane');
  return row;
}
const ends = (): Promise<{ epoch: number; ended_at: number | null }[]> =>
  world.db.query('SELECT epoch, ended_at FROM sale.epochs WHERE lane = $1 ORDER BY epoch', [lane]);
const ordersIn = async (): Promise<string[]> =>
  (await world.db.query<{ id: string }>('SELECT id FROM sale.orders ORDER BY id COLLATE "C"')).map(
    ({ id }) => id,
  );
const awayIn = async (): Promise<number> =>
  (await world.db.query('SELECT 1 FROM sale.quarantine')).length;
const headOf = async (): Promise<number> => Number(await world.redis.redis.hget(keys.clock, 'seq'));

async function expectSound(): Promise<void> {
  await world.steps.pump();
  expect(await auditOf(world)).toEqual([]);
}

/** Runs work over the lane's files while its server is down. */
async function whileDown(work: () => void): Promise<void> {
  await world.redis.crash();
  work();
  await world.redis.start();
}
const aof = (): string => join(world.redis.dir, 'appendonlydir');
const copy = (): string => join(world.redis.dir, 'copy');
const keepCopy = (): void => cpSync(aof(), copy(), { recursive: true });
async function publish(messages: readonly OutgoingMessage[]): Promise<void> {
  const producer = await world.kafka.kafka.producer();
  await producer.send(world.topic, messages);
  await producer.close();
}
const swapForCopy = (): void => {
  rmSync(aof(), { recursive: true });
  cpSync(copy(), aof(), { recursive: true });
};

describe('a lane whose server has started anew', () => {
  beforeEach(() => begin());

  it('serves in a new epoch; Postgres has the end of the old one, and its first entry says it', async () => {
    await holds(0, 5);
    const head = await headOf();
    await restart();
    verifier();
    await worldOpen();
    expect(await ends()).toEqual([
      { epoch: 1, ended_at: head },
      { epoch: 2, ended_at: null },
    ]);
    expect(await world.redis.redis.hgetall(keys.ends)).toEqual({ '1': String(head) });
    await holds(5, 3);
    const [first] = await world.redis.redis.xrangeBuffer(keys.outbox, '2-0', '+', 'COUNT', 1);
    expect(readEntry(first?.[1][1] as Buffer)).toMatchObject({
      epoch: 2,
      seq: 0,
      before: [1, head],
    });
    await expectSound();
  });

  it('begins one epoch, however many verifiers there are', async () => {
    await holds(0, 3);
    await restart();
    const several = [verifier(), verifier(), verifier()];
    for (const epoch of [2, 3, 4]) {
      for (const each of several) await each.untilOpen();
      await worldOpen();
      expect((await laneRow()).epoch).toBe(epoch);
      if (epoch < 4) await restart();
    }
    expect((await ends()).map((e) => e.ended_at === null)).toEqual([false, false, false, true]);
    await holds(3, 3);
    await expectSound();
  });

  it('stays shut when Postgres freezes it before it is told to serve', async () => {
    await holds(0, 3);
    await world.steps.pump();
    await restart();
    const started = verifier(() => freezeLane(world.db, lane, 'quarantine', 'a test'));
    await started.untilShut(lane, 'not verified since Redis started: frozen in postgres');
    const { redis } = world.redis;
    expect(await redis.get(keys.verifiedRun)).not.toBe(await serverRunId(redis));
  });

  it('serves though Kafka has lost the topic, and nothing was left to publish', async () => {
    await holds(0, 3);
    await world.steps.pump();
    expect(await world.redis.redis.xlen(keys.outbox)).toBe(0);
    await world.kafka.kafka.deleteTopic(world.topic);
    await restart();
    verifier();
    await worldOpen();
    await holds(3, 2);
    await world.steps.pump();
    const [row] = await world.db.query<{ n: number }>('SELECT count(*)::int AS n FROM sale.orders');
    expect(row?.n).toBe(5);
  });

  it('lets every hold live longer by the time that it was away', async () => {
    const [order] = await holds(0, 1);
    if (order === undefined) throw new Error('no order');
    await world.steps.pump();
    await world.redis.crash();
    const since = performance.now();
    await world.redis.start();
    const away = Math.floor(performance.now() - since);
    verifier();
    await worldOpen();
    const read = await world.lanes.shop.read(order.id, order.shopper);
    if (read.kind !== 'done') throw new Error(JSON.stringify(read));
    const grown = read.value.holdExpiresAt - order.holdExpiresAt;
    expect(grown).toBeGreaterThanOrEqual(away);
    expect(grown).toBe(Number(await world.redis.redis.hget(keys.clock, 'outage')));
    await expectSound();
  });
});

describe('a lane that has gone back', () => {
  beforeEach(() => begin());

  it('is frozen before it answers, when Kafka has more', async () => {
    await holds(0, 5);
    await world.steps.pump();
    keepCopy();
    const accepted: LaneOrder[] = [];
    const over = new AbortController();
    const pipeline = (async () => {
      for (let i = 0; !over.signal.aborted; i++) {
        const outcome = await shop.ask(sale, `p${i}`, 'k');
        if (outcome.kind === 'done') accepted.push(outcome.value);
        await immediately();
      }
    })();
    await until('the pipeline runs', () => accepted.length > 20);
    await world.steps.relay();
    await until('it goes on', () => accepted.length > 25);
    await whileDown(swapForCopy);
    const before = accepted.length;
    const started = verifier();
    await started.untilShut(lane, 'frozen: rolled_back: kafka has 1-');
    await until('Postgres knows', async () => (await laneRow()).state === 'frozen');
    over.abort();
    await pipeline;
    expect(accepted.length).toBe(before);
    const [last] = accepted.slice(-1);
    if (last === undefined) throw new Error('nothing was accepted');
    const read = await readOrder(world.db, world.lanes.shop, last.id, last.shopper);
    expect(read.kind).toBe('unavailable');
    expect((await laneRow()).epoch).toBe(1);
  });

  it('keeps its epoch when Kafka has more: all of it settles, and a recovery goes on from there', async () => {
    const first = await holds(0, 2);
    await world.steps.pump();
    keepCopy();
    const published = await holds(2, 4);
    await world.steps.relay();
    const head = await headOf();
    const lost = await holds(6, 1);
    await whileDown(swapForCopy);
    const started = verifier();
    await started.untilShut(lane, 'frozen: rolled_back: kafka has 1-');
    expect(await laneRow()).toMatchObject({ epoch: 1, state: 'frozen' });
    expect(await ends()).toEqual([{ epoch: 1, ended_at: null }]);
    await world.steps.settle();
    expect(await ordersIn()).toEqual([...first, ...published].map(({ id }) => id).sort());
    expect(await awayIn()).toBe(0);
    // Its watermark is above the older outbox's head now.
    const recovered = await recover(world);
    expect(recovered).toMatchObject({ found: 'older', settled: 0, quarantined: 0, frozen: '' });
    expect(recovered).toMatchObject({ end: { epoch: 1, seq: head }, lostAtLeast: 0, holds: 6 });
    await worldOpen();
    const units = published.flatMap((order) => order.units);
    for (const order of published) expect((await shop.pay(order)).units).toEqual(order.units);
    const [next] = await holds(7, 1);
    expect(units).not.toContain(next?.units[0]);
    const [gone] = lost;
    if (gone === undefined) throw new Error('nothing was lost');
    expect((await world.lanes.shop.read(gone.id, gone.shopper)).kind).toBe('rejected');
    await expectSound();
    expect(await awayIn()).toBe(0);
  });

  it('settles what an epoch decided that the older copy does not know', async () => {
    await holds(0, 1);
    await world.steps.pump();
    keepCopy();
    await restart();
    const started = verifier();
    await worldOpen();
    const served = await holds(1, 2);
    await world.steps.relay();
    await whileDown(swapForCopy);
    await started.untilShut(lane, 'frozen: rolled_back: kafka has 2-0');
    expect((await ends()).map((e) => e.ended_at === null)).toEqual([false, true]);
    await world.steps.settle();
    expect(await recover(world)).toMatchObject({ found: 'older', quarantined: 0, holds: 3 });
    await worldOpen();
    for (const order of served) expect((await shop.pay(order)).state).toBe('paid');
    await expectSound();
    expect(await awayIn()).toBe(0);
  });

  it('is frozen when Postgres has more, though Kafka lost it', async () => {
    keepCopy();
    await holds(0, 5);
    await world.steps.pump();
    await world.kafka.kafka.deleteTopic(world.topic);
    await world.kafka.makeTopics(1);
    await whileDown(swapForCopy);
    await verifier().untilShut(lane, 'frozen: rolled_back: postgres has 1-');
    expect(await laneRow()).toMatchObject({ epoch: 1, state: 'frozen' });
  });

  it('is frozen when it is older than the last recovery', async () => {
    keepCopy();
    await restart();
    const started = verifier();
    await started.untilOpen();
    await world.db.run('UPDATE sale.lanes SET recovered_epoch = epoch WHERE lane = $1', [lane]);
    await whileDown(swapForCopy);
    await started.untilShut(lane, 'frozen: rolled_back: the lane is of epoch 1, postgres of 2');
  });

  it('is frozen by the first batch of a process that has seen more, and Postgres is told', async () => {
    keepCopy();
    await holds(0, 5);
    await whileDown(swapForCopy);
    verifier();
    await worldOpen();
    const outcome = await shop.ask(sale, 'next', 'k');
    expect(outcome.kind).toBe('unavailable');
    await until('Postgres knows', async () => (await laneRow()).state === 'frozen');
    expect((await laneRow()).reasons).toMatchObject([{ code: 'rolled_back' }]);
    expect(await world.redis.redis.get(keys.frozen)).toMatch(/^rolled_back: seen 1-\d+, lane has/);
  });

  it('is frozen by what a relay read before the restart and publishes after it', async () => {
    await world.steps.pump();
    keepCopy();
    const head = await headOf();
    await holds(0, 3);
    const after = `(1-${head}`;
    const late = await world.redis.redis.xrangeBuffer(keys.outbox, after, '+');
    await whileDown(swapForCopy);
    const started = verifier();
    await started.untilOpen();
    const other = new WorldShop(world, started.lanes);
    const accepted = await other.hold(sale, 'afterwards');
    const entries = late.map(([, fields]) => readEntry(fields[1] as Buffer));
    expect(entries.length).toBeGreaterThan(0);
    await world.db.tx((q) => settle(q, lane, entries, null));
    expect((await laneRow()).reasons).toMatchObject([{ code: 'rolled_back' }]);
    // Every event of what came late is put away, each in a row of its own.
    const rows = await world.db.query<{ seq: number; index: number; reason: string }>(
      'SELECT seq, index, reason FROM sale.quarantine WHERE lane = $1 ORDER BY seq, index',
      [lane],
    );
    const events = entries.flatMap((e) => Array.from({ length: e.count }, (_, i) => [e.seq, i]));
    expect(rows.map((r) => [r.seq, r.index])).toEqual(events);
    expect(rows[0]?.reason).toBe(`beyond the end of epoch 1 (${head})`);
    await world.steps.relay();
    await world.steps.settle();
    const [row] = await world.db.query('SELECT 1 FROM sale.orders WHERE id = $1', [accepted.id]);
    expect(row).toBeDefined();
  });

  it('is frozen by what one restart lost and a relay publishes before the next', async () => {
    await world.steps.pump();
    keepCopy();
    const head = await headOf();
    await holds(0, 1);
    const late = await world.redis.redis.xrangeBuffer(keys.outbox, `(1-${head}`, '+');
    await whileDown(swapForCopy);
    const started = verifier();
    await started.untilOpen();
    const values = late.map(([, fields]) => fields[1] as Buffer);
    await publish(values.map((value) => ({ partition: lane, key: String(lane), value })));
    await restart();
    await started.untilShut(lane, 'frozen: rolled_back: kafka has 1-');
    expect(await laneRow()).toMatchObject({ state: 'frozen' });
  });

  it('is frozen by what a relay published whose clock is slow', async () => {
    await world.steps.pump();
    keepCopy();
    const head = await headOf();
    await world.kafka.kafka.deleteTopic(world.topic);
    await world.kafka.makeTopics(1);
    await holds(0, 1);
    const late = await readOutbox(world.redis.redis, keys.outbox, `1-${head}`, 10);
    const { deployment } = world.settings;
    const timestamp = String(Date.now() - 10 * 60_000);
    const kafka = new Kafka({
      brokers: [...world.config.kafkaBrokers],
      logLevel: logLevel.NOTHING,
    });
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({
      topic: world.topic,
      messages: late.map((item) => ({ ...messageOf(lane, deployment, item), timestamp })),
    });
    await producer.disconnect();
    await whileDown(swapForCopy);
    await verifier().untilShut(lane, 'frozen: rolled_back: kafka has 1-');
    expect(await laneRow()).toMatchObject({ state: 'frozen' });
  });

  it('that is empty has no marker and stays shut', async () => {
    await holds(0, 3);
    await whileDown(() => rmSync(aof(), { recursive: true }));
    await verifier().untilShut(lane, 'no marker');
    expect((await shop.ask(sale, 'ada', 'k')).kind).toBe('unavailable');
    expect(await world.redis.redis.dbsize()).toBe(0);
  });
});

describe('a store that the verifier needs', () => {
  for (const store of ['kafka', 'postgres'] as const) {
    it(`is waited for by name: ${store}`, async () => {
      await begin({ linked: [store] });
      await holds(0, 3);
      await world.steps.pump();
      const started = verifier();
      await started.untilOpen();
      await world.link(store).cut();
      await restart();
      await started.untilShut(lane, `not verified since Redis started: ${store}`);
      expect((await shop.ask(sale, 'ada', 'k')).kind).toBe('unavailable');
      await world.link(store).mend();
      await worldOpen();
      await expectSound();
    });
  }
});
