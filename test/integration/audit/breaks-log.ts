/** Ways to break the log in Kafka and the outbox, and which checks must see it. */
import { pack, unpack } from '../../../engine/lanes/codec.ts';
import { laneKeys } from '../../../engine/lanes/keys.ts';
import type { Break, Broken } from './break.ts';

type Groups = [string, unknown[][]][];
/** { 1, epoch, sequence, lane time, before, count, { { sale, events }, … }, outage }. */
type Entry = [number, number, number, number, unknown, number, Groups, number];
const [epoch, seq, at, before, count, groups] = [1, 2, 3, 4, 5, 6] as const;

const entryOf = (bytes: Buffer): Entry => unpack(bytes) as Entry;

/** Changes the entries for which `change` is true. */
const changed = (messages: Buffer[], change: (entry: Entry) => boolean): Buffer[] =>
  messages.map((bytes) => {
    const entry = entryOf(bytes);
    return change(entry) ? pack(entry) : bytes;
  });

/** Changes the entry at a place. */
const changeAt = (b: Broken, place: number, change: (entry: Entry) => void) =>
  b.alterLog((messages) =>
    changed(messages, (entry) => {
      if (entry[seq] !== place) return false;
      change(entry);
      return true;
    }),
  );

/** Changes the first event of a kind. */
const changeEvent = (b: Broken, kind: string, change: (event: unknown[]) => void) => {
  let done = false;
  return b.alterLog((messages) =>
    changed(messages, (entry) => {
      const event = entry[groups].flatMap(([, events]) => events).find(([type]) => type === kind);
      if (event === undefined || done) return false;
      change(event);
      return (done = true);
    }),
  );
};

/** The last message again, changed: as a second relay would publish a second decision. */
const again = (b: Broken, change: (entry: Entry) => void) =>
  b.alterLog((messages) => {
    const entry = entryOf(messages.at(-1) ?? Buffer.alloc(0));
    change(entry);
    return [...messages, pack(entry)];
  });

export const logBreaks: readonly Break[] = [
  {
    check: 'log.dense',
    what: 'a decision that has not settled is in no store',
    also: ['lane.watermark', 'lane.doubt', 'match.orders'],
    says: /1-\d+: above the watermark, and missing in the outbox and in Kafka/,
    how: async ({ history: { shop, live, laptop }, redis, lane }) => {
      await shop.hold(live, 'ida', 1, laptop.id);
      await redis.xtrim(laneKeys(lane).outbox, 'MAXLEN', 0);
    },
  },
  {
    check: 'log.dense',
    what: 'a decision that has not settled is in Kafka only',
    also: ['lane.doubt'],
    says: /1-\d+: above the watermark, and missing in the outbox$/m,
    how: async (b) => {
      const head = await b.redis.hincrby(laneKeys(b.lane).clock, 'seq', 1);
      const empty = pack([1, 1, head, Date.now(), false, 0, [], 0]);
      await b.alterLog((messages) => [...messages, empty]);
    },
  },
  {
    check: 'log.entries',
    what: 'a position has two payloads',
    says: /two different payloads/,
    how: (b) => again(b, (entry) => (entry[at] += 1)),
  },
  {
    check: 'log.entries',
    what: 'an entry of the outbox says another place than its own',
    says: /outbox has it at 1-\d+/,
    how: async ({ redis, lane }) => {
      const { outbox, clock } = laneKeys(lane);
      const head = Number(await redis.hget(clock, 'seq'));
      await redis.xadd(outbox, `1-${head + 1}`, 'd', pack([1, 1, head, 0, false, 0, [], 0]));
    },
  },
  {
    check: 'log.entries',
    what: 'a message is no entry',
    says: /message \d+: kafka: /,
    how: (b) => b.alterLog((messages) => [...messages, Buffer.from('garbage')]),
  },
  {
    check: 'log.entries',
    what: 'a position lies beyond the head',
    says: /kafka: beyond the lane's head/,
    how: (b) => again(b, (entry) => (entry[seq] += 1)),
  },
  {
    check: 'log.entries',
    what: 'a position is of an epoch that has not begun',
    says: /epoch 7 has not begun/,
    how: (b) => again(b, (entry) => (entry[epoch] = 7)),
  },
  {
    check: 'log.entries',
    what: 'lane time goes back',
    says: /lane time went back/,
    how: (b) => changeAt(b, 3, (entry) => (entry[at] = 1)),
  },
  {
    check: 'log.entries',
    what: 'an entry counts more decisions than it has',
    says: /says \d+ decisions, has/,
    how: (b) => changeAt(b, 3, (entry) => (entry[count] += 1)),
  },
  {
    check: 'log.entries',
    what: 'the first entry of the first epoch names one before it',
    says: /says the epoch before ended at 0-5/,
    how: (b) => changeAt(b, 0, (entry) => (entry[before] = [0, 5])),
  },
  {
    check: 'log.orders',
    what: 'a hold was of another shopper',
    says: /log ≠ record: shopper mallory/,
    how: (b) => changeEvent(b, 'held', (event) => (event[2] = 'mallory')),
  },
  {
    check: 'log.orders',
    what: 'a hold was at another price',
    says: /price 1 ≠/,
    how: (b) => changeEvent(b, 'held', (event) => (event[4] = 1)),
  },
  {
    check: 'log.orders',
    what: 'a hold is of an order that nobody has',
    says: /in no record, and not in Postgres/,
    how: (b) => changeEvent(b, 'held', (event) => (event[1] = '0'.repeat(24))),
  },
  {
    check: 'log.orders',
    what: 'an order was paid by the log, released by its record',
    says: /paid by the log, released in its record/,
    how: (b) => changeEvent(b, 'released', (event) => (event[0] = 'paid')),
  },
  {
    check: 'log.orders',
    what: 'an order ended twice',
    says: /had ended before/,
    how: (b) =>
      b.alterLog((messages) =>
        changed(messages, (entry) => {
          const events = entry[groups].find(([, list]) =>
            list.some(([t]) => t === 'released'),
          )?.[1];
          const end = events?.find(([type]) => type === 'released');
          if (events === undefined || end === undefined) return false;
          events.push(end);
          entry[count] += 1;
          return true;
        }),
      ),
  },
  {
    check: 'lane.commands',
    what: 'a command had another outcome by the log',
    says: /log: moved refused/,
    how: (b) => changeEvent(b, 'moved', (event) => (event[2] = 0)),
  },
];
