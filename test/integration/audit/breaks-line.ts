/** Ways to break a line in Postgres, and which checks must see it. */
import type { Break } from './break.ts';
import { sql } from './breaks-postgres.ts';

export const lineBreaks: readonly Break[] = [
  {
    check: 'pg.lines',
    what: 'a ticket is missing',
    says: /ticket 1 is missing/,
    how: sql('DELETE FROM sale.tickets WHERE sale_id = $line AND index = 1'),
  },
  {
    check: 'pg.lines',
    what: 'a ticket is there that nobody joined with',
    says: /ticket 99, and 6 joined/,
    how: sql(`INSERT INTO sale.tickets (sale_id, index, key, shopper, state, joined_at, ended_at)
              VALUES ($line, 99, 'x', 'somebody', 'left', 1, 2)`),
  },
  {
    check: 'pg.lines',
    what: 'two tickets are one',
    says: /is there 2 times/,
    how: sql(`UPDATE sale.tickets SET key = (SELECT key FROM sale.tickets
                                              WHERE sale_id = $line AND index = 0)
               WHERE sale_id = $line AND index = 1`),
  },
  {
    check: 'pg.lines',
    what: 'a shopper has several live tickets',
    says: /cay has 5 live tickets/,
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
    says: /2 numbers do not follow from seed, root and beacon/,
    how: sql(`UPDATE sale.line_numbers SET indexes = indexes[2:2] || indexes[1:1] || indexes[3:]
               WHERE sale_id = $line`),
  },
  {
    check: 'pg.lines',
    what: 'a number is missing',
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
    says: /its lane does not have every number/,
    how: sql('UPDATE sale.line_numbers SET given = false WHERE sale_id = $line'),
  },
];
