/** A vendor's commands for a sale, from the request to the settled outcome. */
import type { KeyObject } from 'node:crypto';
import { clock } from '../../platform/clock.ts';
import type { Db, Query } from '../../platform/postgres/db.ts';
import { base32, isSaleId, laneOfId } from '../domain/ids.ts';
import type { ProductId, SaleId, VendorId } from '../domain/types.ts';
import type { SaleTerms, VendorOutcome, VendorRejection } from '../engine.ts';
import type { CommandCaller } from '../lanes/command-caller.ts';
import { requestOf } from '../lanes/order-key.ts';
import { type TopUp, steered, writeCommand, writeTopUp } from './control.ts';
import { readSale } from './read.ts';
import { askedBefore, keepRequest } from './requests.ts';
import { untilSettled } from './wait.ts';

export interface ControlContext {
  readonly db: Db;
  readonly secret: KeyObject;
  readonly caller: CommandCaller;
}

interface CommandOutcome {
  readonly ok: boolean;
  readonly reason: string;
}

/** A vendor's sale, its row locked; null = there is none of this vendor. */
export async function owned(q: Query, vendor: VendorId, id: SaleId): Promise<SaleTerms | null> {
  if (!isSaleId(id)) return null;
  await q.query('SELECT 1 FROM sale.sales WHERE id = $1 FOR UPDATE', [id]);
  const found = await readSale(q, id);
  return found?.terms.vendor === vendor ? found.terms : null;
}

const notYet: VendorRejection = {
  code: 'illegal_transition',
  state: 'scheduled',
  detail: 'Before its bell a sale is not closed but cancelled: DELETE it.',
};

const ofProduct = {
  code: 'illegal_transition',
  detail: 'A standing sale is neither paused nor closed: PATCH or DELETE its product.',
  never: true,
} as const;

/** What a pause, resume or close of a sale in this state comes to without asking the lane. */
function alreadyOrNever(kind: Control, sale: SaleTerms): 'already' | VendorRejection | null {
  const { state } = sale;
  if (sale.kind === 'standing') return { ...ofProduct, state };
  if (kind === 'close') {
    if (state === 'closed' || state === 'closing') return 'already';
    if (state === 'cancelled' || state === 'creating') return { code: 'illegal_transition', state };
    return state === 'scheduled' && clock.wall() < sale.startsAt ? notYet : null;
  }
  if (state === (kind === 'pause' ? 'paused' : 'live')) return 'already';
  if (state === 'closing' || state === 'closed' || state === 'cancelled' || state === 'creating') {
    return { code: 'illegal_transition', state };
  }
  return null;
}

type Control = 'pause' | 'resume' | 'close';

/** A command that was written: by this request or by one before it with the same key. */
interface Written {
  readonly number: number;
  readonly replayed: boolean;
}

/** Writes a command, or says why there is none to write: the sale is so already, or never will be. */
async function writeControl(
  q: Query,
  sale: SaleTerms,
  kind: Control,
  request: string | null,
): Promise<Written | VendorRejection | 'already'> {
  const [known] = await q.query<{ number: number }>(
    `SELECT number FROM sale.lane_commands
      WHERE request = $1 AND (outcome IS NULL OR (outcome->>'ok')::boolean)`,
    [request],
  );
  if (known !== undefined) return { number: known.number, replayed: true };
  const needless = alreadyOrNever(kind, sale);
  // What Postgres says of the sale is older than a command that has not settled.
  const stale = needless === 'already' && kind !== 'close' && (await steered(q, sale.id));
  if (needless !== null && !stale) return needless;
  if (kind === 'close') {
    await q.run('UPDATE sale.sales SET close_requested = true WHERE id = $1', [sale.id]);
  }
  const { number } = await writeCommand(q, sale.id, kind, request);
  return { number, replayed: false };
}

const statesAfter: Readonly<Record<Control, readonly SaleTerms['state'][]>> = {
  pause: ['paused'],
  resume: ['live'],
  close: ['closing', 'closed'],
};

/** Pause, resume and close. Answers the sale as it then is; doing it twice is no error. */
export async function controlSale(
  context: ControlContext,
  vendor: VendorId,
  id: SaleId,
  kind: Control,
  idempotencyKey?: string,
): Promise<VendorOutcome<SaleTerms>> {
  const { db, caller, secret } = context;
  const request = requestOf(secret, idempotencyKey, kind, id);
  const asked = await db.tx(async (q) => {
    const sale = await owned(q, vendor, id);
    if (sale === null) return { code: 'not_found' } as const;
    if ((await askedBefore(q, request, kind)) !== 'no') return { already: sale, replayed: true };
    const written = await writeControl(q, sale, kind, request);
    if (written !== 'already') return written;
    // Once it is no longer so, this request must not make it so.
    await keepRequest(q, request, kind);
    return { already: sale, replayed: false };
  });
  if ('code' in asked) return { kind: 'rejected', rejection: asked };
  if ('already' in asked) return { kind: 'done', value: asked.already, replayed: asked.replayed };
  void caller.send(laneOfId(id)).catch(() => undefined);
  const outcome = await commandOutcome(db, laneOfId(id), asked.number);
  if (outcome === null) return { kind: 'settling' };
  const sale = await readSale(db, id);
  if (sale === null) return { kind: 'rejected', rejection: { code: 'not_found' } };
  const { state } = sale.terms;
  if (!outcome.ok) {
    if (!statesAfter[kind].includes(state)) {
      return { kind: 'rejected', rejection: { code: 'illegal_transition', state } };
    }
    // Another command was faster: its refusal is no effect that would keep the key.
    await db.tx(async (q) => {
      await owned(q, vendor, id);
      if ((await askedBefore(q, request, kind)) === 'no') await keepRequest(q, request, kind);
    });
  }
  return { kind: 'done', value: sale.terms, replayed: asked.replayed };
}

export function commandOutcome(
  db: Db,
  lane: number,
  number: number,
): Promise<CommandOutcome | null> {
  return untilSettled(async () => {
    const [row] = await db.query<{ outcome: CommandOutcome | null }>(
      'SELECT outcome FROM sale.lane_commands WHERE lane = $1 AND number = $2',
      [lane, number],
    );
    return row?.outcome ?? null;
  });
}

interface TopUpRequest {
  readonly units: number;
  readonly product: ProductId | null;
  readonly newStock: boolean;
  readonly idempotencyKey?: string;
}

/**
 * An occurrence whose own units are still to come takes none besides: the lane counts credits to know
 * that all are in.
 */
async function awaitsUnits(q: Query, { id, schedule }: SaleTerms): Promise<boolean> {
  if (schedule === undefined) return false;
  const [row] = await q.query(
    `SELECT 1 FROM sale.sales s WHERE s.id = $1 AND s.state = 'scheduled' AND (
       s.fence_at IS NOT NULL OR EXISTS (
         SELECT 1 FROM sale.moves m
          WHERE m.group_id = s.id AND m.state IN ('asked', 'debited', 'crediting')))`,
    [id],
  );
  return row !== undefined;
}

/** Where a top-up's units come from and go to, or why it cannot be. */
async function planTopUp(
  q: Query,
  sale: SaleTerms,
  what: TopUpRequest,
  request: string | null,
): Promise<TopUp | VendorRejection> {
  const { state } = sale;
  if (!['scheduled', 'live', 'paused'].includes(state)) {
    return { code: 'illegal_transition', state };
  }
  if (await awaitsUnits(q, sale)) return { code: 'illegal_transition', state };
  if (what.product === null && sale.items.length > 1) {
    return { code: 'invalid_request', param: 'product_id', detail: 'the sale has several items' };
  }
  const product = what.product ?? sale.items[0]?.product ?? '';
  const item = sale.items.findIndex((i) => i.product === product);
  if (item < 0) {
    return { code: 'invalid_request', param: 'product_id', detail: 'not an item of the sale' };
  }
  // New stock raises its supply: of two who share the lock, each would wait for the other to write.
  const [row] = await q.query<{ standing_sale: SaleId }>(
    `SELECT standing_sale FROM sale.registrations WHERE id = $1
        FOR ${what.newStock ? 'UPDATE' : 'SHARE'}`,
    [product],
  );
  if (row === undefined) return { code: 'not_found' };
  const own = row.standing_sale === sale.id;
  if (own && !what.newStock) {
    const detail = 'a standing sale takes new stock only: "new_stock": true';
    return { code: 'invalid_request', param: 'new_stock', detail };
  }
  const { units, newStock } = what;
  const move = `mov_top_${base32(clock.random(10))}`;
  const standing = row.standing_sale;
  return { move, sale: sale.id, item, product, standing, units, newStock, request };
}

interface KnownMove {
  readonly id: string;
  readonly units: number;
  readonly kind: string;
  readonly product_id: ProductId;
}

/** The move that this request has made; null when it asked for something else. */
async function knownTopUp(
  q: Query,
  request: string | null,
  what: TopUpRequest,
): Promise<KnownMove | null | undefined> {
  const [known] = await q.query<KnownMove>(
    `SELECT id, units, kind, product_id FROM sale.moves
      WHERE request = $1 AND state NOT IN ('refused', 'undone')`,
    [request],
  );
  if (known === undefined) return undefined;
  const same =
    known.units === what.units &&
    (known.kind === 'grant') === what.newStock &&
    (what.product === null || what.product === known.product_id);
  return same ? known : null;
}

/** Adds units to a sale: from the standing sale, or new stock. */
export async function topUpSale(
  context: ControlContext,
  vendor: VendorId,
  id: SaleId,
  what: TopUpRequest,
): Promise<VendorOutcome<SaleTerms>> {
  const { db, secret, caller } = context;
  const request = requestOf(secret, what.idempotencyKey, 'top-up', id);
  const planned = await db.tx(async (q) => {
    const sale = await owned(q, vendor, id);
    if (sale === null) return { code: 'not_found' } as const;
    const known = await knownTopUp(q, request, what);
    if (known === null) return { code: 'idempotency_key_reused' } as const;
    if (known !== undefined) return { move: known.id, lanes: [], replayed: true };
    const plan = await planTopUp(q, sale, what, request);
    if ('code' in plan) return plan;
    return { move: plan.move, lanes: await writeTopUp(q, plan), replayed: false };
  });
  if ('code' in planned) return { kind: 'rejected', rejection: planned };
  for (const lane of planned.lanes) void caller.send(lane).catch(() => undefined);
  return answerMove(db, id, planned.move, planned.replayed);
}

/** The sale once a move of its units has settled. */
export async function answerMove(
  db: Db,
  id: SaleId,
  move: string,
  replayed: boolean,
): Promise<VendorOutcome<SaleTerms>> {
  const settled = await moveOutcome(db, move);
  if (settled === null) return { kind: 'settling' };
  const sale = await readSale(db, id);
  if (sale === null) return { kind: 'rejected', rejection: { code: 'not_found' } };
  if (settled.state === 'done') {
    return { kind: 'done', value: sale.terms, replayed };
  }
  if (settled.reason.startsWith('insufficient')) {
    const available = Number(settled.reason.split(':')[1] ?? 0);
    const { product } = settled;
    return { kind: 'rejected', rejection: { code: 'insufficient_supply', available, product } };
  }
  const { state } = sale.terms;
  return { kind: 'rejected', rejection: { code: 'illegal_transition', state } };
}

export function moveOutcome(
  db: Db,
  move: string,
): Promise<{ state: string; reason: string; product: ProductId } | null> {
  return untilSettled(async () => {
    const [row] = await db.query<{ state: string; reason: string; product: ProductId }>(
      `SELECT state, coalesce(reason, '') AS reason, product_id AS product FROM sale.moves
        WHERE id = $1 AND state IN ('done', 'refused', 'undone')`,
      [move],
    );
    return row ?? null;
  });
}
