/**
 * What a checkout's key stands for: the sale of each line, written before the hold. It is forgotten
 * when the last who asked by the key was refused. Whoever was accepted, got no answer or died is
 * never counted off, so what may have been held is never chosen anew.
 */
import type { Db, Query } from '../platform/postgres/db.ts';
import type { OrderId, ProductId, SaleId } from './domain/types.ts';
import { dropOrderLines, readOrderLines, writeOrderLines, type OrderLine } from './order-lines.ts';

export interface ChosenLine {
  readonly product: ProductId;
  readonly quantity: number;
  readonly sale: SaleId;
}

/** One line, or the lines of an order. */
export interface Choice {
  readonly one: ChosenLine;
  readonly lines: readonly OrderLine[] | null;
}

export interface Known extends Choice {
  /** Of the body that chose it: another body under the key is not counted as asking. */
  readonly print: string;
}

interface Row extends ChosenLine {
  readonly print: string;
  readonly home: OrderId | null;
  readonly asking: number;
}

const columns =
  'fingerprint AS print, sale_id AS sale, product_id AS product, quantity, home, asking';

async function knownOf(q: Query, { print, home, asking: _, ...one }: Row): Promise<Known> {
  return { print, one, lines: home === null ? null : await readOrderLines(q, home) };
}

/** Asks by a key. Null = it stands for nothing yet. */
export async function askAgain(q: Query, request: string, print: string): Promise<Known | null> {
  const [row] = await q.query<Row>(
    `UPDATE sale.checkouts SET asking = asking + (fingerprint = $2)::int
      WHERE request = $1 RETURNING ${columns}`,
    [request, print],
    'checkout_again',
  );
  return row === undefined ? null : knownOf(q, row);
}

/** Asks by a new key; answers what another chose who was faster with it. */
export function askFirst(db: Db, request: string, print: string, choice: Choice): Promise<Known> {
  const { sale, product, quantity } = choice.one;
  const home = choice.lines?.[0]?.order ?? null;
  return db.tx(async (q) => {
    const [row] = await q.query<Row>(
      `INSERT INTO sale.checkouts AS c
         (request, fingerprint, sale_id, product_id, quantity, home)
       VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (request) DO UPDATE
         SET asking = c.asking + (c.fingerprint = excluded.fingerprint)::int
       RETURNING ${columns}`,
      [request, print, sale, product, quantity, home],
      'checkout_first',
    );
    if (row === undefined) throw new Error('an insert that updates answers no row');
    const isOwn = row.asking === 1 && row.print === print;
    if (!isOwn) return knownOf(q, row);
    if (choice.lines !== null) await writeOrderLines(q, choice.lines);
    return { print, ...choice };
  });
}

/** Somebody who asked by the key has surely got nothing. */
export function forget(db: Db, request: string): Promise<void> {
  return db.tx(async (q) => {
    const [row] = await q.query<Pick<Row, 'asking' | 'home'>>(
      'UPDATE sale.checkouts SET asking = asking - 1 WHERE request = $1 RETURNING asking, home',
      [request],
      'checkout_refused',
    );
    if (row === undefined || row.asking > 0) return;
    await q.run('DELETE FROM sale.checkouts WHERE request = $1', [request], 'checkout_forgotten');
    if (row.home !== null) await dropOrderLines(q, row.home);
  });
}
