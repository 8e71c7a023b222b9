/**
 * Settles what happened to a sale: outcomes of lane commands, and the latches of opening and end.
 * Here a creation is decided: its credits are written once every debit has a settled outcome, by
 * whoever finds that, holding the sale's row.
 */
import type { Query } from '../../platform/postgres/db.ts';
import type { SaleId } from '../domain/types.ts';
import { isClosing } from '../sales/transit.ts';
import type { CommandWriter } from './commands.ts';
import type { SaleEvent } from './events.ts';
import { credit, moveColumns, setMove, shortOf, type Move } from './moves.ts';
import { decideOccurrence } from './occurrences.ts';
import { settleTerms } from './terms.ts';

/** An event that no repetition can settle: it is put into quarantine. */
export class CannotSettle extends Error {}

export const moveOfClose = (lane: number, number: number, item: number): string =>
  `mov_${lane}_${number}_${item}`;

/** Settles one event of a sale. Commands that follow from it go to `writer`. */
export async function settleSale(
  q: Query,
  lane: number,
  event: SaleEvent,
  writer: CommandWriter,
): Promise<void> {
  const { type, ok, reason, rest, at } = event;
  if (event.number > 0) {
    await q.run(
      `UPDATE sale.lane_commands SET outcome = $3, settled_at = now()
        WHERE lane = $1 AND number = $2 AND outcome IS NULL`,
      [lane, event.number, JSON.stringify({ type, ok, reason, rest, at })],
    );
  }
  switch (event.type) {
    case 'installed':
      if (!event.ok) return;
      await q.run('UPDATE sale.sales SET installed = true WHERE id = $1', [event.sale]);
      await schedule(q, event.sale);
      return;
    case 'changed':
      if (event.ok) await settleTerms(q, lane, event);
      return;
    case 'opened':
      await q.run(
        `UPDATE sale.sales SET state = 'live', opened_at = coalesce(opened_at, $2)
          WHERE id = $1 AND state IN ('creating', 'scheduled')`,
        [event.sale, new Date(event.at)],
      );
      return;
    case 'paused':
    case 'resumed':
      if (!event.ok) return;
      await q.run('UPDATE sale.sales SET state = $2 WHERE id = $1', [
        event.sale,
        event.type === 'paused' ? 'paused' : 'live',
      ]);
      return;
    case 'closing':
    case 'closed':
      await settleClose(q, lane, event, writer);
      return;
    case 'moved':
      await settleMoved(q, event, writer);
      return;
    case 'numbers':
      await settleNumbers(q, event);
      return;
    default:
      // Nothing of the log is skipped: an event that this version does not know is put away.
      throw new CannotSettle(`no event ${event.type}`);
  }
}

/** A chunk of the draw is in the lane; with the last one the line is numbered. */
async function settleNumbers(q: Query, event: SaleEvent): Promise<void> {
  if (!event.ok) return;
  await q.run(
    `UPDATE sale.line_numbers SET given = true, shoppers = NULL
      WHERE sale_id = $1 AND first = $2`,
    [event.sale, event.rest[0]],
    'numbers_given',
  );
  await q.run(
    `UPDATE sale.lines l SET numbered_at = $2
      WHERE l.sale_id = $1 AND NOT EXISTS (
              SELECT 1 FROM sale.line_numbers n WHERE n.sale_id = l.sale_id AND NOT n.given)`,
    [event.sale, event.at],
    'line_numbered',
  );
}

/** A creating sale is scheduled once it is installed and every credit is in. */
async function schedule(q: Query, sale: SaleId): Promise<void> {
  await q.run(
    `UPDATE sale.sales s SET state = 'scheduled'
      WHERE s.id = $1 AND s.state = 'creating' AND s.installed
        AND NOT EXISTS (SELECT 1 FROM sale.moves m WHERE m.group_id = s.id AND m.state <> 'done')`,
    [sale],
  );
}

async function settleClose(
  q: Query,
  lane: number,
  event: SaleEvent,
  writer: CommandWriter,
): Promise<void> {
  if (event.number > 0 && !event.ok) return;
  const state = event.type;
  await q.run(
    `UPDATE sale.sales SET state = $2,
            closed_at = CASE WHEN $2 = 'closed' THEN $3::timestamptz ELSE closed_at END
      WHERE id = $1 AND state <> 'closed'`,
    [event.sale, state, new Date(event.at)],
  );
  const [units, allotted, last] = event.rest as [number[]?, number[]?, number[]?];
  if (units === undefined || allotted === undefined || last === undefined) return;
  for (let item = 0; item < units.length; item++) {
    await q.run(
      'UPDATE sale.sale_items SET allotted = $3, last_number = $4 WHERE sale_id = $1 AND item = $2',
      [event.sale, item, allotted[item], last[item]],
    );
    const from = { sale: event.sale, item, units: units[item] ?? 0 };
    if (from.units > 0) await returnUnits(q, moveOfClose(lane, event.number, item), from, writer);
  }
}

/**
 * What a closed sale did not sell goes back to the standing sale, as a move; that of a withdrawn
 * product to its vendor, and its supply shrinks. The lock keeps the standing sale what it is: a
 * price changes only while no unit is on its way.
 */
async function returnUnits(
  q: Query,
  id: string,
  { sale, item, units }: { readonly sale: SaleId; readonly item: number; readonly units: number },
  writer: CommandWriter,
): Promise<void> {
  await q.query(
    `SELECT 1 FROM sale.registrations r JOIN sale.sale_items i ON i.product_id = r.id
      WHERE i.sale_id = $1 AND i.item = $2 FOR UPDATE OF r`,
    [sale, item],
  );
  const [move] = await q.query<Move>(
    `INSERT INTO sale.moves (id, kind, product_id, from_sale, from_item, to_sale, to_item, units,
                             state, settled_at)
     SELECT $1, 'return', i.product_id, i.sale_id, i.item,
            CASE WHEN r.withdrawn_at IS NULL THEN r.standing_sale END,
            CASE WHEN r.withdrawn_at IS NULL THEN 0 END, $4,
            CASE WHEN r.withdrawn_at IS NULL THEN 'crediting' ELSE 'done' END,
            CASE WHEN r.withdrawn_at IS NOT NULL THEN now() END
       FROM sale.sale_items i JOIN sale.registrations r ON r.id = i.product_id
      WHERE i.sale_id = $2 AND i.item = $3
     ON CONFLICT (id) DO NOTHING RETURNING ${moveColumns}`,
    [id, sale, item, units],
  );
  if (move === undefined) return;
  if (move.to_sale === null) await shrinkSupply(q, move);
  else credit(writer, move, move.to_sale, move.to_item);
}

/** Units that left for good, or never came. */
async function shrinkSupply(q: Query, { product_id: product, units }: Move): Promise<void> {
  await q.run('UPDATE sale.registrations SET supply = supply - $2 WHERE id = $1', [product, units]);
}

async function settleMoved(q: Query, event: SaleEvent, writer: CommandWriter): Promise<void> {
  const [id, direction, item, , allotted, last, available] = event.rest as [
    string,
    'debit' | 'credit',
    number,
    number,
    number?,
    number?,
    number?,
  ];
  if (event.ok) {
    await q.run(
      'UPDATE sale.sale_items SET allotted = $3, last_number = $4 WHERE sale_id = $1 AND item = $2',
      [event.sale, item, allotted, last],
    );
  }
  const move = await lockMove(q, id);
  if (direction === 'debit') {
    const reason = event.ok ? null : `${event.reason}:${available ?? 0}`;
    if (move.kind === 'withdraw') {
      await setMove(q, id, event.ok ? 'done' : 'refused', reason);
      if (event.ok) await shrinkSupply(q, move);
      return;
    }
    if (move.kind === 'unfence' && event.ok) await offerMore(q, event.sale, item, -move.units);
    await setMove(q, id, event.ok ? 'debited' : 'refused', reason);
    await decideGroup(q, move.group_id ?? '', writer);
    return;
  }
  if (event.ok) {
    const isBack = move.state === 'undoing';
    if (isBack && move.kind === 'unfence') await offerMore(q, event.sale, item, move.units);
    await setMove(q, id, isBack ? 'undone' : 'done', null);
    if (move.group_id !== null) await schedule(q, move.group_id);
    return;
  }
  // A frozen sale takes no credit: its units stay in transit until `creditAgain`.
  if (event.reason !== 'closed') {
    await setMove(q, id, move.state, event.reason);
    return;
  }
  // The target was closed meanwhile: back to where they came from.
  if (move.from_sale !== null && move.state === 'crediting') {
    await setMove(q, id, 'undoing', event.reason);
    credit(writer, move, move.from_sale, move.from_item);
    return;
  }
  await setMove(q, id, 'refused', event.reason);
  if (move.kind === 'grant') await shrinkSupply(q, move);
  else await returnElsewhere(q, move, writer);
}

/**
 * Units whose source was closed meanwhile, as one is that a new price has replaced, go where those went
 * that it had free. Once: no price changes while they are on their way.
 */
async function returnElsewhere(q: Query, move: Move, writer: CommandWriter): Promise<void> {
  const { id, from_sale: sale, from_item: item, units } = move;
  if (move.state !== 'undoing' || sale === null || item === null || id.endsWith(elsewhere)) return;
  await returnUnits(q, `${id}${elsewhere}`, { sale, item, units }, writer);
}

const elsewhere = '_back';

/** What a sale was asked for is what it offers, but for its top-ups. */
async function offerMore(q: Query, sale: SaleId, item: number, units: number): Promise<void> {
  await q.run('UPDATE sale.sale_items SET asked = asked + $3 WHERE sale_id = $1 AND item = $2', [
    sale,
    item,
    units,
  ]);
}

const uncreditedMax = 100;

/**
 * Moves behind `after` whose credit their sale could not take: it was frozen, or a script failed. Answers
 * where to go on, '' = at the beginning.
 */
export async function uncredited(
  q: Query,
  after: string,
): Promise<{
  readonly moves: readonly { readonly id: string; readonly sale: SaleId }[];
  readonly after: string;
}> {
  const moves = await q.query<{ id: string; sale: SaleId }>(
    `SELECT id, CASE state WHEN 'undoing' THEN from_sale ELSE to_sale END AS sale
       FROM sale.moves WHERE state IN ('crediting', 'undoing') AND reason = ANY($1) AND id > $2
      ORDER BY id LIMIT ${uncreditedMax}`,
    [sadReasons, after],
    'moves_uncredited',
  );
  return { moves, after: moves.length < uncreditedMax ? '' : (moves.at(-1)?.id ?? '') };
}

const sadReasons = ['sale_frozen', 'fault', 'not_found'];

/** Writes one more credit for such a move; nothing when somebody was faster. */
export async function creditAgain(q: Query, id: string, writer: CommandWriter): Promise<void> {
  const move = await lockMove(q, id);
  const again = await q.run(
    `UPDATE sale.moves SET reason = NULL
      WHERE id = $1 AND state IN ('crediting', 'undoing') AND reason = ANY($2)`,
    [id, sadReasons],
  );
  if (again === 0) return;
  if (move.state === 'undoing') credit(writer, move, move.from_sale, move.from_item);
  else credit(writer, move, move.to_sale, move.to_item);
}

/** Locks a move, its group's sale before it: two settlements of one creation queue up there. */
async function lockMove(q: Query, id: string): Promise<Move> {
  const [found] = await q.query<{ group_id: string | null }>(
    'SELECT group_id FROM sale.moves WHERE id = $1',
    [id],
  );
  if (found === undefined) throw new CannotSettle(`no move ${id}`);
  await q.query('SELECT 1 FROM sale.sales WHERE id = $1 FOR UPDATE', [found.group_id]);
  const [move] = await q.query<Move>(
    `SELECT ${moveColumns} FROM sale.moves WHERE id = $1 FOR UPDATE`,
    [id],
  );
  if (move === undefined) throw new CannotSettle(`no move ${id}`);
  return move;
}

/**
 * Decides a group of fences (a creation, or one top-up) once none is open: all accepted → one
 * credit each to the flash sale; else each accepted one goes back to its source.
 */
async function decideGroup(q: Query, group: string, writer: CommandWriter): Promise<void> {
  const [sale] = await q.query<{ id: string; schedule_id: string | null }>(
    'SELECT id, schedule_id FROM sale.sales WHERE id = $1 FOR UPDATE',
    [group],
  );
  const moves = await q.query<Move>(
    `SELECT ${moveColumns} FROM sale.moves WHERE group_id = $1 ORDER BY id FOR UPDATE`,
    [group],
  );
  if (moves.some((m) => m.state === 'asked')) return;
  if (sale !== undefined && sale.schedule_id !== null) {
    await decideOccurrence(q, sale.id, moves, writer);
    return;
  }
  const refused = moves.find((m) => m.state === 'refused');
  for (const move of moves.filter((m) => m.state === 'debited')) {
    await setMove(q, move.id, refused === undefined ? 'crediting' : 'undoing', null);
    if (refused === undefined) credit(writer, move, move.to_sale, move.to_item);
    else credit(writer, move, move.from_sale, move.from_item);
  }
  if (refused !== undefined && sale !== undefined) {
    const { short, free: available } = shortOf(refused.reason);
    // Units that a close has still to send back may be enough: asked again later, it is known.
    const isShort = short && !(await isClosing(q, refused.product_id));
    const code = isShort ? 'insufficient_supply' : 'unavailable';
    await q.run(`UPDATE sale.sales SET state = 'cancelled', cancel_reason = $2 WHERE id = $1`, [
      group,
      JSON.stringify({ code, product: refused.product_id, available }),
    ]);
  }
}
