/**
 * Cancels a sale before its bell: its lane closes it, so that nobody holds of it, and what was fenced
 * for it returns to its standing sales.
 */
import { clock } from '../../platform/clock.ts';
import type { Query } from '../../platform/postgres/db.ts';
import { laneOfId } from '../domain/ids.ts';
import type { SaleId, VendorId } from '../domain/types.ts';
import type { SaleTerms, VendorOutcome, VendorRejection } from '../engine.ts';
import { requestOf } from '../lanes/order-key.ts';
import { onItsWay, writeCommand } from './control.ts';
import { readSale } from './read.ts';
import { askedBefore, keepRequest, printOf } from './requests.ts';
import { commandOutcome, owned, type ControlContext } from './vendor.ts';
import { untilSettled } from './wait.ts';

/** A close that is written this close to the bell might come after it. */
const beforeBellMs = 1000;

interface Close {
  /** Null = it was cancelled before. */
  readonly number: number | null;
  /** The same key asked before; who cancels what is cancelled by another key repeats nothing. */
  readonly replayed: boolean;
}

/** It comes without a body. */
const print = printOf('');

async function writeCancel(
  q: Query,
  sale: SaleTerms,
  request: string | null,
): Promise<Close | VendorRejection | 'settling'> {
  const { id, state } = sale;
  const replayed = (await askedBefore(q, request, print)) !== 'no';
  if (state === 'creating') return 'settling';
  if (state === 'cancelled') {
    if (!replayed) await keepRequest(q, request, print);
    return { number: null, replayed };
  }
  if (sale.kind === 'standing' || state !== 'scheduled') {
    return { code: 'illegal_transition', state };
  }
  const [row] = await q.query<{ withdrawn: boolean }>(
    'SELECT withdrawn_at IS NOT NULL AS withdrawn FROM sale.sales WHERE id = $1',
    [id],
  );
  if (row?.withdrawn === true) {
    if (!replayed) await keepRequest(q, request, print);
    return { number: await onItsWay(q, id, 'close'), replayed };
  }
  if (clock.wall() > sale.startsAt - beforeBellMs) return { code: 'illegal_transition', state };
  await q.run(
    `UPDATE sale.sales SET withdrawn_at = now(), close_requested = true, fence_at = NULL
      WHERE id = $1`,
    [id],
  );
  if (!replayed) await keepRequest(q, request, print);
  const { number } = await writeCommand(q, id, 'close', request);
  return { number, replayed };
}

/** Answers the cancelled sale; doing it twice is no error. */
export async function cancelSale(
  context: ControlContext,
  vendor: VendorId,
  id: SaleId,
  idempotencyKey?: string,
): Promise<VendorOutcome<SaleTerms>> {
  const { db, caller, secret } = context;
  const request = requestOf(secret, idempotencyKey, 'cancel', id);
  const asked = await untilSettled(async () => {
    const written = await db.tx(async (q) => {
      const sale = await owned(q, vendor, id);
      if (sale === null) return { code: 'not_found' } as const;
      return writeCancel(q, sale, request);
    });
    return written === 'settling' ? null : written;
  });
  if (asked === null) return { kind: 'settling', unwritten: true };
  if ('code' in asked) return { kind: 'rejected', rejection: asked };
  if (asked.number !== null) {
    void caller.send(laneOfId(id)).catch(() => undefined);
    if ((await commandOutcome(db, laneOfId(id), asked.number)) === null) {
      return { kind: 'settling' };
    }
  }
  const sale = await readSale(db, id);
  if (sale === null) return { kind: 'rejected', rejection: { code: 'not_found' } };
  const { terms } = sale;
  if (terms.state === 'cancelled') return { kind: 'done', value: terms, replayed: asked.replayed };
  // The bell was faster: it is a sale that was closed.
  return { kind: 'rejected', rejection: { code: 'illegal_transition', state: terms.state } };
}
