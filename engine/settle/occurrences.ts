/**
 * Decides the fences of a schedule's occurrence: it was announced before its units were taken, so it
 * becomes smaller where they are short, down to what is there, and its vendor is told. Of nothing at
 * all there is no sale.
 */
import type { Query } from '../../platform/postgres/db.ts';
import { laneOfId } from '../domain/ids.ts';
import type { SaleId } from '../domain/types.ts';
import { writeFences, type Fence } from '../sales/fences.ts';
import type { CommandWriter } from './commands.ts';
import { credit, setMove, shortOf, type Move } from './moves.ts';

interface Item {
  readonly item: number;
  readonly product_id: string;
  readonly asked: number;
}

interface Occurrence {
  readonly vendor_id: string;
  readonly state: string;
  readonly withdrawn_at: Date | null;
}

/** What a vendor has to know of an occurrence. */
export interface SaleNotice {
  readonly code: 'smaller_than_asked' | 'no_supply';
  readonly at: string;
  readonly items: readonly { product_id: string; asked: number; allotted: number }[];
}

/**
 * Once no fence of it is open; its row is locked. A fence that was refused for want of units is asked
 * for again, for as many as there were; when every one is granted or nothing is left, each granted one
 * is credited, and an item without any is credited nothing, so that the bell need not wait for it.
 */
export async function decideOccurrence(
  q: Query,
  sale: SaleId,
  moves: readonly Move[],
  writer: CommandWriter,
): Promise<void> {
  const [row] = await q.query<Occurrence>(
    'SELECT vendor_id, state, withdrawn_at FROM sale.sales WHERE id = $1',
    [sale],
  );
  const items = await q.query<Item>(
    'SELECT item, product_id, asked FROM sale.sale_items WHERE sale_id = $1 ORDER BY item',
    [sale],
  );
  if (row === undefined) throw new Error(`no sale ${sale}`);
  const debited = moves.filter((m) => m.state === 'debited');
  if (row.withdrawn_at !== null || !['creating', 'scheduled'].includes(row.state)) {
    await giveBack(q, debited, writer);
    return;
  }
  if (await askForLess(q, sale, moves, writer)) return;
  const given = items.map(({ item, product_id, asked }) => {
    const move = debited.find((m) => m.to_item === item);
    return { item, product_id, asked, allotted: move?.units ?? 0, move };
  });
  if (given.some(({ asked, allotted }) => allotted < asked)) {
    await tell(q, sale, row.vendor_id, given);
  }
  if (debited.length === 0) await withdraw(q, sale, writer);
  else for (const one of given) await creditItem(q, sale, one, writer);
}

/** Asks again where units were short and some were there, or may be. True = something was asked. */
async function askForLess(
  q: Query,
  sale: SaleId,
  moves: readonly Move[],
  writer: CommandWriter,
): Promise<boolean> {
  const refused = [...new Set(moves.map((m) => m.to_item))]
    .map((item) => moves.filter((m) => m.to_item === item))
    .filter((tries) => tries.every((m) => m.state === 'refused'));
  if (refused.length === 0) return false;
  const standings = await lockStandings(
    q,
    refused.flatMap((tries) => tries.map((m) => m.product_id)),
  );
  let asked = false;
  for (const tries of refused) {
    const [{ to_item: item, product_id: product } = noMove] = tries;
    const standing = standings.get(product);
    if (item === null || standing === undefined) continue;
    const units = unitsToAsk(tries, standing);
    if (units <= 0) continue;
    const fence: Fence = { item, product, standing, units };
    await writeFences(q, sale, [fence], writer, tries.length);
    asked = true;
  }
  return asked;
}

const noMove = { to_item: null, product_id: '' } as const;

const leastOf = (tries: readonly Move[]): number => Math.min(...tries.map((m) => m.units));

/**
 * As many as there were when they were asked for last, and fewer than that. Where a new price has
 * brought another standing sale since, nobody has asked that one yet: as many as before.
 */
function unitsToAsk(tries: readonly Move[], standing: SaleId): number {
  const own = tries.filter((m) => m.from_sale === standing);
  if (own.length === 0) return leastOf(tries);
  const least = leastOf(own);
  const { short, free } = shortOf(own.find((m) => m.units === least)?.reason ?? null);
  return short ? Math.min(free, least - 1) : 0;
}

/** The standing sales of these products, which stay what they are until the transaction's end. */
async function lockStandings(
  q: Query,
  products: readonly string[],
): Promise<ReadonlyMap<string, SaleId>> {
  // A row that was waited for is read anew: it is the one that is locked.
  const rows = await q.query<{ id: string; standing: SaleId }>(
    `SELECT id, standing_sale AS standing FROM sale.registrations
      WHERE id = ANY($1) AND standing_sale IS NOT NULL AND withdrawn_at IS NULL
      ORDER BY id FOR UPDATE`,
    [products],
    'standings_lock',
  );
  return new Map(rows.map(({ id, standing }) => [id, standing]));
}

async function giveBack(q: Query, debited: readonly Move[], writer: CommandWriter): Promise<void> {
  for (const move of debited) {
    await setMove(q, move.id, 'undoing', null);
    credit(writer, move, move.from_sale, move.from_item);
  }
}

interface Given extends Item {
  readonly allotted: number;
  readonly move: Move | undefined;
}

async function creditItem(
  q: Query,
  sale: SaleId,
  { item, product_id: product, allotted, move }: Given,
  writer: CommandWriter,
): Promise<void> {
  await q.run('UPDATE sale.sale_items SET asked = $3 WHERE sale_id = $1 AND item = $2', [
    sale,
    item,
    allotted,
  ]);
  if (move !== undefined) {
    await setMove(q, move.id, 'crediting', null);
    credit(writer, move, sale, item);
    return;
  }
  const id = `mov_${sale.slice(4)}_${item}_none`;
  await q.run(
    `INSERT INTO sale.moves (id, kind, product_id, to_sale, to_item, units, group_id, state)
     VALUES ($1, 'fence', $2, $3, $4, 0, $3, 'crediting')`,
    [id, product, sale, item],
  );
  credit(writer, { id, units: 0 }, sale, item);
}

/** In the sale's own document, and as an event for whoever subscribes. */
async function tell(
  q: Query,
  sale: SaleId,
  vendor: string,
  given: readonly Given[],
): Promise<void> {
  const none = given.every(({ allotted }) => allotted === 0);
  const items = given.map(({ product_id, asked, allotted }) => ({ product_id, asked, allotted }));
  const code: SaleNotice['code'] = none ? 'no_supply' : 'smaller_than_asked';
  const [row] = await q.query<{ notice: SaleNotice }>(
    `UPDATE sale.sales SET notice = $2::jsonb || jsonb_build_object('at', to_char(
              now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      WHERE id = $1 RETURNING notice`,
    [sale, JSON.stringify({ code, items })],
  );
  await q.run(`INSERT INTO platform.outbox (topic, key, value) VALUES ('sale-notices', $1, $2)`, [
    sale,
    JSON.stringify({ sale_id: sale, vendor_id: vendor, ...row?.notice }),
  ]);
}

/** Cancels a sale before its bell: its lane closes it, and what was fenced for it returns. */
export async function withdraw(q: Query, sale: SaleId, writer: CommandWriter): Promise<void> {
  await q.run(
    `UPDATE sale.sales SET withdrawn_at = now(), close_requested = true, fence_at = NULL
      WHERE id = $1`,
    [sale],
  );
  writer.add({ lane: laneOfId(sale), kind: 'close', sale, move: null, body: [] });
}
