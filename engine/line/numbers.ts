/**
 * Numbers of a draw as Postgres has them: drawn in one statement, which R alone decides, and given
 * to the lane in chunks, each a lane command of its own.
 */
import type { Query } from '../../platform/postgres/db.ts';
import { AssertionFailed } from '../../platform/fault.ts';
import { numberArray } from '../../platform/postgres/arrays.ts';
import { laneOfId } from '../domain/ids.ts';
import type { SaleId } from '../domain/types.ts';
import { CommandWriter } from '../settle/commands.ts';

/** Tickets of one `numbers` command: what a lane does in one go, so nobody else waits longer. */
export const numbersPerCommandMax = 5000;

/** A draw sorts in memory: a million tickets take 170 MB there, and twice the time on disk. */
const sortMemoryMb = 256;

/**
 * Orders all who joined before the bell. Throws when a ticket is missing: then it is in quarantine, and
 * nobody is drawn before it is resolved.
 */
export async function drawNumbers(
  q: Query,
  sale: SaleId,
  result: Buffer,
  count: number,
): Promise<void> {
  await q.run(`SET LOCAL work_mem = '${sortMemoryMb}MB'`);
  // Compiling the statement would take longer than it does.
  await q.run('SET LOCAL jit = off');
  await q.run(
    `INSERT INTO sale.line_numbers (sale_id, first, indexes, shoppers)
     SELECT $1, (place - 1) / $3 * $3 + 1, array_agg(index ORDER BY place),
            array_agg(shopper ORDER BY place)
       FROM (SELECT index, shopper, row_number() OVER (
                      ORDER BY sha256($2::bytea ||
                        sha256(convert_to('tkt_' || substr(sale_id, 5) || key, 'UTF8')))) AS place
               FROM sale.tickets WHERE sale_id = $1 AND index < $4) drawn
      GROUP BY (place - 1) / $3`,
    [sale, result, numbersPerCommandMax, count],
    'line_draw',
  );
  const [sum] = await q.query<{ drawn: number }>(
    `SELECT coalesce(sum(cardinality(indexes)), 0)::bigint AS drawn
       FROM sale.line_numbers WHERE sale_id = $1`,
    [sale],
  );
  if (sum?.drawn !== count) {
    throw new AssertionFailed(`${sale}: ${count} joined before the bell, ${sum?.drawn} are there`);
  }
}

/**
 * Writes a command for every chunk that the lane does not have and that none is on its way for: at
 * first all of them, later those that a frozen sale refused. Must be the last in its transaction.
 */
export async function writeCommands(q: Query, sale: SaleId): Promise<readonly number[]> {
  const chunks = await q.query<{ first: number; count: number }>(
    `SELECT first, cardinality(indexes) AS count FROM sale.line_numbers n
      WHERE sale_id = $1 AND NOT given AND NOT EXISTS (
              SELECT 1 FROM sale.lane_commands c
               WHERE c.sale_id = $1 AND c.kind = 'numbers' AND c.outcome IS NULL
                 AND (c.body->>0)::bigint = n.first)
      ORDER BY first`,
    [sale],
    'numbers_wanted',
  );
  const writer = new CommandWriter();
  const lane = laneOfId(sale);
  for (const { first, count } of chunks) {
    writer.add({ lane, kind: 'numbers', sale, move: null, body: [first, count] });
  }
  const { lanes } = writer;
  await writer.flush(q);
  return lanes;
}

/**
 * Whom a `numbers` command gives them to, in the order of its numbers. The row has it until the lane does:
 * looking up 5,000 tickets all over a table costs more than the lane takes to number them.
 */
async function ticketsFrom(
  q: Query,
  sale: SaleId,
  first: number,
): Promise<readonly [indexes: readonly number[], shoppers: readonly string[]]> {
  const [row] = await q.query<{ indexes: number[]; shoppers: string[] | null }>(
    // As JSON, which is read in one go: an array of Postgres's own form is read character by character.
    `SELECT to_json(indexes) AS indexes, to_json(shoppers) AS shoppers
       FROM sale.line_numbers WHERE sale_id = $1 AND first = $2`,
    [sale, first],
    'numbers_told',
  );
  const { indexes = [], shoppers = null } = row ?? {};
  if (shoppers !== null) return [indexes, shoppers];
  const rows = await q.query<{ index: number; shopper: string }>(
    `SELECT t.index, t.shopper
       FROM unnest($2::bigint[]) WITH ORDINALITY AS u(index, place)
       JOIN sale.tickets t ON t.sale_id = $1 AND t.index = u.index
      ORDER BY u.place`,
    [sale, numberArray(indexes)],
    'numbers_tickets',
  );
  return [rows.map(({ index }) => index), rows.map(({ shopper }) => shopper)];
}

/** A command's body as its script takes it: a chunk of a draw is kept as its numbers only. */
export async function bodyOf(
  q: Query,
  kind: string,
  sale: SaleId,
  body: readonly unknown[],
): Promise<readonly unknown[]> {
  if (kind !== 'numbers') return body;
  const [first] = body as readonly number[];
  return [...body, ...(await ticketsFrom(q, sale, first ?? 0))];
}
