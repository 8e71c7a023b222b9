/**
 * A ticket that is over and has been followed by another of its shopper: its lane keeps no more than its
 * key, so whoever asks with that key once more is answered from what has settled.
 */
import type { Db } from '../../platform/postgres/db.ts';
import { ticketIdOf } from '../domain/ids.ts';
import type { JoinCommand, LineFigures, LineTicket, TicketState } from '../domain/line/types.ts';
import type { Outcome, SaleId, ShopperId } from '../domain/types.ts';
import type { Line } from '../line.ts';
import { unavailable } from '../outcomes.ts';

interface Row {
  readonly index: number;
  readonly state: TicketState;
  readonly number: number | null;
}

/** Null = no such ticket, or its end has not settled. Throws while Postgres is away. */
async function readPast(
  db: Db,
  sale: SaleId,
  shopper: ShopperId,
  key: string,
  line: LineFigures,
): Promise<LineTicket | null> {
  const [row] = await db.query<Row>(
    `SELECT t.index, t.state, n.number
       FROM sale.tickets t LEFT JOIN sale.ticket_numbers n ON n.sale_id = t.sale_id AND n.index = t.index
      WHERE t.sale_id = $1 AND t.shopper = $2 AND t.key = $3
        AND t.state NOT IN ('waiting', 'admitted')`,
    [sale, shopper, key],
  );
  if (row === undefined) return null;
  const over = { ahead: null, turnEndsAt: null, receipt: null, known: true, line };
  return { id: ticketIdOf(sale, key), sale, ...row, ...over };
}

/** A join; what its key made before is the answer also when another ticket has followed. */
export async function joinLine(
  db: Db,
  line: Line,
  command: JoinCommand,
): Promise<Outcome<LineTicket>> {
  const outcome = await line.join(command);
  if (outcome.kind !== 'rejected' || outcome.rejection.code !== 'idempotency_key_reused') {
    return outcome;
  }
  if (outcome.rejection.isExact !== true) return outcome;
  // Its end is in the lane's log and settles soon: then the same key is answered.
  return (await pastOf(db, line, command)) ?? unavailable('an earlier ticket has not settled');
}

/** The ticket that this join made before, as it is now; null = it made none. */
export async function joinedLine(
  db: Db,
  line: Line,
  command: JoinCommand,
): Promise<Outcome<LineTicket> | null> {
  const { sale, shopper } = command;
  const latest = await line.ticket(sale, shopper, false);
  if (latest.kind === 'rejected') return null;
  if (latest.kind !== 'done') return latest;
  if (latest.value.id !== ticketIdOf(sale, line.keyOf(command))) return pastOf(db, line, command);
  return { ...latest, replayed: true };
}

async function pastOf(
  db: Db,
  line: Line,
  command: JoinCommand,
): Promise<Outcome<LineTicket> | null> {
  const { sale, shopper } = command;
  const figures = await line.figures(sale);
  if (figures.kind !== 'done') return figures;
  const past = await readPast(db, sale, shopper, line.keyOf(command), figures.value);
  return past === null ? null : { ...figures, value: past, replayed: true };
}
