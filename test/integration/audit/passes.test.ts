// The audit holds on a system at rest, whatever has happened in it, and says what it could not check.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../../engine/audit/audit.ts';
import { laneChecks } from '../../../engine/audit/audit-lane.ts';
import { checkNames } from '../../../engine/audit/findings.ts';
import { laneOfId } from '../../../engine/domain/ids.ts';
import { scriptOf } from '../../../engine/lane-set.ts';
import { pack } from '../../../engine/lanes/codec.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import { runScript } from '../../../platform/redis/scripts.ts';
import type { KafkaPort } from '../../../platform/kafka/port.ts';
import { reportOf, wrongIn } from '../../support/audit.ts';
import { Broken } from './break.ts';
import { failedIn, makeHistory, type History } from './history.ts';
import { copyStores, type StoreCopy } from './store-copy.ts';

describe('the audit of a system at rest', () => {
  let history: History;
  let copy: StoreCopy;

  beforeAll(async () => {
    history = await makeHistory();
    copy = await copyStores(history.world);
  });

  afterEach(() => copy.restore());
  afterAll(() => history.world.close());

  it('holds after every end that an order and a sale can have', async () => {
    const { world } = history;
    const report = await reportOf(world);
    expect(wrongIn(report)).toEqual([]);
    expect(exitCodeOf(report)).toBe(0);
    expect(report.checks.map(({ name }) => name)).toEqual(checkNames);
    const idle = report.checks.filter(({ checked }) => checked === 0).map(({ name }) => name);
    expect(idle).toEqual(['pg.quarantine']);
    const states = await world.db.query<{ state: string }>(
      'SELECT DISTINCT state FROM sale.orders ORDER BY 1',
    );
    expect(states.map(({ state }) => state)).toEqual(['expired', 'held', 'paid', 'released']);
    const [refused] = await world.db.query<{ state: string }>(
      'SELECT state FROM sale.sales WHERE id = $1',
      [history.refused],
    );
    expect(refused?.state).toBe('cancelled');
  });

  it('can be restricted to one sale, and sees only what concerns it', async () => {
    const { world, live, closed, held } = history;
    await world.db.run('UPDATE sale.orders SET price = 1 WHERE id = $1', [held.id]);
    const one = await reportOf(world, {}, { sale: live });
    expect(failedIn(one)).toEqual(['pg.orders']);
    expect(one.totals).toMatchObject({ lanes: 1, sales: 1 });
    const other = await reportOf(world, {}, { sale: closed });
    expect(wrongIn(other)).toEqual([]);
    expect(other.totals).toMatchObject({ sales: 1, orders: 2, units: 1 });
    const unknown = `sal_${'0'.repeat(16)}`;
    await expect(reportOf(world, {}, { sale: unknown })).rejects.toThrow('there is no sale');
  });

  it('takes a log that retention has cut for one that begins later', async () => {
    const { kafka } = history.world.kafka;
    const cut: KafkaPort = {
      ...portOf(kafka),
      ends: async (topic) => {
        const ends = await kafka.ends(topic);
        return new Map([...ends].map(([p, { high }]) => [p, { low: high / 2n, high }]));
      },
      read: (topic, partition, low, high, onMessage) =>
        kafka.read(topic, partition, low, high, onMessage),
    };
    const all = await reportOf(history.world);
    const some = await reportOf(history.world, { kafka: cut });
    expect(wrongIn(some)).toEqual([]);
    const looked = ({ checks }: typeof all): number =>
      checks.find(({ name }) => name === 'log.dense')?.checked ?? 0;
    expect(looked(some)).toBeLessThan(looked(all));
    expect(looked(some)).toBeGreaterThan(0);
  });

  it.each<[string, (messages: Buffer[]) => Buffer[]]>([
    ['all of it', () => []],
    ['its end', (messages) => messages.slice(0, 4)],
    ['a part in the middle', (messages) => messages.filter((_, i) => i < 4 || i > 6)],
    ['all but its end', (messages) => messages.slice(-1)],
  ])('does not need of Kafka what has settled: it has lost %s', async (_, alter) => {
    const less = new Broken(history);
    await less.alterLog(alter);
    expect(wrongIn(await reportOf(history.world, { topic: less.topic }))).toEqual([]);
  });

  it('lets a decision be that was put away and resolved', async () => {
    const { world, released } = history;
    await world.db.run(
      `INSERT INTO sale.quarantine (lane, epoch, seq, index, order_id, reason, event, resolved_at)
       VALUES ($1, 1, 0, 0, $2, 'a test', '{}', now())`,
      [laneOfId(released.id), released.id],
    );
    expect(wrongIn(await reportOf(world))).toEqual([]);
  });

  it('says that it could not check: that is no pass, and no violation', async () => {
    const { world } = history;
    const noLog = await reportOf(world, { topic: 'no-such-topic' });
    const unchecked = noLog.checks.filter(({ failure }) => failure !== null);
    expect(unchecked.map(({ name }) => name)).toEqual([...laneChecks]);
    expect(failedIn(noLog)).toEqual([]);
    expect(exitCodeOf(noLog)).toBe(2);
    await world.db.run('ALTER TABLE sale.ledger RENAME TO hidden');
    try {
      const noLedger = await reportOf(world);
      expect(wrongIn(noLedger)).toEqual([
        'pg.ledger could not be checked: relation "sale.ledger" does not exist',
      ]);
      expect(exitCodeOf(noLedger)).toBe(2);
      await world.db.run('UPDATE sale.orders SET price = 1 WHERE id = $1', [history.held.id]);
      expect(exitCodeOf(await reportOf(world))).toBe(1);
    } finally {
      await world.db.run('ALTER TABLE sale.hidden RENAME TO ledger');
    }
  });
});

/** The methods of a port, to replace some of them. */
const portOf = (kafka: KafkaPort): KafkaPort => ({
  ensureTopics: (topics) => kafka.ensureTopics(topics),
  producer: () => kafka.producer(),
  consume: (options) => kafka.consume(options),
  ends: (topic) => kafka.ends(topic),
  offsetsAt: (topic, ms) => kafka.offsetsAt(topic, ms),
  read: (topic, partition, from, to, onMessage) =>
    kafka.read(topic, partition, from, to, onMessage),
  deleteTopic: (topic) => kafka.deleteTopic(topic),
  close: () => kafka.close(),
});

describe('the audit of a lane with several epochs', () => {
  let history: History;

  beforeAll(async () => {
    history = await makeHistory({ lanes: 1 });
  });

  afterAll(() => history.world.close());

  /** Ends the epoch at its head, in both stores, and begins the next. */
  async function endEpoch(epoch: number, by: 'verifier' | 'recover'): Promise<number> {
    const { db, redis } = history.world;
    const keys = laneKeys(0);
    const end = Number(await redis.redis.hget(keys.clock, 'seq'));
    const runId = await redis.redis.get(keys.verifiedRun);
    const recovered = by === 'recover' ? epoch + 1 : 0;
    await db.run('UPDATE sale.lanes SET epoch = $1, recovered_epoch = $2', [epoch + 1, recovered]);
    await db.run('UPDATE sale.epochs SET ended_at = $2, ended_by = $3 WHERE epoch = $1', [
      epoch,
      end,
      by,
    ]);
    await db.run('INSERT INTO sale.epochs (lane, epoch) VALUES (0, $1)', [epoch + 1]);
    const written = await runScript(
      redis.redis,
      scriptOf('verify'),
      [keys.marker, keys.frozen, keys.ends, keys.clock, keys.outbox, keys.verifiedRun],
      [epoch, end, epoch + 1, runId ?? '', 1000, epoch, end],
    );
    expect(written).toBe(1);
    await redis.redis.hset(keys.marker, 'recovered', recovered);
    return end;
  }

  const buy = async (): Promise<void> => {
    const { shop, live, world } = history;
    await shop.pay(await shop.hold(live, 'hal', 1, history.laptop.id));
    await world.steps.pump();
  };

  it('holds over an end that the verifier wrote', async () => {
    await endEpoch(1, 'verifier');
    await buy();
    expect(wrongIn(await reportOf(history.world))).toEqual([]);
  });

  it('forgives only what lies beyond the end that a recovery wrote', async () => {
    const { world } = history;
    const end = await endEpoch(2, 'recover');
    const producer = await world.kafka.kafka.producer();
    const lost = pack([1, 2, end + 1, Date.now(), false, 0, [], 0]);
    await producer.send(world.topic, [{ partition: 0, key: '0', value: lost }]);
    await producer.close();
    await buy();
    expect(wrongIn(await reportOf(world))).toEqual([]);
    await world.db.run('UPDATE sale.lanes SET recovered_epoch = 0');
    expect(wrongIn(await reportOf(world)).filter((line) => line.startsWith('log.'))).toEqual([
      `log.entries lane 0 2-${end + 1}: kafka: beyond the epoch's end ${end}`,
    ]);
  });
});
