/**
 * A vendor changes a sale before its bell: its terms by one lane command, or the units of one item by
 * a move. Whether the bell was faster, the lane says. The seed stays, and so do tickets.
 */
import { clock } from '../../platform/clock.ts';
import type { Query } from '../../platform/postgres/db.ts';
import type { RoundNamer } from '../beacon.ts';
import { laneOfId } from '../domain/ids.ts';
import type { Millis, ProductId, SaleId, VendorId } from '../domain/types.ts';
import type {
  Admission,
  SaleChange,
  SaleTerms,
  VendorOutcome,
  VendorRejection,
} from '../engine.ts';
import { admissionJson, lineTerms, noLine } from '../line/terms.ts';
import { requestOf } from '../lanes/order-key.ts';
import { CommandWriter } from '../settle/commands.ts';
import { termsFingerprint } from '../settle/terms.ts';
import { isMoveOf, moveIdOf, onItsWay, writeTopUp, writeUnfence } from './control.ts';
import { discounted, startOf } from './create.ts';
import { readSale } from './read.ts';
import { askedBefore, keepRequest, printOf } from './requests.ts';
import { answerMove, commandOutcome, owned, type ControlContext } from './vendor.ts';
import { untilSettled } from './wait.ts';

export interface ChangeContext extends ControlContext {
  /** Tickets that one line takes. */
  readonly lineMax: number;
  readonly nameRound?: RoundNamer | undefined;
}

/** What a change waits for: a lane command, a move, or nothing. */
interface Written {
  readonly command?: number;
  readonly move?: string;
  readonly lanes: readonly number[];
  readonly replayed: boolean;
}

type Asked = Written | VendorRejection | 'settling';

const nothingToDo: Written = { lanes: [], replayed: false };

/** The change that this request has made, or why it is another one; null = it is new. */
async function knownChange(
  q: Query,
  request: string | null,
  print: string,
): Promise<Written | VendorRejection | null> {
  if (request === null) return null;
  const before = await askedBefore(q, request, print);
  if (before === 'other') return { code: 'idempotency_key_reused' };
  if (before === 'same') return { ...nothingToDo, replayed: true };
  const [known] = await q.query<{ number: number | null; move: string | null; print: string }>(
    `SELECT number, NULL AS move, body->>${termsFingerprint} AS print FROM sale.lane_commands
      WHERE request = $1 AND (outcome IS NULL OR (outcome->>'ok')::boolean)
     UNION ALL
     SELECT NULL, id, id FROM sale.moves WHERE request = $1 AND state NOT IN ('refused', 'undone')`,
    [request],
  );
  if (known === undefined) return null;
  const isSame =
    known.move === null ? known.print === print : isMoveOf(known.move, 'chg', request, print);
  if (!isSame) {
    return { code: 'idempotency_key_reused' };
  }
  const { number, move } = known;
  const waits = {
    ...(number === null ? {} : { command: number }),
    ...(move === null ? {} : { move }),
  };
  return { ...waits, lanes: [], replayed: true };
}

/** Admission as it stands, from the sale's document. */
function admissionOf(terms: SaleTerms): Admission {
  const { mode, rate_per_second: rate, turn_seconds: turn, factor } = terms.admission;
  return {
    mode: (mode ?? 'open') as Admission['mode'],
    ratePerSecond: typeof rate === 'number' ? rate : null,
    turnSeconds: typeof turn === 'number' ? turn : noLine.turnSeconds,
    factor: typeof factor === 'number' ? factor : noLine.factor,
  };
}

const wrong = (param: string, detail: string): VendorRejection => {
  return { code: 'invalid_request', param, detail };
};

/** The item that a change names: by its product, or as the only one. */
function itemOf(sale: SaleTerms, product: ProductId | null, at: string): number | VendorRejection {
  if (product === null) {
    if (sale.items.length === 1) return 0;
    return wrong('items', 'the sale has several items: `items` says which');
  }
  const index = sale.items.findIndex((item) => item.product === product);
  return index < 0 ? wrong(`${at}product_id`, 'not an item of the sale') : index;
}

function pricesOf(sale: SaleTerms, change: SaleChange): readonly number[] | VendorRejection {
  const prices = sale.items.map(({ price }) => price);
  for (const [i, item] of (change.items ?? []).entries()) {
    const index = itemOf(sale, item.product, `items.${i}.`);
    if (typeof index !== 'number') return index;
    const listPrice = sale.items[index]?.listPrice ?? 0;
    if (item.price !== undefined) prices[index] = item.price;
    else if (item.discountPercent !== undefined) {
      prices[index] = discounted(listPrice, item.discountPercent);
    }
  }
  return prices;
}

const lineFields = [
  ['ratePerSecond', 'rate_per_second'],
  ['turnSeconds', 'turn_seconds'],
  ['factor', 'factor'],
] as const;

/** The whole of the sale's new admission. An open sale has no line: it takes none of a line's fields. */
function newAdmission(sale: SaleTerms, change: SaleChange): Admission | VendorRejection {
  const admission = { ...admissionOf(sale), ...change.admission };
  if (admission.mode !== 'open') return admission;
  for (const [field, name] of lineFields) {
    if (change.admission?.[field] !== undefined) {
      return wrong(`admission.${name}`, `\`admission.${name}\` belongs to a line`);
    }
  }
  return noLine;
}

/** A draw's round of public randomness comes after its bell: another bell has another round. */
function beaconOf(
  sale: SaleTerms,
  admission: Admission,
  startsAt: Millis,
  context: ChangeContext,
): string | null {
  if (admission.mode === 'open') return null;
  const { mode, beacon } = sale.admission;
  if (mode !== 'open' && startsAt === sale.startsAt) {
    return typeof beacon === 'string' ? beacon : null;
  }
  return context.nameRound?.(startsAt) ?? null;
}

/** Writes all of a sale's terms, as they shall be, for its lane. */
async function writeTerms(
  q: Query,
  context: ChangeContext,
  sale: SaleTerms,
  change: SaleChange,
  request: string | null,
): Promise<Asked> {
  const prices = pricesOf(sale, change);
  const admission = newAdmission(sale, change);
  if ('code' in prices) return prices;
  if ('code' in admission) return admission;
  if ((await onItsWay(q, sale.id, 'terms')) !== null) return 'settling';
  const startsAt = change.startsAt === undefined ? sale.startsAt : startOf(change.startsAt);
  if (typeof startsAt !== 'number') return startsAt;
  const lastsMs = (sale.endsAt ?? sale.startsAt) - sale.startsAt;
  const endsAt =
    startsAt + (change.durationSeconds === undefined ? lastsMs : change.durationSeconds * 1000);
  const [line] = await q.query<{ line_max: number }>(
    'SELECT line_max FROM sale.lines WHERE sale_id = $1',
    [sale.id],
  );
  const who = change.who ?? sale.who;
  const lane = laneOfId(sale.id);
  const writer = new CommandWriter();
  writer.add({
    ...{ lane, kind: 'terms', sale: sale.id, move: null, request },
    body: [
      ...[sale.id, startsAt, endsAt, change.limitPerShopper ?? sale.limitPerShopper],
      ...[(change.holdSeconds ?? sale.holdSeconds) * 1000, who === 'verified' ? 1 : 0],
      ...[sale.items.length, sale.items.map(({ product }, i) => [product, prices[i]])],
      lineTerms(admission, line?.line_max ?? context.lineMax),
      printOf(change.fingerprint),
      admissionJson(admission, beaconOf(sale, admission, startsAt, context)),
    ],
  });
  await writer.flush(q);
  const command = await onItsWay(q, sale.id, 'terms');
  return command === null ? 'settling' : { command, lanes: [lane], replayed: false };
}

/** Gives an item so many units: from its standing sale, or back to it. */
async function writeUnits(
  q: Query,
  sale: SaleTerms,
  product: ProductId | null,
  allotted: number,
  request: string | null,
  print: string,
): Promise<Asked> {
  const item = itemOf(sale, product, 'items.0.');
  if (typeof item !== 'number') return item;
  if (sale.fencedAt !== undefined) {
    // Its units are still to be asked for.
    await q.run('UPDATE sale.sale_items SET asked = $3 WHERE sale_id = $1 AND item = $2', [
      ...[sale.id, item, allotted],
    ]);
    return nothingToDo;
  }
  const [moving] = await q.query(
    `SELECT 1 FROM sale.moves WHERE (to_sale = $1 OR from_sale = $1)
        AND state IN ('asked', 'debited', 'crediting', 'undoing') LIMIT 1`,
    [sale.id],
  );
  if (moving !== undefined) return 'settling';
  const { product: id, allotted: now } = sale.items[item] ?? { product: '', allotted };
  if (allotted === now) return nothingToDo;
  const [row] = await q.query<{ standing: SaleId | null }>(
    `SELECT standing_sale AS standing FROM sale.registrations
      WHERE id = $1 AND withdrawn_at IS NULL FOR SHARE`,
    [id],
  );
  if (row === undefined || row.standing === null) return { code: 'not_found' };
  const move = moveIdOf('chg', request, print);
  const what = { move, sale: sale.id, item, product: id, standing: row.standing, request };
  const units = Math.abs(allotted - now);
  const lanes =
    allotted > now
      ? await writeTopUp(q, { ...what, units, newStock: false })
      : await writeUnfence(q, { ...what, units });
  return { move, lanes, replayed: false };
}

async function writeChange(
  q: Query,
  context: ChangeContext,
  sale: SaleTerms,
  change: SaleChange,
  request: string | null,
): Promise<Asked> {
  const { state } = sale;
  const print = printOf(change.fingerprint);
  const known = await knownChange(q, request, print);
  if (known !== null) return known;
  if (sale.kind === 'flash' && state === 'creating') return 'settling';
  if (sale.kind === 'standing' || state !== 'scheduled') {
    return { code: 'illegal_transition', state };
  }
  const [first] = change.items ?? [];
  if (first?.allotted === undefined) return writeTerms(q, context, sale, change, request);
  // Units come and go through the sale's lane, which takes more of them after the bell as well.
  if (clock.wall() >= sale.startsAt) return { code: 'illegal_transition', state: 'live' };
  const { product, allotted } = first;
  const asked = await writeUnits(q, sale, product, allotted, request, print);
  if (asked === nothingToDo) await keepRequest(q, request, print);
  return asked;
}

/** Answers the sale as it then is; the same change again is no error. */
export async function changeSale(
  context: ChangeContext,
  vendor: VendorId,
  id: SaleId,
  change: SaleChange,
): Promise<VendorOutcome<SaleTerms>> {
  const { db, caller, secret } = context;
  const request = requestOf(secret, change.idempotencyKey, 'change', id);
  // Another change may be on its way: this one is written once that has settled.
  const asked = await untilSettled(async () => {
    const written = await db.tx(async (q): Promise<Asked> => {
      const sale = await owned(q, vendor, id);
      if (sale === null) return { code: 'not_found' };
      return writeChange(q, context, sale, change, request);
    });
    return written === 'settling' ? null : written;
  });
  if (asked === null) return { kind: 'settling', unwritten: true };
  if ('code' in asked) return { kind: 'rejected', rejection: asked };
  const { command, move, lanes, replayed } = asked;
  for (const lane of lanes) void caller.send(lane).catch(() => undefined);
  if (move !== undefined) return answerMove(db, id, move, replayed);
  const outcome = command === undefined ? null : await commandOutcome(db, laneOfId(id), command);
  if (command !== undefined && outcome === null) return { kind: 'settling' };
  const sale = await readSale(db, id);
  if (sale === null) return { kind: 'rejected', rejection: { code: 'not_found' } };
  if (outcome?.ok === false) {
    return { kind: 'rejected', rejection: whyNot(outcome.reason, sale.terms) };
  }
  return { kind: 'done', value: sale.terms, replayed };
}

/** The bell was faster, or somebody has joined the line. */
function whyNot(reason: string, { state }: SaleTerms): VendorRejection {
  const code = 'illegal_transition';
  if (reason !== 'joined') return { code, state };
  return {
    code,
    state,
    detail: 'Somebody has joined the line: its mode stays, and so do guests if they may join it.',
  };
}
