/** The decision to hold units for a shopper. Here it is decided that a sale is sold out. Pure. */
import { dueName, expireHead, reap } from './due.ts';
import { itemAt } from './evolve.ts';
import { orderReply } from './order.ts';
import { finishIfDone, hasTurn, inReach } from './turn.ts';
import { findOrder, headMax, owned, recordOf } from './record.ts';
import type { DueName, Item, Sale } from './state.ts';
import { available, nextUnits } from './units.ts';
import { happen, type SaleWork } from './work.ts';
import type { Hold, OrderReply, Refusal } from './words.ts';

/** A hold that finds too little first ends so many overdue ones. */
const inlineReapMax = 16;

/** Units that a hold would come on top of: of its sale, and of its item. */
export interface Planned {
  readonly sale: number;
  readonly item: (index: number) => number;
}

const nothing: Planned = { sale: 0, item: () => 0 };

export function decideHold(work: SaleWork, c: Hold): OrderReply | Refusal {
  const item = planHold(work, c);
  if (typeof item !== 'number') return item;
  const reply = takeHold(work, c, item, work.sale.holdMs);
  finishIfDone(work, c.shopper);
  return reply;
}

/** The item that a hold may take its units of; else the reply. */
export function planHold(
  work: SaleWork,
  c: Hold,
  before: Planned = nothing,
): number | OrderReply | Refusal {
  const { sale, clock } = work;
  const record = recordOf(sale, c.shopper);
  const known = findOrder(record, c.key);
  if (known !== undefined) {
    if (known.fingerprint !== c.fingerprint) return ['idempotency_key_reused'];
    return orderReply('replayed', work, known, 'held');
  }
  const shut = whyShut(work, c.verified);
  if (shut !== null) return shut;
  if (sale.line !== null && !hasTurn(work, c.shopper)) return ['not_admitted'];
  const item = itemOf(sale, c.product);
  if (typeof item !== 'number') return item;
  if (record.coolUntil > clock.now) return ['rate_limited', record.coolUntil - clock.now];

  // Overdue holds of the shopper's own neither count against the limit nor go unnoticed.
  expireHead(work, c.shopper, record);
  const [ofSale, ofItem] = [before.sale + c.quantity, before.item(item) + c.quantity];
  // Later ones stand apart: only the index finds them, and it has others' first.
  const isOver = (): boolean => owned(record) + ofSale > sale.limit;
  while (isOver() && record.orders.length > headMax) if (reap(work, inlineReapMax) === 0) break;
  const it = itemAt(sale, item);
  if (!isOver() && available(it) < ofItem) reap(work, inlineReapMax);
  // What ended may have been the shopper's own.
  if (record.coolUntil > clock.now) return ['rate_limited', record.coolUntil - clock.now];
  if (isOver()) return ['limit_reached', sale.limit, owned(record)];
  const free = available(it) - before.item(item);
  if (free < c.quantity) return soldOut(sale, free, it);

  const reach = inReach(sale, record) - before.sale;
  return c.quantity > reach ? soldOut(sale, reach, it) : item;
}

/** How many are free is told by sales that end, the flash sales: -1 = by this one it is not. */
const soldOut = (sale: Sale, free: number, it: Item): Refusal => [
  'sold_out',
  sale.endsAt > 0 ? free : -1,
  it.held > 0 ? 1 : 0,
];

/** Holds units that are there, for so long. */
export function takeHold(work: SaleWork, c: Hold, item: number, holdMs: number): OrderReply {
  const { sale, clock } = work;
  const it = itemAt(sale, item);
  const units = nextUnits(it, c.quantity);
  const expiresAt = clock.now + holdMs;
  happen(work, ['held', c.key, c.shopper, item, it.price, expiresAt, c.fingerprint, units]);
  const held = recordOf(sale, c.shopper);
  const order = held.orders.at(-1);
  if (order === undefined) throw new Error('a hold left no order');
  namesDue(work, holdMs).push(dueName(c.shopper, held, order));
  return orderReply('done', work, order, 'held');
}

function namesDue({ sale, newlyDue, earlier }: SaleWork, holdMs: number): DueName[] {
  if (holdMs === sale.holdMs) return newlyDue;
  const names = earlier.get(holdMs) ?? [];
  earlier.set(holdMs, names);
  return names;
}

/** Why a sale takes no holds now, or not from this shopper; null = it does. */
function whyShut(work: SaleWork, verified: boolean): Refusal | null {
  const { sale } = work;
  if (sale.state === 'scheduled') return ['sale_not_started', sale.startsAt];
  if (sale.state === 'paused') return ['sale_paused'];
  if (sale.state !== 'live') return ['sale_ended'];
  if (sale.verifiedOnly && !verified) return ['forbidden'];
  if (work.bounded) return ['overloaded'];
  return null;
}

function itemOf(sale: Sale, product: string): number | Refusal {
  if (product === '') return sale.items.length === 1 ? 0 : ['product_required'];
  const index = sale.items.findIndex((it) => it.product === product);
  return index < 0 ? ['not_found'] : index;
}
