/**
 * Commands of a vendor, or of the opener, for a sale that exists: pause, resume, close, top-up.
 * Each writes a lane command; what comes of it is told by its settled outcome.
 */
import { createHash } from 'node:crypto';
import { clock } from '../../platform/clock.ts';
import type { Query } from '../../platform/postgres/db.ts';
import { base32, laneOfId } from '../domain/ids.ts';
import type { ProductId, SaleId } from '../domain/types.ts';
import { CommandWriter, type CommandKind } from '../settle/commands.ts';

interface OpenRow {
  readonly number: number;
}

/** The command of this kind that is on its way to the sale, if there is one. */
export async function onItsWay(q: Query, sale: SaleId, kind: CommandKind): Promise<number | null> {
  const [row] = await q.query<OpenRow>(
    `SELECT number FROM sale.lane_commands
      WHERE sale_id = $1 AND kind = $2 AND outcome IS NULL ORDER BY number DESC LIMIT 1`,
    [sale, kind],
  );
  return row?.number ?? null;
}

/** True while a pause, resume or close is on its way to the sale. */
export async function steered(q: Query, sale: SaleId): Promise<boolean> {
  const [row] = await q.query(
    `SELECT 1 FROM sale.lane_commands
      WHERE sale_id = $1 AND kind IN ('pause', 'resume', 'close') AND outcome IS NULL LIMIT 1`,
    [sale],
  );
  return row !== undefined;
}

/** Writes a close unless one is on its way. Answers the lanes to wake. */
export async function requestClose(q: Query, sale: SaleId): Promise<readonly number[]> {
  await q.query('SELECT 1 FROM sale.sales WHERE id = $1 FOR UPDATE', [sale]);
  if ((await onItsWay(q, sale, 'close')) !== null) return [];
  await q.run('UPDATE sale.sales SET close_requested = true WHERE id = $1', [sale]);
  return (await writeCommand(q, sale, 'close')).lanes;
}

/** Sales that shall be closed, and whose lane was not asked or has refused. */
export async function unclosed(q: Query): Promise<readonly SaleId[]> {
  const rows = await q.query<{ id: SaleId }>(
    `SELECT id FROM sale.sales s
      WHERE close_requested AND state IN ('scheduled', 'live', 'paused')
        AND NOT EXISTS (SELECT 1 FROM sale.lane_commands c
                         WHERE c.sale_id = s.id AND c.kind = 'close' AND c.outcome IS NULL)
      ORDER BY id`,
  );
  return rows.map(({ id }) => id);
}

/** Writes a command without a body for a sale. Answers its number. */
export async function writeCommand(
  q: Query,
  sale: SaleId,
  kind: 'pause' | 'resume' | 'close',
  request: string | null = null,
): Promise<{ lanes: readonly number[]; number: number }> {
  const lane = laneOfId(sale);
  const writer = new CommandWriter();
  writer.add({ lane, kind, sale, move: null, body: [], request });
  await writer.flush(q);
  const number = await onItsWay(q, sale, kind);
  if (number === null) throw new Error('the command was not written');
  return { lanes: [lane], number };
}

/** Units of a sale that go back to their standing sale. */
export async function writeUnfence(
  q: Query,
  t: Omit<TopUp, 'newStock'>,
): Promise<readonly number[]> {
  await q.run(
    `INSERT INTO sale.moves (id, kind, product_id, from_sale, from_item, to_sale, to_item, units,
                             group_id, state, request)
     VALUES ($1, 'unfence', $2, $3, $4, $5, 0, $6, $1, 'asked', $7)`,
    [t.move, t.product, t.sale, t.item, t.standing, t.units, t.request ?? null],
  );
  const writer = new CommandWriter();
  const body = [t.move, t.item, t.units];
  writer.add({ lane: laneOfId(t.sale), kind: 'debit', sale: t.sale, move: t.move, body });
  const { lanes } = writer;
  await writer.flush(q);
  return lanes;
}

export interface TopUp {
  readonly move: string;
  readonly sale: SaleId;
  readonly item: number;
  readonly product: ProductId;
  readonly standing: SaleId;
  readonly units: number;
  readonly newStock: boolean;
  readonly request?: string | null;
}

/** A top-up: a grant of new stock to the sale, or a fence from its standing sale. */
export async function writeTopUp(q: Query, t: TopUp): Promise<readonly number[]> {
  const writer = new CommandWriter();
  if (t.newStock) {
    await q.run('UPDATE sale.registrations SET supply = supply + $2 WHERE id = $1', [
      t.product,
      t.units,
    ]);
  }
  await q.run(
    `INSERT INTO sale.moves (id, kind, product_id, from_sale, from_item, to_sale, to_item, units,
                             group_id, state, request)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $1, $9, $10)`,
    [
      t.move,
      t.newStock ? 'grant' : 'fence',
      t.product,
      t.newStock ? null : t.standing,
      t.newStock ? null : 0,
      t.sale,
      t.item,
      t.units,
      t.newStock ? 'crediting' : 'asked',
      t.request ?? null,
    ],
  );
  writer.add(
    t.newStock
      ? {
          lane: laneOfId(t.sale),
          kind: 'credit',
          sale: t.sale,
          move: t.move,
          body: [t.move, t.item, t.units],
        }
      : {
          lane: laneOfId(t.standing),
          kind: 'debit',
          sale: t.standing,
          move: t.move,
          body: [t.move, 0, t.units],
        },
  );
  const lanes = writer.lanes;
  await writer.flush(q);
  return lanes;
}

const namedBytes = 5;
const ownBytes = 5;

/** What ids of moves that ask for this begin with. */
function moveNameOf(kind: MoveKind, request: string, body: string): string {
  const named = createHash('sha256').update(`${request} ${body}`).digest();
  return `mov_${kind}_${base32(named.subarray(0, namedBytes))}`;
}

/** Changes of a sale's units; what shall be free of a product. */
type MoveKind = 'chg' | 'set';

/**
 * Id of a move that a vendor asks for. With a key it names the body too, so that another one under the
 * key is noticed; the rest is its own, because what was refused may be asked for again.
 */
export function moveIdOf(kind: MoveKind, request: string | null, body: string): string {
  const own = base32(clock.random(ownBytes));
  const name =
    request === null
      ? `mov_${kind}_${base32(clock.random(namedBytes))}`
      : moveNameOf(kind, request, body);
  return name + own;
}

/** Whether the move was made for this body. */
export const isMoveOf = (id: string, kind: MoveKind, request: string, body: string): boolean =>
  id.startsWith(moveNameOf(kind, request, body));
