/**
 * An outcome of a lane command, or a latch, that was put away with its entry. It settles as it
 * stands when it can; else the command is settled as refused, so that whoever waits for it goes on,
 * and the lane is made anew without its effect.
 */
import type { Query } from '../../platform/postgres/db.ts';
import { apart } from '../settle/apart.ts';
import type { CommandWriter } from '../settle/commands.ts';
import type { SaleEvent } from '../settle/events.ts';
import type { SaleAway, Verdict } from './rows.ts';

export async function resolveSaleEvent(
  q: Query,
  { lane, event, live }: SaleAway,
  writer: CommandWriter,
): Promise<Verdict> {
  const { type, sale, number } = event;
  const what = `${type} of ${sale}`;
  if (type === 'bell') return resolveBell(q, event);
  // A latch falls again by itself; a command that has no outcome is taken to its lane again.
  const anew = { resolution: 'dropped', says: `${what}: the lane decides it anew` } as const;
  if (!live && !(number > 0 && (await isPassed(q, lane, number)))) return anew;
  const later = await readLater(q, lane, event);
  if (live || later !== null) {
    const reason = await settleLate(q, lane, event, later, writer);
    if (reason === null) return { resolution: 'settled', says: `${what} settles now` };
    if (number === 0) return anew;
    // What came after it says its effect too: it cannot be refused any more.
    if (later !== null) return { resolution: null, says: `command ${number}: ${reason}` };
  }
  return refuse(q, lane, event, writer);
}

/**
 * The bell of a sale that has opened does not ring again in a lane that is made anew: it is fixed over
 * those whose joins have settled, as that lane will have them.
 */
async function resolveBell(q: Query, { sale, at }: SaleEvent): Promise<Verdict> {
  const rung = await q.run(
    `UPDATE sale.lines l SET bell_n = l.joined, bell_at = $2, root = l.chain
       FROM sale.sales s
      WHERE s.id = l.sale_id AND l.sale_id = $1 AND l.bell_n IS NULL
        AND s.state NOT IN ('creating', 'scheduled')`,
    [sale, at],
  );
  if (rung > 0) {
    return { resolution: 'settled', says: `bell of ${sale} settles over who has joined` };
  }
  return { resolution: 'dropped', says: `bell of ${sale}: it has settled, or rings anew` };
}

/** True when no lane will be given this command again, and it has no outcome yet. */
async function isPassed(q: Query, lane: number, number: number): Promise<boolean> {
  const [row] = await q.query<{ passed: boolean }>(
    `SELECT outcome IS NULL AND number < (SELECT max(number) FROM sale.lane_commands
                                           WHERE lane = $1 AND outcome IS NOT NULL) AS passed
       FROM sale.lane_commands WHERE lane = $1 AND number = $2`,
    [lane, number],
  );
  return row?.passed ?? false;
}

/** A refusal that makes whoever needs the command write it again (`uncredited` in settle/sales). */
const refusal = 'fault';
/** Of a refused move: id, direction, item, units. */
const refusedMove = 4;

async function refuse(
  q: Query,
  lane: number,
  event: SaleEvent,
  writer: CommandWriter,
): Promise<Verdict> {
  const rest = event.type === 'moved' ? event.rest.slice(0, refusedMove) : [];
  const refused = { ...event, ok: false, reason: refusal, rest };
  const reason = await apart.sale(q, lane, refused, writer);
  const name = `command ${event.number}`;
  if (reason !== null) return { resolution: null, says: `${name}: ${reason}` };
  return { resolution: 'refused', says: `${name} had no effect` };
}

interface Later {
  readonly state: string;
  readonly items: unknown;
}

/** The sale as commands have left it that came after the event and have settled; null = none has. */
async function readLater(q: Query, lane: number, event: SaleEvent): Promise<Later | null> {
  if (event.number === 0) return null;
  const [row] = await q.query<Later>(
    `SELECT s.state, (SELECT jsonb_agg(i) FROM sale.sale_items i WHERE sale_id = $2) AS items
       FROM sale.sales s
      WHERE s.id = $2 AND EXISTS (
              SELECT 1 FROM sale.lane_commands
               WHERE lane = $1 AND sale_id = $2 AND number > $3 AND (outcome->>'ok')::boolean)`,
    [lane, event.sale, event.number],
  );
  return row ?? null;
}

/**
 * Settles an event behind which others of its sale may have settled. What it says of the sale and
 * its items is of then: the later ones said it again, with its effect in it. Answers why it does not
 * settle; null = it does.
 */
async function settleLate(
  q: Query,
  lane: number,
  event: SaleEvent,
  later: Later | null,
  writer: CommandWriter,
): Promise<string | null> {
  const reason = await apart.sale(q, lane, event, writer);
  if (reason !== null || later === null) return reason;
  await q.run('UPDATE sale.sales SET state = $2 WHERE id = $1', [event.sale, later.state]);
  await q.run(
    `UPDATE sale.sale_items i SET allotted = o.allotted, last_number = o.last_number
       FROM jsonb_populate_recordset(NULL::sale.sale_items, $2) o
      WHERE i.sale_id = $1 AND o.item = i.item`,
    [event.sale, JSON.stringify(later.items)],
  );
  return null;
}
