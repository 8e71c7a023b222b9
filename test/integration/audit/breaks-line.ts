/** Ways to break a line, in its lane and in Postgres, and which checks must see it. */
import { laneOfId } from '../../../engine/domain/ids.ts';
import { pushLineKeys, pushSaleKeys } from '../../../engine/lanes/keys.ts';
import type { Break, Broken } from './break.ts';
import { edit, type Packed } from './breaks-lane.ts';
import { sql } from './breaks-postgres.ts';

function keysOf({ history: { line } }: Broken) {
  const keys: string[] = [];
  pushSaleKeys(keys, laneOfId(line), line);
  pushLineKeys(keys, laneOfId(line), line);
  const [sale = '', records = '', , , waits = '', turns = '', , parked = '', gone = ''] = keys;
  return { sale, records, waits, turns, parked, gone };
}

/** Changes field `ln`: joined, bell, numbered, given, waiting, turns, claims, serving, … */
const editCounts = (b: Broken, at: number, value: number) =>
  edit(b.redis, keysOf(b).sale, 'ln', (counts) => (counts[at] = value));

/** Of fay, who waits with number 6: key, index, number, state, turn ends, claim, earlier ones, leaves. */
const editTicket = (b: Broken, change: (ticket: Packed) => void, shopper = 'fay') =>
  edit(b.redis, keysOf(b).records, shopper, (record) => change(record[4] as Packed));

/** Somebody who has a turn. */
async function withTurn(b: Broken): Promise<string> {
  const [shopper = ''] = await b.redis.zrange(keysOf(b).turns, '0', '0');
  return shopper;
}

/** Somebody who has left with a key. */
async function whoLeft({ db, history: { line } }: Broken): Promise<string> {
  const [row] = await db.query<{ shopper: string }>(
    `SELECT shopper FROM sale.tickets WHERE sale_id = $1 AND state = 'left'`,
    [line],
  );
  return row?.shopper ?? '';
}

/** Those who wait with a number of the draw, which stands with their place only. */
const withDrawn = async (b: Broken): Promise<string[]> => b.redis.zrange(keysOf(b).waits, '0', '1');

const inLane: Break[] = [
  {
    check: 'lane.lines',
    what: 'somebody who was drawn stands nowhere',
    also: ['match.tickets'],
    says: /waits at nothing, not 0/,
    how: async (b) => b.redis.zrem(keysOf(b).waits, (await withDrawn(b))[0] ?? ''),
  },
  {
    check: 'lane.lines',
    what: 'it is still known who left before the draw',
    says: /still knows who left unnumbered/,
    how: (b) => b.redis.setbit(keysOf(b).gone, 0, 1),
  },
  {
    check: 'match.tickets',
    what: 'two who were drawn have changed places',
    says: /number \d ≠ \d/,
    how: async (b) => {
      const [first = '', second = ''] = await withDrawn(b);
      const { waits } = keysOf(b);
      const [low, high] = await b.redis.zmscore(waits, first, second);
      await b.redis.zadd(waits, high ?? '', first, low ?? '', second);
    },
  },
  {
    check: 'lane.lines',
    what: 'the line counts one too many that waits',
    says: /waiting 4, found 3/,
    how: (b) => editCounts(b, 4, 4),
  },
  {
    check: 'lane.lines',
    what: 'the line counts a turn that is not there',
    says: /turns 3, found 2/,
    how: (b) => editCounts(b, 5, 3),
  },
  {
    check: 'lane.lines',
    what: 'the line counts claims of nobody',
    says: /claims 5, found 2/,
    how: (b) => editCounts(b, 6, 5),
  },
  {
    check: 'lane.lines',
    what: 'the line has more tickets than joined',
    says: /5 joined, place 5 is taken/,
    how: (b) => editCounts(b, 0, 5),
  },
  {
    check: 'lane.lines',
    what: 'the line is numbered before every number is given',
    says: /numbered 1, 4 of 5 are given/,
    how: (b) => editCounts(b, 3, 4),
  },
  {
    check: 'lane.lines',
    what: 'somebody who waits stands nowhere',
    says: /fay waits at nothing, not 6/,
    how: (b) => b.redis.zrem(keysOf(b).waits, 'fay'),
  },
  {
    check: 'lane.lines',
    what: 'somebody stands before his number',
    says: /fay waits at 1, not 6/,
    how: (b) => b.redis.zadd(keysOf(b).waits, 1, 'fay'),
  },
  {
    check: 'lane.lines',
    what: 'somebody waits and is parked',
    says: /fay waits at 6 and 6, not 6/,
    how: (b) => b.redis.zadd(keysOf(b).parked, 6, 'fay'),
  },
  {
    check: 'lane.lines',
    what: 'somebody without a ticket has a place',
    says: /nobody has a place, and no ticket/,
    how: (b) => b.redis.zadd(keysOf(b).waits, 7, 'nobody'),
  },
  {
    check: 'lane.lines',
    what: 'a turn has no end',
    says: /the turn of \w+ ends at \d+, and is not there/,
    how: async (b) => b.redis.zrem(keysOf(b).turns, await withTurn(b)),
  },
  {
    check: 'match.tickets',
    what: 'a ticket has another number in its lane',
    also: ['lane.lines'],
    says: /fay: number 9 ≠ 6/,
    how: (b) => editTicket(b, (ticket) => (ticket[2] = 9)),
  },
  {
    check: 'match.tickets',
    what: 'a ticket is another in its lane',
    says: /fay: key x ≠ \w+/,
    how: (b) => editTicket(b, (ticket) => (ticket[0] = 'x')),
  },
  {
    check: 'match.tickets',
    what: 'the lane has forgotten the key of a leave',
    says: /leaves {2}≠ \w+/,
    how: async (b) => editTicket(b, (ticket) => ticket.pop(), await whoLeft(b)),
  },
  {
    check: 'match.tickets',
    what: 'the lane lets a turn claim more than it was given',
    also: ['lane.lines'],
    says: /claims 4 of 1 units/,
    how: async (b) => editTicket(b, (ticket) => (ticket[5] = 4), await withTurn(b)),
  },
  {
    check: 'match.tickets',
    what: 'the lane has lost a ticket',
    also: ['lane.lines'],
    says: /fay: waiting in Postgres, and not in its lane/,
    how: (b) => edit(b.redis, keysOf(b).records, 'fay', (record) => (record[4] = 0)),
  },
  {
    check: 'match.tickets',
    what: 'a ticket waits in Postgres that has a turn',
    says: /\w+: state admitted ≠ waiting, turn ends \d+ ≠ 0, claims 1 of 0/,
    how: sql(`UPDATE sale.tickets SET state = 'waiting', admitted_at = NULL, turn_ends = NULL,
                     claim = NULL WHERE sale_id = $line AND state = 'admitted'`),
  },
  {
    check: 'match.tickets',
    what: 'a ticket was left with another key in Postgres',
    says: /leaves \w+ ≠ x/,
    how: sql(`UPDATE sale.tickets SET left_key = 'x' WHERE sale_id = $line AND state = 'left'`),
  },
  {
    check: 'match.tickets',
    what: 'a turn ends elsewhere in Postgres',
    says: /turn ends \d+ ≠ 7/,
    how: sql(`UPDATE sale.tickets SET turn_ends = 7 WHERE sale_id = $line AND state = 'admitted'`),
  },
  {
    check: 'match.tickets',
    what: 'a ticket of the lane belongs to another in Postgres',
    says: /fay: a ticket in its lane, and none in Postgres/,
    how: sql(`UPDATE sale.tickets SET shopper = 'gus' WHERE sale_id = $line AND shopper = 'fay'`),
  },
];

const inPostgres: Break[] = [
  {
    check: 'pg.lines',
    what: 'a ticket is missing',
    also: ['match.tickets'],
    says: /ticket 1 is missing/,
    how: sql('DELETE FROM sale.tickets WHERE sale_id = $line AND index = 1'),
  },
  {
    check: 'pg.lines',
    what: 'a ticket is there that nobody joined with',
    also: ['match.tickets'],
    says: /ticket 99, and 6 joined/,
    how: sql(`INSERT INTO sale.tickets (sale_id, index, key, shopper, state, joined_at, ended_at)
              VALUES ($line, 99, 'x', 'somebody', 'left', 1, 2)`),
  },
  {
    check: 'pg.lines',
    what: 'two tickets are one',
    also: ['match.tickets'],
    says: /is there 2 times/,
    how: sql(`UPDATE sale.tickets SET key = (SELECT key FROM sale.tickets
                                              WHERE sale_id = $line AND index = 0)
               WHERE sale_id = $line AND index = 1`),
  },
  {
    check: 'pg.lines',
    what: 'a shopper has several live tickets',
    also: ['match.tickets'],
    says: /cay has \d live tickets/,
    how: async (broken) => {
      await broken.db.run('DROP INDEX IF EXISTS sale.tickets_live');
      await sql(`UPDATE sale.tickets SET state = 'waiting', shopper = 'cay', ended_at = NULL,
                        admitted_at = NULL
                  WHERE sale_id = $line AND shopper <> 'cay'`)(broken);
    },
  },
  {
    check: 'pg.lines',
    what: 'a ticket has ended without an end',
    says: /left, by its times not/,
    how: sql(`UPDATE sale.tickets SET ended_at = NULL WHERE sale_id = $line AND state = 'left'`),
  },
  {
    check: 'pg.lines',
    what: 'an entry of the chain is missing',
    says: /entry \S+ begins at 1, not at 0/,
    how: sql('DELETE FROM sale.line_entries WHERE sale_id = $line AND first_index = 0'),
  },
  {
    check: 'pg.lines',
    what: 'an entry joined more than it did',
    says: /its entries have 7 tickets, 6 joined/,
    how: sql(`UPDATE sale.line_entries SET count = count + 1 WHERE sale_id = $line AND first_index =
                (SELECT max(first_index) FROM sale.line_entries WHERE sale_id = $line)`),
  },
  {
    check: 'pg.lines',
    what: 'the chain was changed',
    says: /its chain is not that of its tickets/,
    how: sql(`UPDATE sale.lines SET chain = sha256('x') WHERE sale_id = $line`),
  },
  {
    check: 'pg.lines',
    what: 'the root is another',
    says: /its root is not the link of the 5/,
    how: sql(`UPDATE sale.lines SET root = chain WHERE sale_id = $line`),
  },
  {
    check: 'pg.lines',
    what: 'two numbers were exchanged',
    also: ['match.tickets'],
    says: /2 numbers do not follow from seed, root and beacon/,
    how: sql(`UPDATE sale.line_numbers SET indexes = indexes[2:2] || indexes[1:1] || indexes[3:]
               WHERE sale_id = $line`),
  },
  {
    check: 'pg.lines',
    what: 'a number is missing',
    also: ['match.tickets'],
    says: /4 numbers for 5 tickets/,
    how: sql('UPDATE sale.line_numbers SET indexes = indexes[1:4] WHERE sale_id = $line'),
  },
  {
    check: 'pg.lines',
    what: 'somebody drew with another seed',
    says: /numbers do not follow from seed, root and beacon/,
    how: sql(`UPDATE sale.sales SET seed = sha256('another') WHERE id = $line`),
  },
  {
    check: 'pg.lines',
    what: 'it was drawn before the seed was shown',
    says: /drawn before its seed was shown/,
    how: sql('UPDATE sale.lines SET seed_shown_at = NULL WHERE sale_id = $line'),
  },
  {
    check: 'pg.lines',
    what: 'it has numbers without a draw',
    says: /has numbers, and was not drawn/,
    how: sql('UPDATE sale.lines SET drawn_at = NULL WHERE sale_id = $line'),
  },
  {
    check: 'pg.lines',
    what: 'the lane lacks numbers that it should have',
    also: ['match.tickets'],
    says: /its lane does not have every number/,
    how: sql('UPDATE sale.line_numbers SET given = false WHERE sale_id = $line'),
  },
];

export const lineBreaks: readonly Break[] = [...inLane, ...inPostgres];
