/**
 * Orders as their owners know them, whether they have one line or several: what is asked of an order
 * is asked of all its lines. A line by itself is no order. Orders with one line never wait for Postgres.
 */
import type { Db } from '../platform/postgres/db.ts';
import { messageOf } from '../platform/fault.ts';
import { clock } from '../platform/clock.ts';
import { mayBePart, mayHaveParts } from './domain/ids.ts';
import type { LaneOrder, OrderCommand, OrderId, Outcome, ShopperId } from './domain/types.ts';
import type { Done } from './engine.ts';
import { isPart, readOrderLines } from './order-lines.ts';
import type { ShopLines } from './shop-lines.ts';
import type { Shop } from './shop.ts';

const retryMs = 500;

/** An order's lines, its own first. */
export type LinesOf =
  | { readonly kind: 'one' }
  | { readonly kind: 'several'; readonly orders: readonly OrderId[] }
  | { readonly kind: 'part' };

const one: LinesOf = { kind: 'one' };

/** Looks where the id says that there may be several. Throws while Postgres is away. */
export async function linesOf(db: Db, id: OrderId): Promise<LinesOf> {
  if (mayHaveParts(id)) {
    const lines = await readOrderLines(db, id);
    if (lines !== null) return { kind: 'several', orders: lines.map(({ order }) => order) };
  }
  return (await isPartOf(db, id)) ? { kind: 'part' } : one;
}

/** True for a line that is no order by itself. */
export const isPartOf = async (db: Db, id: OrderId): Promise<boolean> =>
  mayBePart(id) && (await isPart(db, id));

export const noSuchOrder = (): Outcome<never> => ({
  kind: 'rejected',
  rejection: { code: 'not_found' },
  now: clock.wall(),
});

export class WholeOrders {
  #db: Db;
  #shop: Shop;
  #lines: ShopLines;

  constructor(db: Db, shop: Shop, lines: ShopLines) {
    this.#db = db;
    this.#shop = shop;
    this.#lines = lines;
  }

  pay(command: OrderCommand, fingerprint: number, done: Done<LaneOrder>): void {
    this.#end('pay', command, fingerprint, done, () => this.#shop.pay(command, fingerprint, done));
  }

  release(command: OrderCommand, done: Done<LaneOrder>): void {
    this.#end('release', command, 0, done, () => this.#shop.release(command, done));
  }

  /** As its lane's records tell it. */
  async read(id: OrderId, shopper: ShopperId): Promise<Outcome<LaneOrder>> {
    const lines = await linesOf(this.#db, id);
    if (lines.kind === 'one') return this.#shop.read(id, shopper);
    return lines.kind === 'part' ? noSuchOrder() : this.#lines.read(lines.orders, shopper);
  }

  #end(
    kind: 'pay' | 'release',
    command: OrderCommand,
    fingerprint: number,
    done: Done<LaneOrder>,
    alone: () => void,
  ): void {
    const { order } = command;
    if (!mayHaveParts(order) && !mayBePart(order)) {
      alone();
      return;
    }
    linesOf(this.#db, order)
      .then(async (lines) => {
        if (lines.kind === 'one') alone();
        else if (lines.kind === 'part') done(noSuchOrder());
        else done(await this.#lines.end(kind, lines.orders, command, fingerprint));
      })
      .catch((error: unknown) => {
        done({ kind: 'unavailable', reason: messageOf(error), retryAfterMs: retryMs });
      });
  }
}
