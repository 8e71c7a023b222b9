/**
 * Checkout: chooses each line's sale by the rule that carts are priced by (catalog/offers.ts), holds
 * all lines in their lane or none, stores the details. The choice is written before the hold, so that
 * the same key is the same order for good.
 */
import type { KeyObject } from 'node:crypto';
import { numberArray, textArray } from '../platform/postgres/arrays.ts';
import { clock } from '../platform/clock.ts';
import type { Db, Query } from '../platform/postgres/db.ts';
import { laneOfMost } from '../platform/window/lane-of-most.ts';
import { askAgain, askFirst, forget } from './checkout-choice.ts';
import type { Choice, ChosenLine, Known } from './checkout-choice.ts';
import { laneOfId, orderIdOf } from './domain/ids.ts';
import type { LaneOrder, Outcome, RefusedLine, Rejection, SaleId } from './domain/types.ts';
import type { CheckoutCommand, CheckoutLine } from './engine.ts';
import { bodyPrint, lineKey, requestOf } from './lanes/order-key.ts';
import type { OrderLine } from './order-lines.ts';
import { storeDetails } from './orders.ts';
import type { ShopLines } from './shop-lines.ts';
import type { Shop } from './shop.ts';

export interface CheckoutContext {
  readonly db: Db;
  readonly secret: KeyObject;
  readonly shop: Shop;
  readonly shopLines: ShopLines;
}

/**
 * For each line the cheapest live sale that takes the buyer at once; the standing one at one price, and
 * if none does. Where there is a line, that is who has a turn.
 */
const salesText = `
SELECT c.sale_id
  FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS w(product, quantity, nth)
  LEFT JOIN LATERAL (
    SELECT f.sale_id FROM sale.storefront f
     CROSS JOIN LATERAL (SELECT f.state = 'live' AND f.band IN ('in_stock', 'low')
       AND f.limit_per_shopper >= w.quantity AND f.allotted - f.claimed >= w.quantity
       AND (f.who = 'anyone' OR $3)
       AND (f.admission = 'open' OR EXISTS (
         SELECT 1 FROM sale.turns t WHERE t.sale_id = f.sale_id AND t.shopper = $4)) AS now) takes
     WHERE f.product_id = w.product
       AND (takes.now OR f.kind = 'standing' AND f.state IN ('scheduled', 'live'))
     ORDER BY takes.now DESC, f.price, f.kind DESC, f.sale_id
     LIMIT 1) c ON true
 ORDER BY w.nth`;

/** In the order of the lines; null = no such product. */
async function chooseSales(
  q: Query,
  lines: readonly CheckoutLine[],
  { shopper, verified }: Pick<CheckoutCommand, 'shopper' | 'verified'>,
): Promise<(SaleId | null)[]> {
  const rows = await q.query<{ sale_id: SaleId | null }>(
    salesText,
    [
      textArray(lines.map(({ product }) => product)),
      numberArray(lines.map(({ quantity }) => quantity)),
      verified,
      shopper,
    ],
    'checkout_sales',
  );
  return rows.map((row) => row.sale_id);
}

/** A line that nothing is in the way of yet, at its place among all. */
interface OpenLine extends ChosenLine {
  readonly line: number;
}

/** What is in the way of these by the word of their lane, which holds none of them. */
async function lookAt(
  context: Pick<CheckoutContext, 'secret' | 'shopLines'>,
  command: CheckoutCommand,
  open: readonly OpenLine[],
): Promise<RefusedLine[]> {
  if (open.length === 0) return [];
  const { shopper, verified } = command;
  const lines = ordersOf(context, command, open);
  const refused = await context.shopLines.look({ shopper, verified, lines });
  return (refused ?? []).flatMap(({ line: i, rejection }) => {
    const one = open[i];
    return one === undefined ? [] : [{ line: one.line, product: one.product, rejection }];
  });
}

/**
 * The lines with their sales, all of one lane; or all that is known to be in the way, so that who
 * mends one thing does not learn of the next by asking again.
 */
async function choose(
  context: CheckoutContext,
  command: CheckoutCommand,
): Promise<readonly ChosenLine[] | Rejection> {
  const lines = await command.lines();
  const found = await chooseSales(context.db, lines, command);
  const chosen = lines.map((line, i) => ({ ...line, sale: found[i] ?? null }));
  const lane = laneOfMost(
    chosen.flatMap(({ sale, refused }) =>
      sale === null || refused !== undefined ? [] : [laneOfId(sale)],
    ),
  );
  const whyNot = ({ sale, refused }: (typeof chosen)[number]): Rejection | null => {
    if (refused !== undefined) return refused;
    if (sale === null) return { code: 'not_found' };
    return laneOfId(sale) === lane ? null : { code: 'other_lane' };
  };
  const open: OpenLine[] = [];
  const refused: RefusedLine[] = [];
  for (const [line, one] of chosen.entries()) {
    const { product, quantity, sale } = one;
    const rejection = whyNot(one);
    if (rejection !== null) refused.push({ line, product, rejection });
    else if (sale !== null) open.push({ line, product, quantity, sale });
  }
  if (refused.length === 0) return open;
  refused.push(...(await lookAt(context, command, open)));
  return { code: 'lines_refused', lines: refused.sort((a, b) => a.line - b.line) };
}

/** Each line's order, as this key makes it. */
function ordersOf(
  { secret }: Pick<CheckoutContext, 'secret'>,
  { shopper, idempotencyKey }: CheckoutCommand,
  chosen: readonly ChosenLine[],
): OrderLine[] {
  return chosen.map(({ sale, product, quantity }, i) => {
    const key = lineKey(secret, shopper, sale, idempotencyKey, i);
    return { order: orderIdOf(sale, key), product, quantity };
  });
}

/** What this key stands for: as it was chosen before, or chosen now. */
async function chosenFor(
  context: CheckoutContext,
  request: string,
  print: string,
  command: CheckoutCommand,
): Promise<Known | Rejection> {
  const { db } = context;
  const known = await askAgain(db, request, print);
  if (known !== null) return known;
  const chosen = await choose(context, command);
  if ('code' in chosen) return chosen;
  const [one] = chosen;
  if (one === undefined) return { code: 'not_found' };
  const lines = chosen.length === 1 ? null : ordersOf(context, command, chosen);
  return askFirst(db, request, print, { one, lines });
}

function hold(
  { shop, shopLines }: CheckoutContext,
  command: CheckoutCommand,
  { one, lines }: Choice,
): Promise<Outcome<LaneOrder>> {
  const { shopper, verified } = command;
  if (lines !== null) return shopLines.hold({ shopper, verified, lines });
  const { sale, product, quantity } = one;
  // No key of a hold begins so: the scope of a key is its path.
  const idempotencyKey = `\0${command.idempotencyKey}`;
  return new Promise((resolve) => {
    shop.hold({ sale, shopper, verified, quantity, product, idempotencyKey }, resolve);
  });
}

/** Some of its lines were held by this key before: never to be asked for anew. */
const isThere = (rejection: Rejection): boolean =>
  rejection.code === 'lines_refused' &&
  rejection.lines.some((one) => one.rejection.code === 'idempotency_key_reused');

const gone: Outcome<LaneOrder> = { kind: 'unavailable', reason: 'the client', retryAfterMs: 1000 };

/** Holds all lines with their details. Throws what `lines` throws, and faults of Postgres. */
export async function checkout(
  context: CheckoutContext,
  command: CheckoutCommand,
): Promise<Outcome<LaneOrder>> {
  const { db, secret, shop } = context;
  const { shopper, details, idempotencyKey, fingerprint } = command;
  const request = requestOf(secret, idempotencyKey, 'checkout', shopper) ?? '';
  // The body has e-mail and address: what is stored of it must not.
  const print = bodyPrint(secret, fingerprint);
  const known = await chosenFor(context, request, print, command);
  if ('code' in known) return rejected(known);
  if (known.print !== print) return rejected({ code: 'idempotency_key_reused' });
  // They may have asked again elsewhere, and been refused: what is chosen by now would be held for nobody.
  if (command.isAwaited?.() === false) {
    await forget(db, request);
    return gone;
  }
  const held = await hold(context, command, known);
  if (held.kind === 'rejected') {
    // A refusal keeps no key.
    if (!isThere(held.rejection)) await forget(db, request);
    return { ...held, rejection: withProducts(held.rejection, known) };
  }
  if (held.kind === 'unavailable') await forget(db, request);
  if (held.kind !== 'done') return held;
  if (held.value.details > 0) return held;
  const stored = await storeDetails(db, shop, held.value.id, shopper, details);
  // The hold may have ended since: the answer is the one it had.
  if (stored.kind === 'done' || stored.kind === 'rejected') return held;
  return stored;
}

/** An order of one product is refused as its only line; a key that was reused is no line's. */
function withProducts(rejection: Rejection, { one, lines }: Choice): Rejection {
  if (rejection.code === 'idempotency_key_reused') return rejection;
  if (rejection.code !== 'lines_refused') {
    return { code: 'lines_refused', lines: [{ line: 0, product: one.product, rejection }] };
  }
  const named = rejection.lines.map((refused): RefusedLine => {
    const product = lines?.[refused.line]?.product;
    return product === undefined ? refused : { ...refused, product };
  });
  return { ...rejection, lines: named };
}

const rejected = (rejection: Rejection): Outcome<LaneOrder> => ({
  kind: 'rejected',
  rejection,
  now: clock.wall(),
});
