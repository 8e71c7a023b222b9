/** Ways to break Postgres, and which checks must see it. */
import type { Break, Broken } from './break.ts';

/** One statement; `$live`, `$held` and so on stand for those of the history. */
export const sql =
  (text: string) =>
  ({ db, history, lane }: Broken): Promise<number> => {
    const values: Readonly<Record<string, string>> = {
      live: history.live,
      line: history.line,
      closed: history.closed,
      held: history.held.id,
      together: history.together.id,
      paid: history.paid.id,
      released: history.released.id,
      laptop: history.laptop.id,
      lane: String(lane),
    };
    const statement = text.replace(/\$(\w+)/g, (name: string, key: string) => {
      const value = values[key];
      return value === undefined ? name : `'${value}'`;
    });
    return db.run(statement);
  };

const lanes: Break[] = [
  {
    check: 'lane.open',
    what: 'the lane is frozen in Postgres',
    says: /frozen in Postgres: quarantine: a test/,
    how: sql(`UPDATE sale.lanes SET state = 'frozen',
                     reasons = '[{"code": "quarantine", "detail": "a test"}]' WHERE lane = $lane`),
  },
  {
    check: 'lane.open',
    what: 'Postgres is at a later epoch',
    says: /epoch 1 in Redis, 2 in Postgres/,
    how: sql('UPDATE sale.lanes SET epoch = 2 WHERE lane = $lane'),
  },
  {
    check: 'lane.open',
    what: 'the epoch was begun for another server',
    says: /begun for server other/,
    how: sql(`UPDATE sale.lanes SET run_id = 'other' WHERE lane = $lane`),
  },
  {
    check: 'lane.open',
    what: 'a recovery is under way',
    says: /a recovery is under way/,
    how: sql(`UPDATE sale.lanes SET token = 'somebody' WHERE lane = $lane`),
  },
  {
    check: 'lane.commands',
    what: 'a command is missing',
    says: /command 2: is missing/,
    also: ['pg.moves', 'lane.counters'],
    how: sql('DELETE FROM sale.lane_commands WHERE lane = $lane AND number = 2'),
  },
  {
    check: 'lane.commands',
    what: 'a command has no outcome, the next ones have',
    also: ['pg.moves', 'lane.counters'],
    says: /credit has no outcome/,
    how: sql(`UPDATE sale.lane_commands SET outcome = NULL WHERE lane = $lane AND number =
                (SELECT min(number) FROM sale.lane_commands WHERE kind = 'credit' AND lane = $lane)`),
  },
  {
    check: 'lane.commands',
    what: 'the last number was taken back',
    says: /commands, the last is/,
    how: sql('UPDATE sale.lanes SET last_command = last_command - 1 WHERE lane = $lane'),
  },
];

const orders: Break[] = [
  {
    check: 'match.orders',
    what: 'an order is lost',
    also: ['pg.units'],
    says: /held for ann in its lane, neither in Postgres nor in doubt/,
    how: sql('DELETE FROM sale.orders WHERE id = $held'),
  },
  {
    check: 'match.orders',
    what: 'an order is in Postgres only',
    also: ['pg.units'],
    says: /held in Postgres, not in the record of ann/,
    how: sql(`INSERT INTO sale.orders SELECT substr(id, 1, 20) || repeat('0', 24), shopper, state,
                     version, item, units, price, held_at, hold_expires_at, ended_at, fingerprint,
                     '', 0, deadline
                FROM sale.orders WHERE id = $held`),
  },
  {
    check: 'match.orders',
    what: 'an order is of another shopper',
    says: /shopper ann ≠ mallory/,
    how: sql(`UPDATE sale.orders SET shopper = 'mallory' WHERE id = $held`),
  },
  {
    check: 'match.orders',
    what: 'an order has another unit',
    also: ['pg.units'],
    says: /units \{.*\} ≠ \{40,41\}/,
    how: sql(`UPDATE sale.orders SET units = '{40,41}' WHERE id = $held`),
  },
  {
    check: 'match.orders',
    what: 'a paid order was settled as released',
    also: ['pg.units', 'pg.ledger'],
    says: /state paid ≠ released/,
    how: sql(`UPDATE sale.orders SET state = 'released' WHERE id = $paid`),
  },
  {
    check: 'match.details',
    what: 'the details of a paid order are gone',
    says: /its record says that they are stored/,
    how: sql('DELETE FROM sale.order_details WHERE order_id = $paid'),
  },
  {
    check: 'pg.together',
    what: 'a line of a held order is paid',
    says: /2 lines, 2 held, of 2 shoppers, with 2 deadlines, held and paid/,
    how: sql('UPDATE sale.order_lines SET order_id = $paid WHERE home = $together AND line = 1'),
  },
  {
    check: 'pg.together',
    what: 'a line of a held order is nowhere',
    says: /2 lines, 1 held/,
    how: sql(
      `UPDATE sale.order_lines SET order_id = 'ord_lost' WHERE home = $together AND line = 1`,
    ),
  },
  {
    check: 'pg.orders',
    what: 'an order is of no item of its sale',
    also: ['match.orders', 'pg.units'],
    says: /the sale's: none/,
    how: sql('UPDATE sale.orders SET item = 7 WHERE id = $held'),
  },
  {
    check: 'pg.orders',
    what: 'an order has another price than its item',
    says: /item 0 at 1 /,
    how: sql('UPDATE sale.orders SET price = 1 WHERE id = $held'),
  },
  {
    check: 'pg.orders',
    what: 'an order has a state that there is not',
    also: ['match.orders', 'pg.units'],
    says: /state lost/,
    how: sql(`UPDATE sale.orders SET state = 'lost' WHERE id = $held`),
  },
  {
    check: 'pg.orders',
    what: 'a held order has ended',
    says: /state held, .*ended at \d+/,
    how: sql('UPDATE sale.orders SET ended_at = held_at WHERE id = $held'),
  },
  {
    check: 'pg.orders',
    what: 'an order ended before it was held',
    also: ['match.orders'],
    says: /state released/,
    how: sql('UPDATE sale.orders SET ended_at = held_at - 1 WHERE id = $released'),
  },
  {
    check: 'pg.orders',
    what: 'an order expired before its deadline',
    also: ['match.orders'],
    says: /state expired/,
    how: sql(`UPDATE sale.orders SET ended_at = hold_expires_at - 1 WHERE id =
                (SELECT min(id) FROM sale.orders WHERE state = 'expired')`),
  },
];

const units: Break[] = [
  {
    check: 'pg.units',
    what: 'the unit of a paid order is free',
    says: /belongs to nobody by its row, to ord_/,
    how: sql('UPDATE sale.units SET order_id = NULL WHERE order_id = $paid'),
  },
  {
    check: 'pg.units',
    what: 'a unit of a released order is still claimed',
    says: /by its row, to nobody by the orders/,
    how: sql(`INSERT INTO sale.units SELECT $live, item, unnest(units) + 20, id FROM sale.orders
               WHERE id = $released`),
  },
  {
    check: 'pg.units',
    what: 'a unit was given to another order',
    says: /by its row, to nobody by the orders/,
    how: sql('UPDATE sale.units SET order_id = $held WHERE order_id = $paid'),
  },
  {
    check: 'pg.units',
    what: 'a claimed unit does not exist',
    also: ['match.sales'],
    says: /and the item has 1 to 1$/,
    how: sql('UPDATE sale.sale_items SET last_number = 1 WHERE sale_id = $live AND item = 0'),
  },
  {
    check: 'pg.units',
    what: 'the count of claimed units is one too many',
    says: /^(?=.*units claimed by its count)(?=.*by their rows)/,
    how: sql('UPDATE sale.sale_items SET claimed = claimed + 1 WHERE sale_id = $live AND item = 0'),
  },
  {
    check: 'pg.ledger',
    what: 'a posting has lost one side',
    says: /:paid: adds up to \d+/,
    how: sql(`DELETE FROM sale.ledger WHERE posting = $paid || ':paid' AND account LIKE 'vendor%'`),
  },
  {
    check: 'pg.ledger',
    what: 'a paid order was not posted',
    says: /paid, 2000; posted nothing/,
    how: sql(`DELETE FROM sale.ledger WHERE posting = $paid || ':paid'`),
  },
  {
    check: 'pg.ledger',
    what: 'a posting is of another amount',
    says: /paid, 2000; posted 6000/,
    how: sql(`UPDATE sale.ledger SET amount = amount * 3 WHERE posting = $paid || ':paid'`),
  },
  {
    check: 'pg.ledger',
    what: 'an order that was not paid was posted',
    says: /no paid order; posted/,
    how: sql(`INSERT INTO sale.ledger SELECT $held || ':paid', account, amount, currency, at
                FROM sale.ledger WHERE posting = $paid || ':paid'`),
  },
];

const moves: Break[] = [
  {
    check: 'pg.supply',
    what: 'a product has more supply than its sales',
    says: /supply 2008, but 2007 allotted and 0 in transit/,
    how: sql('UPDATE sale.registrations SET supply = supply + 1 WHERE id = $laptop'),
  },
  {
    check: 'pg.supply',
    what: 'an item is allotted more than its moves',
    also: ['match.sales'],
    says: /item 0: allotted \d+, \d+ by its moves/,
    how: sql(
      'UPDATE sale.sale_items SET allotted = allotted + 1 WHERE sale_id = $live AND item = 0',
    ),
  },
  {
    check: 'pg.moves',
    what: 'a move was never credited, and nobody is about to',
    also: ['pg.supply', 'lane.conservation'],
    says: /fence crediting, with debits 1 done, 0 open, credits 1 done, 0 open/,
    how: sql(`UPDATE sale.moves SET state = 'crediting'
               WHERE group_id = $live AND to_item = 0 AND kind = 'fence'`),
  },
  {
    check: 'pg.moves',
    what: 'a move stays undecided',
    also: ['pg.supply', 'lane.conservation'],
    says: /fence debited/,
    how: sql(`UPDATE sale.moves SET state = 'debited'
               WHERE group_id = $live AND to_item = 0 AND kind = 'fence'`),
  },
  {
    check: 'pg.moves',
    what: 'a command moves more units than its move',
    says: /command \d+: credit .* is not what its move/,
    how: sql(`UPDATE sale.lane_commands SET body = jsonb_set(body, '{2}', '999')
               WHERE kind = 'credit' AND sale_id = $live`),
  },
  {
    check: 'pg.moves',
    what: 'a command is of no move',
    also: ['pg.supply', 'lane.conservation'],
    says: /command \d+: (debit|credit) .* is not what its move/,
    how: sql(`DELETE FROM sale.moves WHERE group_id = $live AND to_item = 0 AND kind = 'fence'`),
  },
  {
    check: 'match.sales',
    what: 'an item has another price',
    also: ['pg.orders'],
    says: /price of item 0 10000 ≠ 9999/,
    how: sql('UPDATE sale.sale_items SET price = 9999 WHERE sale_id = $live AND item = 0'),
  },
  {
    check: 'match.sales',
    what: 'a sale has another limit',
    says: /limit 100 ≠ 101/,
    how: sql('UPDATE sale.sales SET limit_per_shopper = 101 WHERE id = $live'),
  },
  {
    check: 'match.sales',
    what: 'a sale of the lane is not in Postgres',
    also: ['pg.orders', 'pg.supply', 'pg.units'],
    says: /in its lane, and not in Postgres/,
    how: async (b) => {
      await sql('ALTER TABLE sale.sale_items DISABLE TRIGGER ALL')(b);
      await sql('DELETE FROM sale.sale_items WHERE sale_id = $live')(b);
      await sql('DELETE FROM sale.sales WHERE id = $live')(b);
    },
  },
  {
    check: 'pg.quarantine',
    what: 'a decision was put away',
    says: /put away at 1-0: a test/,
    how: sql(`INSERT INTO sale.quarantine (lane, epoch, seq, index, order_id, reason, event)
              VALUES ($lane, 1, 0, 0, $held, 'a test', '{}')`),
  },
];

const old = `now() - interval '2 minutes'`;

const waiting: Break[] = [
  {
    check: 'pg.waiting',
    what: 'an event was never published',
    says: /new-product .*: waits for Kafka since/,
    how: sql(`UPDATE platform.outbox SET published_at = NULL, created_at = ${old}`),
  },
  {
    check: 'pg.waiting',
    what: 'a product has no standing sale',
    says: /has no standing sale/,
    how: sql(`INSERT INTO sale.registrations (id, vendor_id, body, fingerprint, supply, registered_at)
              SELECT 'prd_x', vendor_id, body, fingerprint, supply, ${old} FROM sale.registrations
               WHERE id = $laptop`),
  },
  {
    check: 'pg.waiting',
    what: 'a creation does not get on',
    says: /creating since/,
    how: sql(`INSERT INTO sale.sales (id, lane, vendor_id, kind, state, starts_at, limit_per_shopper,
                     hold_seconds, who, admission, currency, created_at)
              SELECT 'sal_' || repeat('0', 15) || '1', 0, vendor_id, kind, 'creating', starts_at,
                     limit_per_shopper, hold_seconds, who, admission, currency, ${old}
                FROM sale.sales WHERE id = $live`),
  },
];

export const postgresBreaks: readonly Break[] = [
  ...lanes,
  ...orders,
  ...units,
  ...moves,
  ...waiting,
];
