/**
 * A vendor says how many units of a product are free: new stock comes as a grant, less as a withdrawal.
 * What is free is the lane's to count, so it is read first and must still hold when the move is written.
 */
import type { KeyObject } from 'node:crypto';
import type { Db, Query } from '../platform/postgres/db.ts';
import { laneOfId } from './domain/ids.ts';
import type { ProductId, SaleId, VendorId } from './domain/types.ts';
import type { VendorRejection } from './engine.ts';
import type { CommandCaller } from './lanes/command-caller.ts';
import { requestOf } from './lanes/order-key.ts';
import { isWithdrawn, lockOwn, readOwn } from './product-rows.ts';
import { isMoveOf, moveIdOf, writeTopUp } from './sales/control.ts';
import { askedBefore, keepRequest } from './sales/requests.ts';
import { transitOf } from './sales/transit.ts';
import { moveOutcome } from './sales/vendor.ts';
import { untilSettled } from './sales/wait.ts';
import { CommandWriter } from './settle/commands.ts';

export interface RemainingContext {
  readonly db: Db;
  readonly secret: KeyObject;
  readonly caller: CommandCaller;
  /** Units that a sale has free, as its lane counts them; null while it cannot say. */
  readonly freeOf: (sale: SaleId) => Promise<number | null>;
}

interface Asked {
  readonly vendor: VendorId;
  readonly id: ProductId;
  readonly remaining: number;
  readonly request: string | null;
}

/** The id of a move; or there is nothing to do, or it cannot be done. */
type Found = { readonly move: string } | 'done' | VendorRejection;

/** Sets what is free in the standing sale. */
export async function setRemaining(
  context: RemainingContext,
  asked: Omit<Asked, 'request'> & { readonly idempotencyKey: string | undefined },
): Promise<'done' | 'settling' | VendorRejection> {
  const { db, secret } = context;
  const { id, idempotencyKey } = asked;
  const request = requestOf(secret, idempotencyKey, 'remaining', id);
  const found = await untilSettled(() => find(context, { ...asked, request }));
  if (found === null) return 'settling';
  if (found === 'done' || 'code' in found) return found;
  const outcome = await moveOutcome(db, found.move);
  if (outcome === null) return 'settling';
  if (outcome.state === 'done') return 'done';
  if (!outcome.reason.startsWith('insufficient')) return 'settling';
  const available = Number(outcome.reason.split(':')[1] ?? 0);
  return { code: 'insufficient_supply', available, product: id };
}

/**
 * The move that this request has made before, or makes now. Null = not now: units that are on their way
 * to the standing sale, as after a new price, are free too, and somebody may have been faster.
 */
async function find(context: RemainingContext, asked: Asked): Promise<Found | null> {
  const { db, caller, freeOf } = context;
  const { vendor, id } = asked;
  const known = await knownMove(db, asked);
  if (known !== null) return known;
  const row = await readOwn(db, vendor, id);
  if (row === null || isWithdrawn(row)) return { code: 'not_found' };
  const { standing_sale: standing } = row;
  const seen = await transitOf(db, id);
  if (standing === null || seen.moving || seen.unclosed) return null;
  const free = await freeOf(standing);
  if (free === null) return null;
  const found = await db.tx(async (q): Promise<Found | null> => {
    const locked = await lockOwn(q, vendor, id);
    if (locked === null) return { code: 'not_found' };
    const faster = await knownMove(q, asked);
    if (faster !== null) return faster;
    const now = await transitOf(q, id);
    const isStill = locked.standing_sale === standing && now.moves === seen.moves;
    if (!isStill || now.moving || now.unclosed) return null;
    return write(q, asked, standing, free);
  });
  if (found !== null && found !== 'done' && 'move' in found) {
    void caller.send(laneOfId(standing)).catch(() => undefined);
  }
  return found;
}

/** What this request has come to before; null = nothing yet. */
async function knownMove(q: Query, { request, remaining }: Asked): Promise<Found | null> {
  if (request === null) return null;
  const before = await askedBefore(q, request, String(remaining));
  if (before !== 'no') return before === 'same' ? 'done' : { code: 'idempotency_key_reused' };
  const [known] = await q.query<{ id: string }>(
    `SELECT id FROM sale.moves WHERE request = $1 AND state NOT IN ('refused', 'undone')`,
    [request],
  );
  if (known === undefined) return null;
  const isOurs = isMoveOf(known.id, 'set', request, String(remaining));
  return isOurs ? { move: known.id } : { code: 'idempotency_key_reused' };
}

async function write(q: Query, asked: Asked, standing: SaleId, free: number): Promise<Found> {
  const { id: product, remaining, request } = asked;
  const units = Math.abs(remaining - free);
  if (units === 0) {
    // Asked once more, it must not count what was sold meanwhile.
    await keepRequest(q, request, String(remaining));
    return 'done';
  }
  const move = moveIdOf('set', request, String(remaining));
  const target = { move, sale: standing, item: 0, product, standing, units, request };
  if (remaining > free) await writeTopUp(q, { ...target, newStock: true });
  else await writeLess(q, target);
  return { move };
}

interface Less {
  readonly move: string;
  readonly sale: SaleId;
  readonly product: ProductId;
  readonly units: number;
  readonly request: string | null;
}

/** Units that were sold elsewhere: a debit without a credit. */
async function writeLess(q: Query, { move, sale, product, units, request }: Less): Promise<void> {
  await q.run(
    `INSERT INTO sale.moves (id, kind, product_id, from_sale, from_item, units, group_id, state,
                             request)
     VALUES ($1, 'withdraw', $2, $3, 0, $4, $1, 'asked', $5)`,
    [move, product, sale, units, request],
  );
  const writer = new CommandWriter();
  writer.add({ lane: laneOfId(sale), kind: 'debit', sale, move, body: [move, 0, units] });
  await writer.flush(q);
}
